"""
A set that is to have fewer prefixes, in the kernel.
"""

from __future__ import annotations

import pytest
from tests.kernel.backends import EITHER
from tests.kernel.directing import Start
from tests.kernel.namespaces import Namespace

from proxyfeed.commands.apply import apply
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

    assert warning.startswith("set relay: max_prefixes = 2 adds more addresses than its feeds list")
    assert apply(night.config, night.doors(), (), dry_run=True).warnings == (warning,)
    assert "MORE than the feeds list" in as_text(night.diff())
