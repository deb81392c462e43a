"""
What of a feed's night has gone wrong, for the report, the alerts and the exit code.
"""

from __future__ import annotations

from proxyfeed.commands.clocks import dead_for
from proxyfeed.commands.notify import expired_problem
from proxyfeed.config import Config
from proxyfeed.model import FeedReport, FeedState, FetchOutcome, Problem
from proxyfeed.report.words import when


def feed_problems(config: Config, report: FeedReport, state: FeedState) -> list[Problem]:
    """
    All that is wrong with one feed, *state* being how it stands now.
    """
    dead = dead_for(config.feeds[report.feed], state) if report.is_expired else None
    expired = [expired_problem(config, report.feed, dead)] if dead else []
    return [*_problems(report), *expired]


def waiting_problem(feed: str, version: int) -> Problem:
    subject = f"feed {feed}"
    what = f"{subject}: version {version} is held and waits for a decision"
    return Problem("guard", 4, what, f"proxyfeed diff {version}", subject)


def _problems(report: FeedReport) -> list[Problem]:
    subject = f"feed {report.feed}"
    if report.outcome is FetchOutcome.HELD:
        which = f"version {report.version}" if report.version else "the new version"
        what = f"{subject}: {which} is held: {report.against[0].what}"
        more = len(report.against) - 1
        if more:
            what += f" (and {more} more finding{'s' if more > 1 else ''})"
        hint = f"proxyfeed diff {report.version}" if report.version else "proxyfeed update"
        return [Problem("guard", 4, what, hint, subject)]
    if report.due_at is not None:
        return _standing_problems(report, subject)
    if report.outcome.is_good:
        return []
    last = report.attempts[-1]
    what = f"{subject}: {report.outcome}: {last.detail or last.url}; {report.kept}"
    return [Problem("feed", 3, what, "proxyfeed status", subject)]


def _standing_problems(report: FeedReport, subject: str) -> list[Problem]:
    """
    The problems of a feed that was not asked: not asking heals nothing.
    """
    problems = []
    if report.held is not None:
        problems.append(waiting_problem(report.feed, report.held))
    if report.last is not None and not report.last.outcome.is_good:
        what = f"{subject}: not asked again before {when(report.due_at)}, and the last try failed"
        what += f": {report.last.outcome}: {report.last.detail or report.last.url}; {report.kept}"
        hint = f"proxyfeed update {report.feed} --force-fetch"
        problems.append(Problem("feed", 3, what, hint, subject))
    return problems
