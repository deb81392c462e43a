"""
What is known by name, and what a try brought: ``feeds``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta

from proxyfeed.model import (
    Column,
    Feed,
    FeedEntry,
    FeedsResult,
    Kind,
    Listing,
    Query,
    TryResult,
)
from proxyfeed.notation import BITS
from proxyfeed.prefixes import FAMILIES
from proxyfeed.report.words import attempt_line, label_lines, percent, when


def feeds_lines(result: FeedsResult) -> Iterator[str]:
    if not result.is_list:
        for entry in result.feeds:
            yield from _whole(entry)
        return
    width = max(len(entry.feed.name) for entry in result.feeds)
    for entry in result.feeds:
        about = entry.feed.about
        used = f" [in set {', '.join(entry.sets)}]" if entry.sets else ""
        yield f"{entry.feed.name:<{width}}  {about.kind or 'yours'}{used}"
        yield from (f"{'':<{width}}  {line}" for line in (about.note, about.good_for) if line)


def _whole(entry: FeedEntry) -> Iterator[str]:
    feed, about = entry.feed, entry.feed.about
    growth, shrink = percent(feed.limits.growth), percent(feed.limits.shrink)
    yield f"feed {feed.name} ({'in set ' + ', '.join(entry.sets) if entry.sets else 'in no set'})"
    rows: list[tuple[str, object]] = [
        ("is", about.note),
        ("kind", about.kind or ""),
        ("good for", about.good_for),
        *(("url", url) for url in feed.urls),
        ("format", feed.format),
        *_rules(feed),
        ("changes", about.changes),
        ("widest", f"/{feed.limits.widest_ipv4} and /{feed.limits.widest_ipv6}"),
        ("held", f"beyond +{growth} or -{shrink} of addresses"),
        ("may be empty", "yes" if feed.limits.may_be_empty else ""),
        *_timing(feed),
        ("facts", about.facts),
        ("checked", about.checked or ""),
    ]
    yield from (f"  {name:<14}  {value}" for name, value in rows if value != "")
    if about.kind is Kind.CDN:
        yield "  Take it only into a set whose services this CDN fronts: it is all of their users."


def _rules(feed: Feed) -> Iterator[tuple[str, object]]:
    for one in fields(feed.rules):
        value = getattr(feed.rules, one.name)
        if value and value != one.default:
            yield f"  {one.name}", _shown(value)


def _shown(value: object) -> object:
    match value:
        case True:
            return "yes"
        case tuple():
            return ", ".join(map(str, value))
        case Column(name, place) | Query(name, place):
            return f"{name}, from {place}"
    return value


def _timing(feed: Feed) -> Iterator[tuple[str, object]]:
    for one in fields(feed.timing):
        value = getattr(feed.timing, one.name)
        if value:
            yield one.name, _span(value) if isinstance(value, timedelta) else value


def _span(span: timedelta) -> str:
    hours, rest = divmod(span, timedelta(hours=1))
    if rest:
        return f"{span.total_seconds() / 60:g} min"
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def try_lines(result: TryResult) -> Iterator[str]:
    yield from (attempt_line(attempt) for attempt in result.attempts)
    listing = result.listing
    if listing is None:
        yield "not read, and nothing was stored"
    else:
        yield from _listing(result.feed, listing)
        yield from (f"  {finding.severity}: {finding.what}" for finding in result.findings)
        yield "nothing was stored"
    if result.is_new and listing is not None:
        yield from _table(result.feed)


def _listing(feed: Feed, listing: Listing) -> Iterator[str]:
    rows = f"{listing.rows:,} rows, " if listing.rows else ""
    rejected = f", {listing.rejections:,} rejected" if listing.rejections else ""
    yield f"read as {feed.format}: {rows}{len(listing.prefixes):,} prefixes{rejected}"
    for family in FAMILIES:
        if keys := listing.prefixes.keys(family):
            lengths = sorted({key & 0xFF for key in keys})
            addresses = listing.prefixes.family(family).addresses
            share = f", {addresses / (1 << BITS[4]):.2%} of all there are" if family == 4 else ""
            yield (
                f"  IPv{family}: {len(keys):,} prefixes, /{lengths[0]} to /{lengths[-1]}, "
                f"{addresses:,} addresses{share}"
            )
    if listing.stamp:
        yield f"  upstream's own time: {when(listing.stamp)}"
    if listing.labels:
        yield from label_lines(listing.labels)


def _table(feed: Feed) -> Iterator[str]:
    """
    The table to write for a feed that was tried by its URL.
    """
    yield "to keep it, write:"
    yield f"  [feeds.{feed.name}]"
    url = feed.urls[0]
    yield "  url = ...  # as you typed it" if "***" in url else f"  url = {_toml(url)}"
    yield f'  format = "{feed.format}"'
    rules = {
        one.name: getattr(feed.rules, one.name)
        for one in fields(feed.rules)
        if getattr(feed.rules, one.name) != one.default
    }
    if most := rules.pop("max_rejected", 0):
        yield f"  max_rejected = {most}"
    if rules:
        yield f"  [feeds.{feed.name}.{feed.format}]"
    yield from (f"  {name} = {_toml(value)}" for name, value in rules.items())


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case tuple():
            return f"[{', '.join(map(_toml, value))}]"
        case Column(name, place) | Query(name, place):
            return f"{{ {_toml(name)} = {_toml(place)} }}"
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
