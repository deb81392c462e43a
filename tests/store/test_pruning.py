"""
However often upstream fails or is held, the database stays small and loses nothing that counts.
"""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.store.readings import DAY, NOW, ask, failed, held, new, record, seen

from proxyfeed.errors import OperatorMistake
from proxyfeed.model import FetchOutcome, Status
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store
from proxyfeed.store.pruning import KEPT_ATTEMPTS, KEPT_HELD

MINUTES = timedelta(minutes=5)


def test_attempts_are_bounded_and_the_dead_days_still_count(store: Store, database: Path) -> None:
    record(store, new("198.51.100.0/24", etag='"1"'))
    now = NOW
    for _ in range(3 * KEPT_ATTEMPTS):
        now += MINUTES
        store.record([failed()], now)

    ((kept,),) = ask(database, "SELECT count(*) FROM fetches")
    state = store.state("aol", now)

    assert kept <= KEPT_ATTEMPTS + 100 + 2 * (now - NOW).days
    assert sum(state.failing_gaps, timedelta(0)) > now - NOW - DAY
    assert state.last_good is not None
    assert state.last_good.at == NOW
    assert state.validated is not None
    assert state.validated.etag == '"1"'


def test_the_newest_time_of_upstream_outlasts_its_attempt(store: Store) -> None:
    stamp = NOW - DAY
    version = record(store, replace(new("198.51.100.0/24"), stamp=stamp - DAY))
    same = seen(FetchOutcome.SAME, version.id)
    store.record([replace(same, stamp=stamp)], NOW + MINUTES)
    for number in range(2, KEPT_ATTEMPTS + 200):
        store.record([same], NOW + number * MINUTES)

    assert store.state("aol", NOW + 30 * DAY).seen == stamp


def test_a_time_that_was_held_takes_the_place_of_no_time_that_was_believed(store: Store) -> None:
    stamp = NOW - DAY
    version = record(store, replace(new("198.51.100.0/24"), stamp=stamp - DAY))
    same = seen(FetchOutcome.SAME, version.id)
    store.record([replace(same, stamp=stamp)], NOW + MINUTES)
    record(store, replace(held("203.0.113.0/24"), stamp=NOW), at=NOW + 2 * MINUTES)
    for number in range(3, KEPT_ATTEMPTS + 200):
        store.record([same], NOW + number * MINUTES)

    assert store.state("aol", NOW + 30 * DAY).seen == stamp


def test_a_pause_that_a_server_asked_for_outlasts_all_that_another_answers(store: Store) -> None:
    version = record(store, new("198.51.100.0/24"))
    (refused,) = failed(FetchOutcome.BAD_STATUS).attempts
    paused = replace(refused, url="https://first.example.net/", retry_after=6 * 86400.0)
    reading = failed(FetchOutcome.BAD_STATUS)
    store.record([replace(reading, attempts=(paused, refused))], NOW + MINUTES)
    for number in range(2, KEPT_ATTEMPTS + 200):
        store.record([seen(FetchOutcome.SAME, version.id)], NOW + number * MINUTES)

    until = NOW + MINUTES + 6 * DAY
    assert store.state("aol", NOW + 5 * DAY).pauses == ((paused.url, until),)


def test_of_what_is_held_only_the_last_can_be_decided_on(store: Store, database: Path) -> None:
    record(store, new("198.51.100.0/24"))
    rows = [f"203.0.113.{number}/32" for number in range(KEPT_HELD + 5)]
    numbers = [record(store, held(row), at=NOW + n * DAY).id for n, row in enumerate(rows, 1)]
    oldest, newest = store.version(numbers[0]), store.version(numbers[-1])

    assert (oldest.status, newest.status) == (Status.REJECTED, Status.HELD)
    assert oldest.reason == f"overtaken by {KEPT_HELD} held after it"
    assert ask(database, "SELECT count(*) FROM held_contents") == [(KEPT_HELD,)]
    assert store.content(newest) == PrefixSet.parse(rows[-1:])
    with pytest.raises(OperatorMistake, match="what it held is no longer kept"):
        store.content(oldest)
    # It is still known: the same is not held as something new.
    assert oldest in store.state("aol", NOW + 60 * DAY).refused


def test_accepted_versions_are_never_let_go_of(store: Store) -> None:
    first = record(store, new("198.51.100.0/24"))
    for number in range(KEPT_HELD + 10):
        record(store, new(f"203.0.113.{number}/32"), at=NOW + number * DAY)

    assert store.content(first) == PrefixSet.parse(["198.51.100.0/24"])
