"""
Text from upstream reaches no terminal, mail, webhook or document with a character in it that one
of them would obey.
"""

from __future__ import annotations

import json
import os
import pty
import re
import sys
from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default as email_policy
from typing import Any

import pytest
from tests.e2e.commands import reporting_commands
from tests.e2e.machine import Done, Machine
from tests.e2e.servers import MAIL_PORT, SITE_PORT, WEBHOOK_PORT, Mailbox, Site, Webhook
from tests.e2e.test_terminal import read_all
from tests.servers import response

pytestmark = pytest.mark.kernel

# Apprise waits for 5.5 s between two mails, and the program between two tries at a URL.
IMPATIENT = (
    *(sys.executable, "-c"),
    "import random; random.random = lambda: 0.0; from apprise.plugins import NotifyBase; "
    "NotifyBase.request_rate_per_sec = 0; from proxyfeed.cli import main; main()",
)
# What a terminal obeys, what ends a line, and what turns text around: BEL, ESC, CR, LF, DEL, NEL,
# CSI in one byte, line and paragraph separator, right-to-left override, isolates, a joiner.
HOSTILE = "\x07\x1b\r\n\x7f\x85\x9b\u2028\u2029\u202e\u2066\u2069\u200d"
# Upstream says EVIL, one of these, LIVE; and every character of their kinds is sought.
EVIL = "".join(f"EVIL{char}LIVE " for char in HOSTILE)
# A control character refuses a whole list; these get as far as a row or a label.
SUBTLE = "".join(f"EVIL{char}LIVE " for char in "\u2028\u2029\u202e\u2066\u2069\u200d")
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]"
)
# A line that upstream would have ended looks like one of ours.
TORN = re.compile("^LIVE", re.MULTILINE)

ROWS = [f"20.{number}.0.0/24" for number in range(40)]
# Header values in bytes: h11 refuses C0 in them, and lets the bytes of C1 and of UTF-8 through.
IN_A_HEADER = "EVIL\x9bLIVE".encode("latin-1") + " EVIL\u202eLIVE\u2028EVIL\x9bLIVE".encode()


