"""
Each accepted version is read once; what was not read back from the database is not believed.
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from tests.store.readings import (
    HOST,
    approve,
    countries,
    damage,
    held,
    new,
    open_engine,
    record,
)

from proxyfeed.errors import StoreError
from proxyfeed.store import Store, proven


def statements_to_read_all_again(database: Path) -> int:
    """
    Read the contents and labels of all versions twice, and count what the second time asks.
    """
    engine = open_engine(database)
    count = 0

    @event.listens_for(engine, "before_cursor_execute")
    def _count(*_: object) -> None:
        nonlocal count
        count += 1

    with closing(Store(engine, host=HOST)) as store:
        versions = store.versions()
        first = [(store.content(one), store.labels(one)) for one in versions]
        asked = count
        assert [(store.content(one), store.labels(one)) for one in versions] == first
        return count - asked


def begin(store: Store) -> None:
    for text in ("20.0.0.0/24", "20.0.1.0/24"):
        record(store, replace(new(text), labels=countries(DE=text)))


def test_what_was_read_and_proved_is_not_read_again(store: Store, database: Path) -> None:
    begin(store)

    assert statements_to_read_all_again(database) == 0


def test_only_the_last_few_are_remembered(
    store: Store, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proven, "_PREFIXES", 1)
    begin(store)

    assert statements_to_read_all_again(database) > 0


def test_what_was_just_written_is_read_back(store: Store, database: Path) -> None:
    version = record(store, replace(new("20.0.0.0/24"), labels=countries(DE="20.0.0.0/24")))
    damage(database, "UPDATE prefixes SET key = X'1500000018'")
    damage(database, "UPDATE labelled_prefixes SET key = X'1500000018'")

    with pytest.raises(StoreError, match="the database is damaged"):
        store.content(version)
    with pytest.raises(StoreError, match="the database is damaged"):
        store.labels(version)


def test_what_was_read_while_it_was_held_is_read_anew_once_it_was_accepted(
    store: Store, database: Path
) -> None:
    version = record(store, held("20.0.0.0/24"))
    store.content(version)
    approve(store, version)
    damage(database, "UPDATE prefixes SET key = X'1500000018'")

    with pytest.raises(StoreError, match="the database is damaged"):
        store.content(store.version(version.id))


def test_a_content_that_does_not_read_back_is_not_written_on(store: Store, database: Path) -> None:
    record(store, new("20.0.0.0/24"))
    damage(database, "UPDATE prefixes SET key = X'1500000018'")

    with pytest.raises(StoreError, match="version 1 of feed aol does not read back"):
        record(store, new("20.0.1.0/24"))
