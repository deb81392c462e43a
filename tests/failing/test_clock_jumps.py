"""
A clock that is set back or ahead, two runs at one time, and the nights when summer time begins and
ends: versions keep their order, and no jump alone holds a list or lets a feed die.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.commands.conftest import empty_database
from tests.commands.director import DAY, TEXT_FEED, Director, outcomes, rows, text
from tests.e2e.machine import Machine

from proxyfeed.commands.decide import approve, release
from proxyfeed.commands.history import history
from proxyfeed.commands.status import status
from proxyfeed.model import HistoryResult, Outcome, Pin
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.fetch.headers import seconds_asked_for

__all__ = ["empty_database"]

YEAR = 365 * DAY
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
TIMED = 'max_age = "3d"\nexpire_after = "30d"\nmax_unchanged = "90d"\nmin_interval = "1h"'
BACK = {"a second": SECOND, "an hour": HOUR, "a day": DAY, "a year": YEAR}
# The same list as in the first year of UTC that has both: Berlin's nights of 23 and of 25 hours.
SUMMER_TIME = {
    "begins": datetime(2026, 3, 28, 23, 30, tzinfo=UTC),
    "ends": datetime(2026, 10, 24, 22, 30, tzinfo=UTC),
}


@pytest.fixture
def relay(tmp_path: Path, empty_database: Path) -> Iterator[Director]:
    """
    One that takes the feed `relay`, with all its clocks.
    """
    made = Director.start(tmp_path, empty_database)
    configure(made, TIMED)
    with closing(made.store):
        yield made


def configure(relay: Director, keys: str) -> None:
    relay.configure(TEXT_FEED.replace("[sets.relay]", f"{keys}\n[sets.relay]"))


def after(
    relay: Director, span: timedelta, *prefixes: str, stamp: datetime | None = None
) -> Outcome:
    """
    Update when *span* has passed on the clock, with *prefixes* published.
    """
    relay.now += span
    relay.publish(to="relay.txt", body=text(*prefixes, stamp=stamp))
    return relay.update(force_fetch=True)


def troubles(relay: Director) -> list[str]:
    """
    What `status` has to say of the feed; of the kernel, which is not there, it says one thing.
    """
    found = status(relay.config, relay.doors()).problems
    return [problem.code for problem in found if problem.subject == "feed relay"]


def desired(relay: Director) -> PrefixSet:
    return relay.desired("relay").prefixes


def listed(relay: Director) -> list[int]:
    result = history(relay.config, relay.doors(), "relay", 9).result
    assert isinstance(result, HistoryResult)
    return [version.id for version in result.versions]


# ---------------------------------------------------------------- jumps


@pytest.mark.parametrize(
    "jump",
    [timedelta(0), *(-span for span in BACK.values()), *BACK.values()],
    ids=["none", *(f"back {span}" for span in BACK), *(f"ahead {span}" for span in BACK)],
)
def test_versions_keep_their_order_and_a_feed_its_health_whatever_the_clock_does(
    relay: Director, jump: timedelta
) -> None:
    after(relay, DAY, *rows(40))
    after(relay, DAY, *rows(41))

    at_once = after(relay, jump, *rows(42))
    later = after(relay, HOUR, *rows(43))
    back = after(relay, -jump, *rows(44))

    for outcome in (at_once, later, back):
        assert (outcomes(outcome), outcome.exit_code) == ({"relay": "new"}, 0)
    assert relay.versions() == [(number, "accepted") for number in (1, 2, 3, 4, 5)]
    assert listed(relay) == [5, 4, 3, 2, 1]
    assert relay.active("relay") == 5
    assert desired(relay) == PrefixSet.parse(rows(44))
    assert troubles(relay) == []


@pytest.mark.parametrize("jump", [-YEAR, -DAY, YEAR], ids=["back a year", "back a day", "ahead"])
def test_a_pin_outlives_a_jump_and_a_release_takes_the_newest_by_number(
    relay: Director, jump: timedelta
) -> None:
    after(relay, DAY, *rows(40))
    after(relay, DAY, *rows(41))
    relay.store.pin(Pin("relay", 1, relay.now, "ines", None))

    after(relay, jump, *rows(42))
    assert desired(relay) == PrefixSet.parse(rows(40))

    release(relay.config, relay.doors(), "relay")
    assert desired(relay) == PrefixSet.parse(rows(42))


def test_a_clock_that_is_set_back_holds_no_list_that_grew_slowly(relay: Director) -> None:
    for count in (40, 43, 46, 50, 54):
        assert after(relay, 31 * DAY, *rows(count)).exit_code == 0

    outcome = after(relay, -YEAR, *rows(55))

    assert outcomes(outcome) == {"relay": "new"}


def test_a_clock_that_is_set_back_does_not_blind_the_guard_to_a_bleed(relay: Director) -> None:
    after(relay, DAY, *rows(100))
    after(relay, 40 * DAY, *rows(101))

    assert outcomes(after(relay, -YEAR, *rows(94))) == {"relay": "new"}
    assert outcomes(after(relay, DAY, *rows(88))) == {"relay": "held"}


def test_a_list_that_is_stamped_in_the_future_of_a_clock_set_back_is_accepted(
    relay: Director,
) -> None:
    stamp = relay.now
    after(relay, DAY, *rows(40), stamp=stamp)

    later = after(relay, -YEAR, *rows(41), stamp=stamp + DAY)
    mended = after(relay, YEAR + DAY, *rows(42), stamp=stamp + 2 * DAY)

    assert outcomes(later) == outcomes(mended) == {"relay": "new"}


@pytest.mark.parametrize("jump", [-YEAR, -DAY, DAY, YEAR])
def test_failures_around_a_jump_let_no_feed_die(relay: Director, jump: timedelta) -> None:
    after(relay, DAY, *rows(40))
    (relay.folder / "relay.txt").unlink()
    for span in (DAY, jump, DAY, -jump, DAY):
        relay.now += span
        relay.update(force_fetch=True)

    assert "expired" not in troubles(relay)
    assert desired(relay) == PrefixSet.parse(rows(40))


def test_what_waits_is_neither_lost_nor_kept_by_a_clock_that_is_set_back_a_day(
    relay: Director,
) -> None:
    configure(relay, 'hold_removals = "48h"')
    after(relay, DAY, *rows(41))
    after(relay, DAY, *rows(40))

    relay.now -= DAY
    assert desired(relay) == PrefixSet.parse(rows(41))

    relay.now += 2 * DAY
    assert desired(relay) == PrefixSet.parse(rows(41))

    relay.now += DAY + HOUR
    assert desired(relay) == PrefixSet.parse(rows(40))


@pytest.mark.parametrize("jump", [-YEAR, YEAR], ids=["back", "ahead"])
def test_what_waits_is_not_kept_for_years_by_a_jump(relay: Director, jump: timedelta) -> None:
    configure(relay, 'hold_removals = "48h"')
    after(relay, DAY, *rows(41))
    after(relay, jump, *rows(40))

    relay.now += 3 * DAY
    assert desired(relay) == PrefixSet.parse(rows(40))

    relay.now += -jump
    assert desired(relay) == PrefixSet.parse(rows(40))


# ---------------------------------------------------------------- one time twice


def test_two_runs_at_one_time_keep_their_order(relay: Director) -> None:
    relay.now = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    for count in (40, 41, 42):
        assert outcomes(after(relay, timedelta(0), *rows(count))) == {"relay": "new"}

    assert listed(relay) == [3, 2, 1]
    assert desired(relay) == PrefixSet.parse(rows(42))
    assert relay.store.before(relay.store.version(3)) == relay.store.version(2)


def test_a_removal_and_a_return_at_one_time_leave_nothing_waiting(relay: Director) -> None:
    configure(relay, 'hold_removals = "48h"')
    for count in (41, 40, 41):
        after(relay, timedelta(0), *rows(count))

    assert desired(relay) == PrefixSet.parse(rows(41))
    assert relay.desired("relay").waiting == ()


def test_a_decision_at_the_time_of_the_list_counts(relay: Director) -> None:
    after(relay, DAY, *rows(40))
    assert outcomes(after(relay, timedelta(0), *rows(80))) == {"relay": "held"}

    approve(relay.config, relay.doors(), 2, reason=None)

    assert outcomes(after(relay, timedelta(0), *rows(81))) == {"relay": "new"}
    assert desired(relay) == PrefixSet.parse(rows(81))


# ---------------------------------------------------------------- time zones


@pytest.fixture(params=["Europe/Berlin", "Pacific/Apia", "America/St_Johns"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    A process in a zone that is not UTC.
    """
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("night", SUMMER_TIME.values(), ids=SUMMER_TIME)
def test_the_nights_of_summer_time_are_as_long_as_any_other(
    relay: Director, elsewhere: None, night: datetime
) -> None:
    configure(relay, 'hold_removals = "4h"\nmin_interval = "1h"')
    relay.now = night
    after(relay, timedelta(0), *rows(42))
    after(relay, HOUR, *rows(41))

    assert [one.until for one in relay.desired("relay").waiting] == [night + 5 * HOUR]
    for hour in range(1, 5):
        relay.now = night + hour * HOUR
        assert relay.update().exit_code == 0
        assert desired(relay) == PrefixSet.parse(rows(42))
    relay.now = night + 5 * HOUR
    assert desired(relay) == PrefixSet.parse(rows(41))
    found = [fetch.at for fetch in relay.store.attempts("relay", 9)]
    assert found[::-1] == [night + HOUR * hour for hour in (0, 1, 2, 3, 4)]


