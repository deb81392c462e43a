"""
Killed at any moment, proxyfeed leaves the old content or the new one, and nothing to repair.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import (
    NEAR,
    NET,
    NEW,
    OLD,
    SPEC,
    RecordingRunner,
    firewall_in,
    held,
    path_with,
    record,
    served,
    set_names,
)

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

PATIENCE = 20.0
# Without the only /30, so that IPv4 too is filled aside and swapped.
ALL_ANEW = NEW - PrefixSet.parse(["205.188.146.144/30"])
# It waits where its stream begins with the given letters, and then does what ipset does. The
# stream is read through /proc, so that ipset finds it untouched.
WAITING_IPSET = """#!/bin/sh
case "$1 $(head -c 4 /proc/self/fd/0)" in
"restore {verb}") echo $$ > {folder}/started; read go < {folder}/released ;;
esac
exec {ipset} "$@"
"""


class WaitingIpset:
    """
    An ``ipset`` in *folder* that waits, when its stream begins with *verb*, until it is released.
    """

    def __init__(self, folder: Path, verb: str) -> None:
        ipset = shutil.which("ipset", path=SYSTEM_PATH)
        program = folder / "ipset"
        program.write_text(WAITING_IPSET.format(verb=verb, folder=folder, ipset=ipset))
        program.chmod(0o755)
        os.mkfifo(folder / "started")
        os.mkfifo(folder / "released")
        # Open on both sides, so that nobody waits for the other's opening.
        self._started = os.open(folder / "started", os.O_RDWR)
        self._released = os.open(folder / "released", os.O_RDWR)

    def wait_until_started(self) -> int:
        """
        Return its process.
        """
        assert select.select([self._started], [], [], PATIENCE)[0], "ipset was not started"
        return int(os.read(self._started, 32))

    def release(self) -> None:
        os.write(self._released, b"go\n")

    def close(self) -> None:
        os.close(self._started)
        os.close(self._released)


def start(work: Callable[[], object]) -> int:
    """
    Start a process that does *work*, in a process group of its own, and return it.
    """
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            work()
        finally:
            os._exit(0)
    return child


def wait_until_told(process: int, number: signal.Signals) -> None:
    """
    Wait until a signal has ended *process*, or waits for it to listen.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        # ShdPnd: 0000000000000002
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
        fields = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if fields["State"].startswith("Z") or int(fields["ShdPnd"], 16) >> (number - 1) & 1:
            return
        os.sched_yield()
    raise AssertionError(f"the signal {number.name} has not arrived")


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name
)
@pytest.mark.parametrize(
    ("verb", "wanted", "left"),
    [
        pytest.param("add ", NEAR, NEAR, id="in a delta"),
        pytest.param("swap", ALL_ANEW, ALL_ANEW, id="in a swap"),
        pytest.param("crea", ALL_ANEW, OLD, id="while it fills a set aside"),
    ],
)
def test_an_ipset_that_was_started_is_done_whole_whoever_ends_proxyfeed(
    director: Namespace,
    tmp_path: Path,
    number: signal.Signals,
    verb: str,
    wanted: PrefixSet,
    left: PrefixSet,
) -> None:
    converge(firewall_in(director), SPEC, OLD)
    with closing(WaitingIpset(tmp_path, verb)) as ipset:
        firewall = firewall_in(director, path_with(tmp_path))
        proxyfeed = start(lambda: converge(firewall, SPEC, wanted))
        restore = ipset.wait_until_started()
        # To all that a terminal would send it to.
        os.killpg(proxyfeed, number)
        wait_until_told(proxyfeed, number)
        with os.fdopen(os.pidfd_open(restore)) as ended:
            ipset.release()
            assert select.select([ended], [], [], PATIENCE)[0], "ipset does not end"
        os.waitpid(proxyfeed, 0)

    assert held(director) == left
    converge(firewall_in(director), SPEC, wanted)
    assert held(director) == wanted
    assert set_names(director) == set(NET.values())


@dataclass(frozen=True, slots=True)
class MortalRunner(RecordingRunner):
    """
    It kills its own process instead of starting the command of the number *last*.
    """

    last: int = 0

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        if len(self.commands) == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        return RecordingRunner.run(self, argv, script)


def test_killed_between_any_two_commands_it_leaves_old_or_new_and_nothing_to_repair(
    director: Namespace,
) -> None:
    later = replace(SPEC, virtual=served((80, "tcp"), (53, "udp")), mask=0xFF)
    converge(firewall_in(director), SPEC, OLD)
    runner = record(director)
    converge(Firewall(runner), later, ALL_ANEW)
    writes = [n for n, command in enumerate(runner.commands) if {"restore", "destroy"} & {*command}]
    writes += [n for n, command in enumerate(runner.commands) if "restore" in command[0]]
    assert len(writes) >= 9

    for number in sorted(writes):
        converge(firewall_in(director), SPEC, OLD)
        mortal = MortalRunner(prefix=director.argv, last=number)
        _, status = os.waitpid(start(partial(converge, Firewall(mortal), later, ALL_ANEW)), 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert held(director) in (OLD, ALL_ANEW)

        assert converge(firewall_in(director), later, ALL_ANEW).notes == ()
        assert held(director) == ALL_ANEW
        assert not [name for name in set_names(director) if name.endswith("_new")]
