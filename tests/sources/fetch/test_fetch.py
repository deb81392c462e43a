import contextlib
import gzip
import itertools
import os
import socket
import ssl
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers import (
    Call,
    Certificate,
    HttpServer,
    make_certificate,
    redirect,
    response,
)

from proxyfeed import __version__
from proxyfeed.model import Attempt, Body, FetchLimits, FetchOutcome, Validators
from proxyfeed.sources.fetch import Transport, fetch, wire
from proxyfeed.sources.fetch.countdown import Countdown
from proxyfeed.sources.fetch.transport import Answer

PAGE = b"\xef\xbb\xbf192.0.2.0/24\r\n\x00\xff"
OK = response(PAGE)
LIMITS = FetchLimits(deadline=60, max_bytes=100_000, attempts=3, redirects=5)
ONCE = replace(LIMITS, attempts=1)
# For what never ends by itself: the deadline is met at once, and how soon is not what is tested.
BRIEF = replace(ONCE, deadline=0.4)


@dataclass
class Clock:
    """
    Time that passes only while somebody sleeps.
    """

    seconds: float = 0.0
    sleeps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds

    def monotonic(self) -> float:
        return self.seconds

    def transport(self, **changes: Any) -> Transport:
        # A context with no authorities trusts nobody, and is made faster than one with all.
        changes.setdefault("verify", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return Transport(
            sleep=self.sleep,
            monotonic=self.monotonic,
            random=lambda: 0.5,
            now=lambda: 1_000_000_000 + self.seconds,
            **changes,
        )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


def verdict(url: str, limits: FetchLimits = ONCE, **changes: Any) -> Attempt:
    """
    Fetch and return the last attempt; nobody really sleeps.
    """
    return fetch(url, limits, transport=Clock().transport(**changes))[-1]


def outcomes(attempts: tuple[Attempt, ...]) -> list[FetchOutcome]:
    return [attempt.outcome for attempt in attempts]


def known(url: str) -> Validators:
    return Validators(url, etag='"1"', last_modified="Sat, 03 Feb 2007 00:00:00 GMT")


# ---------------------------------------------------------------- a good answer


def test_a_body_passes_through_byte_for_byte() -> None:
    with HttpServer(response(PAGE, content_type="text/csv; charset=x")) as server:
        attempt = verdict(f"{server.url}/list.csv")
    assert (attempt.outcome, attempt.status, attempt.size) == (FetchOutcome.NEW, 200, len(PAGE))
    assert attempt.url == f"{server.url}/list.csv"
    assert attempt.detail == ""
    assert attempt.body is not None
    assert attempt.body.content == PAGE
    assert attempt.body.content_type == "text/csv; charset=x"
    assert attempt.body.validators is None


def test_the_request_says_who_asks_and_what_it_can_read() -> None:
    with HttpServer(OK) as server:
        verdict(f"{server.url}/list?a=b")
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/list?a=b")
    assert request.headers["user-agent"] == f"proxyfeed/{__version__}"
    assert request.headers["accept-encoding"] == "gzip"
    assert request.headers["connection"] == "close"
    assert "authorization" not in request.headers
    assert "if-none-match" not in request.headers


def test_a_body_without_announced_length_ends_with_the_connection() -> None:
    with HttpServer(b"HTTP/1.0 200 OK\r\n\r\n" + PAGE) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.content == PAGE


def test_ipv6_loopback_is_fetched_from() -> None:
    with HttpServer(OK, host="::1") as server:
        assert verdict(f"{server.url}/").outcome is FetchOutcome.NEW
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


def test_a_name_is_looked_up_with_the_given_resolver() -> None:
    with HttpServer(OK) as server:
        attempt = verdict(f"http://lists.example:{server.port}/", resolve=everything_is_loopback)
    assert attempt.outcome is FetchOutcome.NEW
    assert server.requests[0].headers["host"] == f"lists.example:{server.port}"


def everything_is_loopback(host: bytes, port: int, *_: object) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZip"])
def test_a_gzip_body_is_expanded(coding: str) -> None:
    with HttpServer(response(gzip.compress(PAGE), content_encoding=coding)) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.content == PAGE
    assert attempt.size == len(PAGE)


def test_seconds_are_those_of_the_given_clock() -> None:
    ticks = itertools.count()
    with HttpServer(OK) as server:
        (attempt,) = fetch(server.url, ONCE, transport=Transport(monotonic=lambda: next(ticks)))
    assert attempt.seconds == 1


# ---------------------------------------------------------------- conditional GET


def test_validators_come_from_the_answer_and_belong_to_the_url_that_was_asked() -> None:
    final = response(PAGE, etag='"5f-2a"', last_modified="Sat, 03 Feb 2007 00:00:00 GMT")
    with HttpServer(redirect("/there", etag='"wrong"'), final) as server:
        attempt = verdict(f"{server.url}/here")
    assert attempt.body is not None
    assert attempt.body.validators == Validators(
        f"{server.url}/here", '"5f-2a"', "Sat, 03 Feb 2007 00:00:00 GMT"
    )


def test_validators_are_sent_back_and_a_304_is_believed() -> None:
    with HttpServer(response(status=304)) as server:
        (attempt,) = fetch(server.url, LIMITS, known(server.url))
    assert (attempt.outcome, attempt.status) == (FetchOutcome.NOT_MODIFIED, 304)
    assert server.requests[0].headers["if-none-match"] == '"1"'
    assert server.requests[0].headers["if-modified-since"] == "Sat, 03 Feb 2007 00:00:00 GMT"


def test_validators_follow_a_redirect() -> None:
    with HttpServer(redirect("/there"), response(status=304)) as server:
        (attempt,) = fetch(server.url, LIMITS, known(server.url))
    assert attempt.outcome is FetchOutcome.NOT_MODIFIED
    assert server.requests[1].headers["if-none-match"] == '"1"'


def test_validators_of_another_url_are_not_sent() -> None:
    with HttpServer(OK) as server:
        fetch(f"{server.url}/b", LIMITS, known(f"{server.url}/a"))
    assert "if-none-match" not in server.requests[0].headers
    assert "if-modified-since" not in server.requests[0].headers


def test_a_304_that_nobody_asked_for_is_a_bad_status() -> None:
    with HttpServer(response(status=304)) as server:
        (attempt,) = fetch(server.url, LIMITS, known("http://192.0.2.1/"))
    assert (attempt.outcome, attempt.status) == (FetchOutcome.BAD_STATUS, 304)
    assert attempt.detail == "304 Not Modified, though the request named no version"


def test_an_etag_that_no_request_could_carry_is_forgotten() -> None:
    with HttpServer(response(PAGE, etag='"caf\xe9"')) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.validators is None


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (204, FetchOutcome.BAD_STATUS),
        (206, FetchOutcome.BAD_STATUS),
        (300, FetchOutcome.BAD_STATUS),
        (400, FetchOutcome.BAD_STATUS),
        (401, FetchOutcome.REFUSED),
        (403, FetchOutcome.REFUSED),
        (404, FetchOutcome.BAD_STATUS),
        (407, FetchOutcome.REFUSED),
        (410, FetchOutcome.BAD_STATUS),
        (451, FetchOutcome.REFUSED),
        (599, FetchOutcome.BAD_STATUS),
    ],
)
def test_a_status_that_will_not_heal_is_not_retried(
    status: int, outcome: FetchOutcome, clock: Clock
) -> None:
    body = b"" if status == 204 else b"192.0.2.0/24"
    with HttpServer(response(body, status)) as server:
        (attempt,) = fetch(server.url, LIMITS, transport=clock.transport())
    assert (attempt.outcome, attempt.status, attempt.body) == (outcome, status, None)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (408, FetchOutcome.BAD_STATUS),
        (425, FetchOutcome.BAD_STATUS),
        (429, FetchOutcome.REFUSED),
        (500, FetchOutcome.BAD_STATUS),
        (502, FetchOutcome.BAD_STATUS),
        (503, FetchOutcome.BAD_STATUS),
        (504, FetchOutcome.BAD_STATUS),
    ],
)
def test_a_status_that_may_heal_is_tried_again(
    status: int, outcome: FetchOutcome, clock: Clock
) -> None:
    with HttpServer(response(b"sorry", status), OK) as server:
        attempts = fetch(server.url, LIMITS, transport=clock.transport())
    assert outcomes(attempts) == [outcome, FetchOutcome.NEW]
    assert attempts[0].status == status
    assert len(server.requests) == 2


