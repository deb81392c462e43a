"""
The words that are exchanged with ipset and iptables: names, listings, restore streams and rules.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.errors import CommandFailed
from proxyfeed.firewall.ipset import (
    NET,
    SERVICE,
    commit_lines,
    fill_lines,
    fits,
    member_texts,
    net_set,
    parse_save,
    service_set,
    temporary,
)
from proxyfeed.firewall.layout import read_members
from proxyfeed.firewall.members import in_order, read_entries
from proxyfeed.firewall.rule import comment, rule_sets, wanted_rule
from proxyfeed.model import Action, LiveSet, MarkedKey, Member, SetPlan, SetSpec, VirtualService
from proxyfeed.notation import BITS, make_key
from proxyfeed.prefixes import FAMILIES, PrefixSet

# As ipset 7.17 prints it: single addresses without their length, in no order.
SAVED_IPV4 = """\
create proxyfeed_aol_4 hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12 initval 0x1
add proxyfeed_aol_4 205.188.146.144/30
add proxyfeed_aol_4 192.31.196.1
add proxyfeed_aol_4 64.12.96.0/19
"""
SAVED_IPV6 = """\
create proxyfeed_aol_6 hash:net family inet6 hashsize 1024 maxelem 131072 bucketsize 12 initval 0x2
add proxyfeed_aol_6 2600::1
add proxyfeed_aol_6 2600:1::/32
"""
SAVED_SERVICES = """\
create proxyfeed_aol_v4 hash:ip,port family inet hashsize 1024 maxelem 65536 bucketsize 12
add proxyfeed_aol_v4 192.0.2.80,tcp:80
add proxyfeed_aol_v4 192.0.2.53,udp:53
"""


def keys_of(*rows: str) -> frozenset[Member]:
    prefixes = PrefixSet.parse(rows)
    return frozenset((*prefixes.ipv4, *prefixes.ipv6))


def planned(
    name: str = "proxyfeed_aol_4",
    action: Action = Action.DELTA,
    target: frozenset[Member] = frozenset(),
    add: tuple[Member, ...] = (),
    delete: tuple[Member, ...] = (),
    family: int = 4,
    kind: str = NET,
) -> SetPlan:
    return SetPlan(name, kind, family, action, "", target, add, delete)


# ---------------------------------------------------------------- what ipset prints


@pytest.mark.parametrize(
    ("text", "name", "live"),
    [
        (
            SAVED_IPV4,
            "proxyfeed_aol_4",
            LiveSet(
                "proxyfeed_aol_4",
                NET,
                4,
                65536,
                frozenset({"64.12.96.0/19", "205.188.146.144/30", "192.31.196.1"}),
            ),
        ),
        (
            SAVED_IPV6,
            "proxyfeed_aol_6",
            LiveSet("proxyfeed_aol_6", NET, 6, 131072, frozenset({"2600::1", "2600:1::/32"})),
        ),
        (
            SAVED_SERVICES,
            "proxyfeed_aol_v4",
            LiveSet(
                "proxyfeed_aol_v4",
                SERVICE,
                4,
                65536,
                frozenset({"192.0.2.80,tcp:80", "192.0.2.53,udp:53"}),
            ),
        ),
        (
            "create proxyfeed_aol_4 hash:net family inet hashsize 1024 maxelem 65536\n",
            "proxyfeed_aol_4",
            LiveSet("proxyfeed_aol_4", NET, 4, 65536, frozenset()),
        ),
        # Another hand's, of our name.
        (
            "create proxyfeed_aol_4 list:set size 8\nadd proxyfeed_aol_4 other\n",
            "proxyfeed_aol_4",
            LiveSet("proxyfeed_aol_4", "list:set", 4, 0, frozenset({"other"})),
        ),
    ],
)
def test_a_listing_is_read(text: str, name: str, live: LiveSet) -> None:
    assert parse_save(text, name) == live


@pytest.mark.parametrize(
    "entry",
    ["10.1.0.0/16 nomatch", "64.12.0.0/16 timeout 299", '64.12.0.0/16 comment "x"',
     "64.12.0.0/16 packets 0 bytes 0", "64.12.0.0/16 skbmark 0x1"],
)  # fmt: skip
def test_an_entry_that_proxyfeed_never_writes_is_kept_apart(entry: str) -> None:
    live = parse_save(f"{SAVED_IPV4}add proxyfeed_aol_4 {entry}\n", "proxyfeed_aol_4")

    members, odd = read_members(live, live.entries)

    assert odd == (entry,)
    assert set(members) == keys_of("64.12.96.0/19", "205.188.146.144/30", "192.31.196.1")


def test_an_entry_of_the_other_family_is_kept_apart() -> None:
    members, odd = read_entries(4, ["64.12.96.0/19", "2600::/32"], is_marked=False)

    assert members == [0x400C6000_13]
    assert odd == ("2600::/32",)


@pytest.mark.parametrize(
    "text", ["", "\n", "Name: proxyfeed_aol_4\n", "add proxyfeed_aol_4 64.12.96.0/19\n", SAVED_IPV6]
)
def test_a_listing_of_something_else_is_never_an_empty_set(text: str) -> None:
    with pytest.raises(CommandFailed, match="ipset save proxyfeed_aol_4 printed something else"):
        parse_save(text, "proxyfeed_aol_4")


# ---------------------------------------------------------------- what ipset reads


def test_a_set_is_made_and_filled_in_address_order() -> None:
    plan = planned(target=keys_of("205.188.146.144/30", "64.12.96.0/19", "192.31.196.1"))

    assert list(fill_lines("proxyfeed_aol_4_new", plan)) == [
        "create proxyfeed_aol_4_new hash:net family inet hashsize 1024 maxelem 65536",
        "add proxyfeed_aol_4_new 64.12.96.0/19",
        "add proxyfeed_aol_4_new 192.31.196.1/32",
        "add proxyfeed_aol_4_new 205.188.146.144/30",
    ]


def test_a_set_of_the_other_family_and_of_the_other_type_is_made_as_such() -> None:
    net = planned(target=keys_of("2600::/32"), family=6)
    service = planned(target=frozenset({"2001:db8::80,tcp:80"}), family=6, kind=SERVICE)

    assert list(fill_lines("n", net)) == [
        "create n hash:net family inet6 hashsize 1024 maxelem 65536",
        "add n 2600::/32",
    ]
    assert list(fill_lines("s", service)) == [
        "create s hash:ip,port family inet6 hashsize 1024 maxelem 65536",
        "add s 2001:db8::80,tcp:80",
    ]


def test_no_line_forgives_what_is_there_already() -> None:
    plan = planned(target=keys_of("64.12.96.0/19"), add=(make_key(4, 0, 32),))

    assert not [line for line in [*fill_lines("n", plan), *commit_lines([plan])] if "-" in line]


@pytest.mark.parametrize(
    ("count", "hash_size", "entries"),
    [
        (0, 1024, 65536),
        (2049, 1024, 65536),
        (2050, 2048, 65536),
        (32768, 16384, 65536),
        (32769, 16384, 131072),
        (40000, 32768, 131072),
    ],
)
def test_a_set_has_room_to_double(count: int, hash_size: int, entries: int) -> None:
    target: frozenset[Member] = frozenset(make_key(4, number, 32) for number in range(count))

    create = next(iter(fill_lines("n", planned(target=target))))

    assert create == f"create n hash:net family inet hashsize {hash_size} maxelem {entries}"


def test_all_that_adds_comes_before_all_that_deletes_over_all_sets() -> None:
    one, two = (make_key(4, number << 8, 24) for number in (1, 2))
    plans = [
        planned("delta_a", add=(one,), delete=(two,)),
        planned("made_anew", Action.REPLACE),
        planned("delta_b", add=(two,), delete=(one,)),
        planned("new", Action.CREATE),
        planned("same", Action.NOTHING, add=(one,)),
        planned("wrong", Action.RETYPE, add=(one,)),
        planned("gone", Action.REMOVE, delete=(one,)),
    ]

    assert list(commit_lines(plans)) == [
        "add delta_a 0.0.1.0/24",
        "add delta_b 0.0.2.0/24",
        "swap made_anew_new made_anew",
        "rename new_new new",
        "del delta_a 0.0.2.0/24",
        "del delta_b 0.0.1.0/24",
    ]


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_what_is_written_reads_back_as_it_was_meant(family: int, data: st.DataObject) -> None:
    bits = BITS[family]
    pairs = st.tuples(st.integers(0, 2**bits - 1), st.integers(1, bits))
    target: frozenset[Member] = frozenset(
        make_key(family, *pair) for pair in data.draw(st.lists(pairs, max_size=8))
    )
    plan = planned("n", target=target, family=family)

    written = "".join(f"{line}\n" for line in fill_lines("n", plan))

    live = parse_save(written, "n")
    members, odd = read_members(live, live.entries)
    assert (live.type, live.family, live.max_entries) == (NET, family, 65536)
    assert (set(members), odd) == (target, ())


@given(st.lists(st.integers(0, 2**40) | st.text(max_size=3)))
@settings(deadline=None)
def test_members_stand_in_one_order_wherever_they_come_from(members: list[Member]) -> None:
    ordered = in_order(frozenset(members))

    assert in_order(ordered[::-1]) == ordered
    assert set(ordered) == set(members)
    keys = [member for member in ordered if isinstance(member, int)]
    assert keys == sorted(keys)


def test_members_are_printed_from_their_numbers_and_as_they_stand() -> None:
    marked = MarkedKey(0x400C6000_13, 0xB, 0xFFFF)

    assert member_texts(4, [0x400C6000_13, marked]) == [
        "64.12.96.0/19",
        "64.12.96.0/19 skbmark 0xb/0xffff",
    ]
    assert member_texts(4, ["192.0.2.80,tcp:80"]) == ["192.0.2.80,tcp:80"]


def test_a_set_is_full_at_its_maxelem() -> None:
    live = LiveSet("n", NET, 4, 65536, frozenset())

    assert fits(65536, live)
    assert not fits(65537, live)


# ---------------------------------------------------------------- names and rules


def test_names_tell_the_set_the_family_and_what_it_holds() -> None:
    assert net_set("aol", 4) == "proxyfeed_aol_4"
    assert net_set("aol", 6) == "proxyfeed_aol_6"
    assert service_set("aol", 4) == "proxyfeed_aol_v4"
    assert temporary(service_set("aol", 6)) == "proxyfeed_aol_v6_new"
    assert comment("aol") == "proxyfeed:aol"


SERVICES = (
    VirtualService(4, "192.0.2.80", 80),
    VirtualService(4, "192.0.2.53", 53, "udp"),
)


def test_without_services_the_rule_looks_at_the_source_alone() -> None:
    spec = SetSpec("aol", ("aol",), 1)

    assert wanted_rule(spec, 6) == (
        "-A PREROUTING -m set --match-set proxyfeed_aol_6 src"
        " -m comment --comment proxyfeed:aol -j MARK --set-xmark 0x1/0xffffffff"
    )


def test_any_number_of_services_is_one_rule() -> None:
    spec = SetSpec("aol", ("aol",), 0x20, mask=0xF0, virtual=SERVICES)

    assert wanted_rule(spec, 4) == (
        "-A PREROUTING -m set --match-set proxyfeed_aol_v4 dst,dst"
        " -m set --match-set proxyfeed_aol_4 src"
        " -m comment --comment proxyfeed:aol -j MARK --set-xmark 0x20/0xf0"
    )


def test_a_rule_looks_at_the_services_of_its_own_family() -> None:
    spec = SetSpec("aol", ("aol",), 1, virtual=SERVICES)

    assert rule_sets(spec, 4) == ("proxyfeed_aol_v4", "proxyfeed_aol_4")
    assert rule_sets(spec, 6) == ("proxyfeed_aol_6",)
