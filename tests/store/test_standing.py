import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.store.readings import (
    DAY,
    HOST,
    NOW,
    URL,
    approve,
    attempt,
    damage,
    dump,
    failed,
    held,
    new,
    open_engine,
    open_store,
    record,
    reject,
    seen,
)

from proxyfeed.errors import StoreError
from proxyfeed.model import FetchOutcome, Reading, Version
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store

HOUR = timedelta(hours=1)
# Upstream's own times: what it published first, then, and last.
OLD, YOUNG, YOUNGEST = (NOW - days * DAY for days in (9, 6, 3))


def stamped(reading: Reading, stamp: datetime | None) -> Reading:
    return replace(reading, stamp=stamp)


def newest_stamp(store: Store) -> datetime | None:
    return store.state("aol", NOW).seen


# ---------------------------------------------------------------- what upstream was seen to say


def test_a_stamp_is_kept_with_the_verdict_and_with_the_version(store: Store) -> None:
    reading = stamped(new("20.0.0.0/24"), YOUNG)
    broken = attempt(FetchOutcome.BAD_STATUS)

    version = record(store, replace(reading, attempts=(broken, *reading.attempts)))

    assert version.upstream_stamp == YOUNG
    assert [row.stamp for row in store.attempts("aol", 9)] == [YOUNG, None]


def test_the_newest_stamp_is_that_of_new_or_of_known_content(store: Store) -> None:
    assert newest_stamp(store) is None
    record(store, stamped(new("20.0.0.0/24"), OLD))
    assert newest_stamp(store) == OLD

    record(store, stamped(seen(FetchOutcome.SAME, 1), YOUNGEST))
    assert newest_stamp(store) == YOUNGEST

    record(store, stamped(seen(FetchOutcome.SAME, 1), YOUNG))
    record(store, seen(FetchOutcome.SAME, 1))
    record(store, stamped(new("30.0.0.0/24", feed="opera"), NOW))
    assert newest_stamp(store) == YOUNGEST


def test_what_was_not_accepted_does_not_count_as_seen(store: Store) -> None:
    record(store, stamped(new("20.0.0.0/24"), OLD))
    reject(store, record(store, stamped(held("20.0.1.0/24"), YOUNG)))
    record(store, stamped(held("20.0.2.0/24"), YOUNGEST))
    record(store, stamped(seen(FetchOutcome.REJECTED, 2), YOUNGEST))
    record(store, stamped(seen(FetchOutcome.NOT_MODIFIED, 1), YOUNGEST))
    store.record([stamped(failed(FetchOutcome.NOT_A_LIST), YOUNGEST)], NOW)

    assert newest_stamp(store) == OLD


def an_older_list_is_approved(store: Store, at: datetime = NOW + DAY) -> Version:
    record(store, stamped(new("20.0.0.0/24"), YOUNG))
    record(store, stamped(seen(FetchOutcome.SAME, 1), YOUNGEST))
    version = record(store, stamped(held("20.0.1.0/24"), OLD))
    approve(store, version, at)
    return version


def test_an_approved_older_list_is_a_new_beginning(store: Store) -> None:
    an_older_list_is_approved(store)
    assert newest_stamp(store) == OLD

    record(store, stamped(seen(FetchOutcome.SAME, 2), OLD + HOUR), at=NOW + 2 * DAY)
    assert newest_stamp(store) == OLD + HOUR

    record(store, stamped(new("20.0.2.0/24"), YOUNG), at=NOW + 3 * DAY)
    assert newest_stamp(store) == YOUNG


def test_an_approved_list_without_a_stamp_is_a_new_beginning_too(store: Store) -> None:
    record(store, stamped(new("20.0.0.0/24"), YOUNGEST))
    approve(store, record(store, held("20.0.1.0/24")))

    assert newest_stamp(store) is None


def test_only_the_last_approval_is_the_beginning(store: Store) -> None:
    an_older_list_is_approved(store)
    record(store, stamped(new("20.0.2.0/24"), YOUNGEST))
    approve(store, record(store, stamped(held("20.0.3.0/24"), YOUNG)))

    assert newest_stamp(store) == YOUNG


