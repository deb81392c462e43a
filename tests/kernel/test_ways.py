"""
What other rules do to our mark, by the kernel's own listings: which rule keeps packets from ours,
and which one undoes it.
"""

from __future__ import annotations

import pytest
from tests.kernel.backends import EITHER, KernelBackend
from tests.kernel.namespaces import Namespace
from tests.kernel.product import IPTABLES, OLD

from proxyfeed.converge import converge
from proxyfeed.firewall import Firewall
from proxyfeed.model import MarkWay

pytestmark = pytest.mark.kernel

# Of the rule whose comment is not ours; {ip} is iptables or ip6tables.
FIRST, LAST = "{ip} -t mangle -I PREROUTING ", "{ip} -t mangle -A PREROUTING "
SURE, PERHAPS = True, False


def ways(director: Namespace, backend: KernelBackend, commands: str = "") -> tuple[MarkWay, ...]:
    """
    The ways of both families beside what is typed, by the iptables that the backend goes with.
    """
    firewall = Firewall(backend.record(director))
    converge(firewall, backend.spec, OLD)
    for program in IPTABLES.values():
        for command in commands.replace("{ip}", program).strip().splitlines():
            director.run(*command.split(), env={"PATH": backend.path})
    return firewall.ways(backend.spec)


def suspects(director: Namespace, backend: KernelBackend, commands: str) -> list[tuple[str, bool]]:
    """
    What is said of IPv4; of IPv6 it is the same.
    """
    four, six = ways(director, backend, commands)
    for of_four, of_six in ((four.shadowing, six.shadowing), (four.overwriting, six.overwriting)):
        assert [one.is_certain for one in of_four] == [one.is_certain for one in of_six]
    found = [("shadowed", one.is_certain) for one in four.shadowing]
    return found + [("overwritten", one.is_certain) for one in four.overwriting]


def test_alone_nothing_is_in_the_way_and_the_rule_has_counted_nothing(
    director: Namespace, backend: KernelBackend
) -> None:
    assert ways(director, backend) == (MarkWay(4, 0), MarkWay(6, 0))


BEFORE = {
    # By iptables: what is typed, and what is known of it.
    FIRST + "-j ACCEPT": [SURE],
    FIRST + "-p tcp -j ACCEPT": [PERHAPS],
    FIRST + "-j RETURN": [SURE],
    FIRST + "-m comment --comment mine -j DROP": [SURE],
    FIRST + "-j MARK --set-mark 7": [],
    FIRST + "-p tcp": [],
    f"{{ip}} -t mangle -N theirs\n{FIRST}-j theirs": [],
    f"{{ip}} -t mangle -N theirs\n{FIRST}-g theirs": [SURE],
    f"{{ip}} -t mangle -N theirs\n{FIRST}-i eth0 -g theirs": [PERHAPS],
    f"{{ip}} -t mangle -N theirs\n{{ip}} -t mangle -A theirs -j ACCEPT\n{FIRST}-j theirs": [SURE],
    f"{{ip}} -t mangle -N theirs\n{{ip}} -t mangle -A theirs -j RETURN\n"
    f"{{ip}} -t mangle -A theirs -j ACCEPT\n{FIRST}-j theirs": [],
    f"{{ip}} -t mangle -N theirs\n{{ip}} -t mangle -A theirs -p tcp -j RETURN\n"
    f"{{ip}} -t mangle -A theirs -j ACCEPT\n{FIRST}-j theirs": [PERHAPS],
    LAST + "-j ACCEPT": [],
}


@pytest.mark.parametrize("backend", ["ipset+iptables-nft", "ipset+iptables-legacy"], indirect=True)
@pytest.mark.parametrize("commands", BEFORE)
def test_what_ends_the_chain_before_our_rule_shadows_it(
    director: Namespace, backend: KernelBackend, commands: str
) -> None:
    assert suspects(director, backend, commands) == [
        ("shadowed", sure) for sure in BEFORE[commands]
    ]


AFTER = {
    LAST + "-j MARK --set-mark 2": [SURE],
    LAST + "-j MARK --set-mark 0x1": [],
    LAST + "-j MARK --or-mark 0x1": [],
    LAST + "-j MARK --or-mark 0x10": [SURE],
    LAST + "-p tcp -j MARK --set-mark 2": [PERHAPS],
    LAST + "-j CONNMARK --restore-mark": [PERHAPS],
    LAST + "-j CONNMARK --save-mark": [],
    LAST + "-j ACCEPT\n" + LAST + "-j MARK --set-mark 2": [],
    LAST + "-p tcp -j ACCEPT\n" + LAST + "-j MARK --set-mark 2": [PERHAPS],
    "{ip} -t mangle -A INPUT -j MARK --set-mark 2": [SURE],
    "{ip} -t mangle -A OUTPUT -j MARK --set-mark 2": [],
    LAST + "-m comment --comment proxyfeed:other -j MARK --set-mark 2": [],
    f"{{ip}} -t mangle -N theirs\n{{ip}} -t mangle -A theirs -j MARK --set-mark 2\n"
    f"{LAST}-j theirs": [SURE],
    FIRST + "-j MARK --set-mark 2": [],
}


@pytest.mark.parametrize("backend", ["ipset+iptables-nft", "ipset+iptables-legacy"], indirect=True)
@pytest.mark.parametrize("commands", AFTER)
def test_what_turns_bits_of_the_mark_after_our_rule_overwrites_it(
    director: Namespace, backend: KernelBackend, commands: str
) -> None:
    assert suspects(director, backend, commands) == [
        ("overwritten", sure) for sure in AFTER[commands]
    ]