def test_the_words_of_the_standard_describe_a_status() -> None:
    with HttpServer(response(status=404)) as server:
        assert verdict(server.url).detail == "404 Not Found"


# ---------------------------------------------------------------- nothing


NO_LENGTH = b"HTTP/1.1 200 OK\r\n"
NO_CHUNK = NO_LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
NOTHING_IN_GZIP = NO_LENGTH + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")


def test_an_empty_body_has_an_outcome_of_its_own_and_is_a_body_all_the_same() -> None:
    with HttpServer(response(b"", content_type="text/csv", etag='"0"')) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert (attempt.outcome, attempt.status, attempt.size) == (FetchOutcome.EMPTY, 200, 0)
    assert attempt.body == Body(b"", "text/csv", Validators(server.url, '"0"', None))


@pytest.mark.parametrize("answer", [NO_CHUNK, NOTHING_IN_GZIP], ids=["chunked", "gzip"])
def test_a_body_that_is_known_to_end_at_once_is_a_body(answer: bytes) -> None:
    with HttpServer(answer) as server:
        attempt = verdict(server.url)
    assert (attempt.outcome, attempt.body) == (FetchOutcome.EMPTY, Body(b""))


def test_nothing_at_all_is_no_body_where_a_cut_connection_would_look_the_same() -> None:
    with HttpServer(NO_LENGTH + b"\r\n") as server:
        attempt = verdict(server.url)
    assert (attempt.outcome, attempt.body) == (FetchOutcome.EMPTY, None)
    assert attempt.detail == "200 OK and nothing more, not even a length"