def test_a_rejection_is_no_new_beginning(store: Store) -> None:
    record(store, stamped(new("20.0.0.0/24"), YOUNG))
    reject(store, record(store, stamped(held("20.0.1.0/24"), OLD)), NOW + DAY)

    assert newest_stamp(store) == YOUNG


def test_what_another_director_saw_before_an_approval_counts_by_no_clock(
    store: Store, database: Path
) -> None:
    an_older_list_is_approved(store, at=NOW)
    # It compared with version 1 before the approval, is recorded after it, and its clock is ahead.
    late = stamped(seen(FetchOutcome.SAME, 1), YOUNGEST)
    with closing(open_store(database, host="lvs2.example.net")) as second:
        second.record([late], NOW + HOUR)
        assert newest_stamp(second) == OLD

        # What it sees of the approved list counts, though its clock is behind.
        second.record([stamped(seen(FetchOutcome.SAME, 2), OLD + HOUR)], NOW - DAY)
    assert newest_stamp(store) == OLD + HOUR


# ---------------------------------------------------------------- for how long it fails


def failing_gaps(store: Store) -> list[float]:
    """
    In days.
    """
    return [gap / DAY for gap in store.state("aol", NOW + 9 * DAY).failing_gaps]


def fail(store: Store, *days: float) -> None:
    for day in days:
        store.record([failed()], NOW + day * DAY)


