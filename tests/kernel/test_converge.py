"""
`converge` on the real kernel: what it makes, what it leaves alone, and what it refuses.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.backends import EITHER, KernelBackend, NftBackend
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import (
    FAMILIES,
    IPTABLES,
    NEAR,
    NET,
    NEW,
    OLD,
    SPEC,
    firewall_in,
    held,
    link,
    mark_rules,
    path_with,
    record,
    served,
    set_names,
    write_program,
)

from proxyfeed.converge import converge, install_rules, remove_rules
from proxyfeed.errors import KernelError, NoRights, ToolMissing
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.firewall.by_nft import ByNft
from proxyfeed.firewall.layout import wanted_rule
from proxyfeed.firewall.rule import Rules
from proxyfeed.model import Action, Backend, SetSpec, VirtualService
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

SERVICES: dict[str, tuple[VirtualService, ...]] = {
    "none": (),
    "one": served((80, "tcp")),
    "several": served((80, "tcp"), (443, "tcp"), (53, "udp")),
}
READING = {"list", "save", "-S", "--version", "cat"}
SAVING = ("ipset save", "nft -a list ruleset")
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.mark.parametrize("virtual", list(SERVICES))
def test_a_first_apply_fills_the_sets_and_adds_one_rule_per_family(
    director: Namespace, backend: KernelBackend, virtual: str
) -> None:
    spec = replace(backend.spec, virtual=SERVICES[virtual])

    applied = converge(backend.firewall(director), spec, OLD)

    assert backend.held(director) == OLD
    assert applied.digest == OLD.digest
    assert applied.before == PrefixSet()
    for family in FAMILIES:
        (rule,) = backend.rules(director, family)
        assert re.fullmatch(RULES[spec.backend, bool(spec.virtual)].format(f=family), rule)


# nft prints what becomes of the mark in another way than it was written.
_IPTABLES_END = (
    "-m set --match-set proxyfeed_aol_{f} src "
    "-m comment --comment proxyfeed:aol -j MARK --set-xmark 0x1/0xffffffff"
)
_NFT_END = r"ip6? saddr @addresses_{f} counter meta mark set .*0x0*1"
RULES = {
    (Backend.IPSET, False): f"-A PREROUTING {_IPTABLES_END}",
    (Backend.IPSET, True): (
        f"-A PREROUTING -m set --match-set proxyfeed_aol_v{{f}} dst,dst {_IPTABLES_END}"
    ),
    (Backend.NFTABLES, False): _NFT_END,
    (Backend.NFTABLES, True): (
        rf"ip6? daddr \. meta l4proto \. th dport @services_{{f}} {_NFT_END}"
    ),
}


@EITHER
def test_every_virtual_service_is_in_the_set_of_its_family(
    director: Namespace, backend: KernelBackend
) -> None:
    spec = replace(backend.spec, virtual=SERVICES["several"])
    converge(backend.firewall(director), spec, OLD)

    assert sorted(backend.contents(director)[backend.services(6)]) == [
        "2001:db8::80,tcp:443",
        "2001:db8::80,tcp:80",
        "2001:db8::80,udp:53",
    ]


@pytest.mark.parametrize("virtual", list(SERVICES))
def test_a_second_converge_only_reads(
    director: Namespace, backend: KernelBackend, virtual: str
) -> None:
    spec = replace(backend.spec, virtual=SERVICES[virtual])
    converge(backend.firewall(director), spec, OLD)
    # The initval of an ipset is drawn anew when it is made, and the handle of a rule of nft.
    saved = [director.run(*command.split()).stdout for command in SAVING]
    runner = backend.record(director)

    applied = converge(Firewall(runner), spec, OLD)

    assert applied.plan.is_nothing
    assert runner.commands
    assert all(READING & set(command) for command in runner.commands)
    assert [director.run(*command.split()).stdout for command in SAVING] == saved
    assert any(" initval " in text or " # handle " in text for text in saved)


def test_looking_writes_nothing_to_an_untouched_kernel(
    director: Namespace, backend: KernelBackend
) -> None:
    live = backend.firewall(director).read(backend.spec)

    assert (live.sets, live.rules, live.former) == ({}, {4: (), 6: ()}, None)
    assert not any(rule for rules in live.strays.values() for rule in rules)
    assert director.run("nft", "list", "ruleset").stdout == ""
    assert set_names(director) == set()


@EITHER
def test_the_same_addresses_cut_in_another_way_are_left_alone(
    director: Namespace, backend: KernelBackend
) -> None:
    converge(backend.firewall(director), backend.spec, OLD)
    backend.delete(director, 4, "64.12.96.0/19")
    backend.add(director, 4, "64.12.96.0/20", "64.12.112.0/20")

    assert converge(backend.firewall(director), backend.spec, OLD).plan.is_nothing


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


@pytest.mark.parametrize("content", [NEAR, NEW, PrefixSet()], ids=["near", "new", "nothing"])
def test_a_table_is_changed_in_one_transaction_however_much_differs(
    director: Namespace, content: PrefixSet
) -> None:
    nftables = NftBackend()
    converge(nftables.firewall(director), nftables.spec, OLD)
    runner = nftables.record(director)

    applied = converge(Firewall(runner), nftables.spec, content)

    assert [command for command in runner.commands if "list" not in command] == [("nft", "-f", "-")]
    assert {planned.action for planned in applied.plan.sets} == {Action.REPLACE}
    assert nftables.held(director) == content


@EITHER
def test_a_family_that_is_no_longer_served_goes_with_its_rule(
    director: Namespace, backend: KernelBackend
) -> None:
    spec = replace(backend.spec, virtual=SERVICES["several"])
    converge(backend.firewall(director), spec, OLD)

    converge(backend.firewall(director), replace(spec, families=(4,)), OLD)

    assert backend.names(director) == {backend.addresses(4), backend.services(4)}
    assert [len(backend.rules(director, family)) for family in FAMILIES] == [1, 0]


def test_without_install_rule_only_the_sets_are_made(director: Namespace) -> None:
    runner = record(director)

    converge(Firewall(runner), replace(SPEC, install_rule=False), OLD)

    assert held(director) == OLD
    # nft is asked for what another backend may have left, and for nothing else.
    assert {command[:3] for command in runner.commands if command[0] != "ipset"} == {
        ("nft", "list", "tables")
    }


def test_what_a_rule_of_ours_looks_at_that_is_kept_by_hand_now_is_told_until_it_is_gone(
    director: Namespace,
) -> None:
    converge(firewall_in(director), SPEC, OLD)
    by_hand = replace(SPEC, install_rule=False, families=(4,))

    for _ in range(2):
        notes = converge(firewall_in(director), by_hand, NEW).notes
        assert f"{NET[6]} is no longer served and could not be removed" in " ".join(notes)

    remove_rules(firewall_in(director), SPEC)
    assert converge(firewall_in(director), by_hand, NEW).notes == ()
    assert set_names(director) == {NET[4]}


# ------------------------------------------------------------------ sets beside each other


@EITHER
@pytest.mark.parametrize("name", ["partner", "aol-v4"])
def test_another_set_of_ours_is_not_touched(
    director: Namespace, backend: KernelBackend, name: str
) -> None:
    other = replace(backend.spec, name=name, mark=2, virtual=served((8080, "tcp")))
    firewall, spec = backend.firewall(director), backend.spec
    converge(firewall, other, NEW)
    before = read_own(director, name)

    converge(firewall, spec, OLD)
    converge(firewall, replace(spec, virtual=served((80, "tcp")), mask=0xFF), NEW)
    converge(firewall, replace(spec, families=(4,)), OLD)
    remove_rules(firewall, spec)

    assert read_own(director, name) == before
    assert len(before) > len(NEW)


def read_own(namespace: Namespace, set_name: str) -> list[str]:
    """
    All lines of one set: its ipsets and rules, or its table.
    """
    table = f"inet proxyfeed_{set_name}"
    texts = [namespace.run("ipset", "save").stdout]
    texts += [namespace.run(program, "-t", "mangle", "-S").stdout for program in IPTABLES.values()]
    lines = [line for text in texts for line in text.splitlines()]
    listed = namespace.run("nft", "-a", "list", "table", *table.split(), check=False).stdout
    return [
        *(line for line in lines if f"proxyfeed_{set_name}_" in line),
        *listed.replace(",", "\n").splitlines(),
    ]


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


@EITHER
def test_rules_are_installed_once_however_often_it_is_asked(
    director: Namespace, backend: KernelBackend
) -> None:
    converge(backend.firewall(director), backend.spec, OLD)
    remove_rules(backend.firewall(director), backend.spec)

    for _ in range(2):
        install_rules(backend.firewall(director), backend.spec)

    assert [len(backend.rules(director, family)) for family in FAMILIES] == [1, 1]
    assert converge(backend.firewall(director), backend.spec, OLD).plan.is_nothing


@EITHER
def test_a_rule_is_not_installed_before_its_set_exists(
    director: Namespace, backend: KernelBackend
) -> None:
    name = backend.addresses(4)

    with pytest.raises(KernelError, match=f"cannot be installed before {name} exists"):
        install_rules(backend.firewall(director), backend.spec)


@EITHER
def test_removed_rules_are_returned_and_the_sets_stay(
    director: Namespace, backend: KernelBackend
) -> None:
    converge(backend.firewall(director), backend.spec, OLD)
    wanted = tuple(wanted_rule(backend.spec, family) for family in FAMILIES)

    assert remove_rules(backend.firewall(director), backend.spec) == wanted

    assert [backend.rules(director, family) for family in FAMILIES] == [[], []]
    assert backend.held(director) == OLD


# ------------------------------------------------------------------ what is missing or forbidden


def test_an_ordinary_user_is_told_that_rights_are_missing(equipped: None) -> None:
    # The host's own kernel; it is not even looked at.
    user = Runner(prefix=AS_NOBODY if os.geteuid() == 0 else ())

    with pytest.raises(NoRights, match=r"may not run ipset list -n: .*not permitted") as caught:
        Firewall(user).read(SPEC)
    with pytest.raises(NoRights, match=r"may not run iptables .*ermission denied"):
        Rules(user).read("aol", 4)
    with pytest.raises(NoRights, match=r"may not run nft .*not permitted"):
        ByNft(user).read("aol")

    assert (caught.value.exit_code, caught.value.hint) == (7, "run it as root")


@pytest.mark.parametrize(
    ("spec", "present", "absent", "package"),
    [
        (SPEC, (), "ipset", "ipset"),
        (SPEC, ("ipset",), "iptables", "iptables"),
        (NftBackend().spec, (), "nft", "nftables"),
    ],
)
def test_a_program_that_is_not_installed_is_named_with_its_package(
    director: Namespace,
    tmp_path: Path,
    spec: SetSpec,
    present: tuple[str, ...],
    absent: str,
    package: str,
) -> None:
    path = link(tmp_path, env="env", **dict(zip(present, present, strict=True)))

    with pytest.raises(ToolMissing, match=f"^{absent} is not installed$") as caught:
        converge(firewall_in(director, str(path)), spec, OLD)

    assert (caught.value.exit_code, caught.value.hint) == (7, f"apt-get install {package}")


# ------------------------------------------------------------------ size


@pytest.mark.parametrize(
    ("backend", "count"), [("ipset", 100_000), ("nftables", 20_000)], indirect=["backend"]
)
def test_many_prefixes_of_both_families_are_created_changed_and_replaced(
    director: Namespace, backend: KernelBackend, count: int
) -> None:
    firewall = backend.firewall(director)
    # Every other block, so that nothing is aggregated: 44.0.0.0/24, 44.0.2.0/24, ...
    created = blocks(range(0, count, 2))
    # 50 of each family go, and 50 others come.
    changed = blocks(range(100, count + 100, 2))
    replaced = blocks(range(1, count + 1, 2))
    assert len(created) == count

    actions = []
    for content in (created, changed, replaced):
        applied = converge(firewall, backend.spec, content)
        actions.append({planned.action for planned in applied.plan.sets})
        assert sorted(backend.members(director)) == sorted(content.lines())

    small = Action.DELTA if backend.spec.backend is Backend.IPSET else Action.REPLACE
    assert actions == [{Action.CREATE}, {small}, {Action.REPLACE}]
    assert backend.names(director) == {backend.addresses(family) for family in FAMILIES}


def blocks(numbers: range) -> PrefixSet:
    """
    The /24 of each number in 44.0.0.0/7, and the /48 in 2001:db8::/31.
    """
    return PrefixSet.from_keys(
        ((0x2C000000 + (n << 8)) << 8 | 24 for n in numbers),
        (((0x20010DB8 << 96) + (n << 80)) << 8 | 48 for n in numbers),
    )
