"""
What time does to a feed, seen in the kernel: removals that wait, a feed that dies, a list that is
empty on purpose.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.commands.director import DAY, outcomes, rows
from tests.kernel.backends import EITHER
from tests.kernel.directing import Start
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.packets import Flood, marks
from tests.kernel.product import MARK

from proxyfeed.commands.apply import apply
from proxyfeed.commands.decide import approve, release, rollback
from proxyfeed.model import Outcome
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text

pytestmark = [pytest.mark.kernel, EITHER]

HOUR = timedelta(hours=1)
# IPv4 and IPv6, the latter as Private Relay publishes it.
STAYS = [*rows(40), "2a02:26f7:c000::/45"]
# Of AWS: it came and went a hundred times in 112 versions.
FLAPS = "1.178.86.0/24"
OFFICE = "30.0.0.0/24"
INSIDE, OUTSIDE = ["20.0.0.1", "2a02:26f7:c000::1"], ["21.0.0.1", "2a02:26f8::1"]

RELAY = """
[feeds.relay]
url = "file:relay.txt"
format = "text"
SETTINGS

[sets.relay]
feeds = ["relay"]
mark = 1
"""
HOLDING = RELAY.replace("SETTINGS", 'hold_removals = "48h"')
DYING = RELAY.replace("SETTINGS", 'max_age = "1d"\nexpire_after = "3d"')
MAY_BE_EMPTY = RELAY.replace("SETTINGS", 'may_be_empty = true\nmax_shrink = "100 %"')
# The second feed of the set is asked after the first, and never fails.
WITH_OFFICE = DYING.replace(
    '[sets.relay]\nfeeds = ["relay"]',
    f'[feeds.office]\nformat = "inline"\nprefixes = ["{OFFICE}"]\ndated = 2026-11-01\n\n'
    '[sets.relay]\nfeeds = ["relay", "office"]',
)


def codes(outcome: Outcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


# ---------------------------------------------------------------- removals that wait


@pytest.mark.parametrize("last_night", ["not modified", "same content"])
def test_what_upstream_drops_stays_in_the_kernel_for_its_time_and_then_leaves(
    start: Start, director: Namespace, last_night: str
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    assert made.live() == PrefixSet.parse([*STAYS, FLAPS])
    before = made.kernel()

    dropping = made.after(HOUR, *STAYS)
    assert outcomes(dropping) == {"relay": "new"}
    between = made.after(46 * HOUR)
    assert outcomes(between) == {"relay": "not modified"}
    assert "set relay: nothing to do" in as_text(between)
    assert made.kernel() == before

    last = made.after(2 * HOUR, *(STAYS if last_night == "same content" else []))
    assert outcomes(last) == {"relay": last_night}
    assert (last.exit_code, last.warnings) == (0, ())
    assert made.live() == PrefixSet.parse(STAYS)
    assert made.status().exit_code == 0


def test_status_and_diff_name_what_waits_in_the_kernel_and_until_when(
    start: Start, director: Namespace
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    dropped = made.after(HOUR, *STAYS)
    waits = (
        "waits      256 IPv4 + 0 IPv6 addresses that feed relay dropped stay until "
        f"{made.now + 48 * HOUR:%Y-%m-%d %H:%M} UTC: {FLAPS}"
    )
    made.now += 46 * HOUR

    for outcome in (dropped, made.status(), made.diff()):
        assert waits in as_text(outcome)
        assert outcome.exit_code == 0
    assert "live       equals desired" in as_text(made.status())
    assert "no address differs" in as_text(made.diff())


def test_what_has_waited_for_long_enough_is_no_trouble_until_the_next_run(
    start: Start, director: Namespace
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    made.after(HOUR, *STAYS)
    made.now += 50 * HOUR

    assert made.status().exit_code == 0
    assert "leaves with the next update" in as_text(made.status())
    assert f"-{FLAPS}" in as_text(made.diff())

    apply(made.config, made.doors(), (), dry_run=False)
    assert made.live() == PrefixSet.parse(STAYS)


def test_what_has_waited_for_long_enough_is_trouble_once_a_night_has_not_taken_it_out(
    start: Start, director: Namespace
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    made.after(HOUR, *STAYS)

    made.now += (48 + 27) * HOUR
    assert "drift" in codes(made.status())


def test_a_rollback_puts_exactly_that_version_into_the_kernel_and_the_nights_honour_it(
    start: Start, director: Namespace
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    made.after(HOUR, *STAYS)
    made.after(HOUR, *STAYS, OFFICE)
    assert made.live() == PrefixSet.parse([*STAYS, FLAPS, OFFICE])

    rollback(made.config, made.doors(), 2, reason=None)
    assert made.live() == PrefixSet.parse(STAYS)
    pinned = made.kernel()

    for prefixes in ([], [*STAYS, OFFICE], [*STAYS, OFFICE, "30.0.4.0/24"]):
        assert made.after(HOUR, *prefixes).exit_code == 0
        assert made.kernel() == pinned

    release(made.config, made.doors(), "relay")
    made.after(HOUR)
    assert made.live() == PrefixSet.parse([*STAYS, FLAPS, OFFICE, "30.0.4.0/24"])


def test_a_range_that_comes_and_goes_is_written_to_the_kernel_once(
    start: Start, director: Namespace
) -> None:
    made = start(HOLDING, director)
    made.after(HOUR, *STAYS, FLAPS)
    first = made.kernel()

    for _ in range(4):
        for prefixes in (STAYS, [*STAYS, FLAPS]):
            outcome = made.after(12 * HOUR, *prefixes)
            assert outcomes(outcome) == {"relay": "new"}
            assert made.kernel() == first
            assert ("waits" in as_text(outcome)) == (FLAPS not in prefixes)
    assert len(made.versions()) == 9

    made.configure(RELAY.replace("SETTINGS", ""))
    made.after(12 * HOUR, *STAYS)
    assert made.live() == PrefixSet.parse(STAYS)


# ---------------------------------------------------------------- a feed that dies


def test_a_dead_feed_leaves_an_empty_set_and_a_rule_that_marks_nothing(
    start: Start, lab: Lab
) -> None:
    made = start(DYING, lab.director)
    made.after(HOUR, *STAYS)
    names, chains = made.backend.names(lab.director), made.chains()
    assert set(marks(lab, INSIDE).values()) == {MARK}

    last = made.fail(4)
    assert codes(last) == ["feed"]
    assert made.live() == PrefixSet.parse(STAYS)

    dead = made.fail(1)
    assert made.live() == PrefixSet()
    assert made.backend.names(lab.director) == names
    assert made.chains() == chains
    assert set(marks(lab, INSIDE + OUTSIDE).values()) == {0}
    assert (codes(dead), dead.exit_code) == (["feed", "expired"], 3)
    assert "past its expire_after" in dead.problems[1].message
    assert any("feed relay has expired" in warning for warning in dead.warnings)
    assert codes(made.status()) == ["feed", "expired"]

    back = made.after(DAY, *STAYS)
    assert back.exit_code == 0
    assert made.live() == PrefixSet.parse(STAYS)
    assert set(marks(lab, INSIDE).values()) == {MARK}


def test_a_dead_feed_is_told_every_night_and_its_set_is_written_once(
    start: Start, director: Namespace
) -> None:
    made = start(DYING, director)
    made.after(HOUR, *STAYS)
    made.fail(5)
    emptied = made.kernel()

    for _ in range(2):
        outcome = made.fail(1)
        assert (codes(outcome), outcome.exit_code) == (["feed", "expired"], 3)
    applied = apply(made.config, made.doors(), (), dry_run=False)

    assert applied.exit_code == 0
    assert any("feed relay has expired" in warning for warning in applied.warnings)
    assert made.kernel() == emptied


def test_a_set_of_which_exclude_leaves_nothing_is_refused_and_keeps_what_it_held(
    start: Start, director: Namespace
) -> None:
    made = start(DYING, director)
    made.after(HOUR, *STAYS)
    before = made.kernel()

    made.configure(f'{DYING}exclude = ["20.0.0.0/8", "2a02:26f7::/32"]\n')
    outcome = made.after(HOUR)

    assert outcome.exit_code == 5
    assert "is not applied: it holds no address at all" in outcome.problems[0].message
    assert made.kernel() == before
    assert made.status().exit_code == 5


def test_a_set_that_exclude_empties_is_refused_also_when_one_of_its_feeds_has_died(
    start: Start, director: Namespace
) -> None:
    made = start(WITH_OFFICE, director)
    made.after(HOUR, *STAYS)
    made.configure(f'{WITH_OFFICE}exclude = ["{OFFICE}"]\n')
    made.fail(4)
    before = made.kernel()

    outcome = made.fail(1)

    assert codes(outcome) == ["feed", "expired", "kernel"]
    assert outcome.exit_code == 5
    assert made.kernel() == before


def test_a_feed_that_dies_takes_its_own_addresses_and_not_one_packet_of_another(
    start: Start, lab: Lab
) -> None:
    made = start(WITH_OFFICE, lab.director)
    made.after(HOUR, *STAYS)
    made.fail(4)
    assert made.live() == PrefixSet.parse([*STAYS, OFFICE])

    with Flood(lab, ["30.0.0.1", "30.0.0.255"], mark=MARK) as flood:
        dead = made.fail(1)

    assert (codes(dead), dead.exit_code) == (["feed", "expired"], 3)
    assert made.live() == PrefixSet.parse([OFFICE])
    assert flood.unmarked == 0
    assert flood.marked == flood.sent > 0
    assert marks(lab, ["30.0.0.1", *INSIDE]) == {"30.0.0.1": MARK, **dict.fromkeys(INSIDE, 0)}

    with Flood(lab, ["30.0.0.1", "30.0.0.255"], mark=MARK) as flood:
        made.after(DAY, *STAYS)

    assert made.live() == PrefixSet.parse([*STAYS, OFFICE])
    assert flood.unmarked == 0


# ---------------------------------------------------------------- empty on purpose


def test_a_list_that_may_be_empty_empties_its_set_without_a_failure(
    start: Start, director: Namespace
) -> None:
    made = start(MAY_BE_EMPTY, director)
    made.after(HOUR, *STAYS)
    chains = made.chains()
    made.publish(to="relay.txt", body=b"# nobody today\n")

    outcome = made.night()

    assert outcomes(outcome) == {"relay": "new"}
    assert (outcome.exit_code, outcome.warnings) == (0, ())
    assert made.live() == PrefixSet()
    assert made.chains() == chains
    assert made.status().exit_code == 0


def test_a_list_that_is_no_longer_empty_is_held_and_fills_its_set_when_it_is_approved(
    start: Start, director: Namespace
) -> None:
    made = start(MAY_BE_EMPTY, director)
    made.after(HOUR, *STAYS)
    made.publish(to="relay.txt", body=b"# nobody today\n")
    made.night()

    back = made.after(DAY, *STAYS)
    assert (outcomes(back), back.exit_code) == ({"relay": "held"}, 4)
    assert made.live() == PrefixSet()

    approve(made.config, made.doors(), 3, reason="somebody is back")
    assert made.after(DAY).exit_code == 0
    assert made.live() == PrefixSet.parse(STAYS)
