"""
The words that are exchanged with nft: transactions, listings and rules.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import CommandFailed, NoRights, ToolMissing
from proxyfeed.firewall import Runner
from proxyfeed.firewall.by_nft import ByNft
from proxyfeed.firewall.layout import is_table, owner, targets
from proxyfeed.firewall.nft import (
    ADDRESSES,
    address_set,
    element_texts,
    mark_statement,
    removal,
    rules_transaction,
    service_set,
    transactions,
    wanted_rule,
)
from proxyfeed.firewall.nft_listing import parse_names, parse_table
from proxyfeed.firewall.nft_rule import read_rule
from proxyfeed.model import (
    Action,
    Backend,
    Live,
    LiveSet,
    MarkedKey,
    SetSpec,
    VirtualService,
)
from proxyfeed.notation import make_key
from proxyfeed.planning import held_prefixes, make_plan
from proxyfeed.prefixes import FAMILIES, PrefixSet

ALL_BITS = 0xFFFFFFFF
TABLE = "inet proxyfeed_aol"
WEB = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 80))
SPEC = SetSpec("aol", ("aol",), mark=1, backend=Backend.NFTABLES)
SERVED = replace(SPEC, virtual=WEB)
CONTENT = PrefixSet.parse(["64.12.96.0/19", "192.0.2.1", "2001:db8::/32"])
NOTHING_THERE = Live(rules={4: (), 6: ()})

# ------------------------------------------------------------------ transactions

NEW_TABLE = """\
add table inet proxyfeed_aol
add chain inet proxyfeed_aol marking { type filter hook prerouting priority -149; policy accept; }
flush chain inet proxyfeed_aol marking
add set inet proxyfeed_aol services_4 { type ipv4_addr . inet_proto . inet_service; }
flush set inet proxyfeed_aol services_4
add element inet proxyfeed_aol services_4 { 192.0.2.80 . tcp . 80 }
add set inet proxyfeed_aol addresses_4 { type ipv4_addr; flags interval; }
flush set inet proxyfeed_aol addresses_4
add element inet proxyfeed_aol addresses_4 { 64.12.96.0/19, 192.0.2.1/32 }
add set inet proxyfeed_aol services_6 { type ipv6_addr . inet_proto . inet_service; }
flush set inet proxyfeed_aol services_6
add element inet proxyfeed_aol services_6 { 2001:db8::80 . tcp . 80 }
add set inet proxyfeed_aol addresses_6 { type ipv6_addr; flags interval; }
flush set inet proxyfeed_aol addresses_6
add element inet proxyfeed_aol addresses_6 { 2001:db8::/32 }
add rule inet proxyfeed_aol marking ip daddr . meta l4proto . th dport @services_4 \
ip saddr @addresses_4 counter meta mark set meta mark & 0x0 ^ 0x1
add rule inet proxyfeed_aol marking ip6 daddr . meta l4proto . th dport @services_6 \
ip6 saddr @addresses_6 counter meta mark set meta mark & 0x0 ^ 0x1
"""


ADD_CHAIN = NEW_TABLE.splitlines()[1]


def holding(spec: SetSpec, content: PrefixSet) -> Live:
    """
    What is read when all is as *spec* and *content* want it.
    """
    sets = {
        one.name: LiveSet(one.name, one.type, one.family, 0, frozenset(one.entries))
        for one in targets(spec, content)
    }
    rules = {f: (wanted_rule(spec, f),) if f in spec.families else () for f in FAMILIES}
    return Live(sets, rules=rules)


def script(spec: SetSpec, content: PrefixSet, live: Live) -> str:
    (only,) = transactions(make_plan(spec, content, live))
    return only


def test_a_table_is_made_whole_in_one_script() -> None:
    assert script(SERVED, CONTENT, NOTHING_THERE) == NEW_TABLE


def test_a_change_of_content_leaves_rules_and_other_sets_alone() -> None:
    wider = CONTENT | PrefixSet.parse(["198.51.100.0/24"])

    assert script(SERVED, wider, holding(SERVED, CONTENT)) == (
        f"add table {TABLE}\n"
        f"add set {TABLE} addresses_4 {{ type ipv4_addr; flags interval; }}\n"
        f"flush set {TABLE} addresses_4\n"
        f"add element {TABLE} addresses_4 {{ 64.12.96.0/19, 192.0.2.1/32, 198.51.100.0/24 }}\n"
    )


def test_a_set_that_becomes_empty_is_flushed_and_not_filled() -> None:
    only_ipv6 = CONTENT.family(6)

    assert script(SPEC, only_ipv6, holding(SPEC, CONTENT)) == (
        f"add table {TABLE}\n"
        f"add set {TABLE} addresses_4 {{ type ipv4_addr; flags interval; }}\n"
        f"flush set {TABLE} addresses_4\n"
    )


def test_what_is_no_longer_served_is_deleted_after_the_rules_that_look_at_it() -> None:
    plan = make_plan(SPEC, CONTENT, holding(SERVED, CONTENT))
    (rules,) = transactions(plan)

    assert rules.splitlines()[1:] == [
        ADD_CHAIN,
        f"flush chain {TABLE} marking",
        f"add rule {TABLE} marking {wanted_rule(SPEC, 4)}",
        f"add rule {TABLE} marking {wanted_rule(SPEC, 6)}",
    ]
    assert removal(plan).splitlines() == [
        f"delete set {TABLE} services_4",
        f"delete set {TABLE} services_6",
    ]


def test_what_a_rule_comes_to_look_at_is_filled_before_it_does() -> None:
    sets, rules = transactions(make_plan(SERVED, CONTENT, holding(SPEC, CONTENT)))

    assert "add element inet proxyfeed_aol services_4 { 192.0.2.80 . tcp . 80" in sets
    assert "rule" not in sets
    assert f"add rule {TABLE} marking {wanted_rule(SERVED, 4)}" in rules
    assert "element" not in rules


WHOLE = f"add table {TABLE}\ndelete table {TABLE}\n{NEW_TABLE}"
BESIDE = WHOLE.replace(f"{TABLE}", f"{TABLE}_new")
GONE = f"add table {TABLE}_new\ndelete table {TABLE}_new\n"


def odd_table() -> Live:
    return replace(holding(SERVED, CONTENT), odd=("chain theirs",))


def table_with_a_wrong_type() -> Live:
    live = holding(SERVED, CONTENT)
    name = address_set("aol", 4)
    return replace(live, sets={**live.sets, name: replace(live.sets[name], type="ipv4_addr")})


@pytest.mark.parametrize("live", [odd_table(), table_with_a_wrong_type()], ids=["odd", "type"])
def test_a_table_is_made_anew_while_another_one_marks(live: Live) -> None:
    plan = make_plan(SERVED, CONTENT, live)

    assert list(transactions(plan)) == [BESIDE, WHOLE, GONE]


def test_a_table_that_marks_already_beside_is_used_and_removed() -> None:
    plan = make_plan(SERVED, CONTENT, replace(odd_table(), temporaries=(f"{TABLE}_new",)))

    assert list(transactions(plan)) == [WHOLE, GONE]


def test_a_table_that_is_left_over_is_removed_when_all_else_is_right() -> None:
    live = replace(holding(SERVED, CONTENT), temporaries=(f"{TABLE}_new",))
    changed = CONTENT - PrefixSet.parse(["192.0.2.1"])

    first, last = transactions(make_plan(SERVED, changed, live))

    assert "delete table" not in first
    assert last == GONE


def test_a_table_is_made_anew_without_what_is_no_longer_served() -> None:
    plan = make_plan(replace(SPEC, families=(6,)), CONTENT, odd_table())

    for lines in list(transactions(plan))[:2]:
        assert "delete set" not in lines
        assert "services" not in lines
        assert "addresses_4" not in lines
        assert "marking ip6 saddr @addresses_6" in lines


def test_to_take_rules_out_the_chain_is_flushed_and_need_not_have_the_right_form() -> None:
    assert rules_transaction("aol", []) == f"flush chain {TABLE} marking\n"


def test_to_put_rules_in_the_chain_is_made_if_it_is_not_there() -> None:
    assert rules_transaction("aol", [wanted_rule(SPEC, 4), ""]).splitlines() == [
        ADD_CHAIN,
        f"flush chain {TABLE} marking",
        f"add rule {TABLE} marking {wanted_rule(SPEC, 4)}",
    ]


def test_nothing_to_do_is_a_script_that_changes_nothing() -> None:
    assert script(SERVED, CONTENT, holding(SERVED, CONTENT)) == f"add table {TABLE}\n"


@pytest.mark.parametrize(
    ("mask", "mark", "kept"),
    [(ALL_BITS, 1, "0x0"), (0xFF, 0x10, "0xffffff00"), (0x80000000, 0x80000000, "0x7fffffff")],
)
def test_the_bits_outside_the_mask_are_kept(mask: int, mark: int, kept: str) -> None:
    rule = wanted_rule(replace(SPEC, mask=mask, mark=mark), 4)

    assert rule == (f"ip saddr @addresses_4 counter meta mark set meta mark & {kept} ^ {mark:#x}")


def test_a_family_without_a_service_is_matched_by_its_sources_alone() -> None:
    spec = replace(SPEC, virtual=WEB[:1])

    assert "@services_4" in wanted_rule(spec, 4)
    assert wanted_rule(spec, 6).startswith("ip6 saddr @addresses_6 counter")


def test_an_element_is_written_from_integers() -> None:
    key = make_key(4, 0xC0000200, 24)

    assert element_texts(4, [key, MarkedKey(key, 11, 0xFF)]) == [
        "192.0.2.0/24",
        "192.0.2.0/24 : 0xb",
    ]
    assert element_texts(6, ["2001:db8::80,udp:53"]) == ["2001:db8::80 . udp . 53"]


@pytest.mark.parametrize("name", ["aol", "aol-v4", "4"])
def test_the_owner_of_a_table_is_told_by_its_name(name: str) -> None:
    assert owner(f"inet proxyfeed_{name}") == name
    assert owner(f"inet proxyfeed_{name}_new") == name
    assert is_table(f"inet proxyfeed_{name}")
    assert not is_table(f"proxyfeed_{name}_4")


# ------------------------------------------------------------------ listings

# As nft 1.0.6 prints it, but for the line breaks.
LISTED = """
{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5",
"json_schema_version": 1}},
{"table": {"family": "inet", "name": "proxyfeed_aol", "handle": 1}},
{"set": {"family": "inet", "name": "services_4", "table": "proxyfeed_aol",
"type": ["ipv4_addr", "inet_proto", "inet_service"], "handle": 2,
"elem": [{"concat": ["192.0.2.80", "udp", 53]}, {"concat": ["192.0.2.80", "tcp", 80]}]}},
{"set": {"family": "inet", "name": "addresses_4", "table": "proxyfeed_aol", "type": "ipv4_addr",
"handle": 3, "flags": ["interval"],
"elem": [{"prefix": {"addr": "64.12.96.0", "len": 19}}, {"range": ["192.0.2.4", "192.0.2.6"]},
"255.255.255.255"]}},
{"set": {"family": "inet", "name": "addresses_6", "table": "proxyfeed_aol", "type": "ipv6_addr",
"handle": 4, "flags": ["interval"],
"elem": [{"prefix": {"addr": "2001:db8::", "len": 32}},
"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]}},
{"chain": {"family": "inet", "table": "proxyfeed_aol", "name": "marking", "handle": 1,
"type": "filter", "hook": "prerouting", "prio": -149, "policy": "accept"}},
{"rule": {"family": "inet", "table": "proxyfeed_aol", "chain": "marking", "handle": 5,
"expr": [{"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip",
"field": "daddr"}}, {"meta": {"key": "l4proto"}}, {"payload": {"protocol": "th",
"field": "dport"}}]}, "right": "@services_4"}}, {"match": {"op": "==",
"left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@addresses_4"}},
{"counter": {"packets": 7, "bytes": 8}}, {"mangle": {"key": {"meta": {"key": "mark"}},
"value": {"|": [{"&": [{"meta": {"key": "mark"}}, 4294967041]}, 1]}}}]}},
{"rule": {"family": "inet", "table": "proxyfeed_aol", "chain": "marking", "handle": 6,
"expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}},
"right": "@addresses_6"}}, {"counter": {"packets": 0, "bytes": 0}},
{"mangle": {"key": {"meta": {"key": "mark"}},
"value": {"|": [{"&": [{"meta": {"key": "mark"}}, 4294967041]}, 1]}}}]}}]}
"""
HELD = PrefixSet.parse(
    [
        *("64.12.96.0/19", "192.0.2.4/31", "192.0.2.6", "255.255.255.255", "2001:db8::/32"),
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]
)
LISTED_SPEC = replace(
    SPEC,
    mask=0xFF,
    virtual=(VirtualService(4, "192.0.2.80", 80), VirtualService(4, "192.0.2.80", 53, "udp")),
)
Objects = list[dict[str, Any]]


def objects() -> Objects:
    found: Objects = json.loads(LISTED)["nftables"]
    return found


def parse(listed: Objects) -> Live:
    return parse_table(json.dumps({"nftables": listed}), "aol")


def find(listed: Objects, kind: str, name: str = "") -> dict[str, Any]:
    """
    The first object of a kind, by its name if it has one.
    """
    return next(one[kind] for one in listed if kind in one and name in ("", one[kind].get("name")))


def test_a_listing_is_read_as_what_it_was_made_from() -> None:
    live = parse_table(LISTED, "aol")

    assert held_prefixes(LISTED_SPEC, live) == HELD
    assert live.sets[service_set("aol", 4)].entries == {"192.0.2.80,udp:53", "192.0.2.80,tcp:80"}
    assert live.rules == {family: (wanted_rule(LISTED_SPEC, family),) for family in FAMILIES}
    assert make_plan(LISTED_SPEC, HELD, live).is_nothing


def test_an_empty_table_is_read_as_one_that_holds_nothing() -> None:
    assert parse(objects()[:2]) == NOTHING_THERE


@pytest.mark.parametrize(
    ("kind", "name", "changes"),
    [
        pytest.param("set", "addresses_4", {"flags": "interval"}, id="one flag as a string"),
        pytest.param("set", "addresses_4", {"comment": "x", "policy": "memory"}, id="more words"),
        pytest.param("set", "services_4", {"size": None, "flags": []}, id="nothing said"),
        pytest.param("table", "", {"comment": "by proxyfeed", "handle": 77}, id="a remark"),
        pytest.param("chain", "marking", {"comment": "x", "dev": None}, id="a remark on the chain"),
        pytest.param("rule", "", {"comment": "x", "index": 1}, id="a remark on the rule"),
    ],
)
def test_what_newer_versions_print_besides_makes_no_difference(
    kind: str, name: str, changes: dict[str, Any]
) -> None:
    listed = objects()
    find(listed, kind, name).update(changes)

    assert make_plan(LISTED_SPEC, HELD, parse(listed)).is_nothing


def test_three_operands_of_one_operator_are_worked_out_in_turn() -> None:
    mark = {"meta": {"key": "mark"}}
    value = {"|": [{"&": [mark, 0xFFFFFFF0, 0xFFFFFE0F]}, 0, 1]}

    assert read_rule([{"mangle": {"key": mark, "value": value}}]) == (
        4,
        "meta mark set meta mark & 0xfffffe00 ^ 0x1",
    )


@pytest.mark.parametrize(
    ("kind", "name", "changes", "told"),
    [
        ("chain", "marking", {"policy": "drop"}, "chain marking of another type, hook, prio"),
        ("chain", "marking", {"prio": -150}, "chain marking of another type, hook, prio"),
        ("chain", "marking", {"hook": "input"}, "chain marking of another type, hook, prio"),
        ("chain", "marking", {"name": "theirs"}, "chain theirs"),
        ("set", "services_4", {"name": "mine"}, "set mine"),
        ("rule", "", {"expr": [{"accept": None}]}, 'rule [{"accept": null}]'),
        ("rule", "", {"expr": None}, "rule null"),
    ],
)
def test_what_is_none_of_ours_is_named(
    kind: str, name: str, changes: dict[str, Any], told: str
) -> None:
    listed = objects()
    find(listed, kind, name).update(changes)

    (odd,) = parse(listed).odd

    assert odd.startswith(told)


@pytest.mark.parametrize("kind", ["counter", "flowtable", "ct helper", "synproxy"])
def test_an_object_of_another_kind_is_named(kind: str) -> None:
    found = {"family": "inet", "table": "proxyfeed_aol", "name": "theirs"}

    assert parse([*objects(), {kind: found}]).odd == (f"{kind} theirs",)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"flags": []}, "ipv4_addr"),
        ({"flags": ["interval", "timeout"], "timeout": 9}, "ipv4_addr interval timeout timeout"),
        ({"auto-merge": True}, "ipv4_addr interval auto-merge"),
        ({"size": 4}, "ipv4_addr interval size"),
        ({"stmt": [{"counter": None}]}, "ipv4_addr interval stmt"),
    ],
)
def test_a_set_that_is_made_otherwise_is_of_another_type_and_holds_what_it_holds(
    changes: dict[str, Any], kind: str
) -> None:
    listed = objects()
    find(listed, "set", "addresses_4").update(changes)

    live = parse(listed)

    name = address_set("aol", 4)
    assert live.sets[name].type == kind
    assert held_prefixes(LISTED_SPEC, live) == HELD
    actions = {one.name: one.action for one in make_plan(LISTED_SPEC, HELD, live).sets}
    assert actions.pop(name) is Action.RETYPE
    assert set(actions.values()) == {Action.NOTHING}


def test_a_set_of_the_other_family_holds_nothing_of_ours() -> None:
    listed = objects()
    find(listed, "set", "addresses_4")["type"] = "ipv6_addr"
    find(listed, "set", "addresses_4")["elem"] = ["2001:db8::1"]

    live = parse(listed)

    assert held_prefixes(LISTED_SPEC, live) == HELD.family(6)
    assert "family IPv6" in make_plan(LISTED_SPEC, HELD, live).sets[1].why


@pytest.mark.parametrize(
    "element",
    [
        "2001:db8::1",
        "nonsense",
        "",
        80,
        None,
        True,
        [],
        ["192.0.2.1"],
        {},
        {"prefix": {"addr": "192.0.2.1", "len": 24}},
        {"prefix": {"addr": "192.0.2.0", "len": "24"}},
        {"prefix": {"addr": "192.0.2.0", "len": True}},
        {"prefix": {"addr": "192.0.2.0", "len": 33}},
        {"prefix": {"addr": 5, "len": 24}},
        {"prefix": "192.0.2.0/24"},
        {"range": ["192.0.2.9", "192.0.2.1"]},
        {"range": ["192.0.2.9"]},
        {"range": "192.0.2.1-192.0.2.9"},
        {"concat": ["192.0.2.80", "tcp", 80]},
        {"elem": {"val": None}},
        {"elem": {"comment": "x"}},
    ],
)
def test_an_entry_that_is_not_understood_is_odd(element: object) -> None:
    listed = objects()
    find(listed, "set", "addresses_4")["elem"].append(element)

    live = parse(listed)

    assert live.sets[address_set("aol", 4)].odd == (json.dumps(element),)
    assert held_prefixes(LISTED_SPEC, live) == HELD


@pytest.mark.parametrize(
    "element",
    [
        "192.0.2.80",
        {"concat": ["192.0.2.80", "tcp"]},
        {"concat": ["192.0.2.80", "tcp", "http"]},
        {"concat": ["192.0.2.80", "tcp", 80.5]},
        {"concat": ["192.0.2.80", None, 80]},
        {"concat": [{"prefix": {"addr": "192.0.2.0", "len": 24}}, "tcp", 80]},
        {"concat": ["192.0.2.80", "tcp", {"range": [80, 90]}]},
    ],
)
def test_a_service_that_is_not_understood_is_odd(element: object) -> None:
    listed = objects()
    find(listed, "set", "services_4")["elem"].append(element)

    live = parse(listed)

    assert live.sets[service_set("aol", 4)].odd == (json.dumps(element),)


def test_an_entry_with_a_remark_is_held_and_odd() -> None:
    listed = objects()
    element = {"elem": {"val": "203.0.113.1", "comment": "mine"}}
    find(listed, "set", "addresses_4")["elem"].append(element)

    live = parse(listed)

    assert live.sets[address_set("aol", 4)].odd == (json.dumps(element),)
    assert held_prefixes(LISTED_SPEC, live) == HELD | PrefixSet.parse(["203.0.113.1"])


def test_protocols_without_a_name_are_read_by_their_number() -> None:
    listed = objects()
    find(listed, "set", "services_4")["elem"] = [
        {"concat": ["192.0.2.80", 6, 80]},
        {"concat": ["192.0.2.80", 17, 53]},
    ]

    assert make_plan(LISTED_SPEC, HELD, parse(listed)).is_nothing


# ------------------------------------------------------------------ listings that are broken


def assert_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match=f"something else than table {TABLE}") as caught:
        parse_table(text, "aol")
    assert caught.value.hint == f"nft list table {TABLE}"


def test_a_listing_that_is_cut_off_anywhere_is_refused() -> None:
    whole = LISTED.strip()
    for end in range(len(whole)):
        assert_refused(whole[:end])


@pytest.mark.parametrize(
    "change",
    [
        lambda listed: listed.pop(1),
        lambda listed: listed.clear(),
        lambda listed: listed.append(listed[1]),
        lambda listed: listed.append({"set": find(listed, "set")}),
        lambda listed: find(listed, "table").update(name="proxyfeed_other"),
        lambda listed: find(listed, "table").update(family="ip"),
        lambda listed: find(listed, "set").update(table="proxyfeed_other"),
        lambda listed: find(listed, "table").update(flags="inet"),
        lambda listed: find(listed, "table").update(flags=None),
        lambda listed: find(listed, "set", "addresses_4").update(elem=None),
        lambda listed: find(listed, "set", "addresses_4").update(elem="192.0.2.1"),
        lambda listed: find(listed, "set", "addresses_4").update(flags=[1]),
        lambda listed: find(listed, "set", "addresses_4").update(type=["ipv4_addr", None]),
        lambda listed: listed[3].update(more={}),
    ],
)
def test_a_listing_of_something_else_is_refused(change: Callable[[Objects], object]) -> None:
    listed = objects()
    change(listed)

    assert_refused(json.dumps({"nftables": listed}))


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"nftables": {}}', '{"nftables": [1]}'])
def test_what_is_no_listing_is_refused(text: str) -> None:
    assert_refused(text)


def test_a_listing_that_is_nested_without_end_is_refused() -> None:
    assert_refused("[" * 100_000)


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """
    The way to every key and every item, by what stands on it.
    """
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in children:
        yield (*path, key)
        if isinstance(child, dict | list):
            yield from places(child, (*path, key))


def test_whatever_is_otherwise_in_a_listing_no_address_is_lost_without_a_word() -> None:
    whole = json.loads(LISTED)
    count = 0
    for path in places(whole):
        for value in (None, 0, -1, "x", "", [], {}, True):
            changed = copy.deepcopy(whole)
            at = changed
            for key in path[:-1]:
                at = at[key]
            at[path[-1]] = value
            if value == [] and path[-1] == "elem":
                continue  # that is how an empty set is printed
            assert_nothing_lost(changed)
            count += 1
        changed = copy.deepcopy(whole)
        at = changed
        for key in path[:-1]:
            at = at[key]
        if isinstance(at, dict) and path[-1] != "elem":
            del at[path[-1]]
            assert_nothing_lost(changed)
    assert count > 500


def assert_nothing_lost(listing: dict[str, Any]) -> None:
    try:
        live = parse_table(json.dumps(listing), "aol")
    except CommandFailed:
        return
    is_told = bool(live.odd) or any(one.odd for one in live.sets.values())
    types = {one.type for name, one in live.sets.items() if "addresses" in name}
    assert held_prefixes(LISTED_SPEC, live) == HELD or is_told or not types <= {*ADDRESSES.values()}


# ------------------------------------------------------------------ rules

MARK = {"meta": {"key": "mark"}}
words = st.integers(0, ALL_BITS)
trees = st.recursive(
    words | st.just(MARK),
    lambda operands: st.builds(
        lambda operator, several: {operator: several},
        st.sampled_from("|&^"),
        st.lists(operands, min_size=2, max_size=3),
    ),
    max_leaves=12,
)


def work_out(tree: Any, mark: int) -> int:
    if tree == MARK:
        return mark
    if isinstance(tree, int):
        return tree
    ((operator, operands),) = tree.items()
    first, *others = (work_out(one, mark) for one in operands)
    for other in others:
        first = {"|": first | other, "&": first & other, "^": first ^ other}[operator]
    return first


@given(trees, words)
def test_what_becomes_of_a_mark_is_worked_out_however_it_is_written(tree: Any, mark: int) -> None:
    _, line = read_rule([{"mangle": {"key": MARK, "value": tree}}])

    kept, turned = (int(word, 16) for word in line.split() if word.startswith("0x"))
    assert line == mark_statement(kept, turned).removeprefix("counter ")
    assert mark & kept ^ turned == work_out(tree, mark)


@pytest.mark.parametrize(
    "value",
    [
        {"<<": [MARK, 1]},
        {"|": [MARK]},
        {"|": MARK},
        {"&": [MARK, -1]},
        {"&": [MARK, ALL_BITS + 1]},
        {"&": [MARK, True]},
        {"&": [MARK, "0xff"]},
        {"&": [{"ct": {"key": "mark"}}, 0xFF]},
        {"|": [MARK, 1], "&": [MARK, 1]},
        None,
        "x",
    ],
)
def test_a_mark_that_is_not_understood_makes_the_rule_none_of_ours(value: Any) -> None:
    rule = [{"mangle": {"key": MARK, "value": value}}]

    assert read_rule(rule) == (0, json.dumps(rule))


SOURCE = {"payload": {"protocol": "ip", "field": "saddr"}}
MATCH = {"match": {"op": "==", "left": SOURCE, "right": "@addresses_4"}}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}
SET_MARK = {"mangle": {"key": MARK, "value": 1}}


def test_a_rule_of_ours_is_read_as_it_is_written() -> None:
    assert read_rule([MATCH, COUNTER, SET_MARK]) == (4, wanted_rule(SPEC, 4))


@pytest.mark.parametrize(
    "rule",
    [
        [SET_MARK],
        [MATCH, SET_MARK],
        [MATCH, COUNTER],
        [MATCH, MATCH, COUNTER, SET_MARK],
        [{"match": {**MATCH["match"], "right": "@mine"}}, COUNTER, SET_MARK],
        [{"match": {**MATCH["match"], "right": "192.0.2.1"}}, COUNTER, SET_MARK],
        [MATCH, COUNTER, {"mangle": {"key": MARK, "value": 2}}],
    ],
)
def test_a_rule_that_is_like_ours_is_another_one(rule: list[Any]) -> None:
    family, line = read_rule(rule)

    assert family == 4
    assert line != wanted_rule(SPEC, 4)


@pytest.mark.parametrize(
    "rule",
    [
        [{"match": {**MATCH["match"], "op": "!="}}, COUNTER, SET_MARK],
        [{"match": {**MATCH["match"], "right": {"set": ["192.0.2.1"]}}}, COUNTER, SET_MARK],
        [{"match": {**MATCH["match"], "left": {"meta": {"key": "iifname"}}}}, COUNTER, SET_MARK],
        [MATCH, {"limit": {"rate": 1, "per": "second"}}, SET_MARK],
        [MATCH, COUNTER, {"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}],
        [MATCH, COUNTER, SET_MARK, {"accept": None}],
        [MATCH, {"match": {**MATCH["match"], "left": {"payload": {"protocol": "ip6"}}}}],
        {"accept": None},
        "accept",
        None,
    ],
)
def test_a_rule_of_another_form_is_shown_as_it_was_printed(rule: object) -> None:
    assert read_rule(rule) == (0, json.dumps(rule))


def test_a_rule_for_both_families_at_once_is_none_of_ours() -> None:
    source_6 = {"payload": {"protocol": "ip6", "field": "saddr"}}
    rule = [MATCH, {"match": {**MATCH["match"], "left": source_6}}, COUNTER, SET_MARK]

    assert read_rule(rule) == (0, json.dumps(rule))


# ------------------------------------------------------------------ the program


@dataclass(frozen=True)
class ScriptedRunner(Runner):
    """
    It answers each command as was given, or raises what was.
    """

    answers: dict[str, str | Exception] = field(default_factory=dict)

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        answer = self.answers[" ".join(argv)]
        if isinstance(answer, Exception):
            raise answer
        return answer


LIST = f"nft -j list table {TABLE}"
TABLES = "nft list tables"
THERE = f"table {TABLE}\n"


def nft(**answers: str | Exception) -> ByNft:
    names = {"json": LIST, "text": f"nft --terse list table {TABLE}", "tables": TABLES}
    return ByNft(ScriptedRunner(answers={names[name]: said for name, said in answers.items()}))


def test_a_table_that_is_not_there_holds_nothing() -> None:
    assert nft(tables="table inet filter\ntable ip proxyfeed_aol\n").read("aol") == NOTHING_THERE


@pytest.mark.parametrize("printed", [f"table {TABLE}\n", f"table {TABLE}_new\n"])
def test_what_another_backend_left_is_found_by_either_table(printed: str) -> None:
    former = nft(tables=printed, json=LISTED).read_former("aol")

    assert former is not None
    assert bool(former.temporaries) == ("_new" in printed)
    assert bool(former.sets) == ("_new" not in printed)
    assert nft(tables=printed).orphans(["aol"]) == ()
    assert nft(tables=printed).orphans(["other"]) == (printed.strip().removeprefix("table "),)


@pytest.mark.parametrize(
    "said",
    [
        "netlink: Error: cache initialization failed: Input/output error",
        "Error: No such file or directory",
        "Error: syntax error, unexpected junk",
        "exit code 1, and not a word",
    ],
)
def test_a_table_that_cannot_be_looked_at_is_not_taken_for_absent(said: str) -> None:
    failure = CommandFailed(f"{LIST} failed: {said}")

    with pytest.raises(CommandFailed) as caught:
        nft(tables=THERE, json=failure).read("aol")

    assert caught.value is failure


@pytest.mark.parametrize(
    "failure",
    [
        ToolMissing("nft is not installed"),
        CommandFailed(
            f"{TABLES} failed: Unable to initialize Netlink socket: Protocol not supported"
        ),
    ],
)
def test_where_nft_cannot_be_a_set_of_its_own_cannot_be_looked_at(
    failure: ToolMissing | CommandFailed,
) -> None:
    with pytest.raises(type(failure)):
        nft(tables=failure).read("aol")


@pytest.mark.parametrize("printed", ['{"nftables": [{"table": {"flags": ', "", LISTED[:-9]])
def test_a_listing_that_is_broken_is_refused_unless_the_table_is_dormant(printed: str) -> None:
    text = "table inet proxyfeed_aol {\n\tset mine {\n\t\tflags dormant\n\t}\n}\n"
    dormant = "table inet proxyfeed_aol {\n\tflags dormant\n}\n"

    with pytest.raises(CommandFailed, match="something else than table"):
        nft(tables=THERE, json=printed, text=text).read("aol")

    live = nft(tables=THERE, json=printed, text=dormant).read("aol")
    assert live == replace(NOTHING_THERE, odd=("flag dormant",))


def test_a_table_with_another_flag_is_not_taken_for_one_of_ours() -> None:
    listed = objects()
    find(listed, "table")["flags"] = "owner"
    owned = "table inet proxyfeed_aol {\n\tflags owner\n}\n"

    with pytest.raises(CommandFailed, match="something else than table"):
        nft(tables=THERE, json=json.dumps({"nftables": listed}), text=owned).read("aol")


@pytest.mark.parametrize(
    "said",
    [
        "src/mnl.c:60: Unable to initialize Netlink socket: Protocol not supported",
        "netlink: Error: cache initialization failed: Invalid argument",
    ],
)
def test_where_nft_cannot_be_no_table_is(said: str) -> None:
    missing = ToolMissing("nft is not installed")
    for answer in (CommandFailed(f"{TABLES} failed: {said}"), missing):
        assert nft(tables=answer).read_former("aol") is None
        assert nft(tables=answer).orphans(()) == ()


@pytest.mark.parametrize(
    "failure",
    [
        CommandFailed(f"{TABLES} failed: Error: Input/output error"),
        NoRights(f"this user may not run {TABLES}: Operation not permitted"),
    ],
)
def test_tables_that_cannot_be_looked_at_are_not_taken_for_absent(
    failure: CommandFailed | NoRights,
) -> None:
    with pytest.raises(type(failure)):
        nft(tables=failure).read_former("aol")


def test_the_tables_of_ours_are_those_of_inet_with_our_prefix() -> None:
    printed = (
        "table ip mangle\ntable inet proxyfeed_aol\ntable ip proxyfeed_one\n"
        "table inet proxyfeed_two\ntable inet proxyfeedx\ntable inet filter\n"
    )

    assert nft(tables=printed).orphans(["aol"]) == ("inet proxyfeed_two",)
    assert parse_names("") == ()


@pytest.mark.parametrize("line", ["table", "table inet", "# inet a", "table inet a b", "x inet a"])
def test_names_that_are_no_tables_are_refused(line: str) -> None:
    with pytest.raises(CommandFailed, match="something else than tables"):
        parse_names(f"table inet proxyfeed_aol\n{line}\n")
