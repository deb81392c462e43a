"""
The real program while it fetches: who talks to the server, and what is left when that one dies.
"""

from __future__ import annotations

import os
import pwd
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine
from tests.e2e.pages import GROWN, LIST, page
from tests.e2e.servers import PAGE, SITE_PORT, Site, Webhook
from tests.kernel.parts import skip_or_fail
from tests.servers import Call, response

pytestmark = pytest.mark.kernel

SECOND = "/second.txt"
TWO_FEEDS = f"""{CONFIGURATION}
[feeds.second]
url = "http://127.0.0.1:{SITE_PORT}{SECOND}"
format = "text"
"""
BUGGY = (
    sys.executable,
    "-c",
    "from proxyfeed.sources.html import page; read = page.read_page; "
    # Not over the page of ours that is read before, so that all is imported.
    "page.read_page = lambda part: read(part) if '192.0.2.' in str(part) else 1 / 0; "
    "from proxyfeed.cli import main; main()",
)

# A run needs half of it, and the tree of a page that is 1 MiB of <br> needs all.
TIGHT = (
    sys.executable,
    "-c",
    "import resource; resource.setrlimit(resource.RLIMIT_DATA, (160 * 2**20,) * 2); "
    "from proxyfeed.cli import main; main()",
)


@pytest.fixture
def as_root() -> None:
    skip_or_fail([] if os.geteuid() == 0 else ["only root can become another user: run as root"])


class Held:
    """
    A page that is sent only once it is let go.
    """

    def __init__(self) -> None:
        self._asked, self._let_go = threading.Event(), threading.Event()

    def __call__(self, call: Call) -> None:
        self._asked.set()
        self._let_go.wait()
        call.send(response(page(GROWN)))

    @contextmanager
    def while_asked(self) -> Iterator[None]:
        assert self._asked.wait(60)
        try:
            yield
        finally:
            self._let_go.set()


def only_child(process: subprocess.Popen[bytes]) -> int:
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


def status_of(pid: int) -> dict[str, list[str]]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, _, value in (line.partition(":") for line in lines)}


@pytest.mark.parametrize("arguments", [["update"], ["feeds", "try", "aol"]])
def test_who_talks_to_the_server_is_nobody_and_holds_no_file_of_ours(
    as_root: None, running: Machine, site: Site, arguments: list[str]
) -> None:
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    held = site.pages[PAGE] = Held()

    with running.start(*arguments, stdout=subprocess.DEVNULL) as process:
        with held.while_asked():
            fetcher = only_child(process)
            status = status_of(fetcher)
            links = [str(path.readlink()) for path in Path(f"/proc/{fetcher}/fd").iterdir()]
        process.wait()

    assert status["Uid"] == status["Gid"] == [nobody] * 4
    assert (status["Groups"], status["NoNewPrivs"]) == ([], ["1"])
    assert int(status["CapEff"][0], 16) == int(status["CapPrm"][0], 16) == 0
    assert {link.split(":")[0] for link in links} == {
        *("/dev/null", "pipe", "socket", "anon_inode"),
    }


def test_another_user_may_be_named(as_root: None, running: Machine, site: Site) -> None:
    running.configure(f'fetch_as = "daemon"\n{CONFIGURATION}')
    held = site.pages[PAGE] = Held()

    with running.start("update", stdout=subprocess.DEVNULL) as process:
        with held.while_asked():
            status = status_of(only_child(process))
        process.wait()

    assert status["Uid"] == [str(pwd.getpwnam("daemon").pw_uid)] * 4


def test_a_user_that_does_not_exist_is_a_mistake_of_the_configuration(running: Machine) -> None:
    running.configure(f'fetch_as = "none such"\n{CONFIGURATION}')

    done = running.proxyfeed("update", code=2)

    assert "fetch_as: must be a user of this machine" in done.err


def test_a_killed_fetcher_costs_its_feed_the_night_and_no_other(
    running: Machine, site: Site
) -> None:
    running.configure(TWO_FEEDS)
    before = running.kernel()
    site.pages[SECOND] = response(b"20.0.0.0/24\n")
    held = site.pages[PAGE] = Held()

    with running.start("update", stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        with held.while_asked():
            os.kill(only_child(process), signal.SIGKILL)
        out, err = process.communicate()

    assert process.returncode == 3
    assert b"feed aol: not a list: the fetcher was ended by SIGKILL" in err
    assert b"version 1 stays active" in err
    assert b"feed second: new content, version 2 is accepted" in out
    assert running.kernel() == before


def test_a_page_that_takes_all_memory_costs_its_feed_the_night_and_no_other(
    running: Machine, site: Site
) -> None:
    running.configure(TWO_FEEDS)
    before = running.kernel()
    site.pages[SECOND] = response(b"20.0.0.0/24\n")
    site.pages[PAGE] = response(b"<h1>AOL Proxy Info</h1>" + b"<br>" * 2**18)

    done = running.proxyfeed("update", code=3, program=TIGHT)

    assert "feed aol: too large: it cannot be read in the memory that there is" in done.err
    assert "feed second: new content, version 2 is accepted" in done.out
    assert running.kernel() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -15)])
def test_whoever_ends_the_program_ends_its_fetcher(
    running: Machine, site: Site, number: int, code: int
) -> None:
    held = site.pages[PAGE] = Held()

    with running.start("update", stderr=subprocess.DEVNULL) as process:
        with held.while_asked():
            fetcher = os.pidfd_open(only_child(process))
            process.send_signal(number)
            process.wait()
            assert is_over(fetcher)
        os.close(fetcher)

    assert process.returncode == code


def is_over(pidfd: int) -> bool:
    """
    Whether that process ends within a minute; the kernel needs a moment for it.
    """
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(60_000))


def test_root_without_the_rights_to_give_rights_up_changes_nothing_and_tells(
    as_root: None, running: Machine, site: Site, webhook: Webhook
) -> None:
    running.configure(CONFIGURATION + ALERTS)
    site.pages[PAGE] = response(page(GROWN))
    site.requests.clear()
    before = running.kernel()
    bounded = ("setpriv", "--bounding-set=-setuid", sys.executable, "-m", "proxyfeed")

    done = running.proxyfeed("update", "--quiet", code=7, program=bounded)

    assert "it lacks CAP_SETUID" in done.complaints[0]
    assert "set fetch_as to the user that it runs as" in done.err
    assert running.kernel() == before
    assert site.requests == []
    assert [message.title for message in webhook.take()] != []


def test_a_bug_in_the_reader_is_a_bug_of_the_program_with_its_traceback(
    running: Machine, site: Site
) -> None:
    running.configure(TWO_FEEDS)
    before = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    site.pages[SECOND] = response(b"20.0.0.0/24\n")

    done = running.proxyfeed("update", code=70, program=BUGGY)

    assert "BugApart: Traceback (most recent call last):" in done.err
    assert "ZeroDivisionError: division by zero" in done.err
    assert "this is a bug in proxyfeed" in done.err
    assert running.kernel() == before
    assert "  2  second" in running.proxyfeed("history", "second").out


def test_a_saved_page_that_only_root_can_read_is_read(as_root: None, running: Machine) -> None:
    saved = running.folder / "saved.html"
    saved.write_bytes(page(LIST))
    saved.chmod(0o600)
    running.configure(CONFIGURATION.replace(f"http://127.0.0.1:{SITE_PORT}{PAGE}", saved.as_uri()))

    done = running.proxyfeed("feeds", "try", "aol")

    assert "20 prefixes" in done.out