def test_the_time_of_failures_is_counted_from_the_first_one_on(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    assert failing_gaps(store) == []

    fail(store, 5)
    assert failing_gaps(store) == []
    fail(store, 6, 7.5)
    assert failing_gaps(store) == [1, 1.5]


@pytest.mark.parametrize("outcome", [FetchOutcome.SAME, FetchOutcome.NOT_MODIFIED])
def test_what_counts_being_confirmed_ends_the_failing(store: Store, outcome: FetchOutcome) -> None:
    record(store, new("20.0.0.0/24"))
    fail(store, 1, 2)

    record(store, seen(outcome, 1), at=NOW + 3 * DAY)
    assert failing_gaps(store) == []

    fail(store, 4, 5)
    assert failing_gaps(store) == [1]


def test_another_feed_heals_nothing(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    fail(store, 1)
    record(store, new("30.0.0.0/24", feed="opera"), at=NOW + 1.5 * DAY)
    fail(store, 2)

    assert failing_gaps(store) == [1]


def test_a_list_that_is_held_heals_nothing_and_is_no_failure(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    fail(store, 1, 2)
    record(store, held("99.1.0.0/16"), at=NOW + 3 * DAY)
    fail(store, 4, 5)

    assert failing_gaps(store) == [1, 1]


def test_an_approval_ends_the_failing(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    fail(store, 1, 2)
    approve(store, record(store, held("99.1.0.0/16"), at=NOW + 3 * DAY), NOW + 3.5 * DAY)

    assert failing_gaps(store) == []


def test_a_clock_that_goes_back_adds_nothing(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    fail(store, 2, 1, 2.5)

    assert failing_gaps(store) == [1.5]


def test_a_feed_that_never_went_well_fails_too(store: Store) -> None:
    assert failing_gaps(store) == []

    fail(store, 0, 1, 2)

    assert failing_gaps(store) == [1, 1]


def test_the_attempts_before_a_good_one_of_the_same_run_are_no_failing(store: Store) -> None:
    reading = new("20.0.0.0/24")

    record(store, replace(reading, attempts=(attempt(FetchOutcome.TIMED_OUT), *reading.attempts)))

    assert failing_gaps(store) == []


# ---------------------------------------------------------------- servers to be left alone


def asked_to_wait(seconds: float, url: str = URL) -> Reading:
    refusal = replace(attempt(FetchOutcome.BAD_STATUS), url=url, retry_after=seconds)
    return Reading("aol", (refusal,), url, "reader")


def pauses(store: Store, now: datetime = NOW) -> dict[str, datetime]:
    return dict(store.state("aol", now).pauses)


def test_a_server_is_left_alone_until_the_time_that_it_asked_for(store: Store) -> None:
    store.record([asked_to_wait(3600.5)], NOW)
    until = NOW + timedelta(seconds=3600.5)

    assert [row.retry_at for row in store.attempts("aol", 9)] == [until]
    assert pauses(store, NOW) == {URL: until}
    assert pauses(store, until - timedelta(microseconds=1)) == {URL: until}
    assert pauses(store, until) == {}
    assert store.state("opera", NOW).pauses == ()


def test_a_server_that_asks_for_nothing_is_not_left_alone(store: Store) -> None:
    for seconds in (0.0, -5.0, math.nan):
        store.record([asked_to_wait(seconds)], NOW)

    assert [row.retry_at for row in store.attempts("aol", 9)] == [None, None, None]


@pytest.mark.parametrize("seconds", [9_999_999_999.0, 1e300, math.inf])
def test_a_time_that_no_calendar_has_is_cut_to_a_year(store: Store, seconds: float) -> None:
    store.record([asked_to_wait(seconds)], NOW)

    assert pauses(store) == {URL: NOW + 366 * DAY}


def test_each_attempt_of_a_run_keeps_what_its_own_server_asked_for(store: Store) -> None:
    other = "https://archive.example.net/proxies.html"
    first, second = asked_to_wait(3600), asked_to_wait(7200, other)
    store.record([replace(first, attempts=first.attempts + second.attempts)], NOW)

    assert pauses(store) == {URL: NOW + HOUR, other: NOW + 2 * HOUR}


def test_only_the_newest_attempt_at_a_url_says_how_long_it_is_left_alone(store: Store) -> None:
    store.record([asked_to_wait(7200)], NOW)
    store.record([asked_to_wait(3600)], NOW)
    assert pauses(store) == {URL: NOW + HOUR}

    # Another URL and another feed end nothing.
    store.record([asked_to_wait(0, "https://archive.example.net/")], NOW)
    record(store, new("30.0.0.0/24", feed="opera"))
    assert pauses(store) == {URL: NOW + HOUR}

    record(store, new("20.0.0.0/24"))
    assert pauses(store) == {}


# ---------------------------------------------------------------- a feed that is not due


def test_a_feed_that_was_not_due_writes_nothing(store: Store, database: Path) -> None:
    record(store, new("20.0.0.0/24"))
    before = dump(database)
    not_due = Reading("aol", (), "", "reader", version=1)

    numbers = store.record([not_due, replace(not_due, feed="opera", version=None)], NOW + DAY)

    assert numbers == {"aol": 1, "opera": None}
    assert dump(database) == before


# ---------------------------------------------------------------- what departed


def test_what_departed_is_told_by_the_version_that_dropped_it(store: Store) -> None:
    record(store, new("20.0.0.0/24", "20.0.2.0/24", "2a00::/32"))
    second = record(store, new("20.0.0.0/24", "2a00::/32"), at=NOW + DAY)
    record(store, new("20.0.0.0/24", "20.0.4.0/24", "2a00::/32"), at=NOW + 2 * DAY)
    record(store, new("30.0.0.0/24", feed="opera"), at=NOW + 2 * DAY)
    fourth = record(store, new("20.0.4.0/24"), at=NOW + 3 * DAY)
    record(store, held("99.0.0.0/24"), at=NOW + 4 * DAY)

    last = (fourth, PrefixSet.parse(["20.0.0.0/24", "2a00::/32"]))
    assert store.departed("aol", NOW) == (last, (second, PrefixSet.parse(["20.0.2.0/24"])))
    assert store.departed("aol", NOW + DAY) == (last,)
    assert store.departed("aol", NOW + 3 * DAY) == ()
    assert store.departed("opera", NOW) == ()
    assert store.departed("unknown", NOW) == ()


def test_a_held_version_drops_when_it_is_approved_and_not_when_it_came(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    version = record(store, held("20.0.1.0/24"))
    approve(store, version, NOW + 5 * DAY)

    approved = store.version(version.id)
    assert store.departed("aol", NOW + DAY) == ((approved, PrefixSet.parse(["20.0.0.0/24"])),)


def test_what_stays_while_its_prefix_is_cut_anew_is_in_what_departed(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    wider = record(store, new("20.0.0.0/23"), at=NOW + DAY)

    assert store.departed("aol", NOW) == ((wider, PrefixSet.parse(["20.0.0.0/24"])),)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prefixes SET key = X'1500000018' WHERE until_version IS NOT NULL",
        "UPDATE prefixes SET key = X'1400000008' WHERE until_version IS NOT NULL",
        "UPDATE prefixes SET until_version = 1 WHERE until_version IS NOT NULL",
        "UPDATE prefixes SET until_version = NULL",
        "DELETE FROM prefixes WHERE until_version IS NOT NULL",
        "UPDATE versions SET dropped_digest = '' WHERE id = 2",
    ],
)
def test_what_departed_is_never_read_as_other_addresses(
    store: Store, database: Path, statement: str
) -> None:
    record(store, new("20.0.0.0/24", "20.0.2.0/24"), at=NOW + DAY)
    record(store, new("20.0.0.0/24"), at=NOW + DAY)
    damage(database, statement)

    with pytest.raises(StoreError, match="the database is damaged"):
        store.departed("aol", NOW)


@pytest.mark.parametrize("key", ["1500000018", "1400000008"])
def test_what_departed_before_schema_0005_was_in_the_content_before_it(
    store: Store, database: Path, key: str
) -> None:
    record(store, new("20.0.0.0/24", "20.0.2.0/24"), at=NOW + DAY)
    record(store, new("20.0.0.0/24"), at=NOW + DAY)
    damage(database, "UPDATE versions SET dropped_digest = NULL")
    assert [gone for _, gone in store.departed("aol", NOW)] == [PrefixSet.parse(["20.0.2.0/24"])]

    damage(database, f"UPDATE prefixes SET key = X'{key}' WHERE until_version IS NOT NULL")
    with pytest.raises(StoreError, match="the database is damaged"):
        store.departed("aol", NOW)


# ---------------------------------------------------------------- what it costs


@contextmanager
def steps_of_sqlite(engine: Engine) -> Iterator[list[int]]:
    """
    Count what SQLite's virtual machine does, in tens of instructions.
    """
    count = [0]

    def tick() -> int:
        count[0] += 1
        return 0

    with closing(engine.raw_connection()) as connection:
        connection.driver_connection.set_progress_handler(tick, 10)
    yield count


def add_nights(database: Path, nights: int, outcome: str, retry_at: str | None = None) -> None:
    """
    Nights on which version 1 was fetched again, *outcome*.
    """
    statement = """
        WITH RECURSIVE night(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM night WHERE n < ?)
        INSERT INTO fetches (feed_id, host, at, url, url_digest, reader, outcome, size, seconds,
                             detail, version_id, stamp, retry_at)
        SELECT feed_id, host, at, url, url_digest, reader, ?, size, seconds, detail, version_id,
               stamp, ? FROM fetches, night WHERE fetches.id = 1
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement, [nights, outcome, retry_at])


def test_where_a_feed_stands_costs_the_same_after_many_nights(database: Path) -> None:
    engine = open_engine(database)
    with closing(Store(engine, host=HOST)) as store:
        record(store, stamped(new("20.0.0.0/24"), YOUNG), new("30.0.0.0/24", feed="opera"))
        costs = []
        for nights in (100, 10_000):
            add_nights(database, nights, "same content", "2020-01-01 00:00:00.000000")
            with steps_of_sqlite(engine) as count:
                state = store.state("aol", NOW)
            assert (state.seen, state.failing_gaps, state.pauses) == (YOUNG, (), ())
            costs.append(count[0])

    assert 0 < costs[1] < 2 * costs[0]


# ---------------------------------------------------------------- the first of all


def test_the_first_accepted_version_is_told_from_every_later_one(store: Store) -> None:
    assert not store.state("aol", NOW).is_first
    record(store, held("30.0.0.0/24"))
    record(store, new("20.0.0.0/24"))
    assert store.state("aol", NOW + 99 * DAY).is_first

    record(store, new("20.0.1.0/24"))
    assert not store.state("aol", NOW + 99 * DAY).is_first