def raw(status: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d" % len(body)
    lines = [b"HTTP/1.1 " + status, length, b"Connection: close", *headers]
    return b"\r\n".join([*lines, b"", body])


def lines(*rows: str) -> bytes:
    return "\n".join(rows).encode()


def page(heading: str, *items: str, title: str = "") -> bytes:
    listed = "".join(f"<li>{item}</li>" for item in items)
    text = f"<html><head><title>{title}</title></head><body><h1>{heading}</h1><ul>{listed}</ul>"
    return f"{text}</body></html>".encode()


JSON_LABEL = 'format = "json"\njson.path = "rows"\njson.prefix = "p"\njson.label = { city = "c" }\n'
CSV_LABEL = 'format = "csv"\ncsv.label = { city = 4 }\n'
HTML = 'format = "html"\nhtml.heading = ["egress"]\n'
JSON_ROWS: list[dict[str, Any]] = [{"p": row, "c": "Berlin"} for row in ROWS]
# Each feed: its settings, and what upstream sends for it. Some are read, and some are refused.
FEEDS: dict[str, tuple[str, bytes]] = {
    "csv-label": (
        CSV_LABEL + "max_rejected = 20\n",
        response(lines(*(f"{row},DE,,Berlin," for row in ROWS), f"20.99.0.0/24,DE,,{SUBTLE},")),
    ),
    "csv-label-refused": (CSV_LABEL, response(f"20.99.0.0/24,DE,,{SUBTLE},".encode())),
    "csv-refused": (CSV_LABEL, response(f'20.99.0.0/24,DE,,"{EVIL}",'.encode())),
    "csv-row": ('format = "csv"\n', response(f'"{EVIL}",DE,,Berlin,'.encode())),
    "json-label": (
        JSON_LABEL + "max_rejected = 20\n",
        response(json.dumps({"rows": [*JSON_ROWS, {"p": "20.99.0.0/24", "c": EVIL}]}).encode()),
    ),
    "json-row": (JSON_LABEL, response(json.dumps({"rows": [{"p": EVIL, "c": ""}]}).encode())),
    "json-half": (JSON_LABEL, response(b'{"rows": [{"p": "EVIL\\ud800LIVE", "c": "\\ud800"}]}')),
    "json-key": (JSON_LABEL, response(json.dumps({EVIL: [EVIL]}).encode())),
    "json-broken": (JSON_LABEL, response(b'{"rows": ["' + EVIL.encode() + b'"]}')),
    "text-row": (
        'format = "text"\nmax_rejected = 20\n',
        response(
            lines(*ROWS, f"# {SUBTLE}", *(f"{char}LIVE 20.0.0.0/24" for char in SUBTLE[4::10]))
        ),
    ),
    "text-row-refused": ('format = "text"\n', response(lines(*ROWS, f"20.99.0.0/24 {SUBTLE}"))),
    "text-refused": ('format = "text"\n', response(lines(*ROWS, f"20.99.0.0/24 {EVIL}"))),
    "text-stamp": (
        'format = "text"\ntext.stamp = "updated:"\n',
        response(lines(f"# updated: {SUBTLE}", *ROWS)),
    ),
    "text-masked": (
        'format = "text"\n',
        response(lines("20.0.0.1/24 \u3000", "20.1.0.1/24\t", *ROWS)),
    ),
    "html-heading": (HTML, response(page(f"egress of {EVIL}", *ROWS, title=EVIL))),
    "html-item": (HTML, response(page("egress", *ROWS, EVIL, title=EVIL))),
    "html-entity": (HTML, response(page("egress", *ROWS, "EVIL&#27;[31mLIVE&#x202e;&#155;LIVE"))),
    "html-none": (HTML, response(page(EVIL, EVIL, title=EVIL))),
    "reason": ('format = "text"\n', raw(b"404 " + IN_A_HEADER)),
    "reason-c0": ('format = "text"\n', raw(b"404 EVIL\x1b[31mLIVE\x07")),
    "status-line": ('format = "text"\n', raw(IN_A_HEADER + b"\x1b[31m")),
    "location": ('format = "text"\n', raw(b"302 Found", b"Location: /" + IN_A_HEADER)),
    "location-host": ('format = "text"\n', raw(b"302 Found", b"Location: http://" + IN_A_HEADER)),
    "location-scheme": ('format = "text"\n', raw(b"302 Found", b"Location: " + IN_A_HEADER + b":")),
    "location-c0": ('format = "text"\n', raw(b"302 Found", b"Location: /EVIL\x1b[31mLIVE")),
    "retry-after": ('format = "text"\n', raw(b"404 No", b"Retry-After: " + IN_A_HEADER)),
    "coding": ('format = "text"\n', raw(b"200 OK", b"Content-Encoding: " + IN_A_HEADER, body=b"x")),
    "headers": (
        'format = "text"\n',
        raw(
            b"200 OK",
            b'ETag: "' + IN_A_HEADER + b'"',
            b"Content-Type: text/plain; charset=" + IN_A_HEADER,
            b"Last-Modified: " + IN_A_HEADER,
            body=lines(*ROWS),
        ),
    ),
    "type-refused": (
        HTML,
        raw(b"200 OK", b"Content-Type: text/" + IN_A_HEADER, body=EVIL.encode()),
    ),
}
COMMANDS = """\
    update
    update --quiet
    update --dry-run
    status
    diff
    diff 1
    diff --prefixes
    history
    show 1
    show 2 --prefixes
    show 3
    lookup 20.1.0.1
    lookup 20.99.0.1
    diff --impact
    export 1 --format nginx --output list.conf --dry-run
    lvs check
    lvs apply
    doctor
    config
    feeds
    feeds show csv-label
    feeds try html-item
    rule show
    apply
    rollback 1
    release csv-label
    approve 1
    reject 1
    rule install
    rule remove
    boot
    confirm
    revert
    init
"""


def configuration() -> str:
    feeds = "".join(
        f'[feeds.{name}]\nurl = "http://127.0.0.1:{SITE_PORT}/{name}"\n{settings}'
        for name, (settings, _) in FEEDS.items()
    )
    return f"""\
database = "sqlite:///proxyfeed.db"
{feeds}
[sets.all]
feeds = {json.dumps([*FEEDS])}
mark = 1
"""


ALERTS = f"""
[alerts]
to = [
    "json://127.0.0.1:{WEBHOOK_PORT}/hook",
    "mailto://127.0.0.1:{MAIL_PORT}?from=proxyfeed@example.net&to=ops@example.net",
]
"""


def leaks(text: str) -> list[str]:
    """
    The places in *text* with a character that may not be there, each with what stands around it.
    """
    found = [*FORBIDDEN.finditer(text), *TORN.finditer(text)]
    return [ascii(text[max(0, one.start() - 60) : one.end() + 20]) for one in found]


def strings(value: Any) -> Iterator[str]:
    """
    Every string of a document, as ``jq -r`` would print it.
    """
    match value:
        case dict():
            for key, one in value.items():
                yield from (key, *strings(one))
        case list():
            for one in value:
                yield from strings(one)
        case str():
            yield value


@pytest.fixture
def evening(machine: Machine, site: Site) -> Machine:
    """
    A director whose publishers have all turned against it, before its first run.
    """
    machine.configure(configuration())
    machine.config.chmod(0o600)
    for name, (_, answer) in FEEDS.items():
        site.pages[f"/{name}"] = answer
    return machine


def command_lines() -> list[str]:
    lines = [line.strip() for line in COMMANDS.splitlines()]
    lines += [f"fetches {name}" for name in FEEDS]
    return [*lines, *(f"feeds try http://127.0.0.1:{SITE_PORT}/{name}" for name in FEEDS)]


def test_every_reporting_command_is_asked() -> None:
    asked = {
        command
        for command in reporting_commands()
        if any(f"{line} ".startswith(f"{command} ") for line in command_lines())
    }

    assert asked == reporting_commands() - {"alert test"}


def test_what_upstream_says_is_obeyed_by_no_terminal_and_no_reader_of_documents(
    evening: Machine,
) -> None:
    said: list[Done] = []
    with evening.session() as program:
        for line in command_lines():
            done = program.proxyfeed(*line.split(), code=None)
            document = program.proxyfeed(*line.split(), "--json", code=None)
            assert 70 not in (done.code, document.code), done.err + document.err
            said += [done, document]
            assert {line: leaks(done.out + done.err + document.out + document.err)} == {line: []}
            inside = [leak for text in strings(document.document) for leak in leaks(text)]
            assert {line: inside} == {line: []}

    # It is shown all the same, so that the operator sees what upstream sent.
    assert sum(done.out.count("EVIL") + done.err.count("EVIL") for done in said) > 100
    assert {done.code for done in said} >= {0, 3}


def test_what_upstream_says_is_obeyed_by_no_mail_and_no_webhook(
    evening: Machine, webhook: Webhook
) -> None:
    evening.configure(configuration() + ALERTS)
    with Mailbox(evening.namespace) as mailbox:
        evening.proxyfeed("update", code=3, program=IMPATIENT)

    mails = [message_from_bytes(one.content, policy=email_policy) for one in mailbox.envelopes]
    messages = (*webhook.take(), *mailbox.messages)
    texts = [f"{one.title}\n{one.body}".replace("\r\n", "\n") for one in messages]
    assert len(mails) > 15
    assert sum("EVIL" in text for text in texts) >= 20
    assert [leak for text in texts for leak in leaks(text)] == []
    for one, mail in zip(mailbox.envelopes, mails, strict=True):
        assert isinstance(one.content, bytes)
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", one.content)
        # No header that Apprise does not write, and each of its own once.
        assert len(mail.keys()) == len(set(mail.keys()))
        for name, value in mail.items():
            assert leaks(f"{name}: {value}") == []


def test_what_upstream_says_is_obeyed_by_no_terminal_that_shows_colours(evening: Machine) -> None:
    for words in ("update", "fetches json-row"):
        screen, line = pty.openpty()
        process = evening.start(*words.split(), stdout=line, stderr=line)
        os.close(line)
        shown = read_all(screen)
        process.wait()

        # Colours and progress are ours, and the terminal itself ends lines with CR LF.
        ours = r"\x1b\[(32|31|0)m|\r\x1b\[K(fetching [a-z0-9-]+ \.\.\.)?|\r(?=\n)"
        assert "EVIL" in shown
        assert leaks(re.sub(ours, "", shown)) == []
