"""
``hold_removals``: what upstream drops stays for a while, what it adds is there at once.
"""

from __future__ import annotations

from datetime import timedelta

from tests.commands.director import ALERTS, TEXT_FEED, Director, rows, text

from proxyfeed.commands.decide import approve, release, rollback
from proxyfeed.commands.desired import desired
from proxyfeed.commands.history import lookup
from proxyfeed.commands.status import status
from proxyfeed.model import DecisionResult, Draft, Outcome, StatusResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text

HOUR = timedelta(hours=1)
HOLDING = TEXT_FEED.replace('text.stamp = "last change:"', 'hold_removals = "48h"')
FLAPS = "1.178.86.0/24"


def holds(director: Director) -> PrefixSet:
    return director.desired("relay").prefixes


def after(director: Director, hours: int, *prefixes: str) -> Outcome:
    director.publish(to="relay.txt", body=text(*prefixes))
    director.now += hours * HOUR
    return director.update()


def test_what_upstream_drops_stays_desired_until_it_has_been_gone_that_long(
    director: Director,
) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))
    dropped_at = director.now

    director.now = dropped_at + 47 * HOUR
    assert holds(director) == PrefixSet.parse([*rows(40), FLAPS])
    (waiting,) = director.desired("relay").waiting
    assert waiting.prefixes == PrefixSet.parse([FLAPS])
    assert waiting.until == dropped_at + 48 * HOUR

    director.now = dropped_at + 48 * HOUR
    assert holds(director) == PrefixSet.parse(rows(40))
    assert director.desired("relay").waiting == ()


def test_without_it_what_upstream_drops_leaves_at_once(director: Director) -> None:
    director.configure(TEXT_FEED)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))

    assert holds(director) == PrefixSet.parse(rows(40))


def test_what_upstream_adds_is_desired_at_once(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40))
    director.text_night(*rows(41))

    assert holds(director) == PrefixSet.parse(rows(41))


def test_a_range_that_comes_and_goes_changes_nothing_after_its_first_coming(
    director: Director,
) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    seen = set()
    for night in range(10):
        after(director, 12, *rows(40), *([FLAPS] if night % 2 else []))
        seen.add(holds(director).digest)

    assert seen == {PrefixSet.parse([*rows(40), FLAPS]).digest}


def test_the_clock_starts_anew_with_each_going(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    after(director, 1, *rows(40))
    after(director, 40, *rows(40), FLAPS)
    after(director, 1, *rows(40))
    last_gone = director.now

    director.now = last_gone + 47 * HOUR
    assert FLAPS in holds(director)
    director.now = last_gone + 48 * HOUR
    assert FLAPS not in holds(director)


def test_several_departures_wait_each_for_its_own_time(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(42))
    after(director, 1, *rows(41))
    first = director.now
    after(director, 10, *rows(40))
    second = director.now

    found = {
        str(next(one.prefixes.lines())): one.until for one in director.desired("relay").waiting
    }

    assert found == {"20.0.41.0/24": first + 48 * HOUR, "20.0.40.0/24": second + 48 * HOUR}


def test_a_list_that_is_only_cut_anew_leaves_nothing_waiting(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), "21.0.0.0/24")
    director.text_night(*rows(40), "21.0.0.0/23")

    assert director.desired("relay").waiting == ()
    assert holds(director) == PrefixSet.parse([*rows(40), "21.0.0.0/23"])


def test_a_range_half_of_which_goes_keeps_that_half_waiting(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), "21.0.0.0/23")
    director.text_night(*rows(40), "21.0.0.0/24")

    (waiting,) = director.desired("relay").waiting
    assert waiting.prefixes == PrefixSet.parse(["21.0.1.0/24"])


def test_a_rollback_means_exactly_that_version(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))
    director.text_night(*rows(41))

    rollback(director.config, director.doors(), 2, reason=None)
    assert holds(director) == PrefixSet.parse(rows(40))

    release(director.config, director.doors(), "relay")
    assert FLAPS in holds(director)


def test_what_a_set_excludes_does_not_come_back_by_waiting(director: Director) -> None:
    director.configure(HOLDING + f'exclude = ["{FLAPS}"]\n')
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))

    assert holds(director) == PrefixSet.parse(rows(40))


