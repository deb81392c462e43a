"""
A set that is to have fewer prefixes, in the kernel.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.kernel.backends import EITHER
from tests.kernel.directing import Start
from tests.kernel.namespaces import Namespace

from proxyfeed.commands import desired
from proxyfeed.commands.apply import apply
from proxyfeed.commands.boot import boot
from proxyfeed.commands.decide import rollback
from proxyfeed.commands.doctor import doctor
from proxyfeed.model import Outcome, UpdateResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text

pytestmark = [pytest.mark.kernel, EITHER]

RELAY = """
[feeds.relay]
url = "file:relay.txt"
format = "text"

[sets.relay]
feeds = ["relay"]
mark = 1
"""
LISTED = ["20.0.0.0/25", "20.0.1.0/25", "20.9.0.0/24", "2600::/64", "2600:0:0:3::/64"]
COVERED = PrefixSet.parse(["20.0.0.0/23", "20.9.0.0/24", "2600::/62"])
ADDED = "IPv4 +256 addresses (50.0 %), IPv6 +36,893,488,147,419,103,232 addresses (100.0 %)"


def test_the_kernel_holds_the_cover_and_status_finds_nothing_wrong(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)

    done = night.text_night(*LISTED)

    assert (done.exit_code, done.warnings) == (0, ())
    assert night.live() == COVERED
    stands = night.status()
    assert stands.exit_code == 0
    line = f"max_prefixes = 3: 5 prefixes become 3, added to what is listed: {ADDED}"
    assert f"  cover      {line}" in as_text(stands).splitlines()
    assert "  live       equals desired" in as_text(stands).splitlines()
    again = as_text(night.night())
    assert "set relay: nothing to do" in again
    assert line in again
    assert line in as_text(night.diff())


def test_what_is_out_of_reach_is_not_applied_and_what_is_live_stays(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*LISTED)
    night.configure(f'{RELAY}max_prefixes = 2\nexclude = ["20.0.0.128"]')

    done = apply(night.config, night.doors(), (), dry_run=False)

    assert done.exit_code == 5
    assert "needs 4 prefixes, and max_prefixes = 2" in done.problems[0].message
    assert night.live() == COVERED
    assert [problem.code for problem in night.status().problems] == ["kernel"]
    assert "fewer CANNOT be" in as_text(night.diff())


def test_a_cover_that_adds_more_than_is_listed_is_warned_of_before_it_is_applied(
    start: Start, director: Namespace
) -> None:
    night = start(RELAY, director)
    night.text_night(*LISTED)
    night.configure(f"{RELAY}max_prefixes = 2")

    (warning,) = night.diff().warnings

    assert warning.startswith("set relay: max_prefixes = 2 adds more IPv4 addresses than its")
    assert apply(night.config, night.doors(), (), dry_run=True).warnings == (warning,)
    assert "MORE than the feeds list" in as_text(night.diff())


# ---------------------------------------------------------------- at night, with nobody there

# The first two leave out 2,048 addresses of the block that they have in common: a fifth of 10,240.
FEW = ["20.0.0.0/20", "20.0.16.0/21", "20.0.64.0/20"]
FAR = "40.0.0.1"
SPREAD = PrefixSet.parse(["20.0.0.0/19", "20.0.64.0/20", FAR])
REFUSED = (
    "set relay is not applied: for max_prefixes = 3 its cover would add 2,048 IPv4 addresses that "
    "no feed lists, more than `max_growth` (10 %) of the 10,240 that were applied last; the kernel "
    "keeps what it has"
)


def messages(outcome: Outcome) -> list[str]:
    return [problem.message for problem in outcome.problems]


def with_limits(rules: str, more: str = "") -> str:
    return RELAY.replace("[sets.relay]", f"{rules}\n{more}[sets.relay]")


def test_one_listed_address_does_not_spread_a_cover_at_night(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*FEW)

    done = night.text_night(*FEW, FAR)

    assert (done.exit_code, messages(done)) == (5, [REFUSED])
    assert done.problems[0].hint == "proxyfeed diff, then: proxyfeed apply relay"
    assert messages(night.update(dry_run=True)) == [REFUSED]
    assert night.live() == PrefixSet.parse(FEW)
    assert apply(night.config, night.doors(), (), dry_run=False).exit_code == 0
    assert night.live() == SPREAD
    assert night.night().exit_code == 0


def test_a_cover_may_spread_as_far_as_its_strictest_feed_may_grow(
    start: Start, director: Namespace
) -> None:
    office = '[feeds.office]\nformat = "inline"\nprefixes = ["20.0.64.0/21"]\ndated = 2026-11-01\n'

    def configured(growth: str) -> str:
        feeds = with_limits('max_growth = "90 %"', f'{office}max_growth = "{growth}"\n')
        return feeds.replace('["relay"]', '["relay", "office"]') + "max_prefixes = 3"

    night = start(configured("19.99 %"), director)
    night.text_night(*FEW)

    assert "more than `max_growth` (19.99 %)" in messages(night.text_night(*FEW, FAR))[0]
    night.configure(configured("20 %"))
    assert night.night().exit_code == 0
    assert night.live() == SPREAD


def test_a_smaller_number_that_nobody_has_applied_does_not_spread_a_cover_at_night(
    start: Start, director: Namespace
) -> None:
    night = start(RELAY, director)
    night.text_night(*FEW)
    night.configure(f"{RELAY}max_prefixes = 2")

    (message,) = messages(night.night())

    assert "for max_prefixes = 2 its cover would add 2,048 IPv4 addresses" in message
    assert night.live() == PrefixSet.parse(FEW)


def test_what_a_cover_held_before_a_reboot_is_no_news(start: Start, director: Namespace) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*FEW, FAR)
    assert night.live() == SPREAD

    with Namespace() as night.namespace:
        assert night.text_night(*FEW, "40.0.0.0/31").exit_code == 0
        assert night.live() == SPREAD | PrefixSet.parse(["40.0.0.0/31"])


def test_where_a_reboot_has_emptied_a_set_that_must_not_spread_the_way_is_a_boot(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*FEW)

    with Namespace() as night.namespace:
        (problem,) = night.text_night(*FEW, FAR).problems
        assert problem.hint.startswith("proxyfeed boot, which fills it as it was, then: ")
        assert boot(night.config, night.doors()).exit_code == 0
        assert night.live() == PrefixSet.parse(FEW)


def test_a_boot_fills_in_what_was_applied_and_not_what_was_refused(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*FEW)
    night.text_night(*FEW, FAR)

    with Namespace() as night.namespace:
        assert boot(night.config, night.doors()).exit_code == 0
        assert night.live() == PrefixSet.parse(FEW)
        assert messages(night.night()) == [REFUSED]


def test_a_run_warns_of_more_than_is_listed_when_it_applies_it_and_not_every_night(
    start: Start, director: Namespace
) -> None:
    limits = with_limits('max_growth = "90 %"\nmax_shrink = "90 %"')
    night = start(f"{limits}max_prefixes = 1", director)

    def told(outcome: Outcome) -> int:
        return sum("max_prefixes = 1 adds more IPv4 addresses" in one for one in outcome.warnings)

    assert told(night.text_night("20.0.0.0/24", "20.0.7.0/24")) == 1
    assert told(night.night()) == 0
    assert told(night.text_night("20.0.0.0/24", "20.0.1.0/24")) == 0
    assert told(rollback(night.config, night.doors(), 1, reason=None)) == 1
    assert night.live() == PrefixSet.parse(["20.0.0.0/21"])
    assert told(night.night()) == 0
    with Namespace() as night.namespace:
        assert told(night.update(dry_run=True)) == 1


def test_while_a_feed_has_no_version_a_cover_may_draw_back_and_what_was_listed_stays(
    start: Start, director: Namespace
) -> None:
    other = '[feeds.other]\nurl = "file:none.txt"\nformat = "text"\n'
    both = with_limits('max_growth = "900 %"\nmax_shrink = "90 %"', other).replace(
        '["relay"]', '["relay", "other"]'
    )
    night = start(f"{both}max_prefixes = 3", director)
    night.text_night("20.0.0.0/24", "20.0.2.0/25", "20.9.0.0/24", "20.9.7.0/24")
    assert night.live() == PrefixSet.parse(["20.0.0.0/22", "20.9.0.0/24", "20.9.7.0/24"])

    # Nothing needs to be joined any more, and only addresses that nobody listed leave.
    night.text_night("20.0.0.0/24", "20.0.2.0/25", "20.9.0.0/21")
    few = PrefixSet.parse(["20.0.0.0/24", "20.0.2.0/25", "20.9.0.0/21"])
    assert night.live() == few

    done = night.text_night("20.0.0.0/24", "20.9.0.0/21")
    assert any("128 addresses would leave, and other has no" in one for one in messages(done))
    assert night.live() == few


# ---------------------------------------------------------------- what is told of it, what it costs


def test_a_set_that_is_left_alone_is_reported_with_its_cover(
    start: Start, director: Namespace
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*LISTED)
    night.configure(f'apply = "manual"\n{RELAY}max_prefixes = 3')

    result = night.night().result

    assert isinstance(result, UpdateResult)
    cover = result.sets[0].cover
    assert cover
    assert (cover.prefixes_listed, cover.prefixes) == (5, 3)


def test_a_night_without_healing_computes_the_cover_once(
    start: Start, director: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = start(f"heal = false\n{RELAY}max_prefixes = 3", director)
    night.text_night(*LISTED)
    seen = []
    covered = desired.covered
    monkeypatch.setattr(desired, "covered", lambda *asked: seen.append(1) or covered(*asked))

    assert night.night().exit_code == 0
    assert len(seen) == 1


def test_doctor_tells_no_lengths_of_a_cover_that_is_not_applied(
    start: Start, director: Namespace, tmp_path: Path
) -> None:
    night = start(f"{RELAY}max_prefixes = 3", director)
    night.text_night(*LISTED)

    def told() -> str:
        doors = night.doors()
        opened = nullcontext((night.config, doors))
        return as_text(doctor(night.config, lambda: opened, doors.firewall, (), tmp_path))

    assert "prefix lengths: IPv4 2, IPv6 1" in told()
    night.configure(f'{RELAY}max_prefixes = 2\nexclude = ["20.0.0.128"]')
    assert "needs 4 prefixes, and max_prefixes = 2" in told()
    assert "prefix lengths" not in told()
