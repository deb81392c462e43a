import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as email_policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.alert import LASTING, due, send
from proxyfeed.model import AlertKind, AlertState, Event
from proxyfeed.plain import plain

NOW = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
ENDING_IN_A_MESSAGE = [AlertKind.FAILED, AlertKind.STALE, AlertKind.DRIFT, AlertKind.APPLY]
ENDING_IN_SILENCE = [AlertKind.HELD, AlertKind.PINNED]
REMEMBERED = LASTING | {AlertKind.ACCEPTED}
ONCE = [AlertKind.CHANGED, AlertKind.RECOVERED, AlertKind.TEST]


def event(
    kind=AlertKind.FAILED, subject="feed aol", key="timed out", title="trouble", body="details"
):
    return Event(kind, subject, key, title, body)


def state(kind=AlertKind.FAILED, subject="feed aol", key="timed out", since=NOW, sent_at=NOW):
    return AlertState(kind, subject, key, since, sent_at)


def decide(events=(), told=(), now=NOW, repeat_after=WEEK, healthy=()):
    return due(events, told, now, repeat_after, healthy)


# ---------------------------------------------------------------- what goes out


@pytest.mark.parametrize("kind", ONCE)
def test_what_happens_once_is_sent_each_time_and_never_remembered(kind):
    happened = event(kind)

    assert decide([happened, happened]) == ((happened, happened), ())


def test_a_version_is_told_once_and_remembered_until_the_next():
    first, second = (event(AlertKind.ACCEPTED, key=number) for number in ("1", "2"))
    told = state(AlertKind.ACCEPTED, key="1")

    assert decide([first]) == ((first,), (told,))
    assert decide([first], [told], now=NOW + 9 * WEEK) == ((), (told,))
    assert decide([], [told], healthy=["feed aol"]) == ((), (told,))
    messages, states = decide([second], [told])
    assert (messages, [one.key for one in states]) == ((second,), ["2"])


@pytest.mark.parametrize("kind", sorted(LASTING))
def test_a_new_trouble_is_told_and_remembered(kind):
    trouble = event(kind)

    assert decide([trouble]) == ((trouble,), (state(kind),))


def test_a_trouble_that_was_told_is_quiet_until_its_repetition():
    told = state(since=NOW - WEEK, sent_at=NOW - WEEK + timedelta(seconds=1))

    assert decide([event()], [told]) == ((), (told,))


def test_a_repetition_keeps_since_and_renews_sent_at():
    told = state(since=NOW - 3 * WEEK, sent_at=NOW - WEEK)

    messages, states = decide([event()], [told])

    assert messages == (event(),)
    assert states == (state(since=NOW - 3 * WEEK, sent_at=NOW),)


def test_a_repetition_after_zero_tells_it_in_every_run():
    messages, states = decide([event()], [state()], repeat_after=timedelta(0))

    assert messages == (event(),)
    assert states == (state(),)


def test_a_trouble_with_another_key_is_told_anew_without_a_recovery():
    told = state(key="timed out", since=NOW - DAY, sent_at=NOW - DAY)

    messages, states = decide([event(key="bad status")], [told])

    assert messages == (event(key="bad status"),)
    assert states == (state(key="bad status", since=NOW - DAY),)


def test_two_troubles_of_one_kind_are_followed_apart():
    both = [event(key="version 41"), event(key="version 42")]
    told = state(key="version 41", since=NOW - DAY, sent_at=NOW - DAY)

    messages, states = decide(both, [told])

    assert messages == (both[1],)
    assert states == (told, state(key="version 42", since=NOW - DAY))


def test_a_repetition_keeps_its_own_since_beside_an_older_key():
    older = state(key="version 41", since=NOW - 3 * WEEK, sent_at=NOW - WEEK)
    told = state(key="version 42", since=NOW - 2 * WEEK, sent_at=NOW - WEEK)

    _, states = decide([event(key="version 42")], [older, told])

    assert states == (state(key="version 42", since=NOW - 2 * WEEK),)


def test_the_same_trouble_twice_in_one_run_is_told_once():
    assert decide([event(), event()]) == ((event(),), (state(),))


def test_a_message_from_the_future_does_not_silence_a_trouble():
    told = state(since=NOW + DAY, sent_at=NOW + DAY)

    messages, states = decide([event()], [told])

    assert messages == (event(),)
    assert states == (state(since=NOW, sent_at=NOW),)


