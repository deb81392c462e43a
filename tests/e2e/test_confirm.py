"""
Commit-confirm with real processes: who waits, who outlives whom, and who has the last word.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine
from tests.e2e.servers import Webhook

from proxyfeed.timer import uptime

pytestmark = pytest.mark.kernel

PATIENCE = 60.0
# What an operator may not ask for: a test has less time than the shortest period.
HASTY = (
    sys.executable,
    "-c",
    "from datetime import timedelta; import proxyfeed.cli.confirming as confirming; "
    "confirming.SHORTEST = timedelta(0); from proxyfeed.cli import main; main()",
)
CHANGED = CONFIGURATION.replace("mark = 1", 'mark = 7\nexclude = ["64.12.96.0/24"]')


class Timer:
    """
    The process that waits to take back what was applied on *machine*.
    """

    def __init__(self, machine: Machine) -> None:
        ((name,),) = machine.rows("SELECT timer FROM confirmations")
        self.number = int(name.removeprefix("process "))
        self.handle = os.pidfd_open(self.number)

    def is_there(self) -> bool:
        return not self._has_ended(0)

    def wait(self) -> None:
        assert self._has_ended(PATIENCE), "the timer does not end"

    def kill(self) -> None:
        signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        self.wait()

    def close(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        os.close(self.handle)

    def _has_ended(self, seconds: float) -> bool:
        return bool(select.select([self.handle], [], [], seconds)[0])


@pytest.fixture
def changed(running: Machine) -> Machine:
    """
    A director after its first night whose configuration has another mark and an exclude since.
    """
    running.configure(CHANGED)
    return running


@pytest.fixture
def follow(changed: Machine) -> Iterator[Callable[[], Timer]]:
    """
    Gives the timer of *changed*; it is gone after the test.
    """
    timers: list[Timer] = []

    def find() -> Timer:
        timers.append(Timer(changed))
        return timers[-1]

    yield find
    for timer in timers:
        timer.close()


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def wait_for(changed: Machine) -> Iterator[Start]:
    """
    Starts what waits on *changed* in the place of a timer that was killed, as systemd does; it is
    gone after the test.
    """
    started: list[subprocess.Popen[bytes]] = []

    def start(token: str, **environ: str) -> subprocess.Popen[bytes]:
        words = ("revert", "--overdue", token)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(changed.start(*words, env=environ, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def stages(machine: Machine) -> list[tuple[Any, ...]]:
    return machine.rows("SELECT set_name, stage FROM confirmations")


def content(machine: Machine) -> tuple[set[str], list[str]]:
    return machine.members("proxyfeed_aol_4"), machine.rules()


def problems(machine: Machine) -> list[str]:
    document = machine.proxyfeed("status", "--json", code=None).document
    return [error["code"] for error in document["errors"]]


def let_time_pass(machine: Machine) -> None:
    """
    What is due in an hour is due since this boot.
    """
    machine.rows("UPDATE confirmations SET due = 0")


# ---------------------------------------------------------------- what becomes of the caller


class Caller:
    """
    An operator's session in which an apply on trial has been done, and whose health command waits.
    """

    def __init__(self, machine: Machine, *before: str, **streams: Any) -> None:
        self._door = machine.folder / "door"
        os.mkfifo(self._door)
        words = ["apply", "--confirm-within", "8s", "--health", f"cat {self._door}"]
        self.process = subprocess.Popen(
            [*machine.namespace.argv, *before, *HASTY, *words],
            env=machine.environment,
            cwd=machine.folder,
            **streams,
        )
        # It opens once the health command does.
        self._open = self._door.open("w")

    def let_health_end(self) -> None:
        self._open.close()


def hang_up(machine: Machine) -> Caller:
    caller = Caller(machine, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.killpg(caller.process.pid, signal.SIGHUP)
    return caller


def kill_all(machine: Machine) -> Caller:
    caller = Caller(machine, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.killpg(caller.process.pid, signal.SIGKILL)
    return caller


def close_terminal(machine: Machine) -> Caller:
    screen, line = pty.openpty()
    caller = Caller(machine, "setsid", "--ctty", stdin=line, stdout=line, stderr=line)
    os.close(line)
    os.close(screen)
    return caller


@pytest.mark.parametrize("end", [hang_up, close_terminal, kill_all], ids=lambda end: end.__name__)
def test_whatever_ends_the_session_what_it_applied_is_taken_back(
    changed: Machine, follow: Callable[[], Timer], end: Callable[[Machine], Caller]
) -> None:
    before = content(changed)

    caller = end(changed)

    assert caller.process.wait() < 0
    timer = follow()
    assert timer.is_there()
    # The health command is still there: it is no part of what was ended.
    assert content(changed) != before
    caller.let_health_end()
    timer.wait()
    assert content(changed) == before
    assert stages(changed) == [("aol", "reverted")]
    for stream in (caller.process.stdout, caller.process.stderr):
        if stream:
            stream.close()


def test_ctrl_c_while_health_is_asked_for_takes_back_at_once(
    changed: Machine, follow: Callable[[], Timer]
) -> None:
    before = content(changed)
    caller = Caller(changed, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    timer = follow()

    os.killpg(caller.process.pid, signal.SIGINT)

    said = caller.process.communicate()[1].decode()
    caller.let_health_end()
    assert caller.process.returncode == 130
    assert "taken back: set aol; the health command was interrupted" in said
    assert content(changed) == before
    timer.wait()


# ---------------------------------------------------------------- the timer


def test_what_nobody_confirms_is_taken_back_and_told(
    changed: Machine, follow: Callable[[], Timer], webhook: Webhook
) -> None:
    changed.configure(CHANGED + ALERTS)
    before = content(changed)

    done = changed.proxyfeed("apply", "--confirm-within", "2s", program=HASTY)

    timer = follow()
    assert f"by process {timer.number}, unless you type: proxyfeed confirm" in done.out
    signal.pidfd_send_signal(timer.handle, signal.SIGHUP)
    timer.wait()
    assert content(changed) == before
    (told,) = webhook.take()
    assert "set aol: the apply by " in told.title
    assert "was not confirmed, and was taken back" in told.title
    assert problems(changed) == ["reverted"]
    assert "left as it is" in changed.proxyfeed("update").err
    assert content(changed) == before
    changed.proxyfeed("apply")
    assert problems(changed) == []


def test_a_confirmation_in_time_leaves_no_process_behind(
    changed: Machine, follow: Callable[[], Timer]
) -> None:
    changed.proxyfeed("apply", "--confirm-within", "1h", "--health", "true")
    timer, wanted = follow(), content(changed)
    assert problems(changed) == []

    done = changed.proxyfeed("confirm")

    timer.wait()
    assert done.out.endswith("is confirmed\n")
    assert (content(changed), stages(changed), problems(changed)) == (wanted, [], [])


def test_a_health_command_that_fails_takes_back_at_once(
    changed: Machine, follow: Callable[[], Timer]
) -> None:
    before = content(changed)
    # It is asked once the new content is in the kernel, and shown what it said.
    health = "sh -c 'ipset test proxyfeed_aol_4 64.12.96.1; exit 3'"

    done = changed.proxyfeed("apply", "--confirm-within", "1h", "--health", health, code=5)

    assert "exited with 3\n  64.12.96.1 is NOT in set proxyfeed_aol_4." in done.err
    assert content(changed) == before
    with suppress(ProcessLookupError):
        follow().wait()


def test_a_timer_that_was_killed_is_made_up_for_by_the_next_command(
    changed: Machine, follow: Callable[[], Timer]
) -> None:
    before = content(changed)
    changed.proxyfeed("apply", "--confirm-within", "1h")
    follow().kill()
    assert "was not confirmed" not in changed.proxyfeed("update").err
    let_time_pass(changed)
    assert problems(changed) == ["overdue"]

    done = changed.proxyfeed("update")

    assert "was not confirmed, and was taken back" in done.err
    assert content(changed) == before


def test_a_timer_waits_for_the_run_that_holds_the_lock(
    changed: Machine, follow: Callable[[], Timer], wait_for: Start
) -> None:
    before = content(changed)
    changed.proxyfeed("apply", "--confirm-within", "1h")
    follow().kill()
    let_time_pass(changed)
    ((token,),) = changed.rows("SELECT token FROM confirmations")
    with (changed.folder / "proxyfeed.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = wait_for(token)
        assert process.stdout is not None
        assert process.stdout.read() == b"armed\n"
        # It has nothing more to wait for; this takes longer than it would take to take it back.
        assert problems(changed) == ["overdue"]
        assert process.poll() is None
        assert content(changed) != before

    # Whoever gives up tries again after a minute, which is longer.
    assert process.wait(PATIENCE / 2) == 0
    assert content(changed) == before
    assert stages(changed) == [("aol", "reverted")]


def test_a_mistake_that_is_written_meanwhile_does_not_stop_the_way_back(
    changed: Machine, follow: Callable[[], Timer], wait_for: Start
) -> None:
    before = content(changed)
    changed.proxyfeed("apply", "--confirm-within", "1h")
    follow().kill()
    soon = uptime().after(5).seconds
    changed.rows(f"UPDATE confirmations SET due = {soon}")
    ((token,),) = changed.rows("SELECT token FROM confirmations")
    process = wait_for(token)
    assert process.stdout is not None
    assert process.stdout.read() == b"armed\n"

    changed.configure("database = [")

    assert process.wait(PATIENCE / 2) == 0
    assert content(changed) == before


def test_systemd_is_told_once_it_is_armed(
    changed: Machine, follow: Callable[[], Timer], wait_for: Start, tmp_path: Path
) -> None:
    changed.proxyfeed("apply", "--confirm-within", "1h")
    follow().kill()
    ((token,),) = changed.rows("SELECT token FROM confirmations")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.settimeout(PATIENCE)
        manager.bind(str(tmp_path / "notify"))
        process = wait_for(token, NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert manager.recv(64) == b"READY=1"
    changed.rows(f"UPDATE confirmations SET timer = 'process {process.pid}'")

    changed.proxyfeed("revert")

    assert process.communicate() == (b"armed\n", b"")
    assert process.returncode == -signal.SIGTERM


def test_nothing_waits_under_a_token_that_nobody_has_given(running: Machine) -> None:
    done = running.proxyfeed("revert", "--overdue", "c0ffee", code=2)

    assert done.err.splitlines()[0] == "proxyfeed: nothing waits for confirmation under 'c0ffee'"


def test_where_the_program_does_not_start_again_nothing_is_applied(changed: Machine) -> None:
    before = content(changed)
    lost = (
        sys.executable,
        "-c",
        "import proxyfeed.timer as timer, sys; timer.PROGRAM = (sys.executable, '-P', '-m', 'lost')"
        "; from proxyfeed.cli import main; main()",
    )

    done = changed.proxyfeed("apply", "--confirm-within", "10m", code=7, program=lost)

    what, try_this = done.err.splitlines()
    assert "the process that would take it back does not start: " in what
    assert "No module named lost" in what
    assert try_this.startswith("try: ")
    assert (content(changed), stages(changed)) == (before, [])


def test_a_change_of_the_backend_is_taken_back_too(
    running: Machine, follow: Callable[[], Timer]
) -> None:
    before = content(running)
    running.configure(CONFIGURATION + 'backend = "nftables"\n')
    running.proxyfeed("apply", "--confirm-within", "1h")
    follow()
    assert "proxyfeed_aol" in running.namespace.run("nft", "list", "tables").stdout
    assert running.rules() == []

    running.proxyfeed("revert")

    assert "proxyfeed_aol" not in running.namespace.run("nft", "list", "tables").stdout
    assert content(running) == before


def test_an_emptied_table_of_nftables_is_nothing_to_go_back_to(running: Machine) -> None:
    running.configure(CONFIGURATION + 'backend = "nftables"\n')
    running.proxyfeed("apply")
    running.namespace.run("nft", "flush", "ruleset")

    done = running.proxyfeed("apply", "--confirm-within", "1h", code=2)

    assert "does not hold inet proxyfeed_aol services_4, inet proxyfeed_aol addresses_4" in done.err
    assert stages(running) == []


# ---------------------------------------------------------------- mistakes

MISTAKES = {
    "apply --confirm-within soon": "--confirm-within must be a time such as",
    "apply --confirm-within 9s": "it must be at least 10 seconds",
    "rollback 1 --confirm-within 2d": "and at most 1 day",
    "apply --health true": "which needs --confirm-within",
    "apply --dry-run --confirm-within 10m": "--dry-run changes nothing that could be confirmed",
    "apply --confirm-within 10m --health nowhere": "names no program in /usr/local/sbin:",
    "confirm": "nothing waits for confirmation",
    "revert": "nothing waits for confirmation",
}


def test_a_mistake_changes_nothing_and_says_what_to_type(changed: Machine) -> None:
    before = content(changed)

    done = changed.several(*(words.split() for words in MISTAKES))

    for words, one in zip(MISTAKES, done, strict=True):
        what, try_this = one.err.splitlines()
        assert MISTAKES[words] in what
        assert try_this.startswith("try: ")
        assert one.code == 2
    assert (content(changed), stages(changed)) == (before, [])


def test_what_waits_is_in_every_document(changed: Machine, follow: Callable[[], Timer]) -> None:
    applied = json.loads(changed.proxyfeed("apply", "--confirm-within", "1h", "--json").out)
    timer = follow()
    looked = changed.proxyfeed("status", "--json").document

    for document in (applied, looked):
        (trial,) = document["data"]["trials"]
        assert (trial["set"], trial["action"], trial["stage"]) == ("aol", "apply", "pending")
        assert 0 < trial["seconds_left"] <= 3600
        assert trial["timer"] == f"process {timer.number}"
    assert "unless you type: proxyfeed confirm" in changed.proxyfeed("status").out
