"""
Which label of a split set had which mark, with which version.
"""

from pathlib import Path

import pytest
from tests.store.readings import ask, new, record

from proxyfeed.store import Store

RELAY = {"DE": 11, "FR": 12}


@pytest.fixture
def nights(store: Store) -> Store:
    """
    A database with the versions 1 to 4.
    """
    for number in range(4):
        record(store, new(f"20.0.{number}.0/24"))
    return store


def test_what_was_allotted_holds_until_it_is_allotted_anew(nights: Store) -> None:
    nights.allotments.write("relay", 2, RELAY)
    nights.allotments.write("relay", 4, {"DE": 12, "FR": 12})

    assert nights.allotments.read("relay") == {"DE": 12, "FR": 12}
    assert nights.allotments.read("relay", 4) == {"DE": 12, "FR": 12}
    assert nights.allotments.read("relay", 3) == RELAY
    assert nights.allotments.read("relay", 2) == RELAY


def test_what_was_allotted_with_the_version_of_another_feed_holds_until_the_next_of_this(
    store: Store,
) -> None:
    first = record(store, new("20.0.0.0/24", feed="relay")).id
    other = record(store, new("30.0.0.0/24", feed="other")).id
    store.allotments.write("both", other, RELAY)
    later = record(store, new("20.0.1.0/24", feed="relay")).id
    store.allotments.write("both", later, {"DE": 12, "FR": 11})

    assert store.allotments.read("both", first) == RELAY
    assert store.allotments.read("both", first, other) == RELAY
    assert store.allotments.read("both", later, other) == {"DE": 12, "FR": 11}


def test_a_label_that_came_later_has_the_mark_that_it_has_now(nights: Store) -> None:
    nights.allotments.write("relay", 2, RELAY)
    nights.allotments.write("relay", 4, {"DE": 12, "IT": 11})

    assert nights.allotments.read("relay", 2) == {**RELAY, "IT": 11}


def test_a_label_that_has_gone_is_remembered_with_its_mark(nights: Store) -> None:
    nights.allotments.write("relay", 2, RELAY)

    nights.allotments.write("relay", 3, {"FR": 12})

    assert nights.allotments.read("relay") == RELAY


def test_a_version_whose_labels_kept_their_marks_costs_nothing(
    nights: Store, database: Path
) -> None:
    for version in (2, 3, 4):
        nights.allotments.write("relay", version, RELAY)

    assert ask(database, "SELECT set_name, version_id FROM allotments") == [("relay", 2)]


def test_what_is_allotted_twice_with_one_version_is_what_was_allotted_last(nights: Store) -> None:
    nights.allotments.write("relay", 2, RELAY)
    nights.allotments.write("relay", 2, {"DE": 13, "FR": 13})

    assert nights.allotments.read("relay", 2) == {"DE": 13, "FR": 13}


def test_sets_have_marks_of_their_own_and_one_without_any_has_none(nights: Store) -> None:
    nights.allotments.write("relay", 2, RELAY)

    nights.allotments.write("relay", 2, RELAY)

    assert nights.allotments.read("other") == {}
    assert nights.allotments.read("relay", 1) == RELAY