@pytest.mark.parametrize("kind", ENDING_IN_A_MESSAGE)
def test_a_trouble_that_is_over_is_told_as_recovered_and_forgotten(kind):
    told = state(kind, since=NOW - timedelta(days=3, hours=4), sent_at=NOW - DAY)

    (recovered,), states = decide(told=[told], healthy={"feed aol"})

    assert recovered.kind is AlertKind.RECOVERED
    assert recovered.subject == "feed aol"
    assert recovered.title == f"feed aol recovered ({kind})"
    assert recovered.body == f"{kind} since 2026-11-16 23:30 UTC, over after 3 d 4 h"
    assert states == ()


@pytest.mark.parametrize("kind", ENDING_IN_SILENCE)
def test_a_decision_of_an_operator_is_forgotten_silently(kind):
    assert decide(told=[state(kind)], healthy={"feed aol"}) == ((), ())


@pytest.mark.parametrize("kind", sorted(LASTING))
def test_a_trouble_that_nobody_looked_at_stays_as_it_is(kind):
    told = state(kind, since=NOW - WEEK, sent_at=NOW - WEEK)

    assert decide(told=[told], healthy={"feed partner"}) == ((), (told,))


def test_several_recoveries_of_one_subject_are_one_message():
    told = [
        state(AlertKind.FAILED, since=NOW - DAY),
        state(AlertKind.STALE, since=NOW - 2 * HOUR),
        state(AlertKind.APPLY, subject="set aol", since=NOW - 5 * DAY),
    ]

    messages, states = decide(told=told, healthy={"feed aol", "set aol"})

    assert [message.title for message in messages] == [
        "feed aol recovered (failed, stale)",
        "set aol recovered (apply failed)",
    ]
    assert messages[0].body.splitlines() == [
        "failed since 2026-11-19 03:30 UTC, over after 1 d 0 h",
        "stale since 2026-11-20 01:30 UTC, over after 2 h 0 min",
    ]
    assert states == ()


def test_the_keys_of_one_trouble_recover_as_one_line_from_the_first_of_them():
    told = [state(key=str(hours), since=NOW - hours * HOUR) for hours in (3, 24, 1)]

    (recovered,), _ = decide(told=told, healthy={"feed aol"})

    assert recovered.body == "failed since 2026-11-19 03:30 UTC, over after 1 d 0 h"


def test_a_kind_that_recurs_does_not_recover_with_another_kind_of_its_subject():
    told = [state(AlertKind.FAILED, since=NOW - DAY), state(AlertKind.STALE, since=NOW - DAY)]

    messages, states = decide([event(AlertKind.STALE)], told, healthy={"feed aol"})

    assert [message.title for message in messages] == ["feed aol recovered (failed)"]
    assert states == (told[1],)


