"""
Sets of addresses, held against netaddr, the standard library and plain sets of numbers.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import netaddr
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.errors import BadPrefix
from proxyfeed.notation import BITS, key_to_text, make_key, number_to_text, range_to_keys
from proxyfeed.prefixes import FAMILIES, PrefixSet

# Lists as they were published; some machines have them beside the checkout.
PUBLISHED = Path(__file__).parents[2] / "shared" / "data"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published lists in {PUBLISHED}")

# 198.51.100.0/24 and 2001:db8::/120: 256 addresses in each family, few enough to count one by one.
SPACE = {4: 0xC6336400, 6: 0x20010DB8 << 96}
LENGTHS = {4: (24, 32), 6: (120, 128)}

Addresses = frozenset[tuple[int, int]]
Key = tuple[int, int]


def written(family: int) -> st.SearchStrategy[str]:
    """
    Prefixes with host bits: anywhere, at the edges, and close enough to touch each other.
    """
    bits = BITS[family]
    numbers = (
        st.integers(0, 2**bits - 1)
        | st.sampled_from([0, 1, 2 ** (bits - 1), 2**bits - 1])
        | st.integers(SPACE[family], SPACE[family] + 63)
    )
    lengths = st.integers(0, bits) | st.integers(bits - 6, bits)
    return st.builds(lambda n, length: f"{number_to_text(family, n)}/{length}", numbers, lengths)


def small(family: int) -> st.SearchStrategy[Key]:
    numbers = st.integers(SPACE[family], SPACE[family] + 255)
    lengths = st.integers(*LENGTHS[family])
    return st.builds(lambda n, length: (family, make_key(family, n, length)), numbers, lengths)


any_rows = st.lists(written(4) | written(6), max_size=10)
small_keys = st.lists(small(4) | small(6), max_size=10)


def gather(keys: Iterable[Key]) -> PrefixSet:
    split: dict[int, list[int]] = {4: [], 6: []}
    for family, key in keys:
        split[family].append(key)
    return PrefixSet.from_keys(split[4], split[6])


def count_out(keys: Iterable[Key]) -> Addresses:
    """
    Every single address of *keys*, by adding one to one.
    """
    return frozenset(
        (family, number)
        for family, key in keys
        for number in range(key >> 8, (key >> 8) + 2 ** (BITS[family] - (key & 0xFF)))
    )


def addresses_of(prefixes: PrefixSet) -> Addresses:
    return count_out((family, key) for family in FAMILIES for key in prefixes.keys(family))


def cut_otherwise(keys: Sequence[Key], seed: int) -> list[Key]:
    """
    The same addresses with some prefixes in halves, some twice, in another order.
    """
    dice = random.Random(seed)
    recut = []
    for family, key in keys:
        first, length = key >> 8, key & 0xFF
        if length < BITS[family] and dice.random() < 0.7:
            half = 1 << (BITS[family] - length - 1)
            recut += [(family, make_key(family, n, length + 1)) for n in (first, first + half)]
        else:
            recut += [(family, key)] * dice.randint(1, 2)
    dice.shuffle(recut)
    return recut


def published_rows(name: str) -> list[str]:
    return (PUBLISHED / name).read_text("ascii").split()


# ---------------------------------------------------------------- the canonical form


@given(any_rows)
@settings(deadline=None)
def test_aggregation_is_that_of_netaddr(rows: list[str]) -> None:
    assert list(PrefixSet.parse(rows)) == netaddr.cidr_merge(rows)


@given(any_rows)
@settings(deadline=None)
def test_the_form_is_minimal_and_sorted(rows: list[str]) -> None:
    content = PrefixSet.parse(rows)

    for family in FAMILIES:
        keys = content.keys(family)
        networks = [netaddr.IPNetwork(line) for line in content.family(family).lines()]
        assert list(keys) == sorted(set(keys))
        for left, right in itertools.pairwise(networks):
            assert left.last < right.first
            joined = left.supernet(left.prefixlen - 1)[0] if left.prefixlen else left
            assert left.prefixlen != right.prefixlen or right not in joined


@given(any_rows, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_and_repetition_do_not_matter(rows: list[str], dice: random.Random) -> None:
    shuffled = [*rows, *rows[:3]]
    dice.shuffle(shuffled)

    assert PrefixSet.parse(shuffled) == PrefixSet.parse(rows)


@given(any_rows)
@settings(deadline=None)
def test_a_canonical_set_is_made_canonical_as_itself(rows: list[str]) -> None:
    content = PrefixSet.parse(rows)

    assert PrefixSet.from_keys(content.ipv4, content.ipv6) == content


@given(any_rows)
@settings(deadline=None)
def test_the_printed_lines_read_back_as_the_same_set(rows: list[str]) -> None:
    content = PrefixSet.parse(rows)

    assert PrefixSet.parse(content.lines()) == content
    assert len(list(content.lines())) == len(content)


@given(small_keys, st.integers())
@settings(deadline=None)
def test_the_same_addresses_cut_in_another_way_are_the_same_set(keys: list[Key], seed: int) -> None:
    content, recut = gather(keys), gather(cut_otherwise(keys, seed))

    assert recut == content
    assert recut.digest == content.digest
    assert hash(recut) == hash(content)


@given(small_keys, small(4) | small(6))
@settings(deadline=None)
def test_an_address_is_held_exactly_when_it_is_one_of_them(keys: list[Key], asked: Key) -> None:
    family, key = asked

    assert gather(keys).holds(family, key >> 8) is ((family, key >> 8) in count_out(keys))


@given(small_keys, small_keys)
@settings(deadline=None)
def test_sets_are_equal_exactly_when_addresses_and_digests_are(
    left: list[Key], right: list[Key]
) -> None:
    ours, theirs = gather(left), gather(right)
    are_same = count_out(left) == count_out(right)

    assert (ours == theirs) is are_same
    assert (ours.digest == theirs.digest) is are_same


def test_the_digest_is_of_the_prefixes_in_network_order() -> None:
    # printf '\x40\x0c\x60\0\x13\xff\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0\x20' | sha256sum
    recorded = "1f98187b93bafc3302488c8eefdac05d9ee024017bc3f0f5f476b5fe3e0bc267"

    assert PrefixSet.parse(["2001:db8::/32", "64.12.96.0/19"]).digest == recorded


def test_the_families_are_kept_apart_in_the_digest() -> None:
    assert PrefixSet.parse(["0.0.0.0/0"]).digest != PrefixSet.parse(["::/0"]).digest


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        ([], []),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]),
        (["::/1", "8000::/1"], ["::/0"]),
        (["0.0.0.0/0", "64.12.96.0/19", "255.255.255.255"], ["0.0.0.0/0"]),
        (["255.255.255.255", "255.255.255.254"], ["255.255.255.254/31"]),
        (["0.0.0.0", "255.255.255.255"], ["0.0.0.0/32", "255.255.255.255/32"]),
        (["195.93.96.0/19", "195.93.64.0/19"], ["195.93.64.0/18"]),
        # Neighbours, and not halves of one block.
        (["195.93.32.0/19", "195.93.64.0/19"], ["195.93.32.0/19", "195.93.64.0/19"]),
        (["2001:db8::1", "2001:db8::"], ["2001:db8::/127"]),
        (["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"], [f"{'ffff:' * 7}ffff/128"]),
        (["64.12.96.1/19"], ["64.12.96.0/19"]),
        # The same number in both families.
        (["::1", "0.0.0.1"], ["0.0.0.1/32", "::1/128"]),
    ],
)
def test_edges_of_the_address_space(rows: list[str], lines: list[str]) -> None:
    assert list(PrefixSet.parse(rows).lines()) == lines


def test_four_quarters_become_one_prefix_in_a_chain() -> None:
    quarters = ["10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26", "10.0.0.192/26"]

    assert list(PrefixSet.parse(quarters).lines()) == ["10.0.0.0/24"]


# ---------------------------------------------------------------- the algebra


@given(small_keys, small_keys)
@settings(deadline=None)
def test_the_algebra_is_that_of_sets_of_single_addresses(left: list[Key], right: list[Key]) -> None:
    ours, theirs = gather(left), gather(right)
    a, b = count_out(left), count_out(right)

    assert addresses_of(ours | theirs) == a | b
    assert addresses_of(ours - theirs) == a - b
    assert addresses_of(ours & theirs) == a & b
    assert (ours | theirs).addresses == len(a | b)
    assert (theirs in ours) is (b <= a)
    assert bool(ours) is bool(a)


@given(small_keys, small_keys, small_keys)
@settings(deadline=None)
def test_the_algebra_of_sets_that_share_most_is_that_of_single_addresses(
    shared: list[Key], here: list[Key], there: list[Key]
) -> None:
    one, other = gather(shared + here), gather(shared + there)
    left, right = count_out(shared + here), count_out(shared + there)
    for found, meant in ((one - other, left - right), (one & other, left & right)):
        assert found == gather((family, number << 8 | BITS[family]) for family, number in meant)


@given(any_rows, any_rows)
@settings(deadline=None)
def test_the_algebra_is_that_of_netaddr(left: list[str], right: list[str]) -> None:
    ours, theirs = PrefixSet.parse(left), PrefixSet.parse(right)
    a, b = (netaddr.IPSet(netaddr.cidr_merge(rows)) for rows in (left, right))

    assert list(ours | theirs) == list((a | b).iter_cidrs())
    assert list(ours - theirs) == list((a - b).iter_cidrs())
    assert list(ours & theirs) == list((a & b).iter_cidrs())


@given(any_rows, any_rows)
@settings(deadline=None)
def test_what_the_algebra_returns_is_canonical(left: list[str], right: list[str]) -> None:
    ours, theirs = PrefixSet.parse(left), PrefixSet.parse(right)

    for result in (ours | theirs, ours - theirs, ours & theirs):
        assert PrefixSet.from_keys(result.ipv4, result.ipv6) == result


@given(any_rows, any_rows)
@settings(deadline=None)
def test_a_set_is_what_it_shares_with_another_and_what_it_does_not(
    left: list[str], right: list[str]
) -> None:
    ours, theirs = PrefixSet.parse(left), PrefixSet.parse(right)

    assert (ours & theirs) | (ours - theirs) == ours
    assert not (ours - theirs) & theirs
    assert ours.addresses == (ours & theirs).addresses + (ours - theirs).addresses


def test_one_address_can_be_cut_out_of_the_whole_space() -> None:
    for whole, hole, bits in (("0.0.0.0/0", "64.12.96.1", 32), ("::/0", "2001:db8::1", 128)):
        rest = PrefixSet.parse([whole]) - PrefixSet.parse([hole])

        assert rest.addresses == 2**bits - 1
        assert len(rest) == bits
        assert hole not in rest
        assert rest | PrefixSet.parse([hole]) == PrefixSet.parse([whole])


@pytest.mark.parametrize(
    ("asked", "is_in"),
    [
        ("64.12.96.0/19", True),
        ("64.12.127.255", True),
        ("64.12.128.0", False),
        ("64.12.96.0/18", False),
        ("2001:db8::/32", True),
        ("2001:db8:ffff::1", True),
        ("2001:db9::", False),
        ("::ffff:64.12.96.1", False),
    ],
)
def test_membership_is_of_every_address_that_is_asked_for(asked: str, is_in: bool) -> None:
    content = PrefixSet.parse(["64.12.96.0/19", "2001:db8::/32"])

    assert (asked in content) is is_in
    assert (netaddr.IPNetwork(asked) in content) is is_in
    assert (PrefixSet.parse([asked]) in content) is is_in


def test_one_family_is_a_set_of_its_own() -> None:
    content = PrefixSet.parse(["64.12.96.0/19", "2001:db8::/32"])

    assert list(content.family(4).lines()) == ["64.12.96.0/19"]
    assert list(content.family(6).lines()) == ["2001:db8::/32"]
    assert content.family(4) | content.family(6) == content
    assert content.addresses == 2**13 + 2**96


# ---------------------------------------------------------------- ranges


@given(st.sampled_from(FAMILIES), st.data())
@settings(deadline=None)
def test_a_range_is_the_prefixes_that_netaddr_makes_of_it(family: int, data: st.DataObject) -> None:
    top = 2 ** BITS[family] - 1
    numbers = st.integers(0, top) | st.sampled_from([0, 1, top - 1, top])
    first, last = sorted((data.draw(numbers), data.draw(numbers)))
    ends = [netaddr.IPAddress(number_to_text(family, number)) for number in (first, last)]

    made = [key_to_text(family, key) for key in range_to_keys(family, first, last)]

    assert [netaddr.IPNetwork(text) for text in made] == netaddr.iprange_to_cidrs(*ends)


# ---------------------------------------------------------------- what is refused


def test_a_bad_row_is_named_with_its_number_and_its_text() -> None:
    with pytest.raises(BadPrefix) as caught:
        PrefixSet.parse(["64.12.96.0/19", "208.54.144/32", "172.44.0/21"])

    assert caught.value.row == 2
    assert caught.value.value == "208.54.144/32"
    assert str(caught.value).startswith("row 2: '208.54.144/32' is not a full IPv4")


def test_a_set_cannot_be_changed() -> None:
    content = PrefixSet.parse(["64.12.96.0/19"])

    with pytest.raises(AttributeError):
        content.ipv4 = ()  # type: ignore[misc]


# ---------------------------------------------------------------- lists as they were published


@published
@pytest.mark.parametrize(("name", "count"), [("ips-v4.txt", 15), ("ips-v6.txt", 7)])
def test_a_short_published_list_is_read_whole(name: str, count: int) -> None:
    rows = published_rows(f"cloudflare/{name}")

    assert len(rows) == count
    assert list(PrefixSet.parse(rows)) == netaddr.cidr_merge(rows)


@published
def test_two_lists_joined_without_a_line_end_are_refused() -> None:
    joined = "".join((PUBLISHED / f"cloudflare/ips-v{n}.txt").read_text("ascii") for n in FAMILIES)

    with pytest.raises(BadPrefix, match=r"row 15: '131\.0\.72\.0/222400:cb00::/32'"):
        PrefixSet.parse(joined.split())


@published
def test_forty_thousand_small_prefixes_aggregate_as_in_netaddr() -> None:
    rows = published_rows("icloud/ipv4-raw-2026-08-17.txt")
    content = PrefixSet.parse(rows)

    assert len(rows) == 41949
    assert len(content) == 3290
    assert list(content) == netaddr.cidr_merge(rows)


@published
@pytest.mark.parametrize("week", ["2026-08-03", "2026-08-10", "2026-08-17"])
def test_a_list_that_somebody_else_collapsed_stays_as_it_is(week: str) -> None:
    rows = published_rows(f"icloud/ipv6-collapsed-{week}.txt")

    assert list(PrefixSet.parse(rows).lines()) == [
        str(network) for network in ipaddress.collapse_addresses(map(ipaddress.IPv6Network, rows))
    ]
    assert len(PrefixSet.parse(rows)) == len(rows)


@published
@pytest.mark.parametrize("family", FAMILIES)
def test_the_internet_as_the_registries_hand_it_out_aggregates_as_in_netaddr(family: int) -> None:
    rows = published_rows(f"big/rir-delegated-all-ipv{family}-aggregated-2026-02-01.txt")
    sample = rows[:: 10 if family == 4 else 5]

    assert list(PrefixSet.parse(sample)) == netaddr.cidr_merge(sample)


@published
def test_a_quarter_of_a_million_prefixes_is_the_union_of_its_parts() -> None:
    rows = published_rows("big/rir-delegated-all-ipv6-aggregated-2026-02-01.txt")
    whole, odd, even = (PrefixSet.parse(part) for part in (rows, rows[1::2], rows[::2]))

    assert odd | even == whole
    assert whole - odd == even - odd
    assert whole.addresses == odd.addresses + (even - odd).addresses