# ---------------------------------------------------------------- tries and pauses


def test_pauses_double_and_are_jittered(clock: Clock) -> None:
    with HttpServer(response(status=502)) as server:
        attempts = fetch(server.url, replace(LIMITS, attempts=4), transport=clock.transport())
    assert len(attempts) == len(server.requests) == 4
    assert clock.sleeps == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("7", 7.0),
        ("0", 0.5),
        (formatdate(1_000_000_009, usegmt=True), 9.0),
        (formatdate(900_000_000, usegmt=True), 0.5),
        ("soon", 0.5),
        ("-7", 0.5),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", 0.5),
    ],
)
def test_retry_after_sets_the_least_pause(retry_after: str, pause: float, clock: Clock) -> None:
    with HttpServer(response(status=429, retry_after=retry_after), OK) as server:
        attempts = fetch(server.url, LIMITS, transport=clock.transport())
    assert outcomes(attempts) == [FetchOutcome.REFUSED, FetchOutcome.NEW]
    assert clock.sleeps == [pause]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("120", 120.0), (formatdate(1_000_000_120, usegmt=True), 120.0), ("-7", 0.0), ("soon", 0.0)],
)
@pytest.mark.parametrize("status", [403, 429, 503])
def test_an_attempt_tells_how_long_the_server_wants_to_be_left_alone(
    status: int, retry_after: str, seconds: float
) -> None:
    with HttpServer(response(status=status, retry_after=retry_after)) as server:
        assert verdict(server.url).retry_after == seconds


@pytest.mark.parametrize("status", [400, 404, 500, 502])
def test_where_retry_after_means_nothing_it_silences_no_feed(status: int) -> None:
    with HttpServer(response(status=status, retry_after="120")) as server:
        assert verdict(server.url).retry_after == 0


@pytest.mark.parametrize("status", [200, 304])
def test_a_good_answer_asks_for_no_pause(status: int) -> None:
    with HttpServer(response(b"" if status == 304 else PAGE, status, retry_after="120")) as server:
        (attempt,) = fetch(server.url, ONCE, known(server.url))
    assert attempt.outcome.is_good
    assert attempt.retry_after == 0


def test_an_answer_that_asks_for_no_pause_says_so() -> None:
    with HttpServer(response(status=503)) as server:
        assert verdict(server.url).retry_after == 0


