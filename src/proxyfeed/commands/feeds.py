"""
``feeds``: what is known by name, and a try at what is not.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from proxyfeed.config import Config
from proxyfeed.config.feeds import read_new_feed
from proxyfeed.config.urls import resolve
from proxyfeed.errors import OperatorMistake
from proxyfeed.guard import judge, notes_on
from proxyfeed.model import (
    Feed,
    FeedEntry,
    FeedsResult,
    FetchLimits,
    FetchOutcome,
    Finding,
    Outcome,
    Problem,
    TryResult,
)
from proxyfeed.redact import redact
from proxyfeed.sources import Fetch, Intake, Read, take_in
from proxyfeed.sources.guess import guess_format, outline_of

FEED_FAILED, HELD = 3, 4
# The name of a feed that has none yet, for the table that is printed.
_NEW = "new"


def list_feeds(config: Config) -> Outcome:
    """
    Every feed that is known by name or configured.
    """
    entries = tuple(_entry(config, feed) for feed in config.all_feeds().values())
    return Outcome("feeds", FeedsResult(entries, is_list=True))


def show_feed(config: Config, name: str) -> Outcome:
    """
    All that is known of one feed.
    """
    return Outcome("feeds show", FeedsResult((_entry(config, _find(config, name)),)))


def try_feed(
    config: Config,
    fetch: Fetch,
    read: Read,
    now: datetime,
    target: str,
    written: Mapping[str, Any],
) -> Outcome:
    """
    Fetch and read a feed, by its name or its URL, and store nothing.

    *written* are keys of the feed's table as the operator gave them; for a URL that no feed has,
    what is missing of them is guessed.
    """
    feed, intake = _take_in(config, fetch, read, target, written)
    listing = intake.listing
    findings: tuple[Finding, ...] = ()
    problems = []
    if listing is None:
        last = intake.verdict
        what = f"{redact(target)}: {last.outcome}: {last.detail or last.url}"
        hint = "proxyfeed feeds try --help"
        problems.append(Problem("feed", FEED_FAILED, what, hint, f"feed {feed.name}"))
    else:
        findings = judge(listing.prefixes, feed.limits, config.protected(feed.name))
        for finding in findings:
            what = f"{redact(target)}: it would be held: {finding.what}"
            hint = "proxyfeed feeds show NAME, for its limits"
            problems.append(Problem("guard", HELD, what, hint, f"feed {feed.name}"))
        findings += notes_on(listing, now, has_stamp=bool(feed.rules.stamp))
    is_new = feed not in config.all_feeds().values()
    result = TryResult(without_secrets(feed), intake.attempts, listing, findings, is_new)
    return Outcome("feeds try", result, tuple(problems))


def _take_in(
    config: Config, fetch: Fetch, read: Read, target: str, written: Mapping[str, Any]
) -> tuple[Feed, Intake]:
    if "://" not in target and not target.startswith("file:"):
        if written:
            raise OperatorMistake(
                "how to read a known feed is in its table, and not an option",
                hint=f"proxyfeed feeds try {target}",
            )
        feed = _find(config, target)
        return feed, take_in(feed, feed.urls, None, fetch, read)
    for feed in config.all_feeds().values():
        if target in feed.urls and not written:
            return feed, take_in(feed, (target,), None, fetch, read)
    return _take_in_new(fetch, read, target, written)


def _take_in_new(
    fetch: Fetch, read: Read, url: str, written: Mapping[str, Any]
) -> tuple[Feed, Intake]:
    url = resolve(url, Path.cwd())
    attempts = fetch(url, FetchLimits(), None)
    body = attempts[-1].body
    keys: dict[str, Any] = {"format": "text"}  # if there is nothing to read, any will do
    if body is not None and attempts[-1].outcome is FetchOutcome.NEW:
        keys = _with_guess(guess_format(body.content), dict(written))
        if keys["format"] == "json" and not {"path", "paths"} & {*keys["json"]}:
            raise OperatorMistake(
                f"this is JSON, and nothing says where its rows are: {outline_of(body.content)}",
                hint=f"proxyfeed feeds try {redact(url)} --path 'KEY[].cidr'",
            )
    feed = read_new_feed(_NEW, {"url": url, **keys})
    return feed, take_in(feed, (url,), None, lambda *_: attempts, read)


def _with_guess(guess: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    kind = written.get("format", guess["format"])
    if kind != guess["format"]:
        guess = {"format": kind}
    return {**guess, **written, kind: {**guess.get(kind, {}), **written.get(kind, {})}}


def _find(config: Config, name: str) -> Feed:
    feeds = config.all_feeds()
    if name not in feeds:
        near = difflib.get_close_matches(name, feeds, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise OperatorMistake(f"there is no feed {redact(name)!r}{meant}", hint="proxyfeed feeds")
    return feeds[name]


def _entry(config: Config, feed: Feed) -> FeedEntry:
    sets = tuple(name for name, spec in config.sets.items() if feed.name in spec.feeds)
    return FeedEntry(without_secrets(feed), sets)


def without_secrets(feed: Feed) -> Feed:
    """
    The same feed with URLs that may be shown.
    """
    return replace(feed, urls=tuple(redact(url) for url in feed.urls))
