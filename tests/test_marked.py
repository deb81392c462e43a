"""
Sets of addresses with marks, and which label has an address that stands under several.
"""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.marked import MarkedSet, most_specific, remarked, union
from proxyfeed.prefixes import PrefixSet

A = PrefixSet.parse(["20.0.0.0/25", "2a00::/32"])
B = PrefixSet.parse(["20.0.0.128/25", "30.0.0.0/24"])


def test_a_marked_set_is_the_set_of_all_its_addresses() -> None:
    whole = MarkedSet.of({12: B, 11: A, 13: PrefixSet()})

    assert list(whole.lines()) == ["20.0.0.0/24", "30.0.0.0/24", "2a00::/32"]
    assert whole.marks == ((11, A), (12, B))
    assert "20.0.0.7" in whole
    assert whole.addresses == (A | B).addresses


def test_the_lengths_of_a_marked_set_are_those_of_its_parts() -> None:
    whole = MarkedSet.of({11: A, 12: B})

    assert PrefixSet.parse(whole.lines()).lengths(4) == {24}
    assert (whole.lengths(4), whole.lengths(6)) == ({24, 25}, {32})


def test_the_digest_tells_the_marks_apart() -> None:
    digests = {
        (A | B).digest,
        MarkedSet.of({11: A, 12: B}).digest,
        MarkedSet.of({12: A, 11: B}).digest,
        MarkedSet.of({11: A | B}).digest,
    }

    assert len(digests) == 4


def test_the_part_of_some_families_keeps_its_marks() -> None:
    whole = MarkedSet.of({11: A, 12: B})

    assert whole.within((4,)) == MarkedSet.of({11: A.family(4), 12: B})
    assert whole.within((6,)) == MarkedSet.of({11: A.family(6)})


def test_what_has_another_mark_is_told_with_both() -> None:
    old = MarkedSet.of({11: A, 12: B})
    new = MarkedSet.of({11: A.family(4), 12: A.family(6), 13: B})

    assert list(remarked(old.marks, new.marks)) == [(11, 12, A.family(6)), (12, 13, B)]
    assert list(remarked(new.marks, new.marks)) == []


@pytest.mark.parametrize(
    ("parts", "address", "label"),
    [
        ({"DE": ["20.0.0.0/16"], "FR": ["20.0.5.0/24"]}, "20.0.5.1", "FR"),
        ({"DE": ["20.0.5.0/24"], "FR": ["20.0.0.0/16"]}, "20.0.5.1", "DE"),
        ({"DE": ["20.0.5.0/24"], "FR": ["20.0.0.0/16"]}, "20.0.6.1", "FR"),
        ({"DE": ["20.0.5.0/24"], "FR": ["20.0.5.0/24"]}, "20.0.5.1", "DE"),
        ({"": ["20.0.5.0/24"], "FR": ["20.0.5.0/24"]}, "20.0.5.1", ""),
    ],
)
def test_of_two_labels_the_longer_prefix_decides_and_then_the_first(
    parts: dict[str, list[str]], address: str, label: str
) -> None:
    owned = most_specific([(one, PrefixSet.parse(rows)) for one, rows in parts.items()])

    assert [one for one, part in owned.items() if address in part] == [label]


prefixes_of_one_block = st.tuples(st.integers(0, 255), st.integers(24, 32)).map(
    lambda pair: str(ip_network((f"20.0.0.{pair[0]}", pair[1]), strict=False))
)


@given(st.lists(st.lists(prefixes_of_one_block, max_size=8), min_size=1, max_size=5))
def test_each_address_has_the_label_of_the_longest_prefix_that_holds_it(
    rows: list[list[str]],
) -> None:
    parts = [(f"label{n}", PrefixSet.parse(some)) for n, some in enumerate(rows)]

    owned = most_specific(parts)

    assert union(owned.values()) == union(part for _, part in parts)
    assert sum(part.addresses for part in owned.values()) == union(owned.values()).addresses
    for last in range(256):
        address = ip_address(f"20.0.0.{last}")
        matches = [
            (-net.prefixlen, label)
            for label, part in parts
            for net in map(ip_network, part.lines())
            if address in net
        ]
        found = [label for label, part in owned.items() if str(address) in part]
        assert found == [min(matches)[1]] if matches else not found