@pytest.mark.parametrize("retry_after", ["60", "9" * 5000, "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_retry_after_beyond_the_deadline_ends_the_tries(retry_after: str, clock: Clock) -> None:
    with HttpServer(response(status=429, retry_after=retry_after)) as server:
        (attempt,) = fetch(server.url, LIMITS, transport=clock.transport())
    assert attempt.detail.startswith(f"429 Too Many Requests, Retry-After: {retry_after[:100]}")
    assert clock.sleeps == []


def test_a_retry_after_is_shown_without_its_control_characters() -> None:
    with HttpServer(response(status=404, retry_after="\x9b31m")) as server:
        assert verdict(server.url).detail == "404 Not Found, Retry-After: ?31m"


def test_pauses_come_out_of_the_one_deadline(clock: Clock) -> None:
    with HttpServer(response(status=503, retry_after="25")) as server:
        attempts = fetch(server.url, replace(LIMITS, attempts=9), transport=clock.transport())
    assert clock.sleeps == [25.0, 25.0]
    assert len(attempts) == 3


def test_a_server_that_says_nothing_uses_up_no_more_than_its_share(clock: Clock) -> None:
    with HttpServer(Call.say_nothing, Call.say_nothing, OK) as server:
        transport = replace(clock.transport(), random=lambda: 0.0)
        attempts = fetch(server.url, replace(LIMITS, deadline=1.2), transport=transport)
    assert outcomes(attempts) == [FetchOutcome.TIMED_OUT, FetchOutcome.TIMED_OUT, FetchOutcome.NEW]


def test_the_time_that_is_left_is_shared_among_the_tries_that_are_left(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = []

    def ask(*_: object, seconds: float, patience: float) -> Answer:
        shares.append((seconds, patience))
        clock.seconds += patience
        return Answer(FetchOutcome.TIMED_OUT, heals=True)

    monkeypatch.setattr(wire, "ask", ask)
    fetch("http://lists.example/", LIMITS, transport=clock.transport())
    assert shares == [(60.0, 20.0), (39.5, 19.75), (18.75, 18.75)]


def test_only_the_body_gives_patience_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(Countdown, "heard", lambda _: heard.append("a piece"))
    with HttpServer(redirect("/there"), response(status=404)) as server:
        verdict(server.url)
    assert heard == []
    with HttpServer(OK) as server:
        verdict(server.url)
    # Once for the headers, and once at least for the body.
    assert len(heard) >= 2


def test_fewer_tries_than_one_are_one() -> None:
    with HttpServer(OK) as server:
        attempts = fetch(server.url, replace(LIMITS, attempts=0))
    assert outcomes(attempts) == [FetchOutcome.NEW]


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    with HttpServer(redirect("/there?key=s3cret#x", status), OK) as server:
        attempt = verdict(f"{server.url}/here")
    assert (attempt.outcome, attempt.status) == (FetchOutcome.NEW, 200)
    assert attempt.url == f"{server.url}/here"
    assert attempt.detail == f"(redirected to {server.url}/there?key=***)"
    assert server.requests[1].target == "/there?key=s3cret"


def test_a_redirect_from_http_to_https_is_followed(certificate: Certificate) -> None:
    tls = certificate.for_server()
    with HttpServer(OK, tls=tls) as safe, HttpServer(redirect(safe.url)) as plain:
        attempt = verdict(plain.url, verify=certificate.for_client())
    assert attempt.outcome is FetchOutcome.NEW


def test_a_redirect_from_https_to_https_is_followed(certificate: Certificate) -> None:
    with HttpServer(redirect("/there"), OK, tls=certificate.for_server()) as server:
        attempt = verdict(server.url, verify=certificate.for_client())
    assert attempt.outcome is FetchOutcome.NEW


def test_a_redirect_from_https_to_http_is_refused(certificate: Certificate, clock: Clock) -> None:
    tls = certificate.for_server()
    with HttpServer(OK) as plain, HttpServer(redirect(plain.url), tls=tls) as safe:
        transport = clock.transport(verify=certificate.for_client())
        (attempt,) = fetch(safe.url, LIMITS, transport=transport)
    assert (attempt.outcome, attempt.status) == (FetchOutcome.BAD_REDIRECT, 302)
    assert attempt.detail == f"never from https to {plain.url}"
    assert plain.requests == []


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://127.0.0.1/list",
        "data:text/plain,192.0.2.0/24",
        "javascript:alert(1)",
        "https://",
        "https:///list",
        "http://[::1/",
        "http://[x]/",
        "http://h:port/",
        "http://\u2028/",
        "http://" + "a" * 70_000 + "/",
        "\x7f",
        "",
    ],
)
def test_a_redirect_to_what_is_no_web_page_is_refused(location: str, clock: Clock) -> None:
    with HttpServer(redirect(location)) as server:
        (attempt,) = fetch(server.url, LIMITS, transport=clock.transport())
    assert (attempt.outcome, attempt.status) == (FetchOutcome.BAD_REDIRECT, 302)


def test_a_redirect_to_a_port_that_cannot_be_leads_nowhere(clock: Clock) -> None:
    with HttpServer(redirect("http://127.0.0.1:99999/")) as server:
        (attempt,) = fetch(server.url, LIMITS, transport=clock.transport())
    assert (attempt.outcome, attempt.status) == (FetchOutcome.UNREACHABLE, None)
    assert attempt.detail == (
        "connect(): port must be 0-65535. (redirected to http://127.0.0.1:99999/)"
    )


def test_a_redirect_without_location_is_refused() -> None:
    with HttpServer(response(PAGE, status=302)) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert attempt.outcome is FetchOutcome.BAD_REDIRECT
    assert attempt.detail == "the redirect does not say where to"


def test_a_redirect_with_two_locations_is_refused() -> None:
    twice = b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    with HttpServer(twice, OK) as server:
        assert verdict(server.url).outcome is FetchOutcome.BAD_REDIRECT


def test_a_redirect_loop_ends(clock: Clock) -> None:
    with HttpServer(redirect("/again")) as server:
        (attempt,) = fetch(server.url, LIMITS, transport=clock.transport())
    assert attempt.outcome is FetchOutcome.BAD_REDIRECT
    assert attempt.detail.startswith("more than 5 redirects (redirected to ")
    assert len(server.requests) == 6


def test_no_redirect_is_followed_if_none_is_allowed() -> None:
    with HttpServer(redirect("/there"), OK) as server:
        attempt = verdict(server.url, replace(ONCE, redirects=0))
    assert attempt.outcome is FetchOutcome.BAD_REDIRECT
    assert len(server.requests) == 1


def test_a_failure_behind_a_redirect_names_where_it_happened() -> None:
    with HttpServer(redirect("/gone"), response(status=410)) as server:
        assert verdict(server.url).detail == f"410 Gone (redirected to {server.url}/gone)"


def test_no_cookie_is_kept() -> None:
    with HttpServer(redirect("/there", set_cookie="session=1; Path=/"), OK) as server:
        verdict(server.url)
    assert "cookie" not in server.requests[1].headers


# ---------------------------------------------------------------- secrets


def test_userinfo_is_sent_as_basic_credentials_and_never_shown() -> None:
    with HttpServer(response(status=401)) as server:
        attempt = verdict(f"http://ops:p%40ss@127.0.0.1:{server.port}/list?key=s3cret")
    assert server.requests[0].headers["authorization"] == "Basic b3BzOnBAc3M="
    assert attempt.url == f"http://***@127.0.0.1:{server.port}/list?key=***"
    assert attempt.detail == "401 Unauthorized"


def test_credentials_follow_a_redirect_within_the_origin() -> None:
    with HttpServer(redirect("/there"), OK) as server:
        attempt = verdict(f"http://ops:p%40ss@127.0.0.1:{server.port}/here")
    assert server.requests[1].headers["authorization"] == "Basic b3BzOnBAc3M="
    assert "p%40ss" not in attempt.detail


def test_credentials_are_not_sent_to_another_host() -> None:
    with HttpServer(OK) as other, HttpServer(redirect(f"{other.url}/there")) as first:
        attempt = verdict(f"http://ops:p%40ss@127.0.0.1:{first.port}/here")
    assert attempt.outcome is FetchOutcome.NEW
    assert "authorization" not in other.requests[0].headers


def test_credentials_in_a_location_are_not_used() -> None:
    with HttpServer(OK) as other:
        there = other.url.replace("http://", "http://x:y@")
        with HttpServer(redirect(f"{there}/there")) as first:
            attempt = verdict(first.url)
    assert "authorization" not in other.requests[0].headers
    assert attempt.detail == f"(redirected to http://***@127.0.0.1:{other.port}/there)"


def test_netrc_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ops password s3cret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with HttpServer(OK) as server:
        verdict(server.url)
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize(
    "url",
    [
        "http://ops:s3cret@127.0.0.1:port/",
        "http://ops:s3/cret@127.0.0.1/",
        "http://ops:s3cret@[::1/",
        "http://ops:s3cret@\x00/",
        "http://ops:s3cret@xn--\u2603.example/",
        "ops:s3cret@127.0.0.1/",
        "http:ops:s3cret@127.0.0.1/",
        "gopher://ops:s3cret@127.0.0.1/",
        "http://ops:s3cret@127.0.0.1:99999/",
        "http://ops:s3cret@:80/",
        "http://",
        "http",
        "",
    ],
)
def test_a_url_that_makes_no_sense_is_an_attempt_without_secrets(url: str, clock: Clock) -> None:
    (attempt,) = fetch(url, LIMITS, transport=clock.transport())
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail
    assert "s3" not in attempt.url + attempt.detail
    assert "cret" not in attempt.url + attempt.detail
    assert "ops" not in attempt.detail


@pytest.mark.parametrize("url", ["ftp://lists.example/list", "lists.example/list", ""])
def test_a_url_of_another_scheme_says_which_there_are(url: str) -> None:
    assert verdict(url).detail == "the URL is not http, https or file"


# ---------------------------------------------------------------- too much


@pytest.mark.parametrize("size", [100_000, 100_001])
def test_the_limit_is_the_largest_body_that_is_taken(size: int) -> None:
    with HttpServer(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(size)) as server:
        (attempt,) = fetch(server.url, LIMITS)
    fits = size <= LIMITS.max_bytes
    assert attempt.outcome is (FetchOutcome.NEW if fits else FetchOutcome.TOO_LARGE)


def test_an_endless_body_is_cut_off_at_the_limit() -> None:
    def endless(call: Call) -> None:
        call.send(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            call.send(b"192.0.2.0/24\n" * 1000)

    with HttpServer(endless) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert attempt.outcome is FetchOutcome.TOO_LARGE
    assert attempt.detail == "larger than the limit of 100000 bytes"
    assert attempt.size <= LIMITS.max_bytes


def test_a_body_announced_as_too_large_is_not_read() -> None:
    with HttpServer(response(PAGE, length=100_001)) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert (attempt.outcome, attempt.size) == (FetchOutcome.TOO_LARGE, 0)


def test_a_gzip_bomb_is_not_expanded_beyond_the_limit() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with HttpServer(response(bomb, content_encoding="gzip")) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert attempt.outcome is FetchOutcome.TOO_LARGE
    assert attempt.size < 1_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 200 " + b"x" * 300_000,
    ],
    ids=["one long header", "many headers", "a long status line"],
)
def test_huge_headers_are_refused(head: bytes) -> None:
    with HttpServer(head + PAGE) as server:
        attempt = verdict(server.url)
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert len(attempt.detail) <= 200


