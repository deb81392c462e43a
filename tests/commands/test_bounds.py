"""
What upstream may cost: one feed's night is never another's, and nothing grows without end.
"""

from __future__ import annotations

import pytest
from tests.commands.director import ALERTS, TEXT_FEED, Director, outcomes, rows, text

from proxyfeed.model import Body, Feed, Listing
from proxyfeed.sources import read

TWO = TEXT_FEED.replace(
    "[sets.relay]",
    '[feeds.other]\nurl = "file:other.txt"\nformat = "text"\n[sets.relay]',
)


def publish_both(director: Director) -> None:
    director.publish(to="relay.txt", body=text(*rows(40)))
    director.publish(to="other.txt", body=text(*rows(40)))


def test_a_body_that_takes_all_memory_fails_its_feed_and_no_other(
    director: Director,
) -> None:
    director.configure(TWO)
    publish_both(director)

    def read_or_choke(feed: Feed, body: Body) -> Listing:
        if feed.name == "relay":
            raise MemoryError
        return read(feed, body)

    director.read = read_or_choke
    outcome = director.update()

    assert outcomes(outcome) == {"relay": "too large", "other": "new"}
    assert "lower max_bytes" in outcome.problems[0].message


def test_a_bug_in_the_reading_of_one_feed_loses_no_other_feeds_night(
    director: Director,
) -> None:
    director.configure(TWO + ALERTS)
    publish_both(director)

    def read_or_fall(feed: Feed, body: Body) -> Listing:
        if feed.name == "relay":
            raise RuntimeError("a bug")
        return read(feed, body)

    director.read = read_or_fall
    with pytest.raises(RuntimeError, match="a bug"):
        director.update()

    assert director.active("other") == 1
    assert [event.subject for event in director.sent] == ["feed other"]


def test_ranges_that_take_millions_of_prefixes_are_refused_before_memory_ends(
    director: Director,
) -> None:
    director.configure(TEXT_FEED)
    wide = "2000::1-2fff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"

    outcome = director.text_night(*[wide] * 10_000)

    assert outcomes(outcome) == {"relay": "not a list"}
    assert "more than 2,000,000 prefixes" in outcome.problems[0].message


def test_a_body_of_nothing_but_rubbish_is_not_read_to_its_end(director: Director) -> None:
    director.configure(TEXT_FEED)

    outcome = director.text_night(*["x"] * 100_000)

    assert "21 of the first 21 rows are no prefixes" in outcome.problems[0].message


def test_a_page_of_ranges_without_end_is_refused_too(director: Director) -> None:
    wide = "2000::1-2fff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"
    director.publish(*[wide] * 10_000)

    outcome = director.update()

    assert "more than 2,000,000 prefixes" in outcome.problems[0].message
