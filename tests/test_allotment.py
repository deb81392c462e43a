"""
Which label gets which mark: balanced by addresses, and stable from version to version.
"""

from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.allotment import allot, carried_by, loads_of
from proxyfeed.prefixes import PrefixSet

MARKS = (11, 12, 13)


def test_marks_are_balanced_by_what_their_labels_weigh() -> None:
    loads = {"US": 50, "DE": 20, "FR": 18, "GB": 15, "IT": 8, "": 4}

    allotted = allot(loads, MARKS, {})

    assert allotted == {"US": 11, "DE": 12, "FR": 13, "GB": 13, "IT": 12, "": 12}
    assert carried_by(allotted, loads, MARKS) == {11: 50, 12: 32, 13: 33}


def test_both_families_weigh_alike_however_many_addresses_they_have() -> None:
    parts = {
        "DE": PrefixSet.parse(["20.0.0.0/24"]),
        "FR": PrefixSet.parse(["2a00::/64"]),
        "US": PrefixSet.parse(["30.0.0.0/24", "2a00:1::/64"]),
    }

    loads = loads_of(parts)

    assert loads["DE"] == loads["FR"] == loads["US"] / 2


def test_a_family_without_addresses_does_not_count() -> None:
    loads = loads_of({"DE": PrefixSet.parse(["20.0.0.0/24"]), "": PrefixSet()})

    assert loads == {"DE": 256, "": 0}


def test_a_label_that_is_new_or_gone_moves_no_other() -> None:
    loads = {"US": 50, "DE": 30, "FR": 28}
    known = allot(loads, MARKS, {})

    more = allot({**loads, "GB": 3, "IT": 1}, MARKS, known)
    fewer = allot({"US": 40, "DE": 31, "FR": 35}, MARKS, more)

    assert {label: more[label] for label in known} == known
    assert fewer == known


def test_the_labels_of_a_mark_that_is_gone_are_dealt_again_and_no_others() -> None:
    loads = {"US": 30, "DE": 30, "FR": 15, "GB": 15}

    assert allot(loads, (11, 12), {"US": 11, "DE": 12, "FR": 13, "GB": 13}) == {
        "US": 11,
        "DE": 12,
        "FR": 11,
        "GB": 12,
    }


def test_a_mark_that_is_new_gets_its_share() -> None:
    loads = dict.fromkeys(["AT", "BE", "CH", "DE", "ES", "FR"], 10)
    known = allot(loads, (11, 12), {})

    allotted = allot(loads, MARKS, known)

    assert carried_by(allotted, loads, MARKS) == {11: 20, 12: 20, 13: 20}
    assert sum(allotted[label] != known[label] for label in loads) == 2


def test_a_label_moves_when_its_mark_has_come_to_carry_far_too_much() -> None:
    known = {"AT": 11, "BE": 11, "CH": 12, "DE": 13}

    allotted = allot({"AT": 50, "BE": 40, "CH": 5, "DE": 10}, MARKS, known)

    assert allotted == {**known, "BE": 12, "CH": 13}


def test_one_label_that_outweighs_all_stays_where_it_is() -> None:
    known = {"US": 12, "DE": 11, "FR": 13}

    assert allot({"US": 900, "DE": 1, "FR": 2}, MARKS, known) == known


def test_a_mark_that_is_new_gets_its_share_beside_a_label_that_outweighs_all() -> None:
    loads = {"US": 60, "DE": 10, "FR": 10, "GB": 10, "IT": 10}
    known = {"US": 11, "DE": 12, "FR": 12, "GB": 13, "IT": 13}

    allotted = allot(loads, (*MARKS, 14), known)

    assert carried_by(allotted, loads, (*MARKS, 14)) == {11: 60, 12: 10, 13: 20, 14: 10}


loads_of_labels = st.dictionaries(st.text(max_size=2), st.integers(0, 1000), max_size=30)


@given(loads_of_labels, loads_of_labels)
def test_every_label_has_one_of_the_marks_and_asking_again_changes_nothing(
    before: dict[str, int], after: dict[str, int]
) -> None:
    known = allot(before, MARKS, {})

    allotted = allot(after, MARKS, known)

    assert allotted.keys() == after.keys()
    assert set(allotted.values()) <= set(MARKS)
    assert allot(after, MARKS, allotted) == allotted


@given(loads_of_labels)
def test_no_mark_carries_more_than_its_share_and_the_heaviest_label(loads: dict[str, int]) -> None:
    carried = carried_by(allot(loads, MARKS, {}), loads, MARKS)

    assert max(carried.values()) <= sum(loads.values()) / len(MARKS) + max(
        loads.values(), default=0
    )
