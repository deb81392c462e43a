import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event
from tests.servers import HttpServer, response
from tests.store.readings import (
    DAY,
    HOST,
    NOW,
    TOO_MUCH,
    URL,
    approve,
    ask,
    attempt,
    countries,
    dump,
    failed,
    held,
    ids,
    new,
    open_engine,
    open_store,
    record,
    reject,
    seen,
)

from proxyfeed.errors import OperatorMistake, StoreError
from proxyfeed.model import (
    AlertKind,
    AlertState,
    Application,
    Body,
    Delivery,
    FetchLimits,
    FetchOutcome,
    Pin,
    Reading,
    Status,
    Version,
)
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.sources.fetch import fetch
from proxyfeed.store import Store, url_digest

# ---------------------------------------------------------------- numbers


def test_numbers_rise_over_all_feeds(store: Store) -> None:
    readings = [new("20.0.0.0/24"), new("20.0.1.0/24", feed="opera"), held("20.0.2.0/24")]

    assert [record(store, reading).id for reading in readings] == [1, 2, 3]


def test_a_number_is_not_used_again_after_its_row_was_deleted(store: Store, database: Path) -> None:
    record(store, new("20.0.0.0/24"))
    newest = record(store, held("20.0.1.0/24"))
    with closing(sqlite3.connect(database)) as other, other:
        other.execute("DELETE FROM fetches WHERE version_id = 2")
        other.execute("DELETE FROM held_contents WHERE version_id = 2")
        other.execute("DELETE FROM versions WHERE id = 2")

    assert newest.id == 2
    assert record(store, held("20.0.1.0/24")).id == 3


def test_a_run_without_new_content_makes_no_version(store: Store) -> None:
    record(store, new("20.0.0.0/24"))

    assert store.record([seen(FetchOutcome.SAME, 1)], NOW) == {"aol": 1}
    assert store.record([failed()], NOW) == {"aol": None}
    assert ids(store.versions()) == [1]


def test_an_unknown_number_is_an_operators_mistake(store: Store) -> None:
    with pytest.raises(OperatorMistake, match="there is no version 42"):
        store.version(42)


def test_a_version_says_what_it_counts_and_what_speaks_against_it(store: Store) -> None:
    reading = held("20.0.0.0/24", "20.0.1.0/24", "2a00::/16")
    version = record(store, reading)

    assert version == Version(
        id=1,
        feed="aol",
        digest=PrefixSet.parse(["20.0.0.0/23", "2a00::/16"]).digest,
        status=Status.HELD,
        fetched_at=NOW,
        upstream_stamp=None,
        prefixes=2,
        addresses_ipv4=512,
        addresses_ipv6=1 << 112,
        findings=(TOO_MUCH,),
    )


def test_upstreams_own_date_is_kept_with_its_version(store: Store) -> None:
    stamp = datetime(2007, 2, 3, 9, 0, tzinfo=timezone(timedelta(hours=9)))
    reading = replace(new("20.0.0.0/24"), stamp=stamp)

    found = record(store, reading).upstream_stamp

    assert found == datetime(2007, 2, 3, tzinfo=UTC)
    assert found.tzinfo is UTC


def test_versions_are_listed_newest_first(store: Store) -> None:
    for number in range(3):
        record(store, new(f"20.0.{number}.0/24"), new(f"30.0.{number}.0/24", feed="opera"))

    assert ids(store.versions()) == [6, 5, 4, 3, 2, 1]
    assert ids(store.versions("opera")) == [6, 4, 2]
    assert ids(store.versions("opera", limit=1)) == [6]
    assert store.versions("unknown") == ()


def test_the_version_before_is_the_accepted_one_of_the_same_feed(store: Store) -> None:
    first = record(store, new("20.0.0.0/24"))
    other = record(store, new("30.0.0.0/24", feed="opera"))
    stopped = record(store, held("20.0.1.0/24"))
    third = record(store, new("20.0.2.0/24"))

    assert store.before(first) is None
    assert store.before(other) is None
    assert store.before(stopped) == first
    assert store.before(third) == first


# ---------------------------------------------------------------- contents