@pytest.mark.parametrize(
    ("lasted", "words"),
    [
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(hours=24), "1 d 0 h"),
        (timedelta(days=400, hours=1), "400 d 1 h"),
        (timedelta(days=-1), "0 min"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(lasted, words):
    (recovered,), _ = decide(told=[state(since=NOW - lasted)], healthy={"feed aol"})

    assert recovered.body.endswith(f"over after {words}")


def test_a_recovery_is_told_in_utc_whatever_zone_the_state_is_in():
    berlin = datetime.fromisoformat("2026-11-20T04:00:00+01:00")

    (recovered,), _ = decide(told=[state(since=berlin)], healthy={"feed aol"})

    assert recovered.body == "failed since 2026-11-20 03:00 UTC, over after 30 min"


@given(
    runs=st.integers(1, 40),
    interval=st.integers(1, 48),
    repeat_after=st.integers(0, 200),
    kind=st.sampled_from(ENDING_IN_A_MESSAGE),
)
def test_a_lasting_trouble_is_told_as_often_as_its_repetition_says(
    runs, interval, repeat_after, kind
):
    told, sent = (), []
    for run in range(runs):
        now = NOW + run * interval * HOUR
        messages, told = decide([event(kind)], told, now, repeat_after * HOUR)
        sent += messages
    end = NOW + runs * interval * HOUR
    recovered, told = decide(told=told, now=end, healthy={"feed aol"})
    nothing, _ = decide(told=told, now=end, healthy={"feed aol"})

    runs_between = max(1, -(-repeat_after // interval))
    assert len(sent) == 1 + (runs - 1) // runs_between
    assert [message.kind for message in recovered] == [AlertKind.RECOVERED]
    assert recovered[0].body.startswith(f"{kind} since 2026-11-20 03:30 UTC")
    assert told == nothing == ()


subjects = st.sampled_from(["feed aol", "feed partner", "set aol"])
keys = st.sampled_from(["a", "b"])
moments = st.integers(-100, 100).map(lambda hours: NOW + hours * HOUR)
events_of_a_run = st.lists(
    st.builds(event, st.sampled_from(list(AlertKind)), subjects, keys), max_size=8
)
states_told = st.lists(
    st.builds(state, st.sampled_from(sorted(LASTING)), subjects, keys, moments, moments),
    max_size=8,
    unique_by=lambda s: (s.kind, s.subject, s.key),
)


@given(events_of_a_run, states_told, st.integers(0, 50).map(lambda h: h * HOUR), st.sets(subjects))
def test_no_trouble_is_lost_and_none_is_told_twice(events, told, repeat_after, healthy):
    messages, states = decide(events, told, NOW, repeat_after, healthy)
    again, same = decide(events, states, NOW, HOUR, healthy)

    lasting = {(e.kind, e.subject, e.key) for e in events if e.kind in REMEMBERED}
    remembered = [(s.kind, s.subject, s.key) for s in states]
    assert len(remembered) == len(set(remembered))
    assert lasting <= set(remembered)
    assert {e.subject for e in messages} <= {e.subject for e in events} | set(healthy)
    assert set(remembered) - lasting <= {
        (s.kind, s.subject, s.key)
        for s in told
        if s.subject not in healthy or s.kind is AlertKind.ACCEPTED
    }
    # The next run of the same moment has only to tell what was not sent in this one.
    assert [e for e in again if e in messages and e.kind in REMEMBERED] == []
    assert {(s.kind, s.subject, s.key) for s in same} == set(remembered)


# ---------------------------------------------------------------- how it is written


@given(st.text())
def test_a_plain_text_has_no_character_that_a_terminal_would_obey(text):
    written = plain(text)

    assert all(char.isprintable() or char in "\n\t" for char in written)
    assert "\n" not in plain(text, keep="")
    assert written.encode("utf-8").decode("utf-8") == written


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("64.12.96.0/19 é 漢\n\tx", "64.12.96.0/19 é 漢\n\tx"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\x00b", r"a\x00b"),
        ("a\r\nb", "a\\r\nb"),
        ("\x7f\x9b", r"\x7f\x9b"),
        ("\u202egro.elpmaxe", r"\u202egro.elpmaxe"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_printable_is_printed_as_its_escape(text, written):
    assert plain(text) == written


# ---------------------------------------------------------------- how it is sent


class Mailbox:
    """
    An SMTP server on loopback that keeps what it is sent, or refuses every recipient.
    """

    def __init__(self):
        self.envelopes = []
        self.refusal = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.envelopes.append(envelope)
        return "250 OK"

    @property
    def url(self):
        return f"mailto://127.0.0.1:{self.port}?from=proxyfeed@example.net&to=ops@example.net"

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(e.content, policy=email_policy) for e in self.envelopes]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def mailbox():
    box = Mailbox()
    box.controller.start()
    yield box
    box.controller.stop()


def response(status: str, body: bytes = b"", header: str = "X-Sink: loopback") -> bytes:
    head = f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


class Webhook(ThreadingHTTPServer):
    """
    A web server on loopback that keeps what is posted and answers with *answers* in turn.

    An answer of nothing hangs up; after the last one it goes on with that one.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.posts = []
        self.answers = [response("200 OK")]
        self.drips = False
        self.ended = threading.Event()

    @property
    def url(self):
        return f"json://127.0.0.1:{self.server_port}/"


class Receiver(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.posts.append(json.loads(body))
        self.wfile.write(answer)
        while self.server.drips and not self.server.ended.wait(0.01):
            self.wfile.write(b"x")

    def log_message(self, *args):
        pass


@pytest.fixture
def webhook():
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def refused_port():
    """
    A port that is bound and does not listen: nobody else can open it meanwhile.
    """
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def run_python(program, timeout=None):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, timeout=timeout, check=False).returncode


def deliver(urls, *events, **options):
    return send(urls, events or [event()], host="director1", now=NOW, **options)


def test_a_mail_arrives_as_plain_text_without_authentication(mailbox):
    trouble = event(title="feed aol failed", body="timed out\n\tafter 60 s\n")

    (delivery,) = deliver([mailbox.url], trouble)

    assert delivery.error == ""
    assert delivery.at == NOW
    (message,) = mailbox.messages
    assert message["Subject"] == "[proxyfeed] director1: feed aol failed"
    assert message["From"] == "proxyfeed@example.net"
    assert message["To"] == "ops@example.net"
    assert message["X-Application"] == "proxyfeed"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == ["timed out", "\tafter 60 s"]
    assert mailbox.envelopes[0].rcpt_tos == ["ops@example.net"]


def test_a_title_cannot_add_a_header_to_a_mail(mailbox):
    (delivery,) = deliver([mailbox.url], event(title="held\r\nBcc: x@y\n\nhello"))

    assert delivery.error == ""
    (message,) = mailbox.messages
    assert message["Bcc"] is None
    assert message["Subject"] == r"[proxyfeed] director1: held\r\nBcc: x@y\n\nhello"
    assert mailbox.envelopes[0].rcpt_tos == ["ops@example.net"]


def test_a_body_reaches_a_terminal_without_its_escapes(mailbox):
    deliver([mailbox.url], event(body="found '\x1b]0;pwned\x07\x00' \ud800 in row 3"))

    (message,) = mailbox.messages
    assert message.get_content().strip() == r"found '\x1b]0;pwned\x07\x00' \ud800 in row 3"


@pytest.mark.parametrize("body", ["", " \n\t"])
def test_an_event_without_a_body_arrives_with_its_title_as_body(webhook, body):
    (delivery,) = deliver([webhook.url], event(title="feed aol\nfailed", body=body))

    assert delivery.error == ""
    assert webhook.posts[0]["message"] == "feed aol\nfailed"


def test_a_long_body_is_cut_after_a_whole_line_and_says_how_much_is_missing(webhook):
    lines = [f"+ 10.{i // 256}.{i % 256}.0/24" for i in range(5_000)]

    deliver([webhook.url], event(body="\n".join(lines)))

    *shown, last = webhook.posts[0]["message"].split("\n")
    assert shown == lines[: len(shown)]
    assert last == f"[{5_000 - len(shown)} more lines left out]"
    assert 3_900 < len("\n".join(shown)) <= 4_000


def test_a_long_line_is_cut_too(webhook):
    deliver([webhook.url], event(body="x" * 9_000))

    assert webhook.posts[0]["message"] == "x" * 4_000 + "\n[1 more line left out]"


def test_a_body_of_just_the_length_is_whole(webhook):
    deliver([webhook.url], event(body="x" * 4_000))

    assert webhook.posts[0]["message"] == "x" * 4_000


def test_a_long_title_is_cut(webhook):
    deliver([webhook.url], event(title="x" * 500))

    title = webhook.posts[0]["title"]
    assert len(title) == 120
    assert title.startswith("[proxyfeed] director1: xxx")
    assert title.endswith("x...")


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        (AlertKind.ACCEPTED, "info"),
        (AlertKind.CHANGED, "info"),
        (AlertKind.FAILED, "failure"),
        (AlertKind.HELD, "warning"),
        (AlertKind.RECOVERED, "success"),
    ],
)
def test_a_webhook_gets_json(webhook, kind, severity):
    (delivery,) = deliver([webhook.url], event(kind, title="feed aol", body="<b>1 < 2</b>"))

    assert delivery.error == ""
    (post,) = webhook.posts
    assert post["title"] == "[proxyfeed] director1: feed aol"
    assert post["message"] == "<b>1 < 2</b>"
    assert post["type"] == severity


def test_each_event_goes_to_each_target(webhook, mailbox):
    first, second = event(title="first"), event(title="second")

    both = deliver([webhook.url, webhook.url], first, second)

    assert [delivery.error for delivery in both] == ["", ""]
    titles = [post["title"].split()[-1] for post in webhook.posts]
    assert titles == ["first", "second", "first", "second"]


def test_without_events_no_target_is_even_looked_at():
    assert send(["nonsense"], [], host="director1", now=NOW) == ()


def test_without_targets_there_is_no_delivery():
    assert send([], [event()], host="director1", now=NOW) == ()


def test_a_target_that_fails_does_not_keep_the_others_from_their_message(
    webhook, mailbox, refused_port
):
    dead = f"json://127.0.0.1:{refused_port}"

    bad, good, mail = deliver([dead, webhook.url, mailbox.url])

    assert bad.error
    assert (good.error, mail.error) == ("", "")
    assert len(webhook.posts) == len(mailbox.messages) == 1


def test_a_refused_connection_is_named(refused_port):
    json_hook, mail = deliver(
        [
            f"json://127.0.0.1:{refused_port}",
            f"mailto://127.0.0.1:{refused_port}?from=a@example.net",
        ]
    )

    assert json_hook.error.startswith("not delivered: ")
    assert "Connection refused" in json_hook.error
    assert mail.error.startswith("not delivered: ")
    assert "Connection refused" in mail.error


def test_the_same_cause_is_named_once(refused_port):
    (delivery,) = deliver([f"json://127.0.0.1:{refused_port}"], event(), event())

    assert delivery.error.startswith("2 of 2 messages not delivered: ")
    assert delivery.error.count("Connection refused") == 1


def test_the_status_of_a_webhook_that_fails_is_named(webhook):
    webhook.answers = [response("500 Internal Server Error", b"<html>oops</html>")]

    (delivery,) = deliver([webhook.url])

    assert delivery.error.startswith("not delivered: ")
    assert "500" in delivery.error


def test_a_server_that_hangs_up_is_a_failure(webhook):
    webhook.answers = [b""]

    (delivery,) = deliver([webhook.url])

    assert delivery.error.startswith("not delivered: ")
    assert len(webhook.posts) == 1


def test_a_refused_recipient_is_named(mailbox):
    mailbox.refusal = "550 no such user here"

    (delivery,) = deliver([mailbox.url])

    assert delivery.error.startswith("not delivered: ")
    assert "550, b'no such user here" in delivery.error
    assert mailbox.messages == []


def test_a_target_that_answers_a_byte_at_a_time_is_given_up(webhook):
    webhook.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"]
    webhook.drips = True

    (delivery,) = deliver([webhook.url], patience=0.2)

    assert delivery.error == "not delivered: given up after 0.2 s"


def test_a_process_can_end_while_a_target_still_hangs(webhook):
    webhook.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"]
    webhook.drips = True
    program = f"""
from datetime import UTC, datetime
from proxyfeed.alert import send
from proxyfeed.model import AlertKind, Event

test = Event(AlertKind.TEST, "director1", "", "test", "")
send(["nosuch://x"], [test], host="director1", now=datetime.now(UTC))  # loads Apprise
send(["{webhook.url}"], [test], host="director1", now=datetime.now(UTC), patience=2)
"""

    # Raises TimeoutExpired for a process that waits for its thread.
    assert run_python(program, timeout=60) == 0
    assert len(webhook.posts) == 1


def test_a_target_that_took_one_message_of_two_is_a_failure(webhook):
    webhook.answers = [response("503 Service Unavailable"), response("200 OK")]

    (delivery,) = deliver([webhook.url], event(title="first"), event(title="second"))

    assert delivery.error.startswith("1 of 2 messages not delivered: ")
    assert "503" in delivery.error
    assert [post["title"].split()[-1] for post in webhook.posts] == ["first", "second"]


@pytest.mark.parametrize("url", ["nosuch://example.net/x", "nonsense", "", "json://"])
def test_an_url_that_apprise_does_not_know_is_a_failure(url):
    (delivery,) = deliver([url])

    assert delivery.error.startswith("Apprise cannot use this URL")


def test_an_url_of_an_apprise_configuration_is_not_followed(webhook, tmp_path):
    config = tmp_path / "apprise.yml"
    config.write_text(f"urls:\n  - {webhook.url}\n")

    (delivery,) = deliver([f"file://{config}"])

    assert delivery.error.startswith("Apprise cannot use this URL")
    assert webhook.posts == []


def test_an_exception_of_a_plugin_is_a_failure(monkeypatch, webhook):
    from apprise import Apprise

    def explode(*args, **kwargs):
        raise RuntimeError(f"cannot post\nto T0kenInPath {'x' * 1_000}")

    monkeypatch.setattr(Apprise, "notify", explode)

    (delivery,) = deliver([f"{webhook.url}T0kenInPath"])

    assert delivery.error.startswith(r"not delivered: RuntimeError: cannot post\nto *** xxx")
    assert delivery.error.endswith("xxx...")
    assert len(delivery.error) == 300


def test_two_targets_on_one_host_are_told_apart(webhook):
    webhook.answers = [response("200 OK"), response("500 Internal Server Error")]

    deliveries = deliver([f"{webhook.url}room1", f"{webhook.url}room2"])

    host = f"json://127.0.0.1:{webhook.server_port}"
    assert [delivery.target for delivery in deliveries] == [host, f"{host} #2"]
    assert [bool(delivery.error) for delivery in deliveries] == [False, True]


# ---------------------------------------------------------------- what is not said

SECRETS = ["p4ssw0rd", "p%40ss", "p@ss", "T0kenInPath", "T0kenInQuery"]
SECRET_PART = "/T0kenInPath/?-key=T0kenInQuery&+X-Auth=T0kenInQuery"


def secret_urls(webhook, refused_port):
    """
    URLs with secrets in every place, each of which fails in another way.
    """
    return [
        f"json://ops:p4ssw0rd@127.0.0.1:{webhook.server_port}{SECRET_PART}",
        f"json://ops:p%40ss@127.0.0.1:{refused_port}{SECRET_PART}",
        f"mailto://ops:p4ssw0rd@127.0.0.1:{refused_port}?to=a@example.net&+X=T0kenInQuery",
        f"mailto://ops:p%40ss@127.0.0.1:{refused_port}?to=a@example.net",
        f"nosuch://ops:p4ssw0rd@127.0.0.1{SECRET_PART}",
        f"json://ops:p4ssw0rd@127.0.0.1:notaport{SECRET_PART}",
    ]


@pytest.mark.parametrize(
    "answer",
    [
        response("500 T0kenInPath p4ssw0rd", b"T0kenInQuery"),
        # urllib3 logs the URL of a response whose header it cannot read.
        response("403 Forbidden", header="no colon here"),
        b"HTTP/1.1 T0kenInQuery\r\n\r\n",
        b"",
    ],
)
def test_no_secret_of_an_url_is_said_anywhere(webhook, refused_port, caplog, capfd, answer):
    webhook.answers = [answer]
    caplog.set_level(1)

    deliveries = deliver(secret_urls(webhook, refused_port))

    out, err = capfd.readouterr()
    assert all(delivery.error for delivery in deliveries)
    said = f"{deliveries!r}{deliveries}{out}{err}{caplog.text}"
    assert [secret for secret in SECRETS if secret in said] == []
    assert len({delivery.target for delivery in deliveries}) > 1


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("nosuch://chat.example.net/T0ken/T0ken?key=T0ken", "nosuch://chat.example.net"),
        ("nosuch://chat.example.net?key=T0ken", "nosuch://chat.example.net"),
        ("nosuch://a:b@chat.example.net:8443/", "nosuch://***@chat.example.net:8443"),
        ("nosuch://T0kenInHost/T0ken", "nosuch://***"),
        ("T0kenAlone", "***"),
    ],
)
def test_a_target_is_named_without_what_may_be_a_token(url, target):
    (delivery,) = deliver([url])

    assert delivery.target == target


def test_a_secret_is_not_cut_in_half_and_then_said(mailbox):
    mailbox.refusal = "550 refused for abcd: efgh"

    (delivery,) = deliver([f"{mailbox.url}&+X-Key=abcd%3A%20efgh"])

    assert "efgh" not in delivery.error
    assert "***" in delivery.error


def test_a_failure_says_nothing_on_the_terminal_or_in_the_log(refused_port, caplog, capfd):
    caplog.set_level(1)

    deliver([f"json://127.0.0.1:{refused_port}", "nosuch://x"])

    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_the_logging_of_others_is_as_it_was(monkeypatch, refused_port):
    def settings():
        loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
        return [(it.level, it.propagate, list(it.handlers)) for it in loggers]

    deliver(["nosuch://x"])  # urllib3 sets its own up when it is imported
    monkeypatch.setattr(logging.getLogger("apprise"), "level", logging.ERROR)
    before = settings()
    deliver([f"json://127.0.0.1:{refused_port}"])

    assert settings() == before
    assert all(propagate for _, propagate, _ in before)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl makes the certificate")
def test_a_certificate_that_is_not_to_be_verified_is_no_warning(webhook, tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    request = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -days 1"
    subprocess.run(
        [*request.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    webhook.socket = context.wrap_socket(webhook.socket, server_side=True)

    (delivery,) = deliver([f"jsons://127.0.0.1:{webhook.server_port}/?verify=no"])

    assert delivery.error == ""
    assert len(webhook.posts) == 1


def test_apprise_is_not_loaded_before_a_message_is_sent():
    program = "import sys, proxyfeed.alert; sys.exit('apprise' in sys.modules)"

    assert run_python(program) == 0
