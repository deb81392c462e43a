"""
Killed at any moment, proxyfeed leaves the old content or the new one, and nothing to repair.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.kernel.backends import KernelBackend, NftBackend, all_names
from tests.kernel.mortal import MortalRunner, is_writing, run_until_killed, start
from tests.kernel.namespaces import SYSTEM_PATH, Lab, Namespace
from tests.kernel.packets import Flood, marks
from tests.kernel.product import (
    FAMILIES,
    LASTING,
    MARK,
    NEAR,
    NEW,
    OLD,
    firewall_in,
    path_with,
    served,
    write_program,
)

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

PATIENCE = 20.0
# Without the only /30, so that IPv4 too is filled aside and swapped.
ALL_ANEW = NEW - PrefixSet.parse(["205.188.146.144/30"])
# It waits where its stream begins with the given letters, and then does what the program does. The
# stream is read through /proc, so that the program finds it untouched.
WAITING = """
case "$1 $(head -c 4 /proc/self/fd/0)" in
"{begins}") echo $$ > {folder}/started; read go < {folder}/released ;;
esac
exec {program} "$@"
"""


class WaitingProgram:
    """
    A program in *folder* that stands for that of the same name and waits, when its first argument
    and its stream are those of *begins*, until it is released.
    """

    def __init__(self, folder: Path, name: str, begins: str) -> None:
        program = shutil.which(name, path=SYSTEM_PATH)
        write_program(folder / name, WAITING.format(begins=begins, folder=folder, program=program))
        os.mkfifo(folder / "started")
        os.mkfifo(folder / "released")
        # Open on both sides, so that nobody waits for the other's opening.
        self._started = os.open(folder / "started", os.O_RDWR)
        self._released = os.open(folder / "released", os.O_RDWR)

    def wait_until_started(self) -> int:
        """
        Return its process.
        """
        assert select.select([self._started], [], [], PATIENCE)[0], "it was not started"
        return int(os.read(self._started, 32))

    def release(self) -> None:
        os.write(self._released, b"go\n")

    def close(self) -> None:
        os.close(self._started)
        os.close(self._released)


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
    ("backend", "begins", "wanted", "left"),
    [
        pytest.param("ipset", "restore add ", NEAR, NEAR, id="ipset in a delta"),
        pytest.param("ipset", "restore swap", ALL_ANEW, ALL_ANEW, id="ipset in a swap"),
        pytest.param("ipset", "restore crea", ALL_ANEW, OLD, id="ipset while it fills a set aside"),
        pytest.param("nftables", "-f add ", ALL_ANEW, ALL_ANEW, id="nft"),
    ],
    indirect=["backend"],
)
def test_a_program_that_was_started_is_done_whole_whoever_ends_proxyfeed(
    director: Namespace,
    tmp_path: Path,
    number: signal.Signals,
    backend: KernelBackend,
    begins: str,
    wanted: PrefixSet,
    left: PrefixSet,
) -> None:
    converge(backend.firewall(director), backend.spec, OLD)
    name = "ipset" if backend.spec.backend is Backend.IPSET else "nft"
    with closing(WaitingProgram(tmp_path, name, begins)) as program:
        firewall = firewall_in(director, path_with(tmp_path))
        proxyfeed = start(lambda: converge(firewall, backend.spec, wanted))
        process = program.wait_until_started()
        # To all that a terminal would send it to.
        os.killpg(proxyfeed, number)
        wait_until_told(proxyfeed, number)
        with os.fdopen(os.pidfd_open(process)) as ended:
            program.release()
            assert select.select([ended], [], [], PATIENCE)[0], "it does not end"
        os.waitpid(proxyfeed, 0)

    assert backend.held(director) == left
    converge(backend.firewall(director), backend.spec, wanted)
    assert backend.held(director) == wanted
    assert backend.names(director) == {backend.addresses(family) for family in FAMILIES}


@pytest.mark.parametrize(
    ("backend", "least"), [("ipset", 9), ("nftables", 1)], indirect=["backend"]
)
def test_killed_between_any_two_commands_it_leaves_old_or_new_and_nothing_to_repair(
    director: Namespace, backend: KernelBackend, least: int
) -> None:
    spec = backend.spec
    later = replace(spec, virtual=served((80, "tcp"), (53, "udp")), mask=0xFF)
    converge(backend.firewall(director), spec, OLD)
    runner = backend.record(director)
    converge(Firewall(runner), later, ALL_ANEW)
    writes = [number for number, command in enumerate(runner.commands) if is_writing(command)]
    assert len(writes) >= least

    for number in writes:
        converge(backend.firewall(director), spec, OLD)
        mortal = MortalRunner(prefix=director.argv, last=number)
        run_until_killed(partial(converge, Firewall(mortal), later, ALL_ANEW))
        assert backend.held(director) in (OLD, ALL_ANEW)

        assert converge(backend.firewall(director), later, ALL_ANEW).notes == ()
        assert backend.held(director) == ALL_ANEW
        assert not [name for name in backend.names(director) if name.endswith("_new")]


@pytest.mark.parametrize(
    "by_another_hand",
    [
        pytest.param("add chain {table} theirs", id="a table in which another hand was"),
        pytest.param(
            "flush chain {table} marking\ndelete set {table} addresses_4\n"
            "add set {table} addresses_4 {{ type ipv4_addr; size 9; }}\n"
            "add element {table} addresses_4 {{ 64.12.96.0, 198.81.8.1, 207.200.119.255 }}\n"
            "add rule {table} marking ip saddr @addresses_4 counter meta mark set 1\n"
            "add rule {table} marking ip6 saddr @addresses_6 counter meta mark set 1",
            id="a set of the wrong type",
        ),
    ],
)
def test_killed_while_a_table_is_made_anew_it_marks_and_the_next_run_finishes(
    lab: Lab, by_another_hand: str
) -> None:
    nftables, director = NftBackend(), lab.director
    script = by_another_hand.format(table="inet proxyfeed_aol")
    converge(nftables.firewall(director), nftables.spec, OLD)
    director.run("nft", "-f", "-", input=script)
    runner = nftables.record(director)
    converge(Firewall(runner), nftables.spec, NEW)
    writes = [number for number, command in enumerate(runner.commands) if is_writing(command)]
    assert len(writes) == 3

    for number in writes:
        converge(nftables.firewall(director), nftables.spec, OLD)
        director.run("nft", "-f", "-", input=script)
        mortal = MortalRunner(prefix=director.argv, last=number)
        run_until_killed(partial(converge, Firewall(mortal), nftables.spec, NEW))
        assert marks(lab, LASTING) == dict.fromkeys(LASTING, MARK)

        with Flood(lab, LASTING, mark=MARK) as flood:
            converge(nftables.firewall(director), nftables.spec, NEW)
        assert flood.unmarked == 0
        assert nftables.held(director) == NEW
        assert all_names(director) == {"inet proxyfeed_aol"}
