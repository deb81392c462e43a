"""
`converge` on the real kernel: what it makes, what it leaves alone, and what it refuses.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import (
    FAMILIES,
    IPTABLES,
    NEAR,
    NET,
    NEW,
    OLD,
    SPEC,
    by_hand,
    firewall_in,
    held,
    link,
    mark_rules,
    members,
    path_with,
    record,
    served,
    set_names,
    write_program,
)

from proxyfeed.converge import converge, install_rules, remove_rules
from proxyfeed.errors import KernelError, NoRights, ToolMissing
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.model import Action, SetSpec, VirtualService
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

SERVICES: dict[str, tuple[VirtualService, ...]] = {
    "none": (),
    "one": served((80, "tcp")),
    "several": served((80, "tcp"), (443, "tcp"), (53, "udp")),
}
READING = {"list", "save", "-S", "--version", "cat"}
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.parametrize("virtual", list(SERVICES))
def test_a_first_apply_fills_the_sets_and_adds_one_rule_per_family(
    director: Namespace, variant: Path, virtual: str
) -> None:
    spec = replace(SPEC, virtual=SERVICES[virtual])

    applied = converge(firewall_in(director, path_with(variant)), spec, OLD)

    assert held(director) == OLD
    assert applied.digest == OLD.digest
    assert applied.before == PrefixSet()
    for family in FAMILIES:
        (rule,) = mark_rules(director, str(variant / IPTABLES[family]))
        match_services = "-m set --match-set proxyfeed_aol_v%d dst,dst " if spec.virtual else ""
        assert rule == (
            f"-A PREROUTING {match_services.replace('%d', str(family))}"
            f"-m set --match-set proxyfeed_aol_{family} src "
            "-m comment --comment proxyfeed:aol -j MARK --set-xmark 0x1/0xffffffff"
        )


def test_every_virtual_service_is_in_the_set_of_its_family(director: Namespace) -> None:
    converge(firewall_in(director), replace(SPEC, virtual=SERVICES["several"]), OLD)

    saved = director.run("ipset", "save", "proxyfeed_aol_v6").stdout.splitlines()
    assert sorted(saved[1:]) == [
        "add proxyfeed_aol_v6 2001:db8::80,tcp:443",
        "add proxyfeed_aol_v6 2001:db8::80,tcp:80",
        "add proxyfeed_aol_v6 2001:db8::80,udp:53",
    ]


@pytest.mark.parametrize("virtual", list(SERVICES))
def test_a_second_converge_only_reads(director: Namespace, variant: Path, virtual: str) -> None:
    spec = replace(SPEC, virtual=SERVICES[virtual])
    converge(firewall_in(director, path_with(variant)), spec, OLD)
    # The initval of a set is drawn anew when it is made.
    saved = director.run("ipset", "save").stdout
    runner = record(director, path_with(variant))

    applied = converge(Firewall(runner), spec, OLD)

    assert applied.plan.is_nothing
    assert runner.commands
    assert all(READING & set(command) for command in runner.commands)
    assert director.run("ipset", "save").stdout == saved
    assert "initval" in saved


def test_looking_writes_nothing_to_an_untouched_kernel(director: Namespace, variant: Path) -> None:
    live = firewall_in(director, path_with(variant)).read(SPEC)

    assert (live.sets, live.rules, live.strays) == ({}, {4: (), 6: ()}, {4: (), 6: ()})
    assert director.run("nft", "list", "ruleset").stdout == ""
    assert set_names(director) == set()


def test_the_same_addresses_cut_in_another_way_are_left_alone(director: Namespace) -> None:
    converge(firewall_in(director), SPEC, OLD)
    by_hand(
        director,
        f"""
        ipset add {NET[4]} 64.12.96.0/20
        ipset add {NET[4]} 64.12.112.0/20
        ipset del {NET[4]} 64.12.96.0/19
        """,
    )

    assert converge(firewall_in(director), SPEC, OLD).plan.is_nothing


@pytest.mark.parametrize(
    ("content", "action"),
    [
        pytest.param(NEAR.family(4), Action.DELTA, id="one-comes-and-one-goes"),
        pytest.param(OLD | PrefixSet.parse(["192.0.2.0/31"]), Action.DELTA, id="a-new-length"),
        # The only /30. In place the kernel would miss packets from the shorter prefixes.
        pytest.param(
            OLD - PrefixSet.parse(["205.188.146.144/30"]), Action.REPLACE, id="the-last-of-a-length"
        ),
        pytest.param(
            OLD | PrefixSet.parse(["149.174.176.0/20"]), Action.REPLACE, id="cut-in-another-way"
        ),
        pytest.param(
            OLD | PrefixSet.parse(f"100.64.{n}.0/25" for n in range(0, 140, 2)),
            Action.REPLACE,
            id="many-changes",
        ),
    ],
)
def test_a_change_is_made_in_place_or_aside(
    director: Namespace, content: PrefixSet, action: Action
) -> None:
    firewall = firewall_in(director)
    converge(firewall, replace(SPEC, families=(4,)), OLD)

    applied = converge(firewall, replace(SPEC, families=(4,)), content)

    assert [planned.action for planned in applied.plan.sets] == [action]
    saved = director.run("ipset", "save", NET[4]).stdout.splitlines()
    assert PrefixSet.parse(line.split()[2] for line in saved[1:]) == content.family(4)
    assert set_names(director) == {NET[4]}


def test_a_family_that_is_no_longer_served_goes_with_its_rule(director: Namespace) -> None:
    spec = replace(SPEC, virtual=SERVICES["several"])
    converge(firewall_in(director), spec, OLD)

    converge(firewall_in(director), replace(spec, families=(4,)), OLD)

    assert set_names(director) == {NET[4], "proxyfeed_aol_v4"}
    assert len(mark_rules(director, "iptables")) == 1
    assert mark_rules(director, "ip6tables") == []


def test_without_install_rule_only_the_sets_are_made(director: Namespace) -> None:
    runner = record(director)

    converge(Firewall(runner), replace(SPEC, install_rule=False), OLD)

    assert held(director) == OLD
    assert {command[0] for command in runner.commands} == {"ipset"}


# ------------------------------------------------------------------ sets beside each other


def test_another_set_of_ours_is_not_touched(director: Namespace) -> None:
    partner = SetSpec("partner", ("partner",), mark=2, virtual=served((8080, "tcp")))
    converge(firewall_in(director), partner, NEW)
    before = read_own(director, "partner")

    converge(firewall_in(director), SPEC, OLD)
    converge(firewall_in(director), replace(SPEC, virtual=served((80, "tcp")), mask=0xFF), NEW)
    converge(firewall_in(director), replace(SPEC, families=(4,)), OLD)
    remove_rules(firewall_in(director), SPEC)

    assert read_own(director, "partner") == before
    assert len(before) > len(NEW)


def read_own(namespace: Namespace, set_name: str) -> list[str]:
    texts = [namespace.run("ipset", "save").stdout]
    texts += [namespace.run(program, "-t", "mangle", "-S").stdout for program in IPTABLES.values()]
    lines = [line for text in texts for line in text.splitlines()]
    return [line for line in lines if f"proxyfeed_{set_name}_" in line]


# Some versions of iptables print a comment in quotes, and some do not.
@pytest.mark.parametrize("quotes", ["'\"'", "''"])
def test_of_two_sets_whose_names_begin_alike_each_has_its_own(
    director: Namespace, tmp_path: Path, quotes: str
) -> None:
    for program in IPTABLES.values():
        script = f'{shutil.which(program, path=SYSTEM_PATH)} "$@" | sed s/\'"\'/{quotes}/g'
        write_program(tmp_path / program, script)
    firewall = firewall_in(director, path_with(tmp_path))
    longer = SetSpec("aol-v4", ("aol",), mark=2)
    converge(firewall, longer, NEW)
    converge(firewall, SPEC, OLD)

    assert len(remove_rules(firewall, SPEC)) == 2

    (left,) = mark_rules(director, "iptables")
    assert "--comment proxyfeed:aol-v4 " in left
    assert converge(firewall, longer, NEW).plan.is_nothing


# ------------------------------------------------------------------ the rule alone


def test_rules_are_installed_once_however_often_it_is_asked(director: Namespace) -> None:
    converge(firewall_in(director), replace(SPEC, install_rule=False), OLD)

    for _ in range(2):
        install_rules(firewall_in(director), SPEC)

    assert [len(mark_rules(director, program)) for program in IPTABLES.values()] == [1, 1]


def test_a_rule_is_not_installed_before_its_set_exists(director: Namespace) -> None:
    with pytest.raises(KernelError, match="cannot be installed before proxyfeed_aol_4 exists"):
        install_rules(firewall_in(director), SPEC)


def test_removed_rules_are_returned_and_the_sets_stay(director: Namespace) -> None:
    converge(firewall_in(director), SPEC, OLD)
    there = [rule for program in IPTABLES.values() for rule in mark_rules(director, program)]

    assert list(remove_rules(firewall_in(director), SPEC)) == there

    assert [mark_rules(director, program) for program in IPTABLES.values()] == [[], []]
    assert held(director) == OLD


# ------------------------------------------------------------------ what is missing or forbidden


def test_an_ordinary_user_is_told_that_rights_are_missing(equipped: None) -> None:
    # The host's own kernel; it is not even looked at.
    user = Runner(prefix=AS_NOBODY if os.geteuid() == 0 else ())

    with pytest.raises(NoRights, match=r"may not run ipset list -n: .*not permitted") as caught:
        Firewall(user).read(SPEC)
    with pytest.raises(NoRights, match=r"may not run iptables .*ermission denied"):
        Firewall(user).rules.read("aol", 4)

    assert (caught.value.exit_code, caught.value.hint) == (7, "run it as root")


@pytest.mark.parametrize(
    ("present", "absent", "package"),
    [((), "ipset", "ipset"), (("ipset",), "iptables", "iptables")],
)
def test_a_program_that_is_not_installed_is_named_with_its_package(
    director: Namespace, tmp_path: Path, present: tuple[str, ...], absent: str, package: str
) -> None:
    path = link(tmp_path, env="env", **dict(zip(present, present, strict=True)))

    with pytest.raises(ToolMissing, match=f"^{absent} is not installed$") as caught:
        converge(firewall_in(director, str(path)), SPEC, OLD)

    assert (caught.value.exit_code, caught.value.hint) == (7, f"apt-get install {package}")


# ------------------------------------------------------------------ size


def test_100_000_prefixes_of_both_families_are_created_changed_and_replaced(
    director: Namespace,
) -> None:
    firewall = firewall_in(director)
    # Every other block, so that nothing is aggregated: 44.0.0.0/24, 44.0.2.0/24, ...
    created = blocks(range(0, 100_000, 2))
    # 50 of the 50,000 of each family go, and 50 others come.
    changed = blocks(range(100, 100_100, 2))
    replaced = blocks(range(1, 100_001, 2))
    assert len(created) == 100_000

    actions = []
    for content in (created, changed, replaced):
        applied = converge(firewall, SPEC, content)
        actions.append({planned.action for planned in applied.plan.sets})
        assert sorted(members(director)) == sorted(content.lines())

    assert actions == [{Action.CREATE}, {Action.DELTA}, {Action.REPLACE}]
    assert set_names(director) == set(NET.values())


def blocks(numbers: range) -> PrefixSet:
    """
    The /24 of each number in 44.0.0.0/7, and the /48 in 2001:db8::/31.
    """
    return PrefixSet.from_keys(
        ((0x2C000000 + (n << 8)) << 8 | 24 for n in numbers),
        (((0x20010DB8 << 96) + (n << 80)) << 8 | 48 for n in numbers),
    )