# Prefixes that overlap, touch and contain each other, so that a set is often cut anew.
POOL = (
    "20.0.0.0/22", "20.0.0.0/23", "20.0.0.0/24", "20.0.1.0/24", "20.0.2.0/24", "20.0.3.0/24",
    "20.0.3.128/25", "255.255.255.255/32", "0.0.0.0/32",
    "2a00::/30", "2a00::/31", "2a00::/32", "2a00:1::/32", "2a00:2::/31", "2a00:3::1/128",
)  # fmt: skip
PROBES = ("20.0.0.9", "20.0.1.0", "20.0.3.200", "255.255.255.255", "2a00::1", "2a00:3::1")
CONTENTS = st.sets(st.sampled_from(POOL), min_size=1).map(PrefixSet.parse)
FEEDS = st.sampled_from(["aol", "opera"])
STEPS = st.one_of(
    st.tuples(st.just("accept"), FEEDS, CONTENTS),
    st.tuples(st.just("hold"), FEEDS, CONTENTS),
    st.tuples(st.sampled_from(["approve", "reject"]), FEEDS, st.integers(0, 3)),
)


@dataclass
class Expected:
    """
    What a store should hold after the same steps, kept as plainly as can be.
    """

    content: dict[int, PrefixSet] = field(default_factory=dict)
    status: dict[int, Status] = field(default_factory=dict)
    feed: dict[int, str] = field(default_factory=dict)

    def accepted(self, feed: str) -> list[int]:
        return [
            n for n, status in self.status.items() if (status, self.feed[n]) == ("accepted", feed)
        ]

    def waiting(self, feed: str) -> list[int]:
        return [n for n, status in self.status.items() if (status, self.feed[n]) == ("held", feed)]

    def settle(self, number: int, status: Status) -> None:
        self.status[number] = status
        for older in self.waiting(self.feed[number]) if status is Status.ACCEPTED else ():
            if older < number:
                self.status[older] = Status.REJECTED


def play(store: Store, steps: list[Any]) -> Expected:
    """
    Do *steps* to the store; approve and reject pick one of what waits, if anything does.
    """
    expected = Expected()
    for action, feed, what in steps:
        if isinstance(what, PrefixSet):
            reading = (new if action == "accept" else held)(*what.lines(), feed=feed)
            number = record(store, reading).id
            expected.content[number], expected.feed[number] = what, feed
            expected.settle(number, Status.ACCEPTED if action == "accept" else Status.HELD)
        elif waiting := expected.waiting(feed):
            number = waiting[what % len(waiting)]
            (approve if action == "approve" else reject)(store, store.version(number))
            expected.settle(number, Status.ACCEPTED if action == "approve" else Status.REJECTED)
    return expected


