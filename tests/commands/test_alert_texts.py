from dataclasses import replace
from datetime import timedelta

import pytest
from tests.commands.director import (
    ALERTS,
    DAY,
    ONE_FEED,
    TARGET,
    TEXT_FEED,
    TWO_FEEDS,
    Director,
    outcomes,
    rows,
)

from proxyfeed.commands.decide import approve, reject, release, rollback
from proxyfeed.model import AlertKind, Delivery, Event

NO_LIST = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
WEEK = 7 * DAY


@pytest.fixture
def alerted(director: Director) -> Director:
    """
    A director whose first version was accepted and told; a lasting trouble is told every 7 days.
    """
    director.configure(ONE_FEED + ALERTS)
    director.night(*rows(100))
    director.sent.clear()
    return director


def told(director: Director, *prefixes: str) -> list[Event]:
    """
    What one more night tells.
    """
    director.night(*prefixes)
    events = list(director.sent)
    director.sent.clear()
    return events


def kinds(events: list[Event]) -> list[AlertKind]:
    return [event.kind for event in events]


def troubles(director: Director) -> list[AlertKind]:
    """
    What the director remembers to have told, but for the newest versions.
    """
    return [one.kind for one in director.store.told() if one.kind is not AlertKind.ACCEPTED]


def break_page(director: Director) -> None:
    director.publish(body=NO_LIST)


# ---------------------------------------------------------------- failures


def test_a_failure_says_what_happened_to_what_and_what_is_kept(alerted: Director) -> None:
    (alerted.folder / "aol.html").unlink()

    (event,) = told(alerted)

    assert (event.kind, event.subject, event.key) == ("failed", "feed aol", "no file")
    assert event.title == ("feed aol: no file: No such file or directory; version 1 stays active")
    assert event.body == f"{event.title}\ntry: proxyfeed status"


def test_a_failure_is_told_once_and_again_after_the_configured_time(alerted: Director) -> None:
    break_page(alerted)
    alerted.config = replace(
        alerted.config, alerts=replace(alerted.config.alerts, repeat_after=2 * DAY)
    )

    nights = [kinds(told(alerted)) for _ in range(3)]

    assert nights == [["failed"], [], ["failed"]]


def test_a_recovery_is_told_once_and_says_how_long_it_took(alerted: Director) -> None:
    break_page(alerted)
    told(alerted)
    told(alerted)

    (event,), after = told(alerted, *rows(100)), told(alerted)

    assert (event.kind, event.title) == ("recovered", "feed aol recovered (failed)")
    assert event.body == "failed since 2026-11-22 03:30 UTC, over after 2 d 0 h"
    assert after == []


def test_another_kind_of_failure_is_told_anew(alerted: Director) -> None:
    break_page(alerted)
    assert [event.key for event in told(alerted)] == ["not a list"]

    (alerted.folder / "aol.html").unlink()

    assert [event.key for event in told(alerted)] == ["no file"]


def test_a_failure_that_comes_back_after_a_recovery_is_told_again(alerted: Director) -> None:
    nights = []
    for prefixes in ((), rows(100), ()):
        if not prefixes:
            break_page(alerted)
        nights.append(kinds(told(alerted, *prefixes)))

    assert nights == [["failed"], ["recovered"], ["failed"]]


def test_each_feeds_trouble_is_told_as_its_own(alerted: Director) -> None:
    alerted.configure(TWO_FEEDS + ALERTS)
    break_page(alerted)

    events = told(alerted)

    assert {(event.kind, event.subject, event.key) for event in events} == {
        ("failed", "feed aol", "not a list"),
        ("failed", "feed opera", "no file"),
    }
    assert len(events) == 2


def test_an_update_of_another_feed_is_no_recovery(alerted: Director) -> None:
    alerted.configure(TWO_FEEDS + ALERTS)
    break_page(alerted)
    alerted.publish(*rows(10), to="opera.html")
    told(alerted)

    alerted.publish(*rows(100))
    alerted.update("opera")
    assert alerted.sent == []

    alerted.update("aol")
    assert kinds(alerted.sent) == ["recovered"]


def test_a_feed_without_a_good_fetch_for_its_max_age_is_told_to_be_stale(
    alerted: Director,
) -> None:
    break_page(alerted)
    assert [kinds(told(alerted)) for _ in range(3)] == [["failed"], [], []]

    (event,) = told(alerted)

    assert (event.kind, event.subject) == ("stale", "feed aol")
    assert event.title == "aol: no good fetch for 4 d 0 h"
    assert event.body == "version 1 stays active\nto see why: proxyfeed status"
    assert told(alerted) == []


def test_the_end_of_a_failure_and_of_staleness_is_one_message(alerted: Director) -> None:
    break_page(alerted)
    for _ in range(4):
        told(alerted)

    (event,) = told(alerted, *rows(100))

    assert event.title == "feed aol recovered (failed, stale)"


