"""
``diff --impact``: what a difference means to those who are connected, and what is said where that
cannot be told.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.commands.director import ONE_FEED, TWO_FEEDS, Director, page
from tests.fake_kernel import FaultyRunner

from proxyfeed.commands.apply import apply
from proxyfeed.commands.diff import diff
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.impact import add_impact
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.lvs.ipvs import Ipvs
from proxyfeed.model import DiffResult, Fate, Impact, Outcome, Tally
from proxyfeed.report import as_text

PRINTED = Path(__file__).parents[1] / "lvs/connections.txt"
# Of the sample; each has two connections to port 80, one to 443, and a template.
GAINED, LOST = "198.51.100.4", "64.12.96.0/19"
VIRTUAL = '\nvirtual = ["192.0.2.80:80"]'
ALLOWED = ONE_FEED.replace(
    "[sets.aol]", 'widest_ipv4 = 8\nallow = ["198.51.100.0/24"]\n\n[sets.aol]'
)


def with_ipvsadm(director: Director, script: str) -> Doors:
    """
    Doors where ``ipvsadm`` is a program that runs *script*.
    """
    folder = director.folder / "tools"
    folder.mkdir(exist_ok=True)
    program = folder / "ipvsadm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return replace(director.doors(), ipvs=Ipvs(Runner(path=str(folder))))


def ask(director: Director, doors: Doors, *versions: int) -> Outcome:
    return add_impact(director.config, doors, diff(director.config, doors, versions))


def impacts(outcome: Outcome) -> tuple[Impact, ...]:
    assert isinstance(outcome.result, DiffResult)
    (one,) = outcome.result.comparisons
    return one.impact


@pytest.fixture
def changed(director: Director) -> Director:
    """
    Version 1 has whom version 2 drops, and version 2 has one more.
    """
    director.configure(ALLOWED + VIRTUAL)
    director.night(LOST, "20.0.0.0/10")
    director.night(GAINED, "20.0.0.0/10")
    assert director.versions() == [(1, "accepted"), (2, "accepted")]
    return director


def test_two_versions_tell_who_would_gain_and_who_would_lose_the_mark(changed: Director) -> None:
    outcome = ask(changed, with_ipvsadm(changed, f"/bin/cat {PRINTED}"), 1, 2)

    (impact,) = impacts(outcome)
    assert outcome.exit_code == 0
    assert (impact.set, impact.connections, impact.shared) == ("aol", 10, 1)
    assert impact.tallies == (
        Tally(Fate.GAINS, "10.0.0.12", 1, connections=2, templates=1),
        Tally(Fate.LOSES, "10.0.0.12", 2, connections=4, templates=0),
    )
    assert [line.strip() for line in as_text(outcome).splitlines()[-4:]] == [
        "impact     set aol: of 10 connections and 2 persistence templates now, 6 and 1 are of "
        "addresses whose mark changes, 1 more templates are for all clients",
        "10.0.0.12: 1 clients, each gains the mark: 2 connections, 1 templates",
        "10.0.0.12: 2 clients, each loses the mark: 4 connections, 0 templates",
        "a connection stays where it is; the next one of its client may go elsewhere",
    ]


def test_what_another_feed_has_too_and_what_is_excluded_concerns_nobody(changed: Director) -> None:
    both = TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["aol", "opera"]')
    changed.configure(f'{both}{VIRTUAL}\nexclude = ["{GAINED}"]')
    changed.publish(to="opera.html", body=page("64.12.0.0/16"))
    changed.night()

    (impact,) = impacts(ask(changed, with_ipvsadm(changed, f"/bin/cat {PRINTED}"), 1, 2))

    assert impact.connections == 10
    assert impact.tallies == ()


def test_a_feed_of_no_set_concerns_nobody(changed: Director) -> None:
    changed.configure(TWO_FEEDS.replace('feeds = ["aol"]', 'feeds = ["opera"]'))

    assert impacts(ask(changed, with_ipvsadm(changed, f"/bin/cat {PRINTED}"), 1, 2)) == ()


def test_live_against_desired_is_told_by_set(changed: Director) -> None:
    doors = with_ipvsadm(changed, f"/bin/cat {PRINTED}")
    doors = replace(doors, firewall=Firewall(FaultyRunner()))
    apply(changed.config, doors, (), dry_run=False)
    changed.night(GAINED, LOST, "20.0.0.0/10")

    (impact,) = impacts(ask(changed, doors))

    assert impact.tallies == (Tally(Fate.GAINS, "10.0.0.12", 2, connections=4, templates=0),)


@pytest.mark.parametrize(
    ("script", "code", "what", "hint"),
    [
        (
            'echo "Can\'t initialize ipvs: Protocol not available" >&2; exit 255',
            7,
            "Protocol not available",
            "modprobe ip_vs",
        ),
        (
            'echo "Can\'t initialize ipvs: Permission denied (you must be root)" >&2; exit 2',
            7,
            "this user may not run",
            "run it as root",
        ),
        ("echo TCP 00:59 NONE", 5, "what cannot be understood", "ipvsadm -Lnc"),
    ],
)
def test_where_the_table_cannot_be_read_the_difference_still_stands(
    changed: Director, script: str, code: int, what: str, hint: str
) -> None:
    outcome = ask(changed, with_ipvsadm(changed, script), 1, 2)

    (problem,) = outcome.problems
    assert (outcome.exit_code, problem.hint) == (code, hint)
    assert problem.message.startswith("the impact cannot be told, the difference is complete: ")
    assert what in problem.message
    assert f"+{GAINED}/32" in as_text(outcome)
    assert impacts(outcome) == ()


def test_without_ipvsadm_the_package_is_named(changed: Director) -> None:
    doors = replace(changed.doors(), ipvs=Ipvs(Runner(path="/nowhere")))

    (problem,) = ask(changed, doors, 1, 2).problems

    assert (problem.exit_code, problem.hint) == (7, "apt-get install ipvsadm")
