"""
What a night costs in the kernel: programs started and entries written, counted and not timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.kernel.backends import IpsetBackend, KernelBackend, NftBackend
from tests.kernel.namespaces import Namespace
from tests.kernel.product import NET, RecordingRunner

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.firewall.layout import targets
from proxyfeed.marked import MarkedSet
from proxyfeed.model import Action, Split, VirtualService
from proxyfeed.prefixes import PrefixSet

IPTABLES = ("-w", "10", "-t", "mangle", "-S", "PREROUTING")


@dataclass(frozen=True, slots=True)
class ScriptRunner(RecordingRunner):
    """
    A `Runner` that also remembers the lines that it was to send.
    """

    lines: list[str] = field(default_factory=list)

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        self.commands.append(tuple(argv))
        self.lines.extend((script or "").splitlines())
        return Runner.run(self, argv, script)


def relays(start: int, stop: int) -> PrefixSet:
    """
    Single addresses, of which no two aggregate: two families of (*stop* - *start*) each.
    """
    numbers = range(2 * start, 2 * stop, 2)
    return PrefixSet.parse(
        [f"198.18.{n >> 8}.{n & 255}" for n in numbers] + [f"2001:db8::{n:x}" for n in numbers]
    )


@pytest.mark.parametrize("backend", ["ipset+iptables-nft"], indirect=True)
def test_a_night_without_a_change_starts_each_program_once_and_writes_nothing(
    director: Namespace, backend: KernelBackend
) -> None:
    content, spec = relays(0, 100), backend.spec
    converge(backend.firewall(director), spec, content)
    runner = ScriptRunner(prefix=director.argv, path=backend.path)

    applied = converge(Firewall(runner), spec, content)

    assert applied.plan.is_nothing
    assert applied.before == content
    assert runner.lines == []
    assert sorted(runner.commands) == sorted(
        [
            ("ipset", "list", "-n"),
            ("ipset", "save", NET[4]),
            ("ipset", "save", NET[6]),
            ("iptables", *IPTABLES),
            ("ip6tables", *IPTABLES),
            # In the tables of the other iptables, and in those of nftables, nothing is left.
            ("iptables", "--version"),
            ("ip6tables", "--version"),
            ("cat", "/proc/net/ip_tables_names"),
            ("cat", "/proc/net/ip6_tables_names"),
            ("nft", "list", "tables"),
        ]
    )


def test_a_night_without_a_change_in_a_table_starts_three_programs(director: Namespace) -> None:
    content, spec = relays(0, 100), NftBackend().spec
    converge(NftBackend().firewall(director), spec, content)
    runner = ScriptRunner(prefix=director.argv)

    converge(Firewall(runner), spec, content)

    assert runner.lines == []
    assert runner.commands == [
        ("ipset", "list", "-n"),
        ("nft", "list", "tables"),
        ("nft", "-j", "list", "table", "inet", "proxyfeed_aol"),
    ]


@pytest.mark.parametrize("backend", ["ipset+iptables-nft"], indirect=True)
def test_a_small_change_writes_its_own_entries_and_starts_one_program_to_write_them(
    director: Namespace, backend: KernelBackend
) -> None:
    spec = backend.spec
    old, new = relays(0, 1000), relays(10, 1010)
    converge(backend.firewall(director), spec, old)
    runner = ScriptRunner(prefix=director.argv, path=backend.path)

    applied = converge(Firewall(runner), spec, new)

    came = [
        f"add {name} {text}" for f, name in NET.items() for text in (new - old).family(f).lines()
    ]
    gone = [
        f"del {name} {text}" for f, name in NET.items() for text in (old - new).family(f).lines()
    ]
    assert len(came) == len(gone) == 20
    assert runner.lines == came + gone
    assert runner.commands.count(("ipset", "restore")) == 1
    assert applied.before == old
    # Rules that stand as they should are not looked at a third time.
    assert runner.commands.count(("iptables", *IPTABLES)) == 2
    assert backend.held(director) == new


def test_what_is_filled_aside_is_written_once(director: Namespace) -> None:
    spec = IpsetBackend().spec
    converge(IpsetBackend().firewall(director), replace(spec, families=(4,)), relays(0, 1000))
    runner = ScriptRunner(prefix=director.argv)

    applied = converge(Firewall(runner), replace(spec, families=(4,)), relays(500, 1500))

    assert [one.action for one in applied.plan.sets] == [Action.REPLACE]
    assert len([line for line in runner.lines if line.startswith("add ")]) == 1000
    assert runner.lines[-1] == f"swap {NET[4]}_new {NET[4]}"


def test_the_kernel_lists_entries_as_they_are_expected(director: Namespace) -> None:
    """
    Another form would be read as the same, and cost the reading of each.
    """
    prefixes = PrefixSet.parse(["20.0.0.0/8", "20.1.2.3/32", "2a00::/32", "2a00:1::1", "::1/128"])
    services = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 443, "udp"))
    whole = replace(IpsetBackend().spec, virtual=services)
    marks = {11: prefixes, 0xFFFF0000: PrefixSet.parse(["30.0.0.0/24"])}
    split = replace(whole, split=Split("country", tuple(marks)), mask=0xFFFF00FF)
    for spec, content in ((whole, prefixes), (split, MarkedSet.of(marks))):
        firewall = Firewall(Runner(prefix=director.argv))
        converge(firewall, spec, content)
        live = firewall.read(spec)
        for target in targets(spec, content):
            assert live.sets[target.name].entries == target.entries
