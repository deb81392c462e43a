import shutil
import tempfile
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.store.readings import (
    NOW,
    approve,
    ask,
    countries,
    damage,
    dump,
    held,
    new,
    open_store,
    record,
    reject,
)

from proxyfeed.errors import StoreError
from proxyfeed.model import Labels, Reading, Status
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.store import Store

BOTH = countries(DE="20.0.1.0/24 2a00::/32", US="20.0.0.0/24")


def labelled(reading: Reading, labels: Labels) -> Reading:
    return replace(reading, labels=labels)


def lives(database: Path) -> list[Any]:
    query = """
        SELECT text, since_version, until_version FROM labelled_prefixes
        JOIN labels ON labels.id = label_id ORDER BY text, family, key, since_version
    """
    return ask(database, query)


# ---------------------------------------------------------------- every version


def test_the_labels_of_an_accepted_version_read_back(store: Store) -> None:
    version = record(store, labelled(new("20.0.0.0/23", "2a00::/32"), BOTH))

    assert (version.label, version.labels_digest) == ("country", BOTH.digest)
    assert store.labels(version) == BOTH


def test_the_labels_of_a_held_and_of_a_rejected_version_read_back(store: Store) -> None:
    version = record(store, labelled(held("20.0.0.0/23", "2a00::/32"), BOTH))
    assert store.labels(version) == BOTH

    reject(store, version)

    assert store.labels(store.version(version.id)) == BOTH


@pytest.mark.parametrize("make", [new, held])
def test_a_label_may_be_any_text_and_an_address_may_stand_under_several(
    store: Store, make: Any
) -> None:
    texts = ("", "0", "Österreich / Wien", 'a "b"\\', "東京 🗼", "x" * 300, "us", "US")
    block = PrefixSet.parse(["20.0.0.0/24"])
    labels = Labels.of("place", ((text, block) for text in texts))

    version = record(store, labelled(make("20.0.0.0/24"), labels))

    assert store.labels(version) == labels
    assert len(store.labels(version).parts) == len(texts)


def test_approval_brings_held_labels_into_the_chain_and_keeps_them_once(
    store: Store, database: Path
) -> None:
    record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))
    version = record(store, labelled(held("20.0.0.0/23", "2a00::/32"), BOTH))
    assert lives(database) == [("US", 1, None)]

    approve(store, version)

    assert store.labels(store.version(version.id)) == BOTH
    assert lives(database) == [("DE", 2, None), ("DE", 2, None), ("US", 1, None)]
    assert ask(database, "SELECT count(*) FROM held_contents") == [(0,)]


def test_a_feed_without_labels_writes_nothing_of_them(store: Store, database: Path) -> None:
    first = record(store, new("20.0.0.0/24"))
    record(store, new("20.0.1.0/24"))
    stopped = record(store, held("20.0.2.0/24"))
    assert ask(database, "SELECT labels FROM held_contents") == [(None,)]
    approve(store, stopped)

    assert (first.label, first.labels_digest) == ("", "")
    assert ask(database, "SELECT count(*) FROM labels") == [(0,)]
    assert ask(database, "SELECT count(*) FROM labelled_prefixes") == [(0,)]


def test_a_version_without_labels_is_known_as_such_without_a_look(
    store: Store, database: Path
) -> None:
    accepted = record(store, new("20.0.0.0/24"))
    stopped = record(store, held("20.0.1.0/24"))
    for table in ("labelled_prefixes", "labels", "held_contents"):
        damage(database, f"DROP TABLE {table}")

    assert store.labels(accepted) == store.labels(stopped) == Labels()


def test_labels_under_which_nothing_stands_are_labels_all_the_same(store: Store) -> None:
    nothing = Labels("country")

    for make in (new, held):
        assert store.labels(record(store, labelled(make("20.0.0.0/24"), nothing))) == nothing


# ---------------------------------------------------------------- from version to version

BLOCKS = ("20.0.0.0/24", "20.0.1.0/24", "20.0.1.128/25", "2a00::/32", "2a00:1::/32")
PARTS = st.dictionaries(
    st.sampled_from(["", "DE", "US"]),
    st.sets(st.sampled_from(BLOCKS), min_size=1).map(PrefixSet.parse),
    max_size=3,
)
LABELS = st.one_of(
    st.just(Labels()),
    st.tuples(st.sampled_from(["country", "region"]), PARTS).map(
        lambda drawn: Labels.of(drawn[0], drawn[1].items())
    ),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "hold", "approve", "reject"]),
        st.sampled_from(["aol", "opera"]),
        LABELS,
    ),
    max_size=10,
)


