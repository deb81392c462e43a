"""
Whatever another hand or a crash did to what is ours: ``status`` names it and ``apply`` mends it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.operating import CONTENT, Operator, fill_database
from tests.kernel.packets import marks
from tests.kernel.parts import skip_or_fail
from tests.kernel.product import (
    MARK,
    NET,
    SPEC,
    by_hand,
    firewall_in,
    mark_rules,
    set_names,
    unseen_legacy_tables,
)

from proxyfeed.converge import converge
from proxyfeed.model import Backend, RuleResult

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def filled_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "proxyfeed.db"
    fill_database(path)
    return path


@pytest.fixture
def operator(director: Namespace, filled_database: Path, tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(director, Path(shutil.copy(filled_database, tmp_path)))
    yield operator
    operator.store.close()


@pytest.fixture
def nft_operator(operator: Operator) -> Operator:
    """
    An operator whose set is a table of nftables.
    """
    operator.configure(Backend.NFTABLES)
    return operator


RULE = "-m set --match-set {v} dst,dst -m set --match-set {net} src -m comment --comment"
# By what was done: the commands, with {ip} for both programs, and what `status` says of it.
MISCHIEF = {
    "entries removed": (
        f"ipset del {NET[4]} 64.12.96.0/19\nipset del {NET[6]} 2001:db8:3000::9",
        ["missing    64.12.96.0/19", "missing    2001:db8:3000::9/128", "1 to add, 0 to delete"],
    ),
    "entries added": (
        f"ipset add {NET[4]} 192.0.2.0/24\nipset add {NET[6]} 2001:db8:9999::/48",
        ["extra      192.0.2.0/24", "extra      2001:db8:9999::/48", "0 to add, 1 to delete"],
    ),
    "an entry exchanged": (
        f"ipset add {NET[4]} 64.12.96.0/18\nipset del {NET[4]} 64.12.96.0/19",
        ["extra      64.12.64.0/19", f"{NET[4]}: 1 to add, 1 to delete"],
    ),
    "nomatch": (
        f"ipset add {NET[4]} 64.12.100.0/24 nomatch",
        [f"{NET[4]}: it holds what proxyfeed never writes: 64.12.100.0/24 nomatch"],
    ),
    "half of all addresses added": (
        f"ipset add {NET[4]} 0.0.0.0/1",
        ["extra      0.0.0.0/2"],
    ),
    "virtual services changed": (
        "ipset add proxyfeed_aol_v4 192.0.2.81,tcp:81\n"
        "ipset del proxyfeed_aol_v4 192.0.2.80,tcp:443",
        ["proxyfeed_aol_v4: 1 to add, 1 to delete"],
    ),
    "rule deleted": (
        "iptables -t mangle -D PREROUTING 1",
        ["the IPv4 MARK rule is missing", "IPv4 rule  MISSING", "IPv6 rule  in place"],
    ),
    "both rules deleted": (
        "iptables -t mangle -D PREROUTING 1\nip6tables -t mangle -D PREROUTING 1",
        ["the IPv4 MARK rule is missing", "the IPv6 MARK rule is missing"],
    ),
    "rule duplicated": (
        f"ip6tables -t mangle -A PREROUTING {RULE.format(v='proxyfeed_aol_v6', net=NET[6])} "
        "proxyfeed:aol -j MARK --set-mark 1",
        ["the IPv6 MARK rule is wrong", "0xffffffff | -A PREROUTING"],
    ),
    "rule with another mark": (
        "iptables -t mangle -D PREROUTING 1\n"
        f"iptables -t mangle -A PREROUTING {RULE.format(v='proxyfeed_aol_v4', net=NET[4])} "
        "proxyfeed:aol -j MARK --set-mark 2",
        ["the IPv4 MARK rule is wrong", "WRONG: -A PREROUTING", "--set-xmark 0x2/0xffffffff"],
    ),
    "rule for all services": (
        "iptables -t mangle -D PREROUTING 1\n"
        f"iptables -t mangle -A PREROUTING -m set --match-set {NET[4]} src -m comment --comment "
        "proxyfeed:aol -j MARK --set-mark 1",
        ["the IPv4 MARK rule is wrong", f"WRONG: -A PREROUTING -m set --match-set {NET[4]} src"],
    ),
    "set and rule destroyed": (
        f"iptables -t mangle -D PREROUTING 1\nipset destroy {NET[4]}",
        [f"{NET[4]}: it does not exist", "the IPv4 MARK rule is missing", "missing    64.12.96.0"],
    ),
    "all gone, as after a reboot": (
        "iptables -t mangle -D PREROUTING 1\nip6tables -t mangle -D PREROUTING 1\nipset destroy",
        ["proxyfeed_aol_v6: it does not exist", "missing    64.12.96.0/19"],
    ),
    "left-overs": (
        f"ipset create {NET[4]}_new hash:net\nipset add {NET[4]}_new 192.0.2.0/24\n"
        "ipset create proxyfeed_aol_v6_new hash:ip,port family inet6",
        [f"{NET[4]}_new is left over from a run that was cut off", "proxyfeed_aol_v6_new is left"],
    ),
    "a left-over of the wrong type": (
        f"ipset create {NET[4]}_new hash:ip family inet6",
        [f"{NET[4]}_new is left over from a run that was cut off"],
    ),
    "a left-over in the way of a change": (
        f"ipset create {NET[4]}_new hash:ip\nipset del {NET[4]} 205.188.146.144/30",
        [f"{NET[4]}_new is left over", "missing    205.188.146.144/30"],
    ),
}


@pytest.mark.parametrize("name", list(MISCHIEF))
def test_what_was_done_by_hand_is_named_and_mended(
    director: Namespace, operator: Operator, name: str
) -> None:
    commands, told = MISCHIEF[name]
    assert operator.apply().exit_code == 0

    by_hand(director, commands)

    assert_told_and_mended(operator, told)


def test_a_rule_left_in_the_tables_of_the_other_variant_is_named_and_mended(
    director: Namespace, operator: Operator
) -> None:
    skip_or_fail(unseen_legacy_tables(director))
    assert operator.apply().exit_code == 0
    by_hand(
        director,
        f"iptables-legacy -t mangle -A PREROUTING -m set --match-set {NET[4]} src "
        "-m comment --comment proxyfeed:aol -j MARK --set-mark 1",
    )

    told = ["the IPv4 MARK rule is wrong", "in the other tables: -A PREROUTING"]
    assert_told_and_mended(operator, told)


TABLE = "inet proxyfeed_aol"
CHAIN = f"{TABLE} marking"
NFT_RULE = "ip saddr @addresses_4 counter meta mark set"
IN_CHAIN = "type filter hook prerouting priority"
# The same of a table: the lines of a script, and what `status` says of it.
NFT_MISCHIEF = {
    "entries removed": (
        f"delete element {TABLE} addresses_4 {{ 64.12.96.0/19 }}\n"
        f"delete element {TABLE} addresses_6 {{ 2001:db8:3000::9 }}",
        ["missing    64.12.96.0/19", "missing    2001:db8:3000::9/128", "1 to add, 0 to delete"],
    ),
    "entries added": (
        f"add element {TABLE} addresses_4 {{ 192.0.2.0/24 }}\n"
        f"add element {TABLE} addresses_6 {{ 2001:db8:9999::/48 }}",
        ["extra      192.0.2.0/24", "extra      2001:db8:9999::/48", "0 to add, 1 to delete"],
    ),
    "a range added": (
        f"add element {TABLE} addresses_4 {{ 203.0.113.1-203.0.113.6 }}",
        ["extra      203.0.113.1/32", "extra      203.0.113.6/32", "0 to add, 4 to delete"],
    ),
    "an entry with a comment": (
        f'add element {TABLE} addresses_4 {{ 203.0.113.1 comment "mine" }}',
        ["extra      203.0.113.1/32", "it holds what proxyfeed never writes: ", '"mine"'],
    ),
    "a set flushed": (
        f"flush set {TABLE} addresses_6",
        ["missing    2001:db8:3000::9/128", f"{TABLE} addresses_6: 4 to add, 0 to delete"],
    ),
    "virtual services changed": (
        f"add element {TABLE} services_4 {{ 192.0.2.81 . tcp . 81 }}\n"
        f"delete element {TABLE} services_4 {{ 192.0.2.80 . tcp . 443 }}",
        [f"{TABLE} services_4: 1 to add, 1 to delete"],
    ),
    "rules deleted": (
        f"flush chain {CHAIN}",
        ["the IPv4 MARK rule is missing", "the IPv6 MARK rule is missing", "IPv6 rule  MISSING"],
    ),
    "rule duplicated": (
        f"add rule {CHAIN} {NFT_RULE} 1",
        ["the IPv4 MARK rule is wrong", f" | {NFT_RULE} meta mark & 0x0 ^ 0x1", "IPv6 rule  in pl"],
    ),
    "rule with another mark": (
        f"flush chain {CHAIN}\nadd rule {CHAIN} {NFT_RULE} 2",
        ["the IPv4 MARK rule is wrong", f"WRONG: {NFT_RULE} meta mark & 0x0 ^ 0x2"],
    ),
    "rule that looks at another set": (
        f"add set {TABLE} mine {{ type ipv4_addr; }}\n"
        f"add rule {CHAIN} ip saddr @mine counter meta mark set 1",
        ["the IPv4 MARK rule is wrong", "what proxyfeed never writes: set mine"],
    ),
    "a rule before ours": (
        f"insert rule {CHAIN} accept",
        ['what proxyfeed never writes: rule [{"accept": null}]'],
    ),
    "a rule with a condition": (
        f"flush chain {CHAIN}\nadd rule {CHAIN} iifname wire {NFT_RULE} 1",
        ["the IPv4 MARK rule is missing", "what proxyfeed never writes: rule [", '"iifname"'],
    ),
    "a rule that gives the mark away": (
        f"add rule {CHAIN} ip saddr @addresses_4 ct mark set meta mark",
        ["what proxyfeed never writes: rule [", '"ct"'],
    ),
    "another set, chain, map and counter": (
        f"add set {TABLE} mine {{ type ipv4_addr; }}\nadd chain {TABLE} theirs\n"
        f"add map {TABLE} both {{ type ipv4_addr : mark; }}\nadd counter {TABLE} seen",
        [f"never writes: {what}" for what in ("set mine", "chain theirs", "map both", "counter ")],
    ),
    "a chain with another policy": (
        f"add chain {CHAIN} {{ {IN_CHAIN} -149; policy drop; }}",
        ["chain marking of another type, hook, priority or policy"],
    ),
    "a chain with another priority": (
        f"delete chain {CHAIN}\nadd chain {CHAIN} {{ {IN_CHAIN} -150; }}\n"
        f"add rule {CHAIN} {NFT_RULE} 1",
        ["chain marking of another type, hook, priority or policy", "the IPv6 MARK rule is missin"],
    ),
    "a chain with another hook": (
        f"delete chain {CHAIN}\n"
        f"add chain {CHAIN} {{ type filter hook input priority -149; policy accept; }}",
        ["chain marking of another type, hook, priority or policy", "the IPv4 MARK rule is missin"],
    ),
    "a chain without a hook": (
        f"delete chain {CHAIN}\nadd chain {CHAIN}",
        ["chain marking of another type, hook, priority or policy", "the IPv4 MARK rule is missin"],
    ),
    "a dormant table": (
        f"add table {TABLE} {{ flags dormant; }}",
        ["never writes: flag dormant", "missing    64.12.96.0/19", "IPv4 rule  MISSING"],
    ),
    "a dormant table with another chain": (
        f"add chain {TABLE} theirs\nadd table {TABLE} {{ flags dormant; }}",
        ["never writes: flag dormant", "missing    64.12.96.0/19"],
    ),
    "a table deleted": (
        f"delete table {TABLE}",
        [f"{TABLE} addresses_4: it does not exist", "IPv4 rule  MISSING", "missing    64.12.96.0"],
    ),
    "flush ruleset, as a reload of nftables does": (
        "flush ruleset",
        [f"{TABLE} services_6: it does not exist", "missing    64.12.96.0/19"],
    ),
    "left-overs": (
        f"add table {TABLE}_new\nadd set {TABLE}_new addresses_4 {{ type ipv4_addr; }}",
        [f"{TABLE}_new is left over from a run that was cut off"],
    ),
    "left-overs, and another chain": (
        f"add table {TABLE}_new\nadd chain {TABLE}_new marking\nadd chain {TABLE} theirs",
        [f"{TABLE}_new is left over from a run that was cut off", "never writes: chain theirs"],
    ),
    "left-overs, and no table": (
        f"add table {TABLE}_new\ndelete table {TABLE}",
        [f"{TABLE}_new is left over from a run that was cut off", "services_6: it does not exist"],
    ),
    "an empty table": (
        f"delete table {TABLE}\nadd table {TABLE}",
        [f"{TABLE} services_6: it does not exist", "missing    64.12.96.0/19"],
    ),
}


@pytest.mark.parametrize("name", list(NFT_MISCHIEF))
def test_what_was_done_to_a_table_by_hand_is_named_and_mended(
    director: Namespace, nft_operator: Operator, name: str
) -> None:
    script, told = NFT_MISCHIEF[name]
    assert nft_operator.apply().exit_code == 0
    before = sans_order(director)

    director.run("nft", "-f", "-", input=f"{script}\n")

    assert_told_and_mended(nft_operator, told)
    assert sans_order(director) == before


def sans_order(namespace: Namespace) -> list[str]:
    """
    All words of the ruleset.
    """
    return sorted(namespace.run("nft", "--stateless", "list", "ruleset").stdout.split())


def assert_told_and_mended(operator: Operator, told: list[str]) -> None:
    exit_code, text = operator.status()
    assert exit_code == 5
    for words in told:
        assert words in text

    outcome = operator.apply()
    assert (outcome.exit_code, outcome.problems) == (0, ())
    assert operator.status()[0] == 0


# ------------------------------------------------------------------ sets that another hand made

MADE_OTHERWISE = {
    "too small": ("hash:net maxelem 4", "20 to add, 0 to delete; too many for its maxelem of 4"),
    "hash:ip": ("hash:ip", "it is of type hash:ip, family IPv4"),
    "with a timeout": ("hash:net timeout 600", "20 to add, 0 to delete"),
    "with counters": ("hash:net counters", "20 to add, 0 to delete"),
    "the other family": ("hash:net family inet6", "it is of type hash:net, family IPv6"),
}
# iptables itself refuses a rule for IPv4 that looks at a set for IPv6.
WITH_RULE = [name for name in MADE_OTHERWISE if name != "the other family"]


@pytest.mark.parametrize(
    ("name", "has_rule"),
    [*((name, False) for name in MADE_OTHERWISE), *((name, True) for name in WITH_RULE)],
)
def test_a_set_of_our_name_that_another_hand_made_is_made_anew(
    director: Namespace, operator: Operator, name: str, *, has_rule: bool
) -> None:
    options, why = MADE_OTHERWISE[name]
    assert operator.apply().exit_code == 0
    (rule,) = mark_rules(director, "iptables")
    by_hand(
        director,
        f"""
        iptables -t mangle -D PREROUTING 1
        ipset destroy {NET[4]}
        ipset create {NET[4]} {options}
        {f"iptables -t mangle {rule}" if has_rule else "true"}
        """,
    )

    assert_told_and_mended(operator, [f"{NET[4]}: {why}", "missing    64.12.96.0/19"])

    header, *_ = director.run("ipset", "save", NET[4]).stdout.split(" bucketsize")
    assert header == f"create {NET[4]} hash:net family inet hashsize 1024 maxelem 65536"
    assert set_names(director) == {*NET.values(), "proxyfeed_aol_v4", "proxyfeed_aol_v6"}


NFT_MADE_OTHERWISE = {
    "without intervals": ("type ipv4_addr;", "it is of type ipv4_addr, family IPv4"),
    "the other family": ("type ipv6_addr; flags interval;", "it is of type ipv6_addr interval, f"),
    "with a timeout": ("type ipv4_addr; flags interval, timeout; timeout 1d;", "interval timeout"),
    "of a size": (
        "type ipv4_addr; flags interval; size 4;",
        "ipv4_addr interval size, family IPv4",
    ),
    "with counters": ("type ipv4_addr; flags interval; counter;", "ipv4_addr interval stmt, famil"),
    "of ports": ("type inet_service;", "it is of type inet_service, no family of ours"),
}
# nft itself refuses a rule that looks at a set of another type.
NFT_WITH_RULE = ["without intervals", "with a timeout", "of a size", "with counters"]


@pytest.mark.parametrize(
    ("name", "has_rule"),
    [*((name, False) for name in NFT_MADE_OTHERWISE), *((name, True) for name in NFT_WITH_RULE)],
)
def test_a_set_in_our_table_that_another_hand_made_is_made_anew(
    director: Namespace, nft_operator: Operator, name: str, *, has_rule: bool
) -> None:
    form, why = NFT_MADE_OTHERWISE[name]
    assert nft_operator.apply().exit_code == 0
    before = sans_order(director)
    script = [f"flush chain {CHAIN}", f"delete set {TABLE} addresses_4"]
    script += [f"add set {TABLE} addresses_4 {{ {form} }}"]
    script += [f"add rule {CHAIN} {NFT_RULE} 1"] if has_rule else []
    director.run("nft", "-f", "-", input="\n".join(script))

    assert_told_and_mended(nft_operator, [f"{TABLE} addresses_4: ", why, "missing    64.12.96.0/1"])

    assert sans_order(director) == before


def test_what_a_set_with_a_timeout_holds_is_told_as_held(
    director: Namespace, nft_operator: Operator
) -> None:
    assert nft_operator.apply().exit_code == 0
    script = f"""
    flush chain {CHAIN}
    delete set {TABLE} addresses_4
    add set {TABLE} addresses_4 {{ type ipv4_addr; flags interval, timeout; timeout 1d; }}
    add element {TABLE} addresses_4 {{ 64.12.96.0/19, 203.0.113.1 }}
    """
    director.run("nft", "-f", "-", input=script)

    exit_code, text = nft_operator.status()

    assert exit_code == 5
    assert "missing    64.12.96.0/19" not in text
    assert "missing    198.81.8.0/23" in text
    assert "extra      203.0.113.1/32" in text


def test_a_set_that_merges_what_it_holds_is_kept_right(
    director: Namespace, nft_operator: Operator
) -> None:
    assert nft_operator.apply().exit_code == 0
    script = f"""
    flush chain {CHAIN}
    delete set {TABLE} addresses_4
    add set {TABLE} addresses_4 {{ type ipv4_addr; flags interval; auto-merge; }}
    add element {TABLE} addresses_4 {{ 192.0.2.1, 192.0.2.2 }}
    """
    director.run("nft", "-f", "-", input=script)

    # 1.0.6 does not tell that it merges.
    assert_told_and_mended(nft_operator, ["missing    64.12.96.0/19", "extra      192.0.2.1/32"])
    script = f"delete element {TABLE} addresses_4 {{ 198.81.8.0/23 }}"
    director.run("nft", "-f", "-", input=script)
    assert_told_and_mended(nft_operator, ["missing    198.81.8.0/23"])


@pytest.mark.parametrize("type_of_services", ["hash:net", "hash:ip,port family inet6"])
def test_a_set_of_services_of_the_wrong_type_is_made_anew(
    director: Namespace, operator: Operator, type_of_services: str
) -> None:
    assert operator.apply().exit_code == 0
    by_hand(
        director,
        f"""
        iptables -t mangle -D PREROUTING 1
        ipset destroy proxyfeed_aol_v4
        ipset create proxyfeed_aol_v4 {type_of_services}
        """,
    )

    assert_told_and_mended(operator, ["proxyfeed_aol_v4: it is of type hash:"])


# ------------------------------------------------------------------ a crash while a set is retyped


@pytest.mark.parametrize(
    "then",
    [
        pytest.param("", id="before it is destroyed"),
        pytest.param(f"ipset destroy {NET[4]}", id="after it is destroyed"),
        pytest.param(
            f"ipset destroy {NET[4]}\nipset create {NET[4]} hash:net", id="while it is filled"
        ),
    ],
)
def test_a_rule_that_a_crash_left_at_the_temporary_set_is_brought_back(
    director: Namespace, operator: Operator, then: str
) -> None:
    assert operator.apply().exit_code == 0
    leave_rule_at_temporary(director)
    by_hand(director, then)

    assert_told_and_mended(
        operator,
        [
            f"{NET[4]}: a run ended while its rule looked at the temporary set",
            "the IPv4 MARK rule is wrong",
            f"{NET[4]}_new is left over from a run that was cut off",
        ],
    )


def leave_rule_at_temporary(namespace: Namespace) -> None:
    saved = namespace.run("ipset", "save", NET[4]).stdout
    namespace.run("ipset", "restore", input=saved.replace(NET[4], f"{NET[4]}_new"))
    (rule,) = mark_rules(namespace, "iptables")
    moved = rule.replace(f"{NET[4]} ", f"{NET[4]}_new ")
    by_hand(namespace, f"iptables -t mangle {moved}\niptables -t mangle -D PREROUTING 1")


def test_of_two_rules_left_at_both_sets_one_is_left_in_the_end(
    director: Namespace, operator: Operator
) -> None:
    assert operator.apply().exit_code == 0
    (rule,) = mark_rules(director, "iptables")
    leave_rule_at_temporary(director)
    by_hand(director, f"iptables -t mangle {rule}")

    assert_told_and_mended(operator, [f"{NET[4]}: a run ended while its rule looked at"])


def test_a_left_over_goes_with_the_rule_of_a_family_that_is_no_longer_served(
    director: Namespace,
) -> None:
    converge(firewall_in(director), SPEC, CONTENT)
    leave_rule_at_temporary(director)
    by_hand(director, f"ipset destroy {NET[4]}")

    converge(firewall_in(director), replace(SPEC, families=(6,)), CONTENT)

    assert mark_rules(director, "iptables") == []
    assert set_names(director) == {NET[6]}


# ------------------------------------------------------------------ what cannot be mended


def test_a_wrong_type_that_a_foreign_rule_uses_fails_loudly_and_our_packets_stay_marked(
    lab: Lab, filled_database: Path, tmp_path: Path
) -> None:
    operator = Operator(lab.director, Path(shutil.copy(filled_database, tmp_path)))
    assert operator.apply().exit_code == 0
    (ours,) = mark_rules(lab.director, "iptables")
    by_hand(
        lab.director,
        f"""
        iptables -t mangle -D PREROUTING 1
        ipset destroy {NET[4]}
        ipset create {NET[4]} hash:ip
        ipset add {NET[4]} 64.12.96.1
        iptables -t mangle {ours}
        iptables -t mangle -A INPUT -m set --match-set {NET[4]} src -j ACCEPT
        """,
    )
    sources = ["64.12.96.1", "2001:db8:1000::1"]
    before = set_names(lab.director)

    outcome = operator.apply()

    (problem,) = outcome.problems
    assert (outcome.exit_code, problem.code) == (5, "not-proven")
    assert f"ipset destroy {NET[4]} failed: " in problem.message
    assert "it is in use by a kernel component" in problem.message
    assert problem.message.endswith("the old content is in place")
    assert marks(lab, sources) == dict.fromkeys(sources, MARK)
    assert mark_rules(lab.director, "iptables") == [ours]
    assert set_names(lab.director) == before
    assert operator.status()[0] == 5
    operator.store.close()


def test_a_kernel_that_cannot_be_looked_at_is_not_taken_for_an_empty_one(
    director: Namespace, filled_database: Path, tmp_path: Path
) -> None:
    database = Path(shutil.copy(filled_database, tmp_path))
    (tmp_path / "empty").mkdir()
    operator = Operator(director, database, path=str(tmp_path / "empty"))

    exit_code, text = operator.status()

    assert exit_code == 7
    assert "the kernel could not be looked at: ipset is not installed" in text
    assert operator.apply().exit_code == 7
    operator.store.close()


# ------------------------------------------------------------------ the rule alone


@pytest.mark.parametrize("backend", list(Backend))
def test_the_rule_is_shown_removed_and_installed_by_hand(
    operator: Operator, backend: Backend
) -> None:
    operator.configure(backend)
    assert operator.apply().exit_code == 0
    shown = operator.rule("show")
    assert isinstance(shown.result, RuleResult)
    (lines,) = shown.result.rules
    assert (shown.exit_code, lines.present) == (0, lines.wanted)

    removed = operator.rule("remove")
    assert removed.exit_code == 0
    assert "the next apply installs the rule again" in removed.warnings[0]
    assert operator.rule("show").exit_code == 5
    assert operator.status()[0] == 5

    assert operator.rule("install").exit_code == 0
    assert operator.rule("show").exit_code == 0
    assert operator.status()[0] == 0


@pytest.mark.parametrize(
    ("backend", "first"),
    [
        (Backend.IPSET, "proxyfeed_aol_v4"),
        (Backend.NFTABLES, "inet proxyfeed_aol services_4"),
    ],
)
def test_the_rule_cannot_be_installed_before_the_first_apply(
    operator: Operator, backend: Backend, first: str
) -> None:
    operator.configure(backend)

    (problem,) = operator.rule("install").problems

    assert problem.message.endswith(f"cannot be installed before {first} exists")
    assert problem.hint == "proxyfeed apply"


def test_a_rule_is_removed_also_from_a_chain_with_another_policy(
    director: Namespace, nft_operator: Operator
) -> None:
    assert nft_operator.apply().exit_code == 0
    script = f"delete chain {CHAIN}\nadd chain {CHAIN}\nadd rule {CHAIN} {NFT_RULE} 1\n"
    director.run("nft", "-f", "-", input=script)

    assert nft_operator.rule("remove").exit_code == 0

    assert "meta mark" not in director.run("nft", "list", "ruleset").stdout
