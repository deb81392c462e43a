"""
One change that is tried again and again, with other faults each time, and what must always hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from ipaddress import ip_network
from itertools import product

from tests.fake_kernel import Command, FakeKernel, FaultyRunner, copy_of
from tests.fake_nft import FORM, FakeTable
from tests.faults import NET, TABLE, Choose, by_number

from proxyfeed.converge import converge
from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall import Firewall
from proxyfeed.model import Backend, SetSpec
from proxyfeed.prefixes import PrefixSet

# All contents are made of blocks of these lengths, so that they can be compared however they are
# aggregated.
BLOCK_LENGTH = {4: 29, 6: 48}
# What a packet may be for; the last stands for all that is no virtual service.
DESTINATIONS = ("192.0.2.80,tcp:80", "192.0.2.53,udp:53", "2001:db8::80,tcp:80", "elsewhere")


@dataclass(frozen=True)
class Change:
    """
    From *kernel* to what *spec* and *desired* want.
    """

    kernel: FakeKernel
    spec: SetSpec
    desired: PrefixSet


@dataclass(frozen=True)
class Run:
    """
    One try of a change: *kernel* afterwards, *log* of the commands, *error* if it was raised.
    """

    kernel: FakeKernel
    log: list[Command]
    error: ProxyfeedError | None

    @property
    def has_written(self) -> bool:
        return any(command.writes for command in self.log)


def carry_out(change: Change, choose: Choose) -> Run:
    runner = FaultyRunner(kernel=copy_of(change.kernel), choose=choose)
    try:
        converge(Firewall(runner), change.spec, change.desired)
    except ProxyfeedError as exc:
        return Run(runner.kernel, runner.log, exc)
    return Run(runner.kernel, runner.log, None)


class Trial:
    """
    One change that is tried again and again, and what must hold however it goes.

    *log* are the commands of a run without a fault, *points* how many others there were.
    """

    def __init__(self, change: Change) -> None:
        clean = carry_out(change, by_number({}))
        assert clean.error is None
        self.log = clean.log
        self.points = 0
        self._change = change
        self._new = clean.kernel
        self._common = marked(change.kernel) & marked(clean.kernel)
        self._mended: set[str] = set()

    def run(self, choose: Choose, *, is_seamless: bool = True) -> Run:
        """
        Try it with faults; *is_seamless* where these do not remove an entry by themselves.
        """
        self.points += 1
        watch = self._assert_marked if is_seamless else FakeKernel().watch
        watched = replace(self._change.kernel, watch=watch)
        return carry_out(replace(self._change, kernel=watched), choose)

    def _assert_marked(self, kernel: FakeKernel) -> None:
        """
        No step unmarks a packet that is marked both before and after the change.
        """
        assert self._common <= marked(kernel)

    @property
    def is_move(self) -> bool:
        """
        Whether it is from one backend to the other.
        """
        had_ipsets, has_ipsets = bool(self._change.kernel.sets), bool(self._new.sets)
        had_table, has_table = bool(self._change.kernel.tables), bool(self._new.tables)
        return (had_ipsets and not has_ipsets) or (had_table and not has_table)

    def is_changed_by(self, words: str) -> bool:
        return any(words in line for command in self.log for line in command.lines)

    def is_new(self, run: Run) -> bool:
        return contents(run.kernel) == contents(self._new)

    def is_new_at_least(self, run: Run) -> bool:
        """
        Whether all is new, where sets that are no longer served may be there still.
        """
        no_longer_served = self._change.kernel.sets.keys() - self._new.sets.keys()
        may_remain = {name for name in no_longer_served if not name.endswith("_new")}
        sets, rules, _ = contents(run.kernel)
        served = {name: one for name, one in sets.items() if name not in may_remain}
        old, new = table_of(self._change.kernel).sets, table_of(self._new).sets
        tables = {
            name: replace(
                table, sets={n: one for n, one in table.sets.items() if n in new or n not in old}
            )
            for name, table in run.kernel.tables.items()
        }
        return (served, rules, tables) == contents(self._new)

    def is_done_but_for_former(self, run: Run) -> bool:
        """
        Whether all was done, but for what the other backend held, which may be there still.
        """
        return "is in place by " in run.error.message if run.error else self.is_move

    def assert_truthful(self, run: Run) -> None:
        """
        What was returned or raised is so.
        """
        old = self._change.kernel
        before, after, now = map(addresses, (old, self._new, run.kernel))
        if run.error is None:
            assert self.is_new_at_least(run)
        elif not run.has_written:
            assert contents(run.kernel) == contents(old)
        elif self.is_done_but_for_former(run):
            assert "no more" not in run.error.message
            self._assert_in_place_by(run.kernel, self._change.spec.backend)
        elif "the old content is in place" in run.error.message:
            assert now == before
            assert not [name for name in run.kernel.sets if name.endswith("_new")]
            assert services(run.kernel) == services(old)
            # Rules in the tables of the other variant may be gone for good.
            assert run.kernel.rules["nft", 4] == old.rules["nft", 4]
            assert run.kernel.rules["nft", 6] == old.rules["nft", 6]
            assert table_rules(run.kernel) == table_rules(old)
        elif "the old addresses are in place" in run.error.message:
            assert now == before
        elif "the new addresses are in place" in run.error.message:
            assert now == after
        elif "neither the old addresses nor the new ones" in run.error.message:
            assert now not in (before, after)
        else:
            assert "what the kernel holds now is not known" in run.error.message

    def _assert_in_place_by(self, kernel: FakeKernel, backend: Backend) -> None:
        """
        All is new in *backend*, whatever of the other is there still.
        """
        if backend is Backend.NFTABLES:
            assert kernel.tables == self._new.tables
            return
        for name, found in self._new.sets.items():
            assert sorted(kernel.sets[name].members) == sorted(found.members)
        assert kernel.rules == self._new.rules

    def assert_alike(self, run: Run) -> None:
        """
        All families that are served hold the old addresses, or all hold the new ones.

        One that is no longer served may be there still, or be gone already.
        """
        states = zip(*map(addresses, (run.kernel, self._change.kernel, self._new)), strict=True)
        found = dict(zip(NET, states, strict=True))
        served = [found[family] for family in self._change.spec.families]
        # While both backends are there, each family holds all of both.
        assert (
            all(now == old for now, old, _ in served)
            or all(now == new for now, _, new in served)
            or all(now == old | new for now, old, new in served)
        )
        assert all(now in (old, new, old | new) for now, old, new in found.values())

    def assert_mendable(self, run: Run) -> None:
        """
        The next run without a fault succeeds, and leaves nothing over.
        """
        end = repr(contents(run.kernel))
        if end not in self._mended:
            change = replace(self._change, kernel=replace(run.kernel, watch=FakeKernel().watch))
            next_run = carry_out(change, by_number({}))
            assert next_run.error is None
            assert self.is_new(next_run)
            self._mended.add(end)


def contents(kernel: FakeKernel) -> tuple[dict[str, object], object, object]:
    """
    All that a kernel holds, but for the order of entries and the head-room.
    """
    sets: dict[str, object] = {
        name: (one.type, sorted(one.members)) for name, one in sorted(kernel.sets.items())
    }
    return sets, kernel.rules, kernel.tables


def addresses(kernel: FakeKernel) -> list[frozenset[str]]:
    """
    The blocks that each family holds, in an ipset or in a table.
    """
    found = []
    for family, name in NET.items():
        ipset = kernel.sets.get(name)
        of_table = table_of(kernel).sets.get(f"addresses_{family}")
        of_ipset = ipset.members if ipset and ipset.type == "hash:net" else []
        found.append(blocks(of_ipset) | blocks(of_table.elements if of_table else []))
    return found


def services(kernel: FakeKernel) -> dict[str, list[str]]:
    of_table = table_of(kernel).sets
    return {
        name: sorted(one.members) for name, one in kernel.sets.items() if one.type == "hash:ip,port"
    } | {name: sorted(one.elements) for name, one in of_table.items() if " . " in one.type}


def table_of(kernel: FakeKernel) -> FakeTable:
    return kernel.tables.get(TABLE, FakeTable())


def table_rules(kernel: FakeKernel) -> list[str]:
    return table_of(kernel).rules.get("marking", [])


def marked(kernel: FakeKernel) -> set[tuple[str, str]]:
    """
    The pairs of destination and source block that a rule of ours marks.
    """
    found: set[tuple[str, str]] = set()
    for rule in (rule for rules in kernel.rules.values() for rule in rules):
        *served, sources = (kernel.sets[name] for name in re.findall(r"--match-set (\S+)", rule))
        found |= set(
            product(served[0].members if served else DESTINATIONS, blocks(sources.members))
        )
    rules = [
        (table, rule)
        for table in kernel.tables.values()
        for rule in table.rules.get("marking", [])
        if table.chains["marking"] == FORM
    ]
    for table, rule in rules:
        *in_table, addresses_of = (table.sets[name] for name in re.findall(r"@(\w+)", rule))
        destinations = [as_ipset(one) for one in in_table[0].elements] if in_table else DESTINATIONS
        found |= set(product(destinations, blocks(addresses_of.elements)))
    return found


def as_ipset(service: str) -> str:
    """
    Write ``192.0.2.80 . tcp . 80`` as ``192.0.2.80,tcp:80``.
    """
    address, protocol, port = service.split(" . ")
    return f"{address},{protocol}:{port}"


def blocks(members: list[str]) -> frozenset[str]:
    return frozenset().union(*map(cut, members))


@cache
def cut(member: str) -> frozenset[str]:
    """
    Cut 2001:db8:6::/47 into the blocks 2001:db8:6::/48 and 2001:db8:7::/48.
    """
    network = ip_network(member)
    length = max(BLOCK_LENGTH[network.version], network.prefixlen)
    return frozenset(map(str, network.subnets(new_prefix=length)))