def test_endless_informational_answers_meet_the_deadline() -> None:
    def early_hints(call: Call) -> None:
        call.drip(itertools.repeat(b"HTTP/1.1 103 Early Hints\r\n\r\n"))

    with HttpServer(early_hints) as server:
        assert verdict(server.url, BRIEF).outcome is FetchOutcome.TIMED_OUT


# ---------------------------------------------------------------- too little


def truncated(answer: bytes) -> Attempt:
    with HttpServer(answer) as server:
        attempts = fetch(server.url, LIMITS, transport=Clock().transport())
    assert outcomes(attempts) == [FetchOutcome.TRUNCATED] * 3
    assert [attempt.body for attempt in attempts] == [None] * 3
    return attempts[-1]


def test_a_body_shorter_than_announced_is_truncated() -> None:
    attempt = truncated(response(PAGE, length=len(PAGE) + 1))
    assert (attempt.status, attempt.size) == (200, len(PAGE))
    assert "expected 20" in attempt.detail


def test_a_body_longer_than_announced_ends_where_it_was_announced() -> None:
    # RFC 9112, 6.3: what follows belongs to the next response, and no client can see it as part
    # of this one.
    with HttpServer(response(b"192.0.2.0/24\n198.51.100.0/24\n", length=13)) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.content == b"192.0.2.0/24\n"


