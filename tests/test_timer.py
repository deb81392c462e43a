"""
What takes back that which is not confirmed, started as a process and by a stand-in for systemd.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel.product import path_with, write_program

from proxyfeed.errors import TimerFailed
from proxyfeed.firewall import Runner
from proxyfeed.model import Uptime
from proxyfeed.timer import ARMED, RevertTimer, is_systemd_here, uptime, wait_until

# Says that it is armed, and then what it has and is, into the file of its first argument.
ARMED_PROGRAM = f"""
import os, sys
print({ARMED!r}, flush=True)
with open(sys.argv[1], "w") as out:
    print(os.getsid(0) == os.getpid(), *os.listdir("/proc/self/fd"), file=out, flush=True)
    sys.stdin.read() or __import__("signal").pause()
"""


def program(script: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script, *words)


def by_process(*command: str) -> RevertTimer:
    return RevertTimer(command, os.environ, Runner().run, has_systemd=lambda: False)


def ended(process: int) -> bool:
    """
    Whether a process that is no more than a second from its end has ended.
    """
    with os.fdopen(os.pidfd_open(process)) as handle:
        return bool(select.select([handle], [], [], 20)[0])


def end(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


# ---------------------------------------------------------------- the clock


def test_the_clock_is_that_of_this_boot_and_goes_forward() -> None:
    one, other = uptime(), uptime()

    assert one.boot == other.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < one.seconds <= other.seconds


def test_it_waits_until_it_is_due_in_pieces_that_a_sleeping_machine_cannot_stretch() -> None:
    now, naps = [Uptime("a boot", 100.0)], []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        # After the second nap the machine has slept for an hour.
        now[0] = now[0].after(3600.0 if len(naps) == 2 else seconds)

    wait_until(Uptime("a boot", 145.0), lambda: now[0], sleep)
    assert naps == [30.0, 15.0]
    wait_until(now[0].after(1000), lambda: now[0], sleep)
    assert sum(naps[2:]) == 1000.0


def test_it_waits_for_nothing_that_was_due_in_another_boot() -> None:
    wait_until(Uptime("a boot", 900.0), lambda: Uptime("another", 1.0), pytest.fail)


# ---------------------------------------------------------------- a process


def test_the_process_has_a_session_of_its_own_and_no_descriptor_of_ours(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    out = tmp_path / "out"
    os.mkfifo(out)
    # Open on both sides, so that nobody waits for the other's opening.
    said = os.open(out, os.O_RDWR)
    ours = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(ours, True)
    timer = by_process(*program(ARMED_PROGRAM, str(out)))

    name = timer.start("c0ffee")
    process = int(name.removeprefix("process "))
    request.addfinalizer(lambda: end(process))

    assert select.select([said], [], [], 20)[0]
    is_leader, *descriptors = os.read(said, 4096).decode().split()
    assert is_leader == "True"
    # Standard streams, its file, and the folder that it lists.
    assert sorted(map(int, descriptors)) == [0, 1, 2, 3, 4]
    timer.stop("another", name)
    timer.stop("c0ffee", name)
    assert ended(process)
    os.close(ours)
    os.close(said)


def test_a_process_that_is_not_the_timer_any_more_is_left_alone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        by_process().stop("c0ffee", f"process {other.pid}")
        assert other.communicate(b"\n") == (None, None)

    assert other.returncode == 0


@pytest.mark.parametrize("name", ["", "process", "process 999999999", "hourglass 12"])
def test_a_timer_that_cannot_be_found_is_nothing_to_stop(name: str) -> None:
    by_process().stop("c0ffee", name)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import sys; sys.exit('there is no database')", "there is no database"),
        ("pass", "not a word from it"),
        ("print('arm')", "arm"),
    ],
)
def test_a_process_that_is_not_armed_is_a_failure(script: str, why: str) -> None:
    with pytest.raises(TimerFailed, match=f"does not start: {why}$") as caught:
        by_process(*program(script)).start("c0ffee")

    assert caught.value.exit_code == 7


def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(TimerFailed, match="/no/such/python: No such file or directory"):
        by_process("/no/such/python").start("c0ffee")


# ---------------------------------------------------------------- systemd


def by_systemd(folder: Path) -> RevertTimer:
    environ = {"PROXYFEED_STATE": "/var/lib/pro $HOME", "SECRET": "x", "PYTHONPATH": "/opt/lib"}
    command = ("/usr/bin/python3", "-P", "-m", "proxyfeed", "--config", "/etc/a $HOME/p.toml")
    return RevertTimer(command, environ, Runner(path=path_with(folder)).run, lambda: True)


def recorded(folder: Path) -> list[str]:
    return (folder / "words").read_text().splitlines()


def test_systemd_is_given_a_service_that_says_itself_when_it_is_armed(tmp_path: Path) -> None:
    write_program(tmp_path / "systemd-run", f'printf "%s\\n" "$@" > {tmp_path}/words')

    name = by_systemd(tmp_path).start("c0ffee")

    assert name == "unit proxyfeed-confirm-c0ffee.service"
    words = recorded(tmp_path)
    end = words.index("--")
    assert words[end + 1 :] == [
        *("/usr/bin/python3", "-P", "-m", "proxyfeed", "--config", "/etc/a $$HOME/p.toml"),
        *("revert", "--overdue", "c0ffee"),
    ]
    assert set(words[:end]) == {
        "--quiet",
        "--collect",
        "--unit=proxyfeed-confirm-c0ffee.service",
        "--service-type=notify",
        "--description=Takes back what proxyfeed applied, unless it is confirmed",
        "--property=Restart=on-failure",
        "--property=RestartSec=10s",
        "--property=RestartPreventExitStatus=2",
        "--property=TimeoutStartSec=30s",
        "--setenv=PROXYFEED_STATE=/var/lib/pro $HOME",
        "--setenv=PYTHONPATH=/opt/lib",
    }


@pytest.mark.skipif(shutil.which("systemd-run") is None, reason="systemd is not installed")
def test_every_option_is_one_that_systemd_run_knows(tmp_path: Path) -> None:
    known = subprocess.run(["systemd-run", "--help"], capture_output=True, text=True, check=True)
    write_program(tmp_path / "systemd-run", f'printf "%s\\n" "$@" > {tmp_path}/words')
    by_systemd(tmp_path).start("c0ffee")

    words = recorded(tmp_path)
    options = [word.partition("=")[0] for word in words[: words.index("--")]]

    assert len(options) > 7
    assert [one for one in options if not re.search(rf"\s{one}[\s=]", known.stdout)] == []


def test_a_systemd_that_does_not_start_it_is_a_failure(tmp_path: Path) -> None:
    write_program(tmp_path / "systemd-run", "echo 'Failed to start transient service' >&2; exit 1")

    with pytest.raises(TimerFailed, match="Failed to start transient service") as caught:
        by_systemd(tmp_path).start("c0ffee")

    assert caught.value.hint.startswith("journalctl")


def test_a_service_that_fails_at_its_start_is_not_left_to_be_restarted(tmp_path: Path) -> None:
    write_program(tmp_path / "systemd-run", "exit 1")
    write_program(tmp_path / "systemctl", f'printf "%s\\n" "$@" > {tmp_path}/words')

    with pytest.raises(TimerFailed):
        by_systemd(tmp_path).start("c0ffee")

    assert recorded(tmp_path) == ["stop", "proxyfeed-confirm-c0ffee.service"]


def test_a_service_is_stopped_by_its_name(tmp_path: Path) -> None:
    write_program(tmp_path / "systemctl", f'printf "%s\\n" "$@" > {tmp_path}/words')

    by_systemd(tmp_path).stop("c0ffee", "unit proxyfeed-confirm-c0ffee.service")

    assert recorded(tmp_path) == ["stop", "proxyfeed-confirm-c0ffee.service"]


def test_a_service_that_cannot_be_stopped_is_left_to_its_end(tmp_path: Path) -> None:
    write_program(tmp_path / "systemctl", "exit 5")

    by_systemd(tmp_path).stop("c0ffee", "unit proxyfeed-confirm-c0ffee.service")


def test_systemd_is_asked_where_it_runs_and_for_its_own_network_alone(tmp_path: Path) -> None:
    ours = Path("/proc/self/ns/net")
    holder = ["unshare", "-rn", "sh", "-c", "echo; read line"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}

    with subprocess.Popen(holder, **pipes) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert not is_systemd_here(tmp_path, Path(f"/proc/{other.pid}/ns/net"))
        other.communicate(b"\n")
    assert is_systemd_here(tmp_path, ours) == (os.geteuid() == 0)
    assert not is_systemd_here(tmp_path / "nothing", ours)
    assert not is_systemd_here(tmp_path, tmp_path / "nobody may look")