def cost(chain: list[Labels]) -> int:
    """
    How many prefixes came to their label, from each to the next.
    """
    come = 0
    for old, now in pairwise([Labels(), *chain]):
        before = dict(old.parts)
        for text, part in now.parts:
            was = before.get(text, PrefixSet())
            come += sum(len({*part.keys(f)} - {*was.keys(f)}) for f in FAMILIES)
    return come


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_the_labels_of_every_version_read_back_exactly_whatever_came_after_it(
    migrated: Path, steps: list[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(shutil.copy(migrated, folder))
        with closing(open_store(database)) as store:
            expected: dict[int, Labels] = {}
            for action, feed, labels in steps:
                if action in ("accept", "hold"):
                    make = new if action == "accept" else held
                    version = record(store, labelled(make("20.0.0.0/16", feed=feed), labels))
                    expected[version.id] = labels
                elif waiting := store.state(feed, NOW).waiting:
                    (approve if action == "approve" else reject)(store, waiting[0])

            found = store.versions()
            assert {version.id: store.labels(version) for version in found} == expected
            chains = [
                [
                    expected[version.id]
                    for version in reversed(found)
                    if (version.feed, version.status) == (feed, Status.ACCEPTED)
                ]
                for feed in ("aol", "opera")
            ]
            rows = ask(database, "SELECT count(*) FROM labelled_prefixes")
            assert rows == [(sum(map(cost, chains)),)]


def test_labels_that_are_declared_later_begin_with_their_version(
    store: Store, database: Path
) -> None:
    first = record(store, new("20.0.0.0/24"))
    second = record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))

    assert (store.labels(first), store.labels(second)) == (
        Labels(),
        countries(US="20.0.0.0/24"),
    )
    assert lives(database) == [("US", 2, None)]
    assert ask(database, "SELECT since_version, until_version FROM prefixes") == [(1, None)]


def test_labels_that_are_withdrawn_end_with_the_version_without_them(
    store: Store, database: Path
) -> None:
    first = record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))
    second = record(store, new("20.0.0.0/24"))
    third = record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))

    assert [bool(store.labels(version)) for version in (first, second, third)] == [
        True,
        False,
        True,
    ]
    assert lives(database) == [("US", 1, 2), ("US", 3, None)]


def test_a_label_that_comes_and_goes_has_a_life_each_time(store: Store, database: Path) -> None:
    for _ in range(2):
        record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))
        record(store, labelled(new("20.0.0.0/24"), countries(DE="20.0.0.0/24")))

    assert lives(database) == [("DE", 2, 3), ("DE", 4, None), ("US", 1, 2), ("US", 3, 4)]


def test_the_same_label_of_two_feeds_is_two(store: Store, database: Path) -> None:
    ours = countries(US="20.0.0.0/24")
    first = record(store, labelled(new("20.0.0.0/24"), ours))
    theirs = countries(US="30.0.0.0/24")
    second = record(store, labelled(new("30.0.0.0/24", feed="opera"), theirs))

    assert (store.labels(first), store.labels(second)) == (ours, theirs)
    assert ask(database, "SELECT feed_id, text FROM labels") == [(1, "US"), (2, "US")]


def test_an_address_that_changes_its_label_costs_one_row_and_its_address_none(
    store: Store, database: Path
) -> None:
    record(store, labelled(new("20.0.0.0/23"), countries(US="20.0.0.0/24", DE="20.0.1.0/24")))
    record(store, labelled(new("20.0.0.0/23"), countries(US="20.0.0.0/24", AT="20.0.1.0/24")))

    assert lives(database) == [("AT", 2, None), ("DE", 1, 2), ("US", 1, None)]
    assert ask(database, "SELECT since_version, until_version FROM prefixes") == [(1, None)]


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE labelled_prefixes SET key = X'1500000018'",
        "UPDATE labelled_prefixes SET family = 5",
        "UPDATE labels SET text = 'GB'",
        "DELETE FROM labels",
        "DELETE FROM labelled_prefixes",
        "UPDATE versions SET labels_digest = '0'",
        "UPDATE versions SET labels_digest = ''",
        "UPDATE versions SET label = ''",
    ],
)
def test_labels_that_do_not_read_back_as_they_were_recorded_are_refused(
    store: Store, database: Path, statement: str
) -> None:
    record(store, labelled(new("20.0.0.0/24"), countries(US="20.0.0.0/24")))
    damage(database, statement)

    with pytest.raises(StoreError, match="version 1 of feed aol has labels that do not") as caught:
        store.labels(store.version(1))
    assert caught.value.hint == "restore it from a backup"
    assert store.content(store.version(1)) == PrefixSet.parse(["20.0.0.0/24"])


@pytest.mark.parametrize("blob", ["NULL", "X'00'", "X'789c030000000001'"])  # that one is empty
def test_held_labels_that_make_no_sense_are_a_damaged_database_and_never_approved(
    store: Store, database: Path, blob: str
) -> None:
    version = record(store, labelled(held("20.0.0.0/24"), countries(US="20.0.0.0/24")))
    damage(database, f"UPDATE held_contents SET labels = {blob}")
    before = dump(database)

    with pytest.raises(StoreError) as caught:
        store.labels(version)
    assert caught.value.hint == "restore it from a backup"
    with pytest.raises(StoreError):
        approve(store, version)
    assert dump(database) == before
