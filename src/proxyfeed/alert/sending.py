"""
Send messages: the only place that knows Apprise.

Nothing that a target does gets past it: a set that was brought up to date must not fail for a mail
server.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread

from proxyfeed.model import AlertKind, Delivery, Event
from proxyfeed.plain import plain
from proxyfeed.redact import redact, scrub

# What Apprise calls the type of a message: webhooks pass it on, chats give it a colour.
_SEVERITY = {
    AlertKind.ACCEPTED: "info",
    AlertKind.CHANGED: "info",
    AlertKind.MENDED: "info",
    AlertKind.TEST: "info",
    AlertKind.RECOVERED: "success",
    AlertKind.FAILED: "failure",
    AlertKind.EXPIRED: "failure",
    AlertKind.APPLY: "failure",
}

_TITLE_LENGTH = 120
_BODY_LENGTH = 4_000
_ERROR_LENGTH = 300


def _title(event: Event, host: str) -> str:
    return _cut(plain(f"[proxyfeed] {host}: {event.title}", keep=""), _TITLE_LENGTH)


def _body(event: Event) -> str:
    # Apprise sends nothing that has no body.
    text = plain(event.body if event.body.strip() else event.title)
    if len(text) <= _BODY_LENGTH:
        return text
    head = text[:_BODY_LENGTH]
    whole, line_end, _ = head.rpartition("\n")
    left_out = text.count("\n") - whole.count("\n") + (0 if line_end else 1)
    lines = "line" if left_out == 1 else "lines"
    return f"{whole if line_end else head}\n[{left_out} more {lines} left out]"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."


def send(
    urls: Sequence[str],
    events: Sequence[Event],
    *,
    host: str,
    now: datetime,
    patience: float = 60.0,
) -> tuple[Delivery, ...]:
    """
    Send each event to each of the Apprise *urls* and return one delivery for each URL.

    Never raises for what a target does. Apprise bounds each step on the network: 4 seconds to
    connect and 4 between two reads for a webhook, 15 for mail, or what ``cto=`` and ``rto=`` in
    the URL say. *patience*, in seconds for each message, bounds the whole, which those do not: an
    answer may come one byte at a time.
    """
    if not events:
        return ()
    return tuple(
        Delivery(name, now, _deliver(url, events, host, patience * len(events)))
        for name, url in zip(target_names(urls), urls, strict=True)
    )


def target_names(urls: Sequence[str]) -> list[str]:
    """
    Name each target; of those with one name, as two rooms of one chat, all but the first by number.
    """
    names = [_name(url) for url in urls]
    counts = [names[: place + 1].count(name) for place, name in enumerate(names)]
    return [
        name if count == 1 else f"{name} #{count}"
        for name, count in zip(names, counts, strict=True)
    ]


def _name(url: str) -> str:
    """
    Name a target by scheme and host, as in ``json://***@chat.example.net``.

    The path goes, because a webhook carries its token there; so does a host that is a token.
    """
    scheme, separator, rest = redact(url).partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    return plain(f"{scrub(scheme, [url])}{separator}{scrub(authority, [url])}", keep="")


def _deliver(url: str, events: Sequence[Event], host: str, patience: float) -> str:
    """
    Send to one target, and return what went wrong in one line without secrets: "" for nothing.
    """
    verdict: SimpleQueue[str] = SimpleQueue()

    def work() -> None:
        try:
            verdict.put(_notify(url, events, host, records))
        except Exception as exc:  # noqa: BLE001  whatever a plugin raises ends as a delivery's error
            verdict.put(f"not delivered: {type(exc).__name__}: {exc}")

    with _quiet() as records:
        # A daemon thread, because the process must be able to end while a target still hangs.
        try:
            Thread(target=work, name="proxyfeed-alert", daemon=True).start()
            error = verdict.get(timeout=patience)
        except Empty:
            error = f"not delivered: given up after {patience:g} s"
        except RuntimeError as exc:  # this user may have no more threads
            error = f"not delivered: {exc}"
    return _cut(plain(scrub(error, [url]), keep=""), _ERROR_LENGTH)


def _notify(
    url: str, events: Sequence[Event], host: str, records: Sequence[logging.LogRecord]
) -> str:
    from apprise import Apprise, AppriseAsset

    # Without a service_timeout of its own, Apprise works in this thread and starts no other.
    asset = AppriseAsset(app_id="proxyfeed", app_desc="proxyfeed", service_timeout=0)
    target = Apprise(asset=asset)
    if not target.add(url):
        return ": ".join(["Apprise cannot use this URL", *_causes(records, url)])
    lost = 0
    for event in events:
        lost += not target.notify(
            title=_title(event, host),
            body=_body(event),
            body_format="text",
            notify_type=_SEVERITY.get(event.kind, "warning"),
        )
    if not lost:
        return ""
    count = f"{lost} of {len(events)} messages " if len(events) > 1 else ""
    return ": ".join([f"{count}not delivered", *_causes(records, url)])


def _causes(records: Iterable[logging.LogRecord], url: str) -> list[str]:
    """
    What was logged of a failure, in short and each once.

    Apprise warns that *a Connection error occurred*. Which one, it says at the level of debugging,
    and the last clause is the one that matters: ``Socket Exception: HTTPConnectionPool(...): Max
    retries exceeded with url: / (Caused by ...: [Errno 111] Connection refused"))``.
    """
    causes = []
    for record in list(records):
        text = record.getMessage()
        is_warning = record.levelno >= logging.WARNING
        if not is_warning and "Exception: " not in text:
            continue
        # Scrubbed here already: a cut could leave half of a secret, which nobody would know.
        text = scrub(text, [url])
        clause = re.sub(r"""["'][)}\]]*$""", "", text.rpartition(": ")[2])
        causes.append(text.rstrip(".") if is_warning else clause)
    return list(dict.fromkeys(causes))


class _Recorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _quiet() -> Iterator[list[logging.LogRecord]]:
    """
    Record what Apprise and urllib3 log, whole URLs included, and let none of it through.

    Warnings that would come back every night are dropped, because cron would mail each of them.
    """
    recorder = _Recorder()
    loggers = [logging.getLogger("apprise"), logging.getLogger("urllib3")]
    before = [(logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.addHandler(recorder)
        logger.propagate = False
    loggers[0].setLevel(logging.DEBUG)
    try:
        with warnings.catch_warnings():
            # Apprise imports it on purpose, before Python 3.13.
            warnings.filterwarnings("ignore", "'imghdr' is deprecated", DeprecationWarning)
            # The operator wrote verify=no.
            warnings.filterwarnings("ignore", "Unverified HTTPS request")
            yield recorder.records
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(recorder)
            logger.setLevel(level)
            logger.propagate = propagate