BESIDE = {
    # For our table: of iptables' PREROUTING, which is before it, only a drop keeps packets away.
    FIRST + "-j ACCEPT": [],
    FIRST + "-j DROP": [("shadowed", SURE)],
    f"{FIRST}-j DROP\n{FIRST}-p tcp -j ACCEPT": [("shadowed", PERHAPS)],
    f"{FIRST}-j DROP\n{FIRST}-j ACCEPT": [],
    LAST + "-j MARK --set-mark 2": [],
    "{ip} -t mangle -A INPUT -j MARK --set-mark 2": [("overwritten", SURE)],
}


@pytest.mark.parametrize("backend", ["nftables"], indirect=True)
@pytest.mark.parametrize("commands", BESIDE)
def test_our_table_marks_after_all_that_iptables_does_before_routing(
    director: Namespace, backend: KernelBackend, commands: str
) -> None:
    assert suspects(director, backend, commands) == BESIDE[commands]


HOOK = "add table inet theirs\nadd chain inet theirs c {{ type filter hook {hook} priority {at}; }}"
RULE = "\nadd rule inet theirs c "
CHAINS = {
    ("prerouting", "-100", "meta mark set 0x2"): [("overwritten", SURE)],
    ("prerouting", "-100", "meta mark set 0x1"): [],
    ("prerouting", "-100", 'counter meta mark set 0x2 comment "x y"'): [("overwritten", SURE)],
    ("prerouting", "-100", "meta mark set ct mark"): [("overwritten", PERHAPS)],
    ("prerouting", "-100", "tcp dport 80 meta mark set 0x2"): [("overwritten", PERHAPS)],
    ("prerouting", "-200", "meta mark set 0x2"): [],
    ("prerouting", "-200", "drop"): [("shadowed", SURE)],
    ("prerouting", "-200", "tcp dport 81 drop"): [],
    # What another rule lets past it is not dropped, nor its mark changed.
    ("prerouting", "-200", f"tcp dport 81 accept{RULE}drop"): [("shadowed", PERHAPS)],
    ("prerouting", "-200", f"accept{RULE}drop"): [],
    ("prerouting", "-100", f"tcp dport 81 accept{RULE}meta mark set 0x2"): [
        ("overwritten", PERHAPS)
    ],
    ("prerouting", "-100", f"accept{RULE}meta mark set 0x2"): [],
    ("input", "0", "meta mark set 0x2"): [("overwritten", SURE)],
    ("input", "100", "meta mark set 0x2"): [],
    ("output", "0", "meta mark set 0x2"): [],
}


@EITHER
@pytest.mark.parametrize("chain", CHAINS, ids=lambda one: " ".join(one))
def test_chains_of_nftables_are_looked_at_by_either_backend(
    director: Namespace, backend: KernelBackend, chain: tuple[str, str, str]
) -> None:
    hook, priority, rule = chain
    script = HOOK.format(hook=hook, at=priority) + RULE + rule + "\n"
    director.run("nft", "-f", "-", input=script)

    assert suspects(director, backend, "") == CHAINS[chain]


@EITHER
def test_a_chain_that_another_jumps_to_is_followed(
    director: Namespace, backend: KernelBackend
) -> None:
    script = HOOK.format(hook="input", at="0") + "\nadd chain inet theirs deep"
    script += "\nadd rule inet theirs deep meta mark set 0x2"
    director.run("nft", "-f", "-", input=f"{script}{RULE}jump deep\n")

    assert suspects(director, backend, "") == [("overwritten", SURE)]


@EITHER
def test_so_is_each_that_a_map_of_verdicts_leads_to(
    director: Namespace, backend: KernelBackend
) -> None:
    script = HOOK.format(hook="input", at="0") + "\nadd chain inet theirs deep"
    script += "\nadd rule inet theirs deep meta mark set 0x2"
    jump = "tcp dport vmap { 80 : jump deep, 81 : goto deep }"
    director.run("nft", "-f", "-", input=f"{script}{RULE}{jump}\n")

    assert suspects(director, backend, "") == [("overwritten", PERHAPS)]


@EITHER
def test_the_rule_that_is_in_the_way_is_named_as_its_tool_lists_it(
    director: Namespace, backend: KernelBackend
) -> None:
    director.run("iptables", "-t", "mangle", "-A", "INPUT", "-j", "MARK", "--set-mark", "2")
    script = HOOK.format(hook="input", at="0") + RULE + "counter meta mark set 0x2\n"
    director.run("nft", "-f", "-", input=script)

    four, six = ways(director, backend)

    assert [one.rule for one in four.overwriting] == [
        "-A INPUT -j MARK --set-xmark 0x2/0xffffffff",
        "table inet theirs, chain c: meta mark set 0x00000002",
    ]
    assert len(six.overwriting) == 1


@pytest.mark.parametrize("backend", ["nftables"], indirect=True)
def test_looking_loads_no_table_that_was_not_there(
    director: Namespace, backend: KernelBackend
) -> None:
    before = director.run("nft", "list", "tables").stdout
    ways(director, backend)

    assert before == ""
    assert director.run("nft", "list", "tables").stdout == "table inet proxyfeed_aol\n"