def test_status_shows_what_waits_and_until_when(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))
    until = director.now + 48 * HOUR

    found = status(director.config, director.doors())

    assert isinstance(found.result, StatusResult)
    assert f"{FLAPS}" in as_text(found)
    assert f"stay until {until:%Y-%m-%d %H:%M} UTC" in as_text(found)
    assert found.result.sets[0].waiting[0].until == until


def test_a_dry_run_counts_what_it_would_leave_waiting(director: Director) -> None:
    director.configure(HOLDING.replace('apply = "manual"', 'apply = "auto"'))
    director.text_night(*rows(40), FLAPS)
    director.publish(to="relay.txt", body=text(*rows(40)))
    states = {"relay": director.store.state("relay", director.now)}

    found = desired(
        director.config,
        director.doors(),
        director.config.sets["relay"],
        states,
        {"relay": Draft(PrefixSet.parse(rows(40)))},
    )

    assert found.prefixes == PrefixSet.parse([*rows(40), FLAPS])
    # What a dry run would accept has no number yet.
    assert found.versions == ()


def test_lookup_says_that_an_address_only_waits_to_leave(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))
    until = director.now + 48 * HOUR

    def said(address: str) -> str:
        return as_text(lookup(director.config, director.doors(), address)).splitlines()[0]

    assert said("1.178.86.9") == (
        f"1.178.86.9: dropped by feed relay, in set relay until {until:%Y-%m-%d %H:%M} UTC"
    )
    assert said("20.0.0.1") == "20.0.0.1: in feed relay, in set relay"
    director.now = until
    assert said("1.178.86.9") == "1.178.86.9: not in feed relay"


def test_a_clock_that_was_ahead_holds_nothing_for_years(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    now = director.now
    director.now += timedelta(days=1200)
    after(director, 1, *rows(40))

    director.now = now + 2 * HOUR
    assert holds(director) == PrefixSet.parse(rows(40))


def test_only_what_will_leave_the_set_is_shown_as_waiting(director: Director) -> None:
    shared = (
        HOLDING.replace('["relay"]', '["relay", "other"]')
        + 'exclude = ["20.0.40.0/24"]\nfamilies = [4]\n[feeds.other]\nformat = "inline"\n'
        'prefixes = ["20.0.41.0/24"]\ndated = 2026-11-01\n'
    )
    director.configure(shared.replace("[sets.relay]", 'max_shrink = "100 %"\n[sets.relay]'))
    director.text_night(*rows(43), "2a01::/32")
    director.text_night(*rows(40))

    (waiting,) = director.desired("relay").waiting
    assert list(waiting.prefixes.lines()) == ["20.0.42.0/24"]


def test_a_release_counts_what_waits_to_leave(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40), FLAPS)
    director.text_night(*rows(40))
    rollback(director.config, director.doors(), 2, reason=None)

    result = release(director.config, director.doors(), "relay").result

    assert isinstance(result, DecisionResult)
    assert result.diff.added == PrefixSet.parse([FLAPS])
    assert "proxyfeed apply" in result.note


def test_an_approval_takes_nothing_out_that_has_still_to_wait(director: Director) -> None:
    director.configure(HOLDING)
    director.text_night(*rows(40))
    director.text_night(*rows(20))

    result = approve(director.config, director.doors(), 2, reason=None).result

    assert isinstance(result, DecisionResult)
    assert not result.diff
    assert holds(director) == PrefixSet.parse(rows(40))


def test_alerts_tell_that_what_was_dropped_stays_and_when_it_has_left(director: Director) -> None:
    director.configure(HOLDING + ALERTS)
    director.text_night(*rows(40), FLAPS)
    director.sent.clear()
    director.text_night(*rows(40))

    (event,) = director.sent
    assert event.body == f"-{FLAPS}\nwhat was dropped stays for 48 h more"


def test_what_waits_in_two_feeds_is_shown_once_with_the_later_time(director: Director) -> None:
    both = HOLDING.replace('["relay"]', '["relay", "other"]') + (
        '[feeds.other]\nurl = "file:other.txt"\nformat = "text"\nhold_removals = "72h"\n'
    )
    director.configure(both)
    for prefixes in ([*rows(40), FLAPS], rows(40)):
        director.publish(to="other.txt", body=text(*prefixes))
        director.text_night(*prefixes)

    (waiting,) = director.desired("relay").waiting
    assert (waiting.feed, waiting.until) == ("other", director.now + 72 * HOUR)
    assert waiting.prefixes == PrefixSet.parse([FLAPS])
