"""
What FireHOL's reduction does to a list, so that its price can be measured.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.bench.reduction import reduced

from proxyfeed.prefixes import PrefixSet

COVERS = st.lists(
    st.tuples(st.integers(0, 0xFFFF), st.integers(16, 32)), min_size=1, max_size=40
).map(lambda rows: PrefixSet.from_keys(ipv4=[n << 24 | length for n, length in rows]))


def test_a_wide_prefix_becomes_several_of_the_next_length() -> None:
    rows = ["10.0.0.0/23", *(f"10.1.{2 * n}.0/25" for n in range(20))]

    cut = reduced(4, PrefixSet.parse(rows).ipv4, 24)

    wide = [f"10.0.{n >> 1}.{n % 2 * 128}/25" for n in range(4)]
    assert list(PrefixSet(ipv4=cut).lines()) == wide + rows[1:]


def test_a_length_stays_whose_end_would_cost_more_than_it_may() -> None:
    keys = PrefixSet.parse(["10.0.0.0/23", "10.1.0.0/25", "10.1.2.0/25"]).ipv4

    assert reduced(4, keys, 5) == keys
    assert len(reduced(4, keys, 6)) == 6


@given(COVERS, st.integers(0, 100))
def test_a_reduced_list_holds_the_same_addresses_in_no_more_than_it_may(
    whole: PrefixSet, more: int
) -> None:
    cut = reduced(4, whole.ipv4, len(whole) + more)

    assert PrefixSet.from_keys(ipv4=cut) == whole
    assert len(cut) <= len(whole) + more
    assert {key & 0xFF for key in cut} <= whole.lengths(4)