def test_a_feed_with_max_age_forever_is_never_stale(alerted: Director) -> None:
    feed = alerted.config.feeds["aol"]
    ageless = replace(feed, timing=replace(feed.timing, max_age=None))
    alerted.config = replace(alerted.config, feeds={"aol": ageless})
    break_page(alerted)

    assert [kinds(told(alerted)) for _ in range(6)] == [["failed"], [], [], [], [], []]


# ---------------------------------------------------------------- versions


def test_a_new_version_says_how_many_addresses_come_and_go_and_which(alerted: Director) -> None:
    (event,) = told(alerted, *rows(99, first=2), "30.0.0.0/25")

    assert (event.kind, event.subject) == ("accepted", "feed aol")
    assert event.title == "aol: version 2 accepted, IPv4 +384 -512 addresses"
    assert event.body == "-20.0.0.0/23\n+20.0.100.0/24\n+30.0.0.0/25"


def test_every_new_version_is_told(alerted: Director) -> None:
    nights = [kinds(told(alerted, *rows(100 + night))) for night in range(1, 4)]

    assert nights == [["accepted"], ["accepted"], ["accepted"]]


def test_a_night_without_news_tells_nothing(alerted: Director) -> None:
    assert told(alerted) == []
    assert told(alerted, *reversed(rows(100))) == []


def test_a_long_diff_is_cut_with_the_number_of_what_is_left_out(alerted: Director) -> None:
    (event,) = told(alerted, *rows(100), *(f"30.0.{number}.0/24" for number in range(0, 18, 2)))
    assert event.body.splitlines()[-1] == "+30.0.16.0/24"

    (event,) = told(alerted, *rows(100), *(f"40.0.{number}.0/24" for number in range(0, 6, 2)))

    assert event.body.splitlines()[9:] == ["+40.0.0.0/24", "... and 2 more"]


def test_a_held_version_says_why_and_what_to_type(alerted: Director) -> None:
    (event,) = told(alerted, *rows(80))

    assert (event.kind, event.subject, event.key) == ("held", "feed aol", "2")
    assert event.title == "aol: version 2 is held, IPv4 +0 -5,120 addresses"
    assert event.body == (
        "IPv4: 5,120 addresses leave, 20.0% of the 25,600 of version 1; the limit is 10.0%\n"
        "\n"
        "-20.0.80.0/20\n"
        "-20.0.96.0/22\n"
        "nothing was changed; to decide: proxyfeed diff 2, then proxyfeed approve 2 or "
        "proxyfeed reject 2"
    )


def test_a_held_version_is_told_once_however_often_it_is_served(alerted: Director) -> None:
    assert kinds(told(alerted, *rows(80))) == ["held"]
    assert [told(alerted, *rows(80)[:: 1 if night % 2 else -1]) for night in range(3)] == [[]] * 3


def test_another_held_version_is_told_by_its_own_number(alerted: Director) -> None:
    told(alerted, *rows(80))

    assert [event.key for event in told(alerted, *rows(70))] == ["3"]


def test_a_held_version_that_is_still_not_decided_is_told_again(alerted: Director) -> None:
    told(alerted, *rows(80))
    alerted.now += WEEK

    assert [event.key for event in told(alerted)] == ["2"]


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_whoever_decided_is_not_told_of_the_end(alerted: Director, verdict: str) -> None:
    told(alerted, *rows(80))
    if verdict == "approve":
        approve(alerted.config, alerted.doors(), 2, reason=None)
    else:
        reject(alerted.doors(), 2, reason=None)

    assert told(alerted) == []
    assert troubles(alerted) == []


def test_a_held_version_ends_a_failure(alerted: Director) -> None:
    break_page(alerted)
    told(alerted)

    assert kinds(told(alerted, *rows(80))) == ["held", "recovered"]


# ---------------------------------------------------------------- pins


@pytest.fixture
def pinned(alerted: Director) -> Director:
    """
    A director that was rolled back to version 1 while upstream is at version 2.
    """
    told(alerted, *rows(101))
    rollback(alerted.config, alerted.doors(), 1, reason="carts are lost")
    alerted.sent.clear()
    return alerted


def test_a_pin_that_holds_upstream_back_is_told_with_who_and_why(pinned: Director) -> None:
    (event,) = told(pinned)

    assert (event.kind, event.subject, event.key) == ("pinned", "feed aol", "2")
    assert event.title == "aol: pinned to version 1, upstream is at 2"
    assert event.body == (
        "pinned by ines: carts are lost\nto follow upstream again: proxyfeed release aol"
    )