@pytest.mark.parametrize("announced", [1, len(PAGE) + 1])
def test_chunks_that_are_not_the_announced_length_are_truncated(announced: int) -> None:
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (len(PAGE), PAGE)
    attempt = truncated(response(length=announced, transfer_encoding="chunked") + chunk)
    assert attempt.detail == f"{len(PAGE)} bytes came, {announced} were announced"


def chunked(rest: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + rest


@pytest.mark.parametrize("rest", [b"", b"5\r\n19", b"5\r\n192.0\r\n", b"5\r\n192.0\r\nzz\r\n"])
def test_chunks_that_stop_in_the_middle_are_truncated(rest: bytes) -> None:
    truncated(chunked(rest))


def test_whole_chunks_are_a_body() -> None:
    with HttpServer(chunked(b"5\r\n192.0\r\n7\r\n.2.0/24\r\n0\r\n\r\n")) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.content == b"192.0.2.0/24"


def test_a_connection_that_is_cut_in_the_middle_is_truncated() -> None:
    def cut(call: Call) -> None:
        call.send(response(PAGE, length=1000))
        call.reset()

    with HttpServer(cut, OK) as server:
        attempts = fetch(server.url, LIMITS, transport=Clock().transport())
    assert outcomes(attempts) in (
        [FetchOutcome.TRUNCATED, FetchOutcome.NEW],
        # The reset may overtake the answer.
        [FetchOutcome.UNREACHABLE, FetchOutcome.NEW],
    )


def test_half_a_gzip_body_is_truncated() -> None:
    half = gzip.compress(PAGE)[:-5]
    attempt = truncated(response(half, content_encoding="gzip"))
    assert attempt.detail == f"the gzip body stops in the middle, after {len(half)} bytes"


def test_what_is_not_gzip_in_spite_of_its_label_is_refused() -> None:
    attempt = truncated(response(PAGE, content_encoding="gzip"))
    assert attempt.detail.startswith("the gzip body is damaged: ")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x" * 1000])
def test_a_coding_that_was_not_asked_for_is_not_a_list(coding: str) -> None:
    with HttpServer(response(PAGE, content_encoding=coding)) as server:
        (attempt,) = fetch(server.url, LIMITS)
    assert attempt.outcome is FetchOutcome.NOT_A_LIST
    assert len(attempt.detail) <= 250


# ---------------------------------------------------------------- too slow


def one_byte_after_the_other(head: bytes) -> Iterator[bytes]:
    for byte in itertools.chain(head, itertools.repeat(ord("x"))):
        yield bytes([byte])


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.0 200 OK\r\n\r\n"],
    ids=["status line", "headers", "body"],
)
def test_a_server_that_drips_meets_the_deadline(head: bytes) -> None:
    def drip(call: Call) -> None:
        call.send(head)
        call.drip(one_byte_after_the_other(b"HTTP/1.1 200 OK\r\nX: " if not head else b""))

    with HttpServer(drip) as server:
        attempt = verdict(server.url, BRIEF)
    assert attempt.outcome is FetchOutcome.TIMED_OUT
    assert attempt.body is None


def test_a_server_that_says_nothing_meets_the_deadline() -> None:
    with HttpServer(Call.say_nothing) as server:
        attempt = verdict(server.url, BRIEF)
    assert (attempt.outcome, attempt.status) == (FetchOutcome.TIMED_OUT, None)
    assert attempt.detail.startswith("no answer after ")