# All three are one time, and the last two are as old servers and old clients write it.
@pytest.mark.parametrize(
    "written",
    [
        "Sun, 25 Oct 2026 01:30:00 GMT",
        "Sunday, 25-Oct-26 01:30:00 GMT",
        "Sun Oct 25 01:30:00 2026",
        "Sun, 25 Oct 2026 01:30:00 -0000",
    ],
)
def test_a_time_to_be_left_alone_until_is_of_no_zone_but_utc(elsewhere: None, written: str) -> None:
    now = datetime(2026, 10, 25, 1, 0, tzinfo=UTC).timestamp()

    assert seconds_asked_for(written, now) == 1800.0


@pytest.mark.kernel
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Kiritimati", "nowhere at all"])
def test_the_program_says_and_writes_utc_wherever_it_runs(running: Machine, zone: str) -> None:
    before = datetime.now(UTC)
    running.proxyfeed("update", env={"TZ": zone})
    done = running.proxyfeed("status", "--json", env={"TZ": zone})
    shown = running.proxyfeed("status", env={"TZ": zone}).out

    (feed,) = done.document["data"]["feeds"]
    last = datetime.fromisoformat(feed["state"]["last"]["at"])
    assert last.utcoffset() == timedelta(0)
    assert before <= last <= datetime.now(UTC)
    (written,) = running.rows("SELECT at FROM fetches ORDER BY id DESC LIMIT 1")[0]
    assert datetime.fromisoformat(written).replace(tzinfo=UTC) == last
    assert f"last try   {last:%Y-%m-%d %H:%M} UTC" in shown