def test_a_pin_is_told_again_only_when_upstream_moves(pinned: Director) -> None:
    assert kinds(told(pinned)) == ["pinned"]
    assert told(pinned) == []
    assert [event.key for event in told(pinned, *rows(102))] == ["3", "3"]
    assert told(pinned) == []


def test_a_pin_at_upstreams_own_version_is_nothing_to_tell(alerted: Director) -> None:
    rollback(alerted.config, alerted.doors(), 1, reason=None)
    alerted.sent.clear()

    assert told(alerted) == []


def test_whoever_released_is_not_told_of_the_end(pinned: Director) -> None:
    told(pinned)
    release(pinned.config, pinned.doors(), "aol")

    assert told(pinned) == []
    assert troubles(pinned) == []


# ---------------------------------------------------------------- what arrives


def test_what_reached_nobody_is_told_by_the_next_run(alerted: Director) -> None:
    break_page(alerted)
    alerted.mail_is_down = True
    assert kinds(told(alerted)) == ["failed"]

    alerted.mail_is_down = False
    assert [kinds(told(alerted)) for _ in range(2)] == [["failed"], []]


def test_a_recovery_that_reached_nobody_is_told_by_the_next_run(alerted: Director) -> None:
    break_page(alerted)
    told(alerted)
    alerted.mail_is_down = True
    assert kinds(told(alerted, *rows(100))) == ["recovered"]

    alerted.mail_is_down = False
    assert [kinds(told(alerted)) for _ in range(2)] == [["recovered"], []]


def test_a_target_that_cannot_be_reached_fails_no_update(director: Director) -> None:
    director.configure(ONE_FEED + ALERTS)
    director.mail_is_down = True

    done = director.night(*rows(100))

    assert (outcomes(done), done.exit_code) == ({"aol": "new"}, 0)
    assert director.store.deliveries() == (Delivery(TARGET, director.now, "connection refused"),)


def test_a_delivery_is_remembered_until_the_next_one(alerted: Director) -> None:
    arrived = alerted.now
    told(alerted)
    assert alerted.store.deliveries() == (Delivery(TARGET, arrived),)

    told(alerted, *rows(101))
    assert alerted.store.deliveries() == (Delivery(TARGET, alerted.now),)


def test_without_a_target_nothing_is_sent_and_nothing_remembered(director: Director) -> None:
    director.night(*rows(100))
    for prefixes in ((), rows(50), rows(101)):
        if not prefixes:
            break_page(director)
        director.night(*prefixes)

    assert director.sent == []
    assert (director.store.told(), director.store.deliveries()) == ((), ())


def test_two_updates_in_one_night_tell_a_trouble_once(alerted: Director) -> None:
    break_page(alerted)
    told(alerted)

    alerted.now += timedelta(minutes=5)
    alerted.update()

    assert alerted.sent == []


def test_a_version_that_reached_nobody_is_told_the_next_night(alerted: Director) -> None:
    alerted.mail_is_down = True
    told(alerted, *rows(101))
    told(alerted, *rows(103))
    alerted.mail_is_down = False

    (event,) = told(alerted)

    # All that came since the last that arrived.
    assert event.title == "aol: version 3 accepted, IPv4 +768 -0 addresses"
    assert told(alerted) == []


def test_a_version_of_a_run_that_ended_before_it_could_tell_is_told_by_the_next(
    alerted: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxyfeed.commands.update.fill_sets", interrupt)
    with pytest.raises(KeyboardInterrupt):
        told(alerted, *rows(101))
    monkeypatch.undo()
    assert alerted.sent == []

    assert [event.title for event in told(alerted)] == [
        "aol: version 2 accepted, IPv4 +256 -0 addresses"
    ]


def test_the_first_version_too(director: Director, monkeypatch: pytest.MonkeyPatch) -> None:
    director.configure(ONE_FEED + ALERTS)
    monkeypatch.setattr("proxyfeed.commands.update.fill_sets", interrupt)
    with pytest.raises(KeyboardInterrupt):
        director.night(*rows(100))
    monkeypatch.undo()

    assert [event.title for event in told(director)] == [
        "aol: version 1 accepted, IPv4 +25,600 -0 addresses"
    ]


def test_what_came_before_there_were_alerts_is_no_news(director: Director) -> None:
    director.night(*rows(100))
    director.configure(ONE_FEED + ALERTS)

    assert told(director) == []


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_new_version_says_which_rows_were_left_out(director: Director) -> None:
    config = TEXT_FEED.replace("[sets.relay]", "max_rejected = 1\n[sets.relay]")
    director.configure(config.replace('text.stamp = "last change:"', "") + ALERTS)
    director.text_night(*rows(40), "208.54.144/32")

    (event,) = director.sent
    assert event.body.splitlines()[-1] == (
        "note: left out 1 of 41 rows, which are no prefixes: line 42: '208.54.144/32' is not a "
        "full IPv4 or IPv6 address"
    )