def on_a_fresh_copy(migrated: Path, check: Callable[[Store, Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(shutil.copy(migrated, folder))
        with closing(open_store(database)) as store:
            check(store, database)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_every_version_reads_back_exactly_whatever_came_after_it(
    migrated: Path, steps: list[Any]
) -> None:
    def check(store: Store, database: Path) -> None:
        expected = play(store, steps)

        found = store.versions()
        assert {version.id: version.status for version in found} == expected.status
        assert {version.id: store.content(version) for version in found} == expected.content
        # A row is a prefix that came; what stays costs nothing, and what goes costs no row.
        come = 0
        for feed in ("aol", "opera"):
            chain = [PrefixSet(), *(expected.content[n] for n in expected.accepted(feed))]
            for old, now in pairwise(chain):
                come += sum(len(set(now.keys(f)) - set(old.keys(f))) for f in FAMILIES)
        assert ask(database, "SELECT count(*) FROM prefixes") == [(come,)]

    on_a_fresh_copy(migrated, check)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_the_lives_of_an_address_are_the_runs_of_versions_that_hold_it(
    migrated: Path, steps: list[Any]
) -> None:
    def check(store: Store, database: Path) -> None:
        expected = play(store, steps)

        for feed in ("aol", "opera"):
            for probe in PROBES:
                runs: list[tuple[int, int | None]] = []
                was_in = False
                for number in expected.accepted(feed):
                    is_in = probe in expected.content[number]
                    if is_in and not was_in:
                        runs.append((number, None))
                    elif was_in and not is_in:
                        runs[-1] = (runs[-1][0], number)
                    was_in = is_in
                assert store.lives(feed, probe) == tuple(runs)

    on_a_fresh_copy(migrated, check)


def test_a_version_costs_its_change_and_not_its_size(store: Store, database: Path) -> None:
    rows = [f"20.0.{number}.0/24" for number in range(0, 200, 2)]
    record(store, new(*rows))
    record(store, new(*rows[1:], "30.0.0.0/24", "2a00::/32"))

    assert ask(database, "SELECT count(*), count(until_version) FROM prefixes") == [(102, 1)]


def test_an_address_lives_on_when_its_prefix_is_cut_anew(store: Store) -> None:
    record(store, new("20.0.0.0/23", "2a00::/31"))
    record(store, new("20.0.0.0/24", "2a00::/32"))
    record(store, new("20.0.0.0/22", "2a00::/30"))
    record(store, new("30.0.0.0/24"))
    record(store, new("20.0.0.0/25", "2a00::/33"))

    assert store.lives("aol", "20.0.0.1") == ((1, 4), (5, None))
    assert store.lives("aol", "20.0.1.1") == ((1, 2), (3, 4))
    assert store.lives("aol", "2a00::1") == ((1, 4), (5, None))
    assert store.lives("aol", "2a00:1::1") == ((1, 2), (3, 4))
    assert store.lives("aol", "40.0.0.1") == ()


def test_an_address_that_comes_and_goes_has_a_life_each_time(store: Store) -> None:
    for _ in range(2):
        record(store, new("20.0.0.0/24"))
        record(store, new("30.0.0.0/24"))

    assert store.lives("aol", "20.0.0.1") == ((1, 2), (3, 4))
    assert store.content(store.version(2)) == PrefixSet.parse(["30.0.0.0/24"])


def test_an_address_has_no_life_in_a_feed_that_is_unknown(store: Store) -> None:
    assert store.lives("unknown", "20.0.0.1") == ()


def test_held_content_is_no_life_until_it_is_approved(store: Store) -> None:
    version = record(store, held("20.0.0.0/24"))
    assert store.lives("aol", "20.0.0.1") == ()

    approve(store, version)

    assert store.lives("aol", "20.0.0.1") == ((1, None),)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE prefixes SET key = X'1500000018'",  # 21.0.0.0/24 where 20.0.0.0/24 was
        "UPDATE prefixes SET key = X'1400000010'",  # 20.0.0.0/16
        "UPDATE prefixes SET key = X'140000001818'",
        "UPDATE prefixes SET family = 5",
        "DELETE FROM prefixes",
        "UPDATE versions SET digest = '0'",
    ],
)
def test_content_that_does_not_read_back_as_it_was_recorded_is_refused(
    store: Store, database: Path, damage: str
) -> None:
    version = record(store, new("20.0.0.0/24"))
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(damage)

    with pytest.raises(StoreError, match="version 1 of feed aol does not read back") as caught:
        store.content(store.version(version.id))
    assert caught.value.hint == "restore it from a backup"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE held_contents SET content = X'00'",
        "UPDATE versions SET status = 'held', fetched_at = 'yesterday'",
        "UPDATE versions SET findings = '[{'",
        "UPDATE versions SET addresses_ipv6 = 'many'",
    ],
)
def test_rows_that_make_no_sense_are_a_damaged_database(
    store: Store, database: Path, damage: str
) -> None:
    record(store, held("20.0.0.0/24"))
    with closing(sqlite3.connect(database)) as other, other:
        other.execute(damage)

    with pytest.raises(StoreError, match="holds what proxyfeed never writes") as caught:
        store.content(store.version(1))
    assert caught.value.hint == "restore it from a backup"


# ---------------------------------------------------------------- where a feed stands


def test_a_feed_without_a_past_stands_nowhere(store: Store) -> None:
    state = store.state("aol", NOW)

    assert state.feed == "aol"
    assert (state.latest, state.active, state.baseline, state.last) == (None, None, None, None)