def test_a_body_that_stands_still_meets_the_deadline() -> None:
    def stall(call: Call) -> None:
        call.send(response(PAGE, length=1000))
        call.say_nothing()

    with HttpServer(stall) as server:
        attempt = verdict(server.url, BRIEF)
    assert (attempt.outcome, attempt.status) == (FetchOutcome.TIMED_OUT, 200)
    assert attempt.detail.startswith(f"only {len(PAGE)} bytes of the body after ")


def test_a_tls_handshake_that_is_never_answered_meets_the_deadline() -> None:
    # The server waits for a blank line, which a handshake does not have.
    with HttpServer(OK) as server:
        attempt = verdict(server.url.replace("http:", "https:"), BRIEF)
    assert (attempt.outcome, attempt.status) == (FetchOutcome.TIMED_OUT, None)


def test_a_connection_that_is_never_made_meets_the_deadline() -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Nobody accepts: once the queue is full, the kernel drops every further SYN.
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        attempt = verdict(f"http://127.0.0.1:{listener.getsockname()[1]}/", BRIEF)
    assert attempt.outcome is FetchOutcome.TIMED_OUT


def test_a_name_server_that_says_nothing_meets_the_deadline() -> None:
    answered = threading.Event()

    def resolve(*_: object) -> list[Any]:
        answered.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    try:
        attempt = verdict("http://lists.example/", BRIEF, resolve=resolve)
        assert attempt.outcome is FetchOutcome.TIMED_OUT
    finally:
        answered.set()


