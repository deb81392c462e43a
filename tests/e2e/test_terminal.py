"""
What stands around the program: pipes, terminals, closed streams, an impatient operator.
"""

from __future__ import annotations

import errno
import os
import pty
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from tests.e2e.machine import PROGRAM, Machine
from tests.e2e.pages import GROWN, LIST, page
from tests.e2e.servers import PAGE, Site
from tests.servers import Call, response

pytestmark = pytest.mark.kernel


def test_a_reader_that_goes_away_changes_no_exit_code(running: Machine) -> None:
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")
    for arguments, code in ((["history"], 0), (["diff", "--exit-code"], 1)):
        reader, writer = os.pipe()
        os.close(reader)

        process = running.start(*arguments, stdout=writer, stderr=subprocess.PIPE)
        os.close(writer)

        assert (process.communicate()[1], process.returncode) == (b"", code)


def test_a_disk_that_is_full_is_said_and_is_a_failure(running: Machine) -> None:
    with Path("/dev/full").open("wb") as full:
        process = running.start("export", "1", stdout=full, stderr=subprocess.PIPE)
        said = process.communicate()[1].decode()

    assert process.returncode == 7
    assert said.splitlines() == [
        "proxyfeed: standard output cannot be written: No space left on device",
        "try: df -h; df -i",
    ]


def test_streams_that_are_closed_or_broken_end_no_night(running: Machine, site: Site) -> None:
    site.pages[PAGE] = response(page(GROWN))
    closed = ("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *PROGRAM)
    running.proxyfeed("update", program=closed)
    assert running.versions()[-1] == (2, "accepted")
    assert running.rows("PRAGMA integrity_check") == [("ok",)]

    site.pages.clear()
    reader, writer = os.pipe()
    os.close(reader)
    process = running.start("update", stdout=writer, stderr=writer)
    os.close(writer)
    assert process.wait() == 3


def on_terminal(machine: Machine, *arguments: str, **environment: str) -> str:
    """
    Run a command with its output on a terminal, and return what that showed.
    """
    screen, line = pty.openpty()
    process = machine.start(*arguments, env=environment, stdout=line, stderr=subprocess.PIPE)
    os.close(line)
    process.communicate()
    return read_all(screen)


def read_all(screen: int) -> str:
    shown = b""
    while piece := read(screen):
        shown += piece
    os.close(screen)
    return shown.decode()


def read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError as exc:
        if exc.errno != errno.EIO:  # how a terminal says that nobody writes to it any more
            raise
        return b""


def test_colours_are_for_terminals_alone(running: Machine) -> None:
    running.namespace.run("ipset", "del", "proxyfeed_aol_4", "198.81.8.0/23")

    assert "\x1b[32m+198.81.8.0/23\x1b[0m" in on_terminal(running, "diff")
    assert "\x1b" not in on_terminal(running, "diff", NO_COLOR="1")
    assert "\x1b" not in running.proxyfeed("diff").out


def test_a_page_on_a_terminal_has_nothing_that_the_terminal_obeys(
    running: Machine, site: Site
) -> None:
    site.pages[PAGE] = response(page(GROWN).replace(b"</html>", b"<!-- \x1b[2J --></html>"))
    running.proxyfeed("update")

    assert "<!-- \\x1b[2J -->" in on_terminal(running, "show", "2", "--body")
    assert b"\x1b[2J" in running.proxyfeed("show", "2", "--body").out.encode()


def test_a_fetch_that_lasts_is_shown_on_a_terminal(running: Machine, site: Site) -> None:
    is_shown = threading.Event()

    def wait_for_progress(call: Call) -> None:
        is_shown.wait(30)
        call.send(response(page(LIST)))

    site.pages[PAGE] = wait_for_progress
    screen, line = pty.openpty()
    process = running.start("update", "--quiet", stdout=subprocess.PIPE, stderr=line)
    os.close(line)

    assert os.read(screen, 65536).decode() == "\r\x1b[Kfetching aol ..."
    is_shown.set()
    assert read_all(screen) == "\r\x1b[K"
    assert (process.communicate()[0], process.returncode) == (b"", 0)


def test_a_fetch_that_lasts_is_not_shown_where_there_is_no_terminal(
    running: Machine, site: Site
) -> None:
    def be_slow(call: Call) -> None:
        call.stopping.wait(1.3)
        call.send(response(page(LIST)))

    site.pages[PAGE] = be_slow

    done = running.proxyfeed("update", "--quiet")

    assert (done.out, done.err) == ("", "")


def test_an_interruption_says_how_things_stand_and_leaves_them_so(
    running: Machine, site: Site
) -> None:
    is_asked = threading.Event()

    def say_nothing(call: Call) -> None:
        is_asked.set()
        call.say_nothing()

    held = running.kernel()
    site.pages[PAGE] = say_nothing
    process = running.start("update", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert is_asked.wait(30)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert (process.returncode, out) == (130, b"")
    assert err.decode().splitlines() == [
        "proxyfeed: interrupted; what was applied before stays as it is",
        "try: proxyfeed status",
    ]
    assert running.kernel() == held
    assert running.proxyfeed("apply").err == ""


def test_a_terminal_without_the_letters_of_upstream_ends_no_night(
    running: Machine, site: Site
) -> None:
    title = "Köln 出口".encode()
    body = page(LIST).replace(b"AOL proxies", title).replace(b"AOL Proxy Info", title)
    site.pages[PAGE] = response(body, content_type="text/html; charset=utf-8")

    done = running.proxyfeed("update", code=3, env={"PYTHONIOENCODING": "ascii"})

    assert r"K\xf6ln \u51fa\u53e3" in done.out
    assert r"K\xf6ln \u51fa\u53e3" in done.err
