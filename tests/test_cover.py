"""
Fewer prefixes for a set: optimal for their number, and nowhere where they must not be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from proxyfeed.cover import Ground, cover_of_size, cover_within
from proxyfeed.guard import special_purpose
from proxyfeed.notation import BITS
from proxyfeed.prefixes import FAMILIES, PrefixSet

WIDEST = {4: 8, 6: 19}
OPEN = Ground(PrefixSet(), WIDEST)
NOTHING = PrefixSet()


def parsed(*rows: str) -> PrefixSet:
    return PrefixSet.parse(rows)


def sizes(prefixes: PrefixSet) -> dict[int, int]:
    return {family: prefixes.family(family).addresses for family in FAMILIES}


def price(content: PrefixSet, cover: PrefixSet) -> int:
    """
    The addresses added, each as a share of its family, over a common denominator.
    """
    listed, added = sizes(content), sizes(cover - content)
    return added[4] * (listed[6] or 1) + added[6] * (listed[4] or 1)


def keys_of(family: int, base: int, shortest: int, most: int) -> st.SearchStrategy[list[int]]:
    """
    Up to so many prefixes in the 2**10 addresses at *base*.
    """

    def key(offset: int, length: int) -> int:
        spare = BITS[family] - length
        return ((base + offset) >> spare << spare) << 8 | length

    one = st.builds(key, st.integers(0, 1023), st.integers(shortest, BITS[family]))
    return st.lists(one, max_size=most)


def some(most: int) -> st.SearchStrategy[PrefixSet]:
    ipv4 = keys_of(4, 20 << 24, 25, most)
    ipv6 = keys_of(6, 0x2600 << 112, 121, most // 2)
    return st.builds(PrefixSet.from_keys, ipv4, ipv6)


# ---------------------------------------------------------------- against all that there are


Least = dict[int, int]  # how much the best cover of exactly so many prefixes adds


def least(content: PrefixSet, ground: Ground) -> Least:
    """
    The best cover of each size, by trying all: a block is one prefix, or both its halves are
    covered in the best way, with all divisions of the number between them.
    """
    shut = ground.forbidden - content
    listed = sizes(content)
    weight = {4: listed[6] or 1, 6: listed[4] or 1}
    found: Least = {0: 0}
    for family in FAMILIES:
        tables = _tables(family, (0, 0), content.keys(family), shut.keys(family), ground)
        found = _together(found, {n: cost * weight[family] for n, cost in tables.items()})
    return found


def _tables(
    family: int,
    block: tuple[int, int],
    listed: tuple[int, ...],
    shut: tuple[int, ...],
    ground: Ground,
) -> Least:
    first, length = block
    if not listed:
        return {0: 0}
    if listed == (first << 8 | length,):
        return {1: 0}
    middle = first + (1 << (BITS[family] - length - 1))
    halves = [
        _tables(
            family,
            (start, length + 1),
            tuple(key for key in listed if (key >> 8 >= middle) is is_upper),
            tuple(key for key in shut if (key >> 8 >= middle) is is_upper),
            ground,
        )
        for start, is_upper in ((first, False), (middle, True))
    ]
    found = _together(*halves)
    if not shut and _may_be_filled(family, block, listed, ground.widest[family]):
        inside = sum(1 << (BITS[family] - (key & 0xFF)) for key in listed)
        whole = (1 << (BITS[family] - length)) - inside
        found[1] = min(whole, found.get(1, whole))
    return found


def _may_be_filled(
    family: int, block: tuple[int, int], listed: tuple[int, ...], widest: int
) -> bool:
    """
    Whether a block is small enough, or both its halves could be filled for what is in them.
    """
    first, length = block
    if length >= widest or listed == (first << 8 | length,):
        return True
    middle = first + (1 << (BITS[family] - length - 1))
    halves = (
        (first, tuple(key for key in listed if key >> 8 < middle)),
        (middle, tuple(key for key in listed if key >> 8 >= middle)),
    )
    return all(
        common(family, part) == length + 1
        and _may_be_filled(family, (start, length + 1), part, widest)
        for start, part in halves
    )


def common(family: int, keys: tuple[int, ...]) -> int:
    """
    The length of the prefix that prefixes have in common, 0 for none.
    """
    if not keys:
        return 0
    differing = (keys[0] ^ keys[-1]) >> 8
    return min(keys[0] & 0xFF, keys[-1] & 0xFF, BITS[family] - differing.bit_length())


def _together(left: Least, right: Least) -> Least:
    found: Least = {}
    for n, cost in left.items():
        for m, other in right.items():
            found[n + m] = min(cost + other, found.get(n + m, cost + other))
    return found


def at_most(table: Least, most: int) -> int | None:
    return min((cost for size, cost in table.items() if size <= most), default=None)


def corners(table: Least) -> set[int]:
    """
    The sizes at which the lower convex hull of the best covers has its corners.
    """
    return {
        at
        for at, cost in table.items()
        if all(
            cost * (above - below) < table[below] * (above - at) + table[above] * (at - below)
            for below in table
            for above in table
            if below < at < above
        )
    }


def within_widths(*widest: int) -> st.SearchStrategy[Mapping[int, int]]:
    """
    The open ground, or one whose blocks are smaller than the space that `some` is from.
    """
    return st.sampled_from([WIDEST, *({4: one, 6: 96 + one} for one in widest)])


@settings(max_examples=400, deadline=None)
@given(some(10), some(3), within_widths(24, 27, 29, 31))
@example(parsed("20.0.0.0/32", "20.0.0.3", "20.0.0.4", "20.0.0.12"), NOTHING, WIDEST)
@example(parsed(*(f"20.0.0.{n}" for n in (0, 3, 4, 7))), NOTHING, {4: 30, 6: 126})
@example(parsed(*(f"2600::{n}" for n in (0, 3, 4, 7))), NOTHING, {4: 30, 6: 126})
def test_a_cover_adds_the_least_that_any_of_its_size_adds_or_is_within_the_proven_gap(
    content: PrefixSet, forbidden: PrefixSet, widest: Mapping[int, int]
) -> None:
    ground = Ground(forbidden, widest)
    table = least(content, ground)
    exact = corners(table)

    for most in range(1, len(content)):
        cover = cover_of_size(content, most, ground)
        if most < min(table):
            assert len(cover) == min(table)
            continue
        assert len(cover) <= most
        below, above = max(n for n in exact if n <= most), min(n for n in exact if n >= most)
        cost = price(content, cover)
        best = min(other for size, other in table.items() if size <= most)
        assert best <= cost <= table[below]
        assert cost == best or most not in exact
        # The slope of the last link, times what it saved too many.
        assert (cost - best) * (above - below) <= (table[below] - table[above]) * (most - below)


def test_a_part_of_a_link_that_saves_too_many_is_taken_back() -> None:
    # All three in one saves two prefixes for 46 addresses, the first two in one saves one for 30:
    # the former is the weaker link, and one prefix too many.
    content = parsed("20.0.0.0", "20.0.0.31", "20.0.0.32/28")

    assert cover_of_size(content, 1, OPEN) == parsed("20.0.0.0/26")
    assert cover_of_size(content, 2, OPEN) == parsed("20.0.0.0/27", "20.0.0.32/28")


@pytest.mark.parametrize(
    ("content", "cover"),
    [
        # The first two in one add 30 addresses, the others 23.
        (
            parsed("20.0.0.0", "20.0.0.31", "20.0.0.32/29", "20.0.0.63"),
            parsed("20.0.0.0", "20.0.0.31", "20.0.0.32/27"),
        ),
        # The mirror image of it.
        (
            parsed("20.0.0.0", "20.0.0.24/29", "20.0.0.32", "20.0.0.63"),
            parsed("20.0.0.0/27", "20.0.0.32", "20.0.0.63"),
        ),
    ],
)
def test_what_is_taken_back_is_what_adds_the_most(content: PrefixSet, cover: PrefixSet) -> None:
    assert cover_of_size(content, 1, OPEN) == parsed("20.0.0.0/26")
    assert cover_of_size(content, 3, OPEN) == cover


@pytest.mark.parametrize(
    ("four", "one", "two"),
    [
        (
            ["20.0.0.0", "20.0.0.15", "20.0.0.16", "20.0.0.31"],
            "20.0.0.0/27",
            ["20.0.1.0", "20.0.1.12/30"],
        ),
        (["2600::", "2600::f", "2600::10", "2600::1f"], "2600::/123", ["2601::", "2601::c/126"]),
    ],
)
def test_blocks_of_the_widest_size_that_are_filled_side_by_side_count_as_one_prefix(
    four: list[str], one: str, two: list[str]
) -> None:
    # The four in one add 28 addresses, each half of them 14; the other two in one add 11.
    pair = parsed(*two)
    content = parsed(*four) | pair

    assert cover_of_size(content, 3, Ground(NOTHING, {4: 28, 6: 124})) == parsed(one) | pair


def test_slopes_that_floats_cannot_tell_apart_are_told_apart() -> None:
    # To join the second pair takes one address less of 2**70.
    content = parsed("2600::/64", "2600:0:0:20::1", "2601::/64", "2601:0:0:20::2/127")

    assert cover_of_size(content, 3, OPEN) == content | parsed("2601::/58")


def test_the_list_of_aol_in_ten_prefixes() -> None:
    aol = parsed(
        *("64.12.96.0/19", "149.174.160.0/20", "152.163.240.0/21", "152.163.248.0/22"),
        *("152.163.252.0/23", "152.163.96.0/22", "152.163.100.0/23", "195.93.32.0/22"),
        *("195.93.48.0/22", "195.93.64.0/19", "195.93.96.0/19", "195.93.16.0/20"),
        *("198.81.0.0/22", "198.81.16.0/20", "198.81.8.0/23", "202.67.64.128/25"),
        *("205.188.192.0/20", "205.188.208.0/23", "205.188.112.0/20", "205.188.146.144/30"),
        "207.200.112.0/21",
    )

    cover = cover_of_size(aol, 10, Ground(special_purpose(), WIDEST))

    assert cover == parsed(
        *("64.12.96.0/19", "149.174.160.0/20", "152.163.96.0/21", "152.163.240.0/20"),
        *("195.93.0.0/17", "198.81.0.0/19", "202.67.64.128/25", "205.188.112.0/20"),
        *("205.188.128.0/17", "207.200.112.0/21"),
    )
    assert (cover - aol).addresses == 41_980


# ---------------------------------------------------------------- each family by its own size


def test_a_family_counts_by_its_own_size() -> None:
    # 255 of 256 addresses are added in IPv4; in IPv6 it is a hundredth, and yet far more.
    ipv4 = parsed("20.0.0.0/25", "20.0.1.128/25")
    ipv6 = parsed(*(f"2600:0:0:{n:x}::/64" for n in range(256) if n != 100))

    content = ipv4 | ipv6

    cover = cover_of_size(content, len(content) - 1, OPEN)

    assert cover - content == parsed("2600:0:0:64::/64")


# ---------------------------------------------------------------- what holds of all covers


@settings(deadline=None)
@given(some(40), some(6), st.integers(1, 40), st.sampled_from([24, 27, 29]))
def test_a_cover_holds_all_that_is_listed_and_nothing_more_that_is_forbidden(
    content: PrefixSet, forbidden: PrefixSet, most: int, widest: int
) -> None:
    ground = Ground(forbidden, {4: widest, 6: 96 + widest})

    for cover in (cover_of_size(content, most, ground), cover_within(content, most, ground)):
        assert content in cover
        assert not (cover - content) & forbidden
        assert cover == PrefixSet.from_keys(cover.ipv4, cover.ipv6)


@settings(deadline=None)
@given(some(40), st.integers(1, 40), st.sampled_from([24, 27, 29]))
def test_no_block_of_the_widest_size_is_filled_in_which_nothing_is_listed(
    content: PrefixSet, most: int, widest: int
) -> None:
    ground = Ground(NOTHING, {4: widest, 6: 96 + widest})

    for cover in (cover_of_size(content, most, ground), cover_within(content, most, ground)):
        for block in blocks(cover, ground):
            assert block & content


def blocks(cover: PrefixSet, ground: Ground) -> Iterator[PrefixSet]:
    for family in FAMILIES:
        size = 1 << (BITS[family] - ground.widest[family])
        for key in cover.keys(family):
            first = key >> 8
            for start in range(first, first + (1 << (BITS[family] - (key & 0xFF))), size):
                yield cover & PrefixSet.from_spans(family, [(start, start + size - 1)])


def test_special_purpose_space_that_is_listed_stays_and_does_not_spread() -> None:
    content = parsed("10.0.0.0/25", "10.0.1.0/25", "20.0.0.0/25", "20.0.1.0/25")

    cover = cover_of_size(content, 3, Ground(special_purpose(), WIDEST))

    assert cover == parsed("10.0.0.0/25", "10.0.1.0/25", "20.0.0.0/23")
    assert cover_of_size(content, 2, Ground(special_purpose(), WIDEST)) == cover


@pytest.mark.parametrize("beside", ["20.0.1.0/25", "20.0.2.0/25", "20.0.0.255"])
def test_forbidden_space_anywhere_in_a_block_keeps_it_from_being_filled(beside: str) -> None:
    content = parsed("20.0.0.0/25", "20.0.1.128/25", "20.0.3.0/25")

    cover = cover_of_size(content, 1, Ground(parsed(beside), WIDEST))

    assert not cover & parsed(beside)
    assert len(cover) > 1


@settings(deadline=None)
@given(some(30), some(4))
def test_with_more_prefixes_a_cover_never_adds_more(
    content: PrefixSet, forbidden: PrefixSet
) -> None:
    ground = Ground(forbidden, WIDEST)
    prices = [
        price(content, cover_of_size(content, most, ground)) for most in range(1, len(content) + 1)
    ]

    assert prices == sorted(prices, reverse=True)
    assert not prices or prices[-1] == 0


@given(some(40), st.integers(0, 3))
def test_a_list_that_is_short_enough_stays_as_it_is(content: PrefixSet, spare: int) -> None:
    assert cover_of_size(content, len(content) + spare, OPEN) is content


@settings(deadline=None)
@given(some(40), st.integers(1, 40))
def test_a_cover_of_a_cover_is_the_same(content: PrefixSet, most: int) -> None:
    cover = cover_of_size(content, most, OPEN)

    assert cover_of_size(cover, most, OPEN) == cover


# ---------------------------------------------------------------- by the share that is added


@settings(deadline=None)
@given(some(40), some(4))
def test_a_share_of_each_family_is_never_passed_and_a_larger_one_gives_no_more_prefixes(
    content: PrefixSet, forbidden: PrefixSet
) -> None:
    ground = Ground(forbidden, WIDEST)
    counts = []
    for percent in (0, 1, 10, 29, 100, 1000):
        cover = cover_within(content, percent / 100, ground)
        counts.append(len(cover))
        for family, added in sizes(cover - content).items():
            assert added * 100 <= sizes(content)[family] * percent

    assert counts[0] == len(content)
    assert counts == sorted(counts, reverse=True)


def test_a_share_is_counted_without_rounding() -> None:
    # 27 of 101 addresses, and 26; a million times 27 / 101 is not whole.
    content = parsed("20.0.0.0/26", "20.0.0.64/27", "20.0.0.96/30", "20.0.0.126")
    assert content.addresses == 101

    assert cover_within(content, 27 / 101, OPEN) == parsed("20.0.0.0/25")
    assert cover_within(content, 26 / 101, OPEN) == content


@settings(max_examples=200, deadline=None)
@given(some(10), some(3), within_widths(24, 27, 29, 31))
def test_a_share_that_no_link_oversteps_is_used_by_the_fewest_prefixes_that_can(
    content: PrefixSet, forbidden: PrefixSet, widest: Mapping[int, int]
) -> None:
    ground = Ground(forbidden, widest)
    for family in FAMILIES:
        part = content.family(family)
        table = least(part, ground)
        for corner in corners(table) if part else ():
            cover = cover_within(part, (table[corner] + 0.5) / part.addresses, ground)

            assert len(cover) == corner
            assert (cover - part).addresses == table[corner]


def test_a_link_that_does_not_fit_is_passed_over_for_one_that_does() -> None:
    content = parsed("20.0.0.0/24", "20.0.2.0/24", "30.0.0.0/32", "30.0.0.2/32", "40.0.0.0/23")

    cover = cover_within(content, 0.01, OPEN)

    assert cover == content | parsed("30.0.0.0/30")


def test_nothing_has_a_cover_of_nothing() -> None:
    assert cover_of_size(NOTHING, 1, OPEN) == cover_within(NOTHING, 1.0, OPEN) == NOTHING
