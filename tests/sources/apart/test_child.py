"""
A child that fails in every way it can: its feed fails, and nothing else does.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from tests.servers import HttpServer, response
from tests.sources.apart import probing
from tests.sources.apart.probing import LISTING, URL, call_home, said

from proxyfeed.errors import EmptyList, FetchError, ReadError
from proxyfeed.model import (
    Attempt,
    Body,
    Feed,
    FetchLimits,
    FetchOutcome,
    HtmlRules,
    TextRules,
)
from proxyfeed.sources.apart import Apart, Bounds, BugApart, Identity

IDENTITY = Identity.of("nobody") if os.geteuid() == 0 else None
LIMITS = FetchLimits()
FEED = Feed("x", (URL,), TextRules())
BODY = Body(b"20.0.0.0/24\n")


def reading(work: Callable[[], object], **bounds: float) -> Apart:
    """
    A reader that does *work*, and has the usual bounds but for these.
    """

    def read(*_: object) -> NoReturn:
        raise ReadError(f"it went on with {work()!r}")

    return Apart(
        IDENTITY,
        reading=read,
        read_bounds=lambda feed: replace(Bounds.of_reading(feed), **bounds),
    )


def failure(child: Apart) -> tuple[str, str]:
    with pytest.raises(FetchError) as caught:
        child.read(FEED, BODY)
    return caught.value.outcome, caught.value.message


def spin() -> NoReturn:
    while True:
        pass


def hoard() -> NoReturn:
    hoarded = []
    while True:
        hoarded.append(bytearray(2**20))


# ---------------------------------------------------------------- what goes well


def test_what_is_fetched_and_read_apart_is_what_it_would_be_in_one_process() -> None:
    page = b"<h1>Proxies</h1><ul><li>20.0.0.0/24</li><li>2001:db8::/32</li></ul>"
    with HttpServer(response(status=503), response(page, etag='"1"')) as server:
        feed = Feed("x", (server.url,), HtmlRules(heading=("proxies",)))
        child = Apart(IDENTITY)

        intake = child.take_in(feed, feed.urls, None)

    assert [attempt.outcome for attempt in intake.attempts] == ["bad status", "new"]
    assert intake.verdict.body is not None
    assert intake.verdict.body.content == page
    assert intake.verdict.body.validators is not None
    assert intake.verdict.body.validators.etag == '"1"'
    assert intake.listing is not None
    assert list(intake.listing.prefixes.lines()) == ["20.0.0.0/24", "2001:db8::/32"]


def test_a_saved_page_that_only_its_owner_may_read_is_read(tmp_path: Path) -> None:
    page = tmp_path / "list.txt"
    page.write_bytes(BODY.content)
    page.chmod(0o600)
    feed = Feed("x", (page.as_uri(),), TextRules())

    intake = Apart(IDENTITY).take_in(feed, feed.urls, None)

    assert intake.listing is not None
    assert list(intake.listing.prefixes.lines()) == ["20.0.0.0/24"]


def test_a_saved_page_is_parsed_apart_too(tmp_path: Path) -> None:
    page = tmp_path / "list.txt"
    page.write_bytes(BODY.content)
    feed = Feed("x", (page.as_uri(),), TextRules())

    intake = reading(os.getpid).take_in(feed, feed.urls, None)

    assert intake.verdict.outcome is FetchOutcome.NOT_A_LIST
    assert intake.verdict.detail.startswith("it went on with ")
    assert str(os.getpid()) not in intake.verdict.detail


@pytest.mark.parametrize("refusal", [ReadError("no list"), EmptyList("no row")])
def test_a_refusal_keeps_its_kind_and_its_words(refusal: ReadError) -> None:
    def refuse(*_: object) -> NoReturn:
        raise refusal

    with pytest.raises(type(refusal), match=refusal.message):
        Apart(IDENTITY, reading=refuse).read(FEED, BODY)


# ---------------------------------------------------------------- what ends a child


def test_a_child_collects_its_cycles_although_its_parent_does_not() -> None:
    """
    The tree of a page is one, and its memory is bounded.
    """
    gc.disable()
    try:
        with pytest.raises(ReadError, match="it went on with True"):
            reading(gc.isenabled).read(FEED, BODY)
    finally:
        gc.enable()


def test_the_limit_of_memory_bites() -> None:
    def give(*_: object) -> tuple[Attempt, ...]:
        return (Attempt(URL, FetchOutcome.NEW, 200, 1, 0.0, body=BODY),)

    child = replace(reading(hoard, memory=64 * 2**20), fetching=give)

    intake = child.take_in(FEED, FEED.urls, None)

    assert intake.verdict.outcome is FetchOutcome.TOO_LARGE
    assert "lower max_bytes" in intake.verdict.detail


def fall_over_memory() -> NoReturn:
    try:
        raise MemoryError
    finally:
        raise KeyError("what was to be cleared away")


def lose_the_error() -> NoReturn:
    raise SystemError("error return without exception set")


@pytest.mark.parametrize("work", [fall_over_memory, lose_the_error])
def test_what_comes_of_exhausted_memory_is_no_bug(work: Callable[[], NoReturn]) -> None:
    with pytest.raises(MemoryError):
        reading(work).read(FEED, BODY)


def test_the_limit_of_processor_time_bites() -> None:
    outcome, message = failure(reading(spin, processor=1))

    assert outcome is FetchOutcome.TIMED_OUT
    assert message == "the reader was ended by SIGXCPU: it took more than 1 s of processor time"


def test_a_child_that_hangs_is_ended() -> None:
    outcome, message = failure(reading(signal.pause, seconds=0.1))

    assert outcome is FetchOutcome.TIMED_OUT
    assert message == "the reader was ended: it was not done after 0.1 s"


def test_an_answer_without_end_is_not_heard_to_its_end() -> None:
    child = replace(
        reading(lambda: "x" * 1000), read_bounds=lambda _: Bounds("reader", 60, 60, 2**30, 100)
    )

    outcome, message = failure(child)

    assert outcome is FetchOutcome.TOO_LARGE
    assert "it answered with more than 100 bytes" in message


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "was ended by SIGKILL: another hand, or no memory left"),
        (signal.SIGSEGV, "was ended by SIGSEGV"),
        (signal.SIGTERM, "was ended by SIGTERM"),
        (signal.SIGRTMIN + 1, f"was ended by signal {signal.SIGRTMIN + 1}"),
    ],
)
def test_a_signal_fails_the_feed_in_words(number: int, words: str) -> None:
    outcome, message = failure(reading(lambda: os.kill(os.getpid(), number)))

    assert outcome is FetchOutcome.NOT_A_LIST
    assert message == f"the reader {words}"


@pytest.mark.parametrize(("code", "words"), [(7, "ended itself with code 7"), (0, "said nothing")])
def test_a_child_that_ends_itself_fails_its_feed(code: int, words: str) -> None:
    assert words in failure(reading(lambda: os._exit(code)))[1]


def test_nonsense_fails_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxyfeed.sources.apart.encode_reading", lambda _: b"L nonsense")

    outcome, message = failure(Apart(IDENTITY))

    assert outcome is FetchOutcome.NOT_A_LIST
    assert message == "the reader sent what makes no sense: its header is no JSON"


def test_a_fetcher_that_dies_is_one_attempt_at_that_url() -> None:
    child = Apart(IDENTITY, fetching=lambda *_: os.kill(os.getpid(), signal.SIGKILL))  # type: ignore[arg-type,return-value]

    (attempt,) = child.fetch("http://user:secret@lists.example.net/", LIMITS)

    assert attempt.outcome is FetchOutcome.NOT_A_LIST
    assert attempt.url == "http://***@lists.example.net/"
    assert attempt.detail.startswith("the fetcher was ended by SIGKILL")


def test_after_a_dead_fetcher_the_next_url_has_its_turn() -> None:
    def die_once(url: str, *_: object) -> tuple[Attempt, ...]:
        if "live" in url:
            os.kill(os.getpid(), signal.SIGKILL)
        return (Attempt(url, FetchOutcome.NEW, 200, 1, 0.0, body=BODY),)

    child = Apart(IDENTITY, fetching=die_once, reading=lambda *_: LISTING)
    intake = child.take_in(FEED, ("http://live/", "http://archive/"), None)

    assert [attempt.outcome for attempt in intake.attempts] == ["not a list", "new"]
    assert intake.listing == LISTING


@pytest.mark.parametrize("bug", [ZeroDivisionError, SystemExit, KeyboardInterrupt, RecursionError])
def test_a_bug_is_raised_with_its_traceback(bug: type[BaseException]) -> None:
    def fall() -> NoReturn:
        raise bug("a\x1b[31mb")

    with pytest.raises(BugApart, match="in fall") as caught:
        reading(fall).read(FEED, BODY)

    assert f"{bug.__name__}: a\\x1b[31mb" in str(caught.value)


# ---------------------------------------------------------------- what ends the parent


@pytest.fixture
def home() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def children() -> str:
    """
    The processes that this one has started, zombies included.
    """
    return "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


def wait_for_end(connection: socket.socket) -> None:
    """
    Return when the other end is closed; a test that waits for ever has found a child that lives on.
    """
    connection.settimeout(60)
    assert connection.recv(1) == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_no_child_outlives_its_parent(home: socket.socket, number: int) -> None:
    port = home.getsockname()[1]
    argv = [sys.executable, probing.__file__, "--call-home", str(port)]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as parent:
        connection, _ = home.accept()
        with connection:
            assert int(connection.makefile().readline()) != parent.pid

            parent.send_signal(number)

            wait_for_end(connection)
        assert parent.wait() != 0


def test_an_interrupt_ends_the_child_and_goes_on_in_the_parent(home: socket.socket) -> None:
    before = children()
    interrupted = threading.Thread(target=_interrupt_when_called, args=[home])
    interrupted.start()

    with pytest.raises(KeyboardInterrupt):
        Apart(IDENTITY, fetching=call_home(home.getsockname()[1])).fetch(URL, LIMITS)

    interrupted.join()
    assert children() == before


def _interrupt_when_called(home: socket.socket) -> None:
    connection, _ = home.accept()
    with connection:
        connection.makefile().readline()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        wait_for_end(connection)


def test_a_hundred_children_leave_neither_zombies_nor_descriptors() -> None:
    child = Apart(IDENTITY, fetching=lambda *_: said("here"))
    child.fetch(URL, LIMITS)
    before = (descriptors(), children())

    for _ in range(100):
        child.fetch(URL, LIMITS)

    assert (descriptors(), children()) == before


def test_what_the_parent_has_forgotten_closes_no_descriptor_of_the_child(tmp_path: Path) -> None:
    gc.disable()
    try:
        lost = [(tmp_path / "lost").open("wb")]
        number = lost[0].fileno()
        lost.append(lost)  # type: ignore[arg-type]
        del lost

        def take_its_number(*_: object) -> tuple[Attempt, ...]:
            opened = [os.dup(0)]
            while opened[-1] < number:
                opened.append(os.dup(0))
            gc.collect()
            return said([os.fstat(each).st_rdev == os.fstat(0).st_rdev for each in opened])

        (attempt,) = Apart(IDENTITY, fetching=take_its_number).fetch(URL, LIMITS)
    finally:
        gc.enable()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    assert set(json.loads(attempt.detail)) == {True}


def test_the_signal_mask_of_the_parent_is_what_it_was() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        Apart(IDENTITY, fetching=lambda *_: said("here")).fetch(URL, LIMITS)

        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before | {signal.SIGUSR2}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_where_nobody_waits_for_children_the_answer_counts_all_the_same() -> None:
    usual = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        (attempt,) = Apart(IDENTITY, fetching=lambda *_: said("here")).fetch(URL, LIMITS)
        dead = failure(reading(lambda: os.kill(os.getpid(), signal.SIGKILL)))
    finally:
        signal.signal(signal.SIGCHLD, usual)

    assert attempt.detail == '"here"'
    assert dead[1] == "the reader ended and said nothing"


def test_a_child_begins_with_no_signal_blocked_or_handled_by_the_parent() -> None:
    def look() -> list[object]:
        handled = {signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)}
        return [signal.pthread_sigmask(signal.SIG_BLOCK, []), handled]

    usual = signal.signal(signal.SIGUSR1, lambda *_: None)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        with pytest.raises(ReadError, match=r"with \[set\(\), \{<Handlers.SIG_DFL: 0>\}\]"):
            reading(look).read(FEED, BODY)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGUSR1, usual)
