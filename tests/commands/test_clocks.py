"""
What time does to a feed: the order of its versions, its silence, its standing still, its death.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.commands.director import ALERTS, DAY, TEXT_FEED, Director, outcomes, rows, text
from tests.fake_kernel import FaultyRunner
from tests.servers import HttpServer, response

from proxyfeed.commands.apply import apply
from proxyfeed.commands.decide import approve, release, rollback
from proxyfeed.commands.diff import diff
from proxyfeed.commands.history import lookup
from proxyfeed.commands.status import status
from proxyfeed.firewall import Firewall
from proxyfeed.model import AlertKind, DecisionResult, Diff, Outcome, StatusResult, UpdateResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text

STAMP = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def with_feed_keys(*keys: str) -> str:
    return TEXT_FEED.replace("[sets.relay]", "\n".join(keys) + "\n[sets.relay]").replace(
        'text.stamp = "last change:"', ""
    )


# ---------------------------------------------------------------- older than what was seen


def test_an_older_list_than_one_that_was_seen_is_recorded_and_not_accepted(
    director: Director,
) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    director.text_night(*rows(41), stamp=STAMP + DAY)

    outcome = director.text_night(*rows(42), stamp=STAMP + HOUR)

    assert outcomes(outcome) == {"relay": "held"}
    assert outcome.exit_code == 4
    assert "2026-11-01 13:00 UTC, is older than 2026-11-02 12:00 UTC" in outcome.problems[0].message
    assert director.versions() == [(1, "accepted"), (2, "accepted"), (3, "held")]
    assert director.active("relay") == 2


def test_an_edge_that_serves_the_list_of_last_week_changes_nothing(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    director.text_night(*rows(41), stamp=STAMP + DAY)

    assert outcomes(director.text_night(*rows(40), stamp=STAMP)) == {"relay": "held"}
    assert outcomes(director.text_night(*rows(41), stamp=STAMP + DAY)) == {"relay": "same content"}

    assert director.active("relay") == 2
    assert director.versions()[2:] == [(3, "held")]


def test_a_list_of_the_same_time_is_accepted(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)

    assert outcomes(director.text_night(*rows(41), stamp=STAMP)) == {"relay": "new"}


def test_the_same_list_with_a_later_time_counts_as_seen(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    director.text_night(*rows(40), stamp=STAMP + 2 * DAY)

    assert outcomes(director.text_night(*rows(41), stamp=STAMP + DAY)) == {"relay": "held"}


def test_a_list_that_was_held_makes_no_other_old(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    assert outcomes(director.text_night("10.0.0.0/8", stamp=STAMP + 9 * DAY)) == {"relay": "held"}

    assert outcomes(director.text_night(*rows(41), stamp=STAMP + DAY)) == {"relay": "new"}


def test_an_operator_may_accept_an_older_list_which_is_then_a_new_beginning(
    director: Director,
) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    director.text_night(*rows(41), stamp=STAMP + 9 * DAY)
    director.text_night(*rows(42), stamp=STAMP + DAY)

    approve(director.config, director.doors(), 3, reason="their clock was wrong")

    assert director.active("relay") == 3
    assert outcomes(director.text_night(*rows(43), stamp=STAMP + 2 * DAY)) == {"relay": "new"}
    assert outcomes(director.text_night(*rows(44), stamp=STAMP + HOUR)) == {"relay": "held"}


def test_a_time_still_to_come_is_not_believed_and_makes_no_other_old(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)
    outcome = director.text_night(*rows(41), stamp=director.now + 30 * DAY)

    assert outcomes(outcome) == {"relay": "new"}
    (note,) = director.store.version(2).findings
    assert note.rule == "future-stamp"
    assert outcomes(director.text_night(*rows(42), stamp=STAMP + DAY)) == {"relay": "new"}


def test_a_list_that_stops_giving_its_time_is_accepted_and_that_is_noted(
    director: Director,
) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)

    assert outcomes(director.text_night(*rows(41))) == {"relay": "new"}
    version = director.store.version(2)
    assert version.upstream_stamp is None
    assert [note.rule for note in version.findings] == ["no-stamp"]


def test_an_operators_own_list_is_never_too_old(director: Director) -> None:
    inline = (
        'apply = "manual"\n[feeds.relay]\nformat = "inline"\nprefixes = ["{}"]\ndated = {}\n'
        '[sets.relay]\nfeeds = ["relay"]\nmark = 1\n'
    )
    director.configure(inline.format("20.0.0.0/24", "2026-11-01"))
    director.night()
    director.configure(inline.format("20.0.0.1/24", "2026-10-01"))
    assert outcomes(director.night()) == {"relay": "same content"}
    director.configure(inline.format('20.0.0.0/24", "20.0.1.0/28', "2026-09-01"))

    assert outcomes(director.night()) == {"relay": "new"}


# ---------------------------------------------------------------- not due


def test_a_feed_is_not_asked_before_its_interval_is_over(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))
    director.publish(to="relay.txt", body=b"# nothing\n")

    director.now += 6 * HOUR - timedelta(seconds=1)
    outcome = director.update()
    assert outcomes(outcome) == {"relay": "not due"}
    assert outcome.exit_code == 0
    assert len(director.store.attempts("relay", 10)) == 1

    director.now += timedelta(seconds=1)
    assert outcomes(director.update()) == {"relay": "empty"}


def test_an_operator_may_ask_a_feed_that_is_not_due(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))

    assert outcomes(director.update()) == {"relay": "not due"}
    assert outcomes(director.update(force_fetch=True)) == {"relay": "not modified"}


def test_not_asking_does_not_heal_a_feed_that_failed(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"') + ALERTS)
    director.text_night(*rows(40))
    director.publish(to="relay.txt", body=b"# nothing\n")
    assert director.night().exit_code == 3
    director.sent.clear()

    director.now += HOUR
    outcome = director.update()

    assert outcomes(outcome) == {"relay": "not due"}
    assert outcome.exit_code == 3
    assert "the last try failed: empty" in outcome.problems[0].message
    assert director.sent == []


def test_not_asking_does_not_hide_that_a_version_waits_for_a_decision(
    director: Director,
) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))
    assert director.text_night(*rows(4)).exit_code == 4
    director.now += HOUR

    outcome = director.update()

    assert outcomes(outcome) == {"relay": "not due"}
    assert outcome.exit_code == 4
    assert outcome.problems[0].hint == "proxyfeed diff 2"


def test_not_asking_does_not_hide_that_a_feed_is_stale(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "20h"', 'max_age = "1d"') + ALERTS)
    director.text_night(*rows(40))
    (director.folder / "relay.txt").unlink()
    director.now += 23 * HOUR
    director.update()
    director.sent.clear()

    director.now += 2 * HOUR
    assert outcomes(director.update()) == {"relay": "not due"}

    assert [event.kind for event in director.sent] == [AlertKind.STALE]


def test_not_asking_hides_neither_a_waiting_version_nor_a_failed_try(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "20h"'))
    director.text_night(*rows(40))
    director.text_night(*rows(4))
    (director.folder / "relay.txt").unlink()
    director.night()
    director.now += HOUR

    outcome = director.update()

    assert codes(outcome) == ["guard", "feed"]
    assert outcome.exit_code == 4


def test_a_clock_that_was_set_back_does_not_silence_a_feed(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))

    director.now -= 300 * DAY
    assert outcomes(director.update()) == {"relay": "not modified"}


def test_status_says_when_a_feed_may_be_asked(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))
    director.now += HOUR

    result = status(director.config, director.doors()).result

    assert isinstance(result, StatusResult)
    assert result.feeds[0].due_at == director.now + 5 * HOUR


# ---------------------------------------------------------------- asked to leave it alone


def asked_to_wait(seconds: int) -> bytes:
    return response(b"later\n", status=429, retry_after=str(seconds))


def served_at(*urls: str) -> str:
    quoted = ", ".join(f'"{url}"' for url in urls)
    return with_feed_keys().replace('url = "file:relay.txt"', f"urls = [{quoted}]")


def due_at(director: Director) -> datetime | None:
    result = status(director.config, director.doors()).result
    assert isinstance(result, StatusResult)
    return result.feeds[0].due_at


def test_a_server_that_asks_to_be_left_alone_is_left_alone_for_so_long(director: Director) -> None:
    with HttpServer(response(text(*rows(40))), asked_to_wait(7200), response(b"")) as server:
        director.configure(served_at(f"{server.url}/list?key=hunter2"))
        director.night()
        director.night()
        asked_at = director.now

        director.now = asked_at + 2 * HOUR - timedelta(seconds=1)
        outcome = director.update()
        assert outcomes(outcome) == {"relay": "not due"}
        assert outcome.exit_code == 3
        assert "the last try failed: refused" in outcome.problems[0].message
        assert due_at(director) == asked_at + 2 * HOUR
        assert len(server.requests) == 2

        director.now = asked_at + 2 * HOUR
        assert due_at(director) is None
        assert outcomes(director.update()) == {"relay": "empty"}


def test_an_operator_may_ask_a_server_that_wants_to_be_left_alone(director: Director) -> None:
    with HttpServer(asked_to_wait(7200), response(text(*rows(40)))) as server:
        director.configure(served_at(server.url))
        director.night()

        assert outcomes(director.update()) == {"relay": "not due"}
        assert outcomes(director.update(force_fetch=True)) == {"relay": "new"}


def test_while_one_url_is_left_alone_the_next_one_is_asked(director: Director) -> None:
    with (
        HttpServer(asked_to_wait(7200)) as live,
        HttpServer(response(text(*rows(40))), response(text(*rows(41)))) as mirror,
    ):
        director.configure(served_at(f"{live.url}/list?key=hunter2", mirror.url))
        assert outcomes(director.night()) == {"relay": "new"}

        director.now += HOUR
        assert outcomes(director.update()) == {"relay": "new"}
        assert (len(live.requests), len(mirror.requests)) == (1, 2)
        assert due_at(director) is None

        director.now += HOUR
        director.update()
        assert len(live.requests) == 2


def test_where_every_url_is_left_alone_the_feed_is_due_with_the_first_of_them(
    director: Director,
) -> None:
    with HttpServer(asked_to_wait(7200)) as live, HttpServer(asked_to_wait(3600)) as mirror:
        director.configure(served_at(live.url, mirror.url))
        director.night()

        assert due_at(director) == director.now + HOUR
        assert outcomes(director.update()) == {"relay": "not due"}


def test_a_clock_that_was_set_back_leaves_no_server_alone_for_months(director: Director) -> None:
    with HttpServer(asked_to_wait(7200), response(text(*rows(40)))) as server:
        director.configure(served_at(server.url))
        director.night()

        director.now -= 300 * DAY
        assert outcomes(director.update()) == {"relay": "new"}


def test_a_feed_that_is_not_due_names_the_version_that_it_has(director: Director) -> None:
    director.configure(with_feed_keys('min_interval = "6h"'))
    director.text_night(*rows(40))

    result = director.update().result

    assert isinstance(result, UpdateResult)
    assert (result.feeds[0].version, result.feeds[0].attempts) == (1, ())


def test_before_anything_was_accepted_every_url_may_be_asked(director: Director) -> None:
    private = response(text(*rows(40), "10.0.0.0/8"))
    with HttpServer(private, response(status=404)) as live:
        director.configure(served_at(live.url, "file:relay.txt"))
        assert outcomes(director.night()) == {"relay": "held"}

        assert outcomes(director.text_night(*rows(40))) == {"relay": "new"}


def test_a_server_that_names_no_version_of_its_list_cannot_call_it_unmodified(
    director: Director,
) -> None:
    with HttpServer(response(text(*rows(40))), response(status=304)) as server:
        director.configure(served_at(server.url))
        director.night()

        assert outcomes(director.night()) == {"relay": "bad status"}


# ---------------------------------------------------------------- silent, or standing still


def test_a_feed_that_gives_nothing_good_for_long_is_stale(director: Director) -> None:
    director.configure(with_feed_keys('max_age = "2d"', 'max_unchanged = "90d"') + ALERTS)
    director.text_night(*rows(40))
    (director.folder / "relay.txt").unlink()

    for _ in range(2):
        director.night()
    assert "stale" not in codes(status(director.config, director.doors()))
    director.night()

    assert [event.kind for event in director.sent].count(AlertKind.STALE) == 1
    assert AlertKind.UNCHANGED not in [event.kind for event in director.sent]


def test_a_feed_that_is_fetched_every_night_and_never_changes_is_another_alarm(
    director: Director,
) -> None:
    director.configure(with_feed_keys('max_age = "2d"', 'max_unchanged = "5d"') + ALERTS)
    director.text_night(*rows(40))
    for _ in range(5):
        director.night()
    assert "unchanged" not in codes(status(director.config, director.doors()))
    assert AlertKind.UNCHANGED not in [event.kind for event in director.sent]

    director.night()

    assert [event.kind for event in director.sent].count(AlertKind.UNCHANGED) == 1
    assert AlertKind.STALE not in [event.kind for event in director.sent]
    found = status(director.config, director.doors())
    assert "unchanged" in codes(found)
    assert isinstance(found.result, StatusResult)
    assert found.result.feeds[0].unchanged_for == pytest.approx(6 * 86400)


def test_upstreams_own_time_tells_at_once_that_a_list_stands_still(director: Director) -> None:
    config = TEXT_FEED.replace("[sets.relay]", 'max_unchanged = "5d"\n[sets.relay]')
    director.configure(config.replace("text.stamp", "text.stamp"))
    director.text_night(*rows(40), stamp=STAMP - 100 * DAY)

    assert "unchanged" in codes(status(director.config, director.doors()))


def test_a_change_that_is_old_by_upstreams_own_time_is_one_of_the_night_it_was_seen(
    director: Director,
) -> None:
    director.configure(TEXT_FEED.replace("[sets.relay]", 'max_unchanged = "50d"\n[sets.relay]'))
    director.text_night(*rows(40), stamp=STAMP - 300 * DAY)
    director.text_night(*rows(41), stamp=STAMP - 300 * DAY)

    director.now += 40 * DAY
    assert "unchanged" not in codes(status(director.config, director.doors()))


def test_a_newer_time_on_the_same_list_is_no_change(director: Director) -> None:
    director.configure(TEXT_FEED.replace("[sets.relay]", 'max_unchanged = "5d"\n[sets.relay]'))
    for _ in range(7):
        director.text_night(*rows(40), stamp=director.now)

    assert "unchanged" in codes(status(director.config, director.doors()))


def test_a_list_that_changes_again_is_no_longer_unchanged(director: Director) -> None:
    director.configure(with_feed_keys('max_unchanged = "5d"') + ALERTS)
    director.text_night(*rows(40))
    for _ in range(6):
        director.night()
    director.sent.clear()

    director.text_night(*rows(41))

    assert [event.kind for event in director.sent] == [AlertKind.ACCEPTED, AlertKind.RECOVERED]


def age(director: Director, which: str) -> float | None:
    """
    What status says of a feed's age: ``stale_for`` or ``unchanged_for``, in seconds.
    """
    result = status(director.config, director.doors()).result
    assert isinstance(result, StatusResult)
    found: float | None = getattr(result.feeds[0], which)
    return found


def test_a_feed_is_stale_from_beyond_its_max_age(director: Director) -> None:
    director.configure(with_feed_keys('max_age = "2d"'))
    director.text_night(*rows(40))
    director.now += 2 * DAY
    assert age(director, "stale_for") is None

    director.now += timedelta(seconds=1)
    assert age(director, "stale_for") == 2 * 86400 + 1


def test_a_feed_that_never_gave_a_list_is_failing_and_not_stale(director: Director) -> None:
    director.configure(with_feed_keys('max_age = "2d"'))
    for _ in range(5):
        director.night()

    assert age(director, "stale_for") is None
    assert "feed" in codes(status(director.config, director.doors()))


def test_a_list_whose_changes_are_held_is_not_unchanged(director: Director) -> None:
    director.configure(with_feed_keys('max_unchanged = "5d"'))
    director.text_night(*rows(40))
    for number in range(8):
        director.text_night(*rows(40), f"10.0.{number}.0/24")

    assert age(director, "unchanged_for") is None
    for _ in range(6):
        director.night()
    assert age(director, "unchanged_for") == 6 * 86400


def test_a_list_that_changed_before_our_eyes_is_no_older_than_that(director: Director) -> None:
    config = TEXT_FEED.replace("[sets.relay]", 'max_unchanged = "5d"\n[sets.relay]')
    director.configure(config)
    stamp = STAMP - 100 * DAY  # their clock is wrong
    director.text_night(*rows(40), stamp=stamp)
    director.text_night(*rows(41), stamp=stamp)

    director.now += 5 * DAY
    assert age(director, "unchanged_for") is None
    director.now += HOUR
    assert age(director, "unchanged_for") == 5 * 86400 + 3600


# ---------------------------------------------------------------- dead


DYING = ('max_age = "1d"', 'expire_after = "3d"')


def die(director: Director, nights: int) -> Outcome:
    (director.folder / "relay.txt").unlink(missing_ok=True)
    for _ in range(nights):
        outcome = director.night()
    return outcome


def test_a_dead_feeds_addresses_leave_desired_and_that_is_told(director: Director) -> None:
    director.configure(with_feed_keys(*DYING) + ALERTS)
    director.text_night(*rows(40))

    outcome = die(director, 4)
    assert "expired" not in codes(outcome)
    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))

    outcome = die(director, 1)
    assert director.desired("relay").prefixes == PrefixSet()
    assert director.desired("relay").may_be_empty
    assert codes(outcome) == ["feed", "expired"]
    assert outcome.exit_code == 3
    assert [event.kind for event in director.sent].count(AlertKind.EXPIRED) == 1
    assert "expired" in codes(status(director.config, director.doors()))


def test_lookup_says_that_a_feed_has_expired(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)

    text = as_text(lookup(director.config, director.doors(), "20.0.0.1"))

    assert "in feed relay, which has expired (expire_after): in no set" in text


def test_without_expire_after_a_dead_feed_keeps_its_addresses_for_ever(director: Director) -> None:
    director.configure(with_feed_keys('max_age = "1d"'))
    director.text_night(*rows(40))
    die(director, 400)

    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))


def test_a_director_that_was_switched_off_has_not_seen_a_feed_die(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    director.now += 400 * DAY

    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))
    die(director, 1)
    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))


def test_two_failures_with_a_year_between_them_are_no_death(director: Director) -> None:
    director.configure(with_feed_keys('max_age = "1d"', 'expire_after = "4d"'))
    director.text_night(*rows(40))
    die(director, 1)
    director.now += 365 * DAY
    die(director, 1)

    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))


def test_a_feed_that_is_asked_once_a_week_dies_in_its_time(director: Director) -> None:
    director.configure(
        with_feed_keys('min_interval = "7d"', 'max_age = "15d"', 'expire_after = "30d"')
    )
    director.text_night(*rows(40))
    (director.folder / "relay.txt").unlink()
    for week in range(6):
        director.now += 7 * DAY
        director.update()
        assert bool(director.desired("relay").expired) == (week == 5)


def test_a_stranger_on_a_dead_feeds_site_does_not_bring_its_addresses_back(
    director: Director,
) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)

    outcome = director.text_night("99.1.0.0/16")

    assert outcomes(outcome) == {"relay": "held"}
    assert director.desired("relay").prefixes == PrefixSet()
    assert "expired" in codes(outcome)


def test_an_approval_brings_a_dead_feed_back_to_life(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)
    director.text_night("99.1.0.0/16")

    approve(director.config, director.doors(), 2, reason="it has moved")

    assert director.desired("relay").prefixes == PrefixSet.parse(["99.1.0.0/16"])


def test_a_dry_run_sees_a_dead_feed_come_back(director: Director) -> None:
    config = with_feed_keys(*DYING).replace('apply = "manual"', 'apply = "auto"')
    director.configure(config)
    director.publish(to="relay.txt", body=text(*rows(40)))
    director.update()
    die(director, 6)
    director.publish(to="relay.txt", body=text(*rows(40)))

    assert "expired" not in codes(director.update(dry_run=True))


def test_a_release_says_that_a_dead_feed_will_leave(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    rollback(director.config, director.doors(), 1, reason=None)
    die(director, 6)

    result = release(director.config, director.doors(), "relay").result

    assert isinstance(result, DecisionResult)
    assert result.diff == Diff(PrefixSet(), PrefixSet.parse(rows(40)))


def test_a_feed_that_comes_back_is_desired_again(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)
    assert director.desired("relay").prefixes == PrefixSet()

    director.text_night(*rows(40))

    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))


def test_a_pinned_feed_does_not_expire(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    rollback(director.config, director.doors(), 1, reason=None)
    die(director, 6)

    assert director.desired("relay").prefixes == PrefixSet.parse(rows(40))


def test_a_feed_that_died_takes_only_its_own_addresses_along(director: Director) -> None:
    both = with_feed_keys(*DYING).replace(
        '[sets.relay]\nfeeds = ["relay"]',
        '[feeds.office]\nformat = "inline"\nprefixes = ["30.0.0.0/24"]\n'
        'dated = 2026-11-01\n[sets.relay]\nfeeds = ["relay", "office"]',
    )
    director.configure(both)
    director.text_night(*rows(40))
    die(director, 6)

    assert director.desired("relay").prefixes == PrefixSet.parse(["30.0.0.0/24"])
    assert director.desired("relay").expired == ("relay",)


def test_apply_says_that_a_feed_has_expired(director: Director) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)

    outcome = apply(director.config, director.doors(), (), dry_run=False)

    assert outcome.problems[0].code == "tool-missing"


def test_diff_shows_the_kernel_and_the_set_whose_feeds_have_all_expired(
    director: Director,
) -> None:
    director.configure(with_feed_keys(*DYING))
    director.text_night(*rows(40))
    die(director, 6)
    doors = replace(director.doors(), firewall=Firewall(FaultyRunner()))
    assert apply(director.config, doors, (), dry_run=False).exit_code == 0

    outcome = diff(director.config, doors, ())

    assert outcome.exit_code == 0
    assert "desired set relay (relay has expired)" in as_text(outcome)


# ---------------------------------------------------------------- empty on purpose


def test_a_feed_that_may_be_empty_is_read_as_empty(director: Director) -> None:
    director.configure(with_feed_keys("may_be_empty = true", 'max_shrink = "100 %"'))
    director.text_night(*rows(2))

    outcome = director.text_night()

    assert outcomes(outcome) == {"relay": "new"}
    assert director.desired("relay").prefixes == PrefixSet()
    assert director.desired("relay").may_be_empty


def test_a_body_of_no_bytes_is_such_a_list_too(director: Director) -> None:
    director.configure(with_feed_keys("may_be_empty = true", 'max_shrink = "100 %"'))
    director.text_night(*rows(2))
    (director.folder / "relay.txt").write_bytes(b"")

    assert outcomes(director.night()) == {"relay": "new"}


WITH_OFFICE = (
    '[feeds.office]\nformat = "inline"\nprefixes = ["30.0.0.0/24"]\ndated = 2026-11-01\n'
    'max_shrink = "100 %"\n[sets.relay]\nfeeds = ["relay", "office"]'
)


def test_a_set_may_be_empty_only_if_each_of_its_feeds_is_so_on_purpose(director: Director) -> None:
    empty = with_feed_keys("may_be_empty = true", 'max_shrink = "100 %"')
    both = empty.replace('[sets.relay]\nfeeds = ["relay"]', WITH_OFFICE)
    director.configure(f'{both}exclude = ["30.0.0.0/8"]\n')
    director.text_night()

    assert director.desired("relay").prefixes == PrefixSet()
    assert not director.desired("relay").may_be_empty


def test_a_set_that_excludes_all_of_a_feed_that_may_be_empty_is_not_empty_on_purpose(
    director: Director,
) -> None:
    director.configure(with_feed_keys("may_be_empty = true") + 'exclude = ["20.0.0.0/8"]\n')
    director.text_night(*rows(2))

    assert director.desired("relay").prefixes == PrefixSet()
    assert not director.desired("relay").may_be_empty


def test_a_set_is_known_as_soon_as_one_of_its_feeds_is(director: Director) -> None:
    both = with_feed_keys().replace('[sets.relay]\nfeeds = ["relay"]', WITH_OFFICE)
    director.configure(both)
    assert not director.desired("relay").is_known
    director.night()

    assert director.desired("relay").missing == ("relay",)
    assert director.desired("relay").is_known


def test_its_becoming_empty_is_held_as_any_other_loss(director: Director) -> None:
    director.configure(with_feed_keys("may_be_empty = true"))
    director.text_night(*rows(2))

    assert outcomes(director.text_night()) == {"relay": "held"}
    approve(director.config, director.doors(), 2, reason=None)
    assert director.desired("relay").prefixes == PrefixSet()


def test_an_empty_list_of_any_other_feed_is_a_failure_with_its_own_name(
    director: Director,
) -> None:
    director.configure(with_feed_keys())
    director.text_night(*rows(2))

    assert outcomes(director.text_night()) == {"relay": "empty"}
    assert director.active("relay") == 1