def test_the_newest_accepted_version_is_the_active_one(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    second = record(store, new("20.0.1.0/24"))
    record(store, held("20.0.2.0/24"))
    record(store, new("30.0.0.0/24", feed="opera"))

    state = store.state("aol", NOW)

    assert state.latest == state.active == second


def test_held_versions_wait_newest_first_and_change_nothing(store: Store) -> None:
    first = record(store, new("20.0.0.0/24"))
    record(store, held("20.0.1.0/24"))
    record(store, held("20.0.2.0/24"))

    state = store.state("aol", NOW)

    assert state.latest == first
    assert ids(state.waiting) == [3, 2]
    assert store.content(first) == PrefixSet.parse(["20.0.0.0/24"])


def test_an_approved_version_enters_the_chain_with_its_decision(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    version = record(store, held("20.0.1.0/24"))

    store.approve(version, by="ines", reason="announced", now=NOW + DAY)

    state = store.state("aol", NOW + DAY)
    approved = replace(
        version,
        status=Status.ACCEPTED,
        accepted_at=NOW + DAY,
        decided_at=NOW + DAY,
        decided_by="ines",
        reason="announced",
    )
    assert state.latest == state.active == approved
    assert state.waiting == ()
    assert store.content(approved) == PrefixSet.parse(["20.0.1.0/24"])


def test_an_approved_version_is_not_kept_twice(store: Store, database: Path) -> None:
    approve(store, record(store, held("20.0.0.0/24")))

    assert ask(database, "SELECT count(*) FROM prefixes") == [(1,)]
    assert ask(database, "SELECT count(*) FROM held_contents") == [(0,)]


def test_approval_overtakes_older_held_versions_of_the_same_feed_only(store: Store) -> None:
    older = record(store, held("20.0.0.0/24"))
    elsewhere = record(store, held("30.0.0.0/24", feed="opera"))
    version = record(store, held("20.0.1.0/24"))
    newer = record(store, held("20.0.2.0/24"))

    approve(store, version)

    overtaken = store.version(older.id)
    assert (overtaken.status, overtaken.reason) == (Status.REJECTED, "overtaken by version 3")
    assert overtaken.decided_by is None
    assert store.content(overtaken) == PrefixSet.parse(["20.0.0.0/24"])
    assert store.version(elsewhere.id).status is Status.HELD
    assert store.state("aol", NOW).waiting == (newer,)


def test_what_was_overtaken_while_an_operator_looked_at_it_is_not_approved(
    store: Store, database: Path
) -> None:
    looked_at = record(store, held("20.0.0.0/24"))
    record(store, new("20.0.1.0/24"))
    before = dump(database)

    with pytest.raises(OperatorMistake, match="version 2 was accepted meanwhile"):
        approve(store, looked_at)
    assert dump(database) == before


@pytest.mark.parametrize("decide", [approve, reject])
def test_what_another_operator_approved_meanwhile_stays_as_it_is(
    store: Store, database: Path, decide: Callable[[Store, Version], None]
) -> None:
    looked_at = record(store, held("20.0.0.0/24"))
    approve(store, looked_at)
    before = dump(database)

    with pytest.raises(OperatorMistake, match="version 1 was accepted meanwhile"):
        decide(store, looked_at)
    assert dump(database) == before


def test_a_newly_accepted_version_overtakes_what_was_held(store: Store) -> None:
    older = record(store, held("20.0.0.0/24"))
    record(store, new("20.0.1.0/24"))

    assert store.version(older.id).reason == "overtaken by version 2"
    assert store.state("aol", NOW).waiting == ()


def test_a_rejected_version_is_closed_and_can_still_be_read(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    version = record(store, held("20.0.1.0/24"))

    reject(store, version, NOW + DAY)

    state = store.state("aol", NOW + DAY)
    assert state.waiting == ()
    assert state.refused[0] == replace(
        version,
        status=Status.REJECTED,
        decided_at=NOW + DAY,
        decided_by="ines",
        reason="not announced",
    )
    assert store.content(state.refused[0]) == PrefixSet.parse(["20.0.1.0/24"])


def test_what_was_rejected_before_the_newest_accepted_version_is_forgotten(store: Store) -> None:
    reject(store, record(store, held("20.0.1.0/24")))
    record(store, new("20.0.0.0/24"))

    assert store.state("aol", NOW).refused == ()


def test_a_pin_makes_its_version_the_active_one_until_it_is_released(store: Store) -> None:
    first = record(store, new("20.0.0.0/24"))
    second = record(store, new("20.0.1.0/24"))
    pin = Pin("aol", first.id, NOW, "ines", "carts are lost")

    store.pin(pin)
    state = store.state("aol", NOW)
    assert (state.active, state.latest, state.pin) == (first, second, pin)

    store.release("aol")
    state = store.state("aol", NOW)
    assert (state.active, state.pin) == (second, None)


def test_a_second_pin_takes_the_place_of_the_first(store: Store) -> None:
    for number in range(3):
        record(store, new(f"20.0.{number}.0/24"))
    store.pin(Pin("aol", 1, NOW, "ines"))
    store.pin(Pin("aol", 2, NOW + DAY, "otto"))

    assert store.state("aol", NOW).pin == Pin("aol", 2, NOW + DAY, "otto")


def test_a_pin_holds_one_feed_and_no_other(store: Store) -> None:
    record(store, new("20.0.0.0/24"), new("30.0.0.0/24", feed="opera"))
    store.pin(Pin("aol", 1, NOW, "ines"))
    assert store.state("opera", NOW).pin is None

    store.pin(Pin("opera", 2, NOW, "ines"))
    assert store.state("aol", NOW).pin == Pin("aol", 1, NOW, "ines")

    store.release("opera")
    assert store.state("aol", NOW).pin == Pin("aol", 1, NOW, "ines")


# ---------------------------------------------------------------- what the guard compares with


def baseline(store: Store, now: datetime) -> int | None:
    version = store.state("aol", now).baseline
    return version.id if version else None


def test_a_young_feed_is_compared_with_its_first_version(store: Store) -> None:
    for night in range(4):
        record(store, new(f"20.0.{night}.0/24"), at=NOW + night * DAY)

    assert baseline(store, NOW + 29 * DAY) == 1


def test_an_older_feed_is_compared_with_what_it_held_30_days_ago(store: Store) -> None:
    for night in range(4):
        record(store, new(f"20.0.{night}.0/24"), at=NOW + night * DAY)

    assert baseline(store, NOW + 31 * DAY) == 2
    assert baseline(store, NOW + 32 * DAY - timedelta(seconds=1)) == 2
    assert baseline(store, NOW + 32 * DAY) == 3
    assert baseline(store, NOW + 99 * DAY) == 4


def test_an_approval_is_a_new_beginning(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    approve(store, record(store, held("20.0.1.0/24"), at=NOW + 40 * DAY), NOW + 41 * DAY)
    record(store, new("20.0.2.0/24"), at=NOW + 42 * DAY)

    assert baseline(store, NOW + 43 * DAY) == 2


def test_an_old_approval_does_not_hide_what_was_accepted_since(store: Store) -> None:
    approve(store, record(store, held("20.0.0.0/24")))
    record(store, new("20.0.1.0/24"), at=NOW + DAY)

    assert baseline(store, NOW + 40 * DAY) == 2


def test_what_is_held_or_rejected_is_never_the_baseline(store: Store) -> None:
    reject(store, record(store, held("20.0.0.0/24")))
    record(store, held("20.0.1.0/24"))

    assert baseline(store, NOW + 40 * DAY) is None


# ---------------------------------------------------------------- attempts


def test_every_attempt_is_recorded_and_only_the_last_is_the_verdict(
    store: Store, database: Path
) -> None:
    reading = new("20.0.0.0/24", etag='"7"')
    broken = replace(attempt(FetchOutcome.BAD_STATUS), status=502, detail="502 Bad Gateway")
    record(store, replace(reading, attempts=(broken, *reading.attempts)))

    verdict, first = store.attempts("aol", 10)

    assert (first.outcome, first.status, first.detail) == ("bad status", 502, "502 Bad Gateway")
    assert (first.url_digest, first.version) == ("", None)
    assert (verdict.outcome, verdict.version, verdict.etag) == ("new", 1, '"7"')
    assert verdict.url_digest == url_digest(URL)
    assert (verdict.reader, verdict.at, verdict.seconds) == ("reader", NOW, 0.25)
    assert ask(database, "SELECT DISTINCT host FROM fetches") == [(HOST,)]


def test_attempts_are_listed_newest_first_and_of_one_feed(store: Store) -> None:
    record(store, new("30.0.0.0/24", feed="opera"))
    for outcome in (FetchOutcome.TIMED_OUT, FetchOutcome.NO_FILE, FetchOutcome.REFUSED):
        store.record([failed(outcome)], NOW)

    outcomes = ["refused", "no file", "timed out"]
    assert [row.outcome for row in store.attempts("aol", 99)] == outcomes
    assert [row.outcome for row in store.attempts("aol", 2)] == outcomes[:2]
    assert store.attempts("unknown", 2) == ()


def test_another_feeds_attempts_are_not_ones_own(store: Store) -> None:
    store.record([failed()], NOW)
    record(store, new("30.0.0.0/24", feed="opera"))

    state = store.state("aol", NOW)

    assert state.last is not None
    assert (state.last.outcome, state.last_good) == ("timed out", None)


def test_a_failure_after_a_good_fetch_leaves_the_good_one_known(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    store.record([failed(FetchOutcome.NOT_A_LIST, b"<p>502</p>")], NOW + DAY)

    state = store.state("aol", NOW + DAY)

    assert state.last is not None
    assert state.last_good is not None
    assert (state.last.outcome, state.last.at) == ("not a list", NOW + DAY)
    assert (state.last_good.outcome, state.last_good.at) == ("new", NOW)


@pytest.mark.parametrize("outcome", FetchOutcome)
def test_a_list_that_was_read_is_good_whatever_was_decided(
    store: Store, outcome: FetchOutcome
) -> None:
    store.record([failed(outcome)], NOW)

    good = {"new", "same content", "not modified", "held", "rejected before"}
    assert (store.state("aol", NOW).last_good is not None) == (outcome in good)


def test_validators_are_those_of_the_newest_body_that_is_the_latest_version(
    store: Store,
) -> None:
    record(store, new("20.0.0.0/24", etag='"1"'))
    assert validated(store) == '"1"'

    # The same set in other bytes: the newer ETag is the one to send.
    store.record([seen(FetchOutcome.SAME, 1, etag='"2"')], NOW)
    assert validated(store) == '"2"'

    # "Not modified" has no body, a failure is no content, and what is held is not the latest.
    store.record([seen(FetchOutcome.NOT_MODIFIED, 1)], NOW)
    store.record([failed()], NOW)
    record(store, held("30.0.0.0/24"))
    assert validated(store) == '"2"'


def test_validators_of_an_approved_version_are_those_that_it_was_held_with(store: Store) -> None:
    record(store, new("20.0.0.0/24", etag='"1"'))
    reading = held("20.0.1.0/24")
    verdict = attempt(FetchOutcome.HELD, b"list", etag='"2"')

    approve(store, record(store, replace(reading, attempts=(verdict,))))

    assert validated(store) == '"2"'


def validated(store: Store) -> str | None:
    row = store.state("aol", NOW).validated
    return row.etag if row else None


# ---------------------------------------------------------------- bodies


def bodies(database: Path) -> int:
    return int(ask(database, "SELECT count(*) FROM bodies")[0][0])


def test_the_bytes_of_a_version_are_kept_as_they_came(store: Store) -> None:
    version = record(store, new("20.0.0.0/24", body=b"\xef\xbb\xbf<li>20.0.0.0/24\r\n\x00"))

    assert store.body(version) == Body(b"\xef\xbb\xbf<li>20.0.0.0/24\r\n\x00", "text/html")


def test_bodies_of_accepted_versions_are_kept_for_the_last_ten(
    store: Store, database: Path
) -> None:
    versions = [record(store, new(f"20.0.{number}.0/24")) for number in range(12)]

    kept = [version.id for version in versions if store.body(version)]

    assert kept == list(range(3, 13))
    assert bodies(database) == 10


def test_bodies_of_what_failed_or_was_held_are_kept_for_the_last_thirty(
    store: Store, database: Path
) -> None:
    for number in range(40):
        store.record([failed(FetchOutcome.NOT_A_LIST, f"{number}".encode())], NOW)

    kept = [row.id for row in store.attempts("aol", 99) if store.fetched_body(row.id)]

    assert kept == list(range(40, 10, -1))
    assert bodies(database) == 30


def test_what_waits_for_a_decision_keeps_the_bytes_it_first_came_in(
    store: Store, database: Path
) -> None:
    waiting = record(store, held("30.0.0.0/24", body=b"first"))
    for number in range(40):
        again = attempt(FetchOutcome.HELD, f"the same, {number}".encode())
        store.record([Reading("aol", (again,), URL, "reader", version=waiting.id)], NOW)

    assert store.body(waiting) == Body(b"first", "text/html")
    assert bodies(database) == 30 + 1


def test_the_active_version_keeps_its_bytes_though_it_was_held_once(store: Store) -> None:
    record(store, new("20.0.0.0/24"))
    approved = record(store, held("30.0.1.0/24", body=b"held and approved"))
    approve(store, approved)
    for number in range(40):
        store.record([failed(FetchOutcome.NOT_A_LIST, f"{number}".encode())], NOW)

    assert store.body(approved) == Body(b"held and approved", "text/html")


def test_bodies_of_what_failed_or_was_held_outlast_accepted_versions(
    store: Store, database: Path
) -> None:
    store.record([failed(FetchOutcome.NOT_A_LIST, b"<p>502 Bad Gateway</p>")], NOW)
    stopped = record(store, held("30.0.0.0/24", body=b"held"))
    approved = record(store, held("30.0.1.0/24", body=b"held and approved"))
    approve(store, approved)
    for number in range(12):
        record(store, new(f"20.0.{number}.0/24"))

    assert store.body(stopped) == Body(b"held", "text/html")
    assert store.body(approved) == Body(b"held and approved", "text/html")
    assert bodies(database) == 10 + 3


def test_held_versions_do_not_count_among_the_last_ten(store: Store) -> None:
    for number in range(11):
        record(store, new(f"20.0.{number}.0/24"))
    for number in range(5):
        record(store, held(f"30.0.{number}.0/24"))
    record(store, new("40.0.0.0/24"))

    accepted = [one for one in store.versions() if one.status is Status.ACCEPTED]

    assert [store.body(one) is not None for one in accepted] == [True] * 10 + [False] * 2


def test_a_version_is_shown_with_the_bytes_that_it_was_first_read_from(store: Store) -> None:
    version = record(store, held("20.0.0.0/24", body=b"first"))
    again = attempt(FetchOutcome.HELD, b"the same list in other bytes")
    store.record([Reading("aol", (again,), URL, "reader", version=version.id)], NOW)

    assert store.body(version) == Body(b"first", "text/html")


def test_the_same_bytes_are_kept_once(store: Store, database: Path) -> None:
    for _ in range(3):
        store.record([failed(FetchOutcome.NOT_A_LIST, b"<p>502 Bad Gateway</p>")], NOW)

    assert bodies(database) == 1


def test_bytes_that_one_feed_lets_go_stay_for_the_other(store: Store) -> None:
    record(store, new("20.0.0.0/24", body=b"shared"))
    other = record(store, new("20.0.0.0/24", feed="opera", body=b"shared"))
    for number in range(12):
        record(store, new(f"20.1.{number}.0/24"))

    assert store.body(other) == Body(b"shared", "text/html")


def test_a_body_with_known_content_is_not_kept(store: Store, database: Path) -> None:
    record(store, new("20.0.0.0/24"))
    store.record([seen(FetchOutcome.SAME, 1)], NOW)

    assert bodies(database) == 1


# ---------------------------------------------------------------- several directors


def application(host: str = HOST, at: datetime = NOW, set_name: str = "aol") -> Application:
    return Application(host, set_name, "update", (3, 7), at, "root", 0.5, "c0ffee")


def test_the_last_application_of_a_set_is_read_back(store: Store) -> None:
    store.applied(application())
    store.applied(application(at=NOW + DAY))
    store.applied(application(at=NOW + 2 * DAY, set_name="other"))

    assert store.last_application("aol") == application(at=NOW + DAY)
    assert store.last_application("unknown") is None


def test_two_directors_on_one_database_share_versions_and_nothing_else(
    store: Store, database: Path
) -> None:
    record(store, new("20.0.0.0/24"))
    states = (AlertState(AlertKind.FAILED, "feed aol", "timed out", NOW, NOW),)
    arrived = (Delivery("json://chat.example.net", NOW),)
    store.applied(application())
    store.remember_alerts(states, arrived)

    with closing(open_store(database, host="lvs2.example.net")) as second:
        assert ids(second.versions()) == [1]
        assert second.last_application("aol") is None
        assert (second.told(), second.deliveries()) == ((), ())

        second.applied(application(host="lvs2.example.net", at=NOW + DAY))
        second.remember_alerts((), (Delivery("json://chat.example.net", NOW, "refused"),))

    assert store.last_application("aol") == application()
    assert (store.told(), store.deliveries()) == (states, arrived)


def test_what_was_told_is_replaced_and_each_target_keeps_its_last_delivery(store: Store) -> None:
    later = NOW + DAY
    stale = AlertState(AlertKind.STALE, "feed aol", "stale", NOW, later)
    store.remember_alerts(
        (AlertState(AlertKind.FAILED, "feed aol", "timed out", NOW, NOW),),
        (Delivery("json://a.example", NOW), Delivery("mailto://b.example", NOW, "refused")),
    )

    store.remember_alerts((stale,), (Delivery("mailto://b.example", later),))

    assert store.told() == (stale,)
    assert store.deliveries() == (
        Delivery("json://a.example", NOW),
        Delivery("mailto://b.example", later),
    )


# ---------------------------------------------------------------- times, secrets, transactions


def test_times_of_any_zone_come_back_as_the_same_moment_in_utc(store: Store) -> None:
    kiritimati = datetime(2026, 11, 21, 5, 0, 0, 123456, tzinfo=timezone(timedelta(hours=14)))
    record(store, new("20.0.0.0/24"), at=kiritimati)
    store.pin(Pin("aol", 1, kiritimati, "ines"))

    state = store.state("aol", kiritimati)

    assert state.latest is not None
    assert state.pin is not None
    assert state.last is not None
    for time in (state.latest.fetched_at, state.latest.accepted_at, state.pin.at, state.last.at):
        assert time == kiritimati
        assert time is not None
        assert time.tzinfo is UTC


def test_no_file_of_the_database_holds_a_secret_of_a_url(store: Store, database: Path) -> None:
    limits = FetchLimits(attempts=1)
    with HttpServer(response(b"<p>502</p>", status=502), response(b"<li>list</li>")) as server:
        address = server.url.removeprefix("http://")
        url = f"http://ops:pa55w0rd@{address}/list.html?token=s3cr3tt0ken&page=2"
        attempts = (*fetch(url, limits), *fetch(url, limits))
    store.record([Reading("aol", attempts, url, "reader")], NOW)

    files = [path for path in database.parent.iterdir() if path.name.startswith(database.name)]
    raw = b"".join(path.read_bytes() for path in files)

    assert f"{database.name}-wal" in [path.name for path in files]
    assert f"http://***@{address}/list.html?token=***&page=***".encode() in raw
    for secret in (b"pa55w0rd", b"s3cr3tt0ken", b"ops:"):
        assert secret not in raw


def test_a_reason_that_is_not_utf_8_is_an_operators_mistake(store: Store) -> None:
    version = record(store, held("20.0.0.0/24"))

    with pytest.raises(OperatorMistake, match=r"'nicht gew\\udcfcnscht' is not UTF-8"):
        store.reject(version, by="ines", reason="nicht gew\udcfcnscht", now=NOW)
    assert store.version(version.id).status is Status.HELD


def test_a_row_that_refers_to_nothing_is_refused(store: Store) -> None:
    record(store, new("20.0.0.0/24"))

    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.pin(Pin("aol", 42, NOW, "ines"))
    assert store.state("aol", NOW).pin is None


class Broken(Exception):
    """
    What a test breaks a transaction with; nothing catches it on its way.
    """


def break_at(engine: Engine, statement: int) -> Callable[[], int]:
    """
    Raise `Broken` before the numbered statement from now; the result says how many there were.
    """
    count = 0

    @event.listens_for(engine, "before_cursor_execute")
    def _before(*_: object) -> None:
        nonlocal count
        count += 1
        if count == statement:
            raise Broken

    return lambda: count


def a_whole_run() -> list[Reading]:
    """
    A run that writes to every table that a run writes to.
    """
    labelled = replace(new("20.0.2.0/24", "2a00::/32"), labels=countries(DE="20.0.2.0/24"))
    stopped = replace(held("30.0.0.0/24", feed="opera"), labels=countries(NO="30.0.0.0/24"))
    return [labelled, stopped, failed()]


def test_a_run_that_breaks_at_any_statement_has_recorded_nothing(
    migrated: Path, tmp_path: Path
) -> None:
    def begun(name: str) -> tuple[Path, Engine]:
        database = Path(shutil.copy(migrated, tmp_path / name))
        engine = open_engine(database)
        labelled = replace(new("20.0.1.0/24"), labels=countries(US="20.0.1.0/24"))
        record(Store(engine, host=HOST), labelled, held("20.0.3.0/24"))
        return database, engine

    _, engine = begun("whole.db")
    statements = break_at(engine, statement=0)
    Store(engine, host=HOST).record(a_whole_run(), NOW)
    engine.dispose()
    assert statements() > 20

    for number in range(1, statements() + 1):
        database, engine = begun(f"{number}.db")
        before = dump(database)
        break_at(engine, statement=number)
        with pytest.raises(Broken):
            Store(engine, host=HOST).record(a_whole_run(), NOW)
        engine.dispose()
        assert dump(database) == before


def test_a_decision_that_breaks_at_any_statement_has_changed_nothing(
    migrated: Path, tmp_path: Path
) -> None:
    def begun(name: str) -> tuple[Path, Engine, Version]:
        database = Path(shutil.copy(migrated, tmp_path / name))
        engine = open_engine(database)
        store = Store(engine, host=HOST)
        record(store, new("20.0.1.0/24"))
        labelled = replace(held("20.0.3.0/24"), labels=countries(US="20.0.3.0/24"))
        return database, engine, record(store, labelled)

    _, engine, version = begun("whole.db")
    statements = break_at(engine, statement=0)
    approve(Store(engine, host=HOST), version)
    engine.dispose()
    assert statements() > 5

    for number in range(1, statements() + 1):
        database, engine, version = begun(f"{number}.db")
        before = dump(database)
        break_at(engine, statement=number)
        with pytest.raises(Broken):
            approve(Store(engine, host=HOST), version)
        engine.dispose()
        assert dump(database) == before


def test_a_reading_that_cannot_be_recorded_takes_the_whole_run_with_it(
    store: Store, database: Path
) -> None:
    before = dump(database)
    unfinished = replace(failed(), feed="opera", version=42)

    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.record([new("20.0.0.0/24"), unfinished], NOW)

    assert dump(database) == before


def test_nobody_writes_between_the_first_read_and_the_last_write_of_a_run(
    migrated: Path, tmp_path: Path
) -> None:
    database = Path(shutil.copy(migrated, tmp_path))
    engine = open_engine(database)
    refusals = []

    @event.listens_for(engine, "after_cursor_execute")
    def _intrude(*_: object) -> None:
        with closing(sqlite3.connect(database, timeout=0)) as other:
            try:
                other.execute("INSERT INTO feeds (name) VALUES ('intruder')")
                other.commit()
            except sqlite3.OperationalError as exc:
                refusals.append(str(exc))

    Store(engine, host=HOST).record([new("20.0.0.0/24")], NOW)
    engine.dispose()

    assert set(refusals) == {"database is locked"}
    assert ask(database, "SELECT name FROM feeds") == [("aol",)]