def test_a_name_server_that_says_nothing_does_not_keep_the_process_alive() -> None:
    program = """
import threading
from proxyfeed.model import FetchLimits
from proxyfeed.sources.fetch.countdown import Countdown
from proxyfeed.sources.fetch import Transport, fetch
from proxyfeed.sources.fetch.transport import Answer

transport = Transport(resolve=lambda *_: threading.Event().wait())
print(fetch("http://lists.example/", FetchLimits(deadline=0.2), transport=transport)[-1].outcome)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert (ended.stdout, ended.stderr) == ("timed out\n", "")


def test_redirects_share_the_one_deadline() -> None:
    def slow_redirect(call: Call) -> None:
        call.drip(iter([b"", b"", b"", b"", redirect("/again")]))

    with HttpServer(slow_redirect) as server:
        attempt = verdict(server.url, replace(BRIEF, redirects=1000))
    assert attempt.outcome is FetchOutcome.TIMED_OUT


# ---------------------------------------------------------------- no answer


def test_a_refused_connection_is_tried_again(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    attempts = fetch(url, LIMITS, transport=clock.transport())
    assert outcomes(attempts) == [FetchOutcome.UNREACHABLE] * 3
    assert attempts[0].detail == "Connection refused"
    assert attempts[0].status is None


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 1000,
        b"x" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http_is_unreachable(garbage: bytes) -> None:
    with HttpServer(garbage) as server:
        attempt = verdict(server.url)
    assert (attempt.outcome, attempt.status) == (FetchOutcome.UNREACHABLE, None)
    assert attempt.detail.isprintable()
    assert 0 < len(attempt.detail) <= 200


def test_a_name_that_does_not_exist_says_so() -> None:
    def resolve(*_: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    attempts = fetch("http://lists.example/", LIMITS, transport=Clock().transport(resolve=resolve))
    assert outcomes(attempts) == [FetchOutcome.UNREACHABLE] * 3
    assert attempts[0].detail == "the name cannot be resolved: Name or service not known"


def test_a_certificate_that_nobody_vouches_for_ends_the_tries(
    certificate: Certificate, clock: Clock
) -> None:
    with HttpServer(OK, tls=certificate.for_server()) as server:
        transport = clock.transport(verify=Transport().verify)
        (attempt,) = fetch(server.url, LIMITS, transport=transport)
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail == "the certificate is not trusted: self-signed certificate"
    assert server.requests == []


def test_a_certificate_of_another_host_is_not_trusted(certificate: Certificate) -> None:
    with HttpServer(OK, tls=certificate.for_server()) as server:
        attempt = verdict(
            f"https://lists.example:{server.port}/",
            resolve=everything_is_loopback,
            verify=certificate.for_client(),
        )
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail.startswith("the certificate is not trusted: Hostname mismatch")


def test_a_trusted_certificate_is_accepted(certificate: Certificate) -> None:
    with HttpServer(OK, tls=certificate.for_server()) as server:
        attempt = verdict(server.url, verify=certificate.for_client())
    assert attempt.outcome is FetchOutcome.NEW


def test_ssl_cert_file_names_the_trusted_authorities(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with HttpServer(OK, tls=certificate.for_server()) as server:
        assert verdict(server.url, verify=True).outcome is FetchOutcome.NEW


def test_a_missing_certificate_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    attempt = verdict("https://127.0.0.1/", verify=True)
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail == (
        "no trusted certificates (SSL_CERT_FILE, SSL_CERT_DIR): No such file or directory"
    )


def test_a_server_without_tls_behind_https_is_unreachable() -> None:
    with HttpServer(OK, greeting=response(status=400)) as server:
        attempt = verdict(server.url.replace("http:", "https:"))
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail.startswith("TLS failed: ")


def test_a_damaged_tls_record_in_the_body_is_truncated(certificate: Certificate) -> None:
    def damage(call: Call) -> None:
        call.send(response(PAGE, length=1000))
        os.write(call.connection.fileno(), b"this is not encrypted")
        call.say_nothing()

    with HttpServer(damage, tls=certificate.for_server()) as server:
        attempt = verdict(server.url, verify=certificate.for_client())
    assert (attempt.outcome, attempt.status) == (FetchOutcome.TRUNCATED, 200)
    assert attempt.detail.startswith("TLS failed: ")


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpServer(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        attempt = verdict("http://lists.example/list")
    assert attempt.outcome is FetchOutcome.NEW
    assert proxy.requests[0].target == "http://lists.example/list"


def test_a_proxy_that_refuses_to_connect_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpServer(response(status=407)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        attempt = verdict("https://lists.example/list")
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail == "407 Whatever"


@pytest.mark.parametrize("proxy", ["socks5://ops:s3cret@127.0.0.1", "x://ops:s3cret@127.0.0.1"])
def test_a_proxy_that_cannot_be_used_is_an_attempt_without_secrets(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    attempt = verdict("http://lists.example/list")
    assert attempt.outcome is FetchOutcome.UNREACHABLE
    assert attempt.detail == (
        "not a usable proxy in the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY)"
    )


# ---------------------------------------------------------------- every exception


def httpx_exceptions() -> list[type[Exception]]:
    found = [getattr(httpx, name) for name in httpx.__all__]
    return [kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception)]


def is_raised(kind: type[Exception]) -> bool:
    return not kind.__subclasses__()


def test_httpx_has_the_exceptions_that_this_test_is_about() -> None:
    assert {httpx.ConnectTimeout, httpx.InvalidURL, httpx.StreamConsumed} < set(httpx_exceptions())


@pytest.mark.parametrize("kind", [kind for kind in httpx_exceptions() if is_raised(kind)])
def test_every_exception_of_httpx_has_a_verdict(kind: type[Exception]) -> None:
    assert set(kind.__mro__) & set(wire.VERDICTS)


@pytest.mark.parametrize(
    "kind",
    [
        *httpx_exceptions(),
        OSError,
        TimeoutError,
        PermissionError,
        socket.gaierror,
        ssl.SSLError,
        ssl.SSLCertVerificationError,
        UnicodeError,
        ValueError,
    ],
)
def test_no_exception_of_the_network_gets_out(kind: type[Exception]) -> None:
    def resolve(*_: object) -> list[Any]:
        # Some want arguments that do not matter here.
        error = kind.__new__(kind)
        error.args = ("as if the library had failed",)
        raise error

    attempt = verdict("http://lists.example/", resolve=resolve)
    assert not attempt.outcome.is_good
    assert attempt.detail


def test_a_mistake_of_ours_is_not_hidden() -> None:
    def resolve(*_: object) -> list[Any]:
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        verdict("http://lists.example/", resolve=resolve)


# ---------------------------------------------------------------- files


def test_a_file_url_is_read_from_disk(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(PAGE)
    (attempt,) = fetch((tmp_path / "list.txt").as_uri(), LIMITS)
    assert (attempt.outcome, attempt.status, attempt.size) == (FetchOutcome.NEW, None, len(PAGE))
    assert attempt.body is not None
    assert attempt.body.content == PAGE


def test_validators_of_another_url_are_not_believed_for_a_file(tmp_path: Path) -> None:
    page = tmp_path / "list.txt"
    page.write_bytes(PAGE)
    (first,) = fetch(page.as_uri(), LIMITS)
    assert first.body is not None
    assert first.body.validators is not None
    (same,) = fetch(page.as_uri(), LIMITS, first.body.validators)
    assert same.outcome is FetchOutcome.NOT_MODIFIED
    (other,) = fetch(page.as_uri(), LIMITS, replace(first.body.validators, url="file:///other"))
    assert other.outcome is FetchOutcome.NEW


def test_a_missing_file_is_not_tried_again(tmp_path: Path, clock: Clock) -> None:
    url = (tmp_path / "nothing").as_uri()
    (attempt,) = fetch(url, LIMITS, transport=clock.transport())
    assert (attempt.outcome, attempt.url) == (FetchOutcome.NO_FILE, url)
    assert attempt.detail == "No such file or directory"


def test_a_deflate_body_is_expanded() -> None:
    with HttpServer(response(zlib.compress(PAGE), content_encoding="deflate")) as server:
        attempt = verdict(server.url)
    assert attempt.body is not None
    assert attempt.body.content == PAGE
