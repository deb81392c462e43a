"""
iptables-nft and iptables-legacy: what the host uses decides, and the two are never mixed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kernel.namespaces import Namespace
from tests.kernel.parts import skip_or_fail
from tests.kernel.product import (
    FAMILIES,
    IPTABLES,
    OLD,
    SPEC,
    by_hand,
    firewall_in,
    held,
    link,
    mark_rules,
    path_with,
    record,
    set_names,
    unseen_legacy_tables,
    write_program,
)

from proxyfeed.converge import converge
from proxyfeed.errors import CommandFailed
from proxyfeed.firewall import Firewall

pytestmark = pytest.mark.kernel

OTHER_VARIANT = {"iptables-nft": "legacy", "iptables-legacy": "nft"}


def test_the_rules_stand_in_the_tables_that_the_host_uses_and_in_no_other(
    director: Namespace, variant: Path
) -> None:
    converge(firewall_in(director, path_with(variant)), SPEC, OLD)

    nft_tables = director.run("nft", "list", "tables").stdout.splitlines()
    if variant.name == "iptables-nft":
        assert nft_tables == ["table ip mangle", "table ip6 mangle"]
        assert director.run("cat", "/proc/net/ip_tables_names", check=False).stdout == ""
    else:
        assert nft_tables == []
    for program in IPTABLES.values():
        assert len(mark_rules(director, f"{program}-{variant.name.removeprefix('iptables-')}")) == 1


def test_a_rule_left_in_the_other_variant_goes_after_the_new_one_is_in_place(
    director: Namespace, variant: Path
) -> None:
    other = OTHER_VARIANT[variant.name]
    if other == "legacy":
        skip_or_fail(unseen_legacy_tables(director))
    converge(firewall_in(director, path_with(variant)), SPEC, OLD)
    for family in FAMILIES:
        program = f"{IPTABLES[family]}-{other}"
        (rule,) = mark_rules(director, str(variant / IPTABLES[family]))
        director.run(program, "-t", "mangle", *rule.split())
        director.run(program, *f"-t mangle -A PREROUTING -j MARK --set-mark {family}".split())
        director.run(str(variant / IPTABLES[family]), "-t", "mangle", *f"-D{rule[2:]}".split())
    runner = record(director, path_with(variant))

    applied = converge(Firewall(runner), SPEC, OLD)

    assert [len(planned.stray) for planned in applied.plan.rules] == [1, 1]
    for family in FAMILIES:
        assert len(mark_rules(director, str(variant / IPTABLES[family]))) == 1
        # Only what is ours is taken out of them.
        (foreign,) = mark_rules(director, f"{IPTABLES[family]}-{other}")
        assert "proxyfeed" not in foreign
    restored = [command[0] for command in runner.commands if "restore" in command[0]]
    assert restored == [
        *("iptables-restore", f"iptables-{other}-restore"),
        *("ip6tables-restore", f"ip6tables-{other}-restore"),
    ]


def test_two_kinds_of_iptables_are_refused_before_anything_is_made(
    director: Namespace, tmp_path: Path
) -> None:
    mixed = link(tmp_path, iptables="iptables-nft", ip6tables="ip6tables-legacy")

    with pytest.raises(CommandFailed, match="iptables is of the kind nft and ip6tables of"):
        converge(firewall_in(director, path_with(mixed)), SPEC, OLD)

    assert set_names(director) == set()


def test_a_host_without_the_other_variant_has_no_stray_rules(
    director: Namespace, tmp_path: Path
) -> None:
    # The legacy tables are loaded, and the program that would list them is not installed.
    by_hand(director, "iptables-legacy -t mangle -S")
    only = link(
        tmp_path,
        **{name: name for name in ("ipset", "cat", "nsenter", "env")},
        **{
            f"{ip}{suffix}": f"{ip}-nft{suffix}"
            for ip in IPTABLES.values()
            for suffix in ("", "-restore")
        },
    )

    converge(firewall_in(director, str(only)), SPEC, OLD)

    assert held(director) == OLD


def test_a_kernel_without_nftables_has_no_stray_rules(director: Namespace, tmp_path: Path) -> None:
    legacy = link(
        tmp_path,
        **{
            f"{ip}{suffix}": f"{ip}-legacy{suffix}"
            for ip in IPTABLES.values()
            for suffix in ("", "-restore")
        },
    )
    for ip in IPTABLES.values():
        # As iptables-nft 1.8.7 says it on such a kernel.
        said = f"{ip}/1.8.7 Failed to initialize nft: Protocol not supported"
        write_program(legacy / f"{ip}-nft", f"echo '{said}' >&2; exit 1")

    converge(firewall_in(director, path_with(legacy)), SPEC, OLD)

    assert held(director) == OLD


def test_stray_rules_that_cannot_be_looked_for_are_not_taken_for_absent(
    director: Namespace, tmp_path: Path
) -> None:
    write_program(tmp_path / "cat", "echo 'cat: Input/output error' >&2; exit 1")

    with pytest.raises(CommandFailed, match="ip_tables_names failed: cat: Input/output error"):
        firewall_in(director, path_with(tmp_path)).read(SPEC)
