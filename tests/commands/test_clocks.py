"""
What time does to a feed: the order of its versions, its silence, its standing still, its death.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.commands.director import ALERTS, DAY, TEXT_FEED, Director, outcomes, rows

from proxyfeed.commands.apply import apply
from proxyfeed.commands.decide import approve, rollback
from proxyfeed.commands.history import lookup
from proxyfeed.commands.status import status
from proxyfeed.model import AlertKind, Outcome, StatusResult
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


def test_a_list_that_stops_giving_its_time_is_accepted(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), stamp=STAMP)

    assert outcomes(director.text_night(*rows(41))) == {"relay": "new"}
    assert director.store.version(2).upstream_stamp is None


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


def test_a_list_that_changes_again_is_no_longer_unchanged(director: Director) -> None:
    director.configure(with_feed_keys('max_unchanged = "5d"') + ALERTS)
    director.text_night(*rows(40))
    for _ in range(6):
        director.night()
    director.sent.clear()

    director.text_night(*rows(41))

    assert [event.kind for event in director.sent] == [AlertKind.CHANGED, AlertKind.RECOVERED]


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
