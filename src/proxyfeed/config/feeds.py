"""
``[feeds.NAME]``: one published list, as the catalogue and the operator describe it together.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from proxyfeed.catalog import catalog
from proxyfeed.config.file import read_settings
from proxyfeed.config.rules import FORMATS, read_rules
from proxyfeed.config.urls import is_usable, resolve
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import (
    About,
    Feed,
    FetchLimits,
    HtmlRules,
    InlineRules,
    Kind,
    Limits,
    SetSpec,
    Timing,
)
from proxyfeed.redact import redact
from proxyfeed.table import (
    Table,
    Texts,
    at_least_one,
    day,
    duration,
    flag,
    one_of,
    prefix_set,
    share,
    size,
    text,
    whole,
)

# Two ways to say one thing: who says one takes the other back.
_PATHS = {"path", "paths"}
_FEED_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_MOST_HTML = 4 * 1024 * 1024
_STAMPS = ("last-modified", "etag", "none")

# What the catalogue and an operator's own file say of each feed, by its name.
Known = Mapping[str, dict[str, Any]]


def read_known(path: Path | None, mistakes: list[str], warnings: list[str]) -> Known:
    """
    The built-in catalogue, with the tables of the operator's file at *path* over it.

    Each entry of that file is checked, whether a set takes it or not.
    """
    if path is None:
        return catalog()
    try:
        tables, warned = read_settings(path, "catalogue")
    except OSError as exc:
        mistakes.append(f"catalog: {path} cannot be read: {exc.strerror}")
        return catalog()
    except ValueError as exc:
        mistakes.append(f"catalog: {path} is not TOML: {exc}")
        return catalog()
    warnings += warned
    if isinstance(tables.get("feeds"), dict) and "format" not in tables["feeds"]:
        what = "in a catalogue, tables are named [NAME] and not [feeds.NAME]"
        mistakes.append(f"{path.name}: feeds: {what}")
        return catalog()
    known = dict(catalog())
    for name, values in tables.items():
        table = Table(values, f"{path.name}: {name}", mistakes)
        known[name] = _laid_over(known, name, table).values
        _read_feed(name, Table(known[name], table.place, mistakes), path.absolute().parent)
        known[name] = _anchored(known[name], path.absolute().parent)
    return known


def read_feeds(
    tables: dict[str, Table],
    sets: dict[str, SetSpec],
    known: Known,
    folder: Path,
    mistakes: list[str],
) -> dict[str, Feed]:
    """
    Read the feeds that have a table, and the known ones that a set takes without one.
    """
    feeds = {
        name: _read_feed(name, _laid_over(known, name, own), folder) for name, own in tables.items()
    }
    for set_name, spec in sets.items():
        for name in spec.feeds:
            if name in feeds:
                continue
            if name in known:
                feeds[name] = read_known_feed(name, known)
            else:
                mistakes.append(f"sets.{set_name}.feeds: {_no_feed(name, {*feeds, *known})}")
    return feeds


def _no_feed(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), 1)
    meant = f"; did you mean {near[0]!r}?" if near else ";"
    # Redacted: it may be a URL, of somebody who took this for the place to write it.
    return f"no feed {redact(name)!r}{meant} known: {', '.join(sorted(known))}"


def read_known_feed(name: str, known: Known) -> Feed:
    """
    Read a feed that a catalogue describes in full; what it says was checked before.
    """
    return _read_feed(name, Table(known[name], f"feeds.{name}", []), Path("/"))


def read_new_feed(name: str, values: dict[str, Any]) -> Feed:
    """
    Read the table of a feed that no file has.

    Raises:
        OperatorMistake: with the first mistake in it.
    """
    mistakes: list[str] = []
    feed = _read_feed(name, Table(values, "", mistakes), Path.cwd())
    if mistakes:
        raise OperatorMistake(mistakes[0], hint="proxyfeed feeds try --help")
    return feed


def _laid_over(known: Known, name: str, own: Table) -> Table:
    """
    What the operator says of a feed over what is known of it, key by key.

    Other URLs replace all that are known, a list that stands here itself too, and with another
    format the old one's rules go.
    """
    base = dict(known.get(name, {}))
    if own.has("url") or own.has("urls") or own.values.get("format") == InlineRules.format:
        base.pop("urls", None)
        base.pop("url", None)
    json, known_json = own.values.get("json"), base.get("json")
    if isinstance(json, dict) and isinstance(known_json, dict) and _PATHS & {*json}:
        base["json"] = {key: value for key, value in known_json.items() if key not in _PATHS}
    if own.has("format") and own.values["format"] != base.get("format"):
        for key in (*FORMATS, "prefixes", "dated", "max_rejected"):
            base.pop(key, None)
    return own.over(base)


def _anchored(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """
    The same with its relative ``file:`` URLs anchored where the catalogue is, not where it is used.
    """
    anchored = dict(values)
    if isinstance(values.get("url"), str):
        anchored["url"] = resolve(values["url"], folder)
    if isinstance(values.get("urls"), list):
        anchored["urls"] = [
            resolve(url, folder) if isinstance(url, str) else url for url in values["urls"]
        ]
    return anchored


def _read_feed(name: str, table: Table, folder: Path) -> Feed:
    if not _FEED_NAME.fullmatch(name):
        table.mistakes.append(f"{table.place}: a feed's name is 1 to 64 of a-z 0-9 - .")
    feed = Feed(
        name=name,
        urls=_read_urls(table, folder),
        rules=read_rules(table),
        fetch=_read_fetch(table),
        limits=_read_limits(table),
        timing=_read_timing(table),
        about=_read_about(table),
    )
    table.close()
    return feed


def _read_urls(table: Table, folder: Path) -> Texts:
    several: Texts = table.take("urls", at_least_one, ())
    one = table.take("url", text, "")
    has_any = table.has("url") or table.has("urls")
    if table.values.get("format") == InlineRules.format:
        if has_any:
            table.mistake("url", "has no place in a feed of format inline")
        return ()
    if table.has("url") and table.has("urls"):
        table.mistake("url", "is given together with urls: one of the two")
    if not has_any:
        table.mistake("url", "is missing")
    urls = tuple(resolve(url, folder) for url in (several or ([one] if one else [])))
    for number, url in enumerate(urls, 1):
        if not is_usable(url):
            # The value is not printed: a mistyped URL may hold a password.
            key, which = ("urls", f"number {number} ") if several else ("url", "")
            table.mistake(key, f"{which}must be a http:, https: or file: URL")
    return urls


def _read_fetch(table: Table) -> FetchLimits:
    usual = FetchLimits()
    # A page is read with more than a hundred bytes of memory for each of its own.
    most = _MOST_HTML if table.values.get("format") == HtmlRules.format else usual.max_bytes
    deadline = table.take("deadline", duration, timedelta(seconds=usual.deadline))
    if not deadline:
        table.mistake("deadline", "must be longer than nothing")
    return FetchLimits(
        deadline=deadline.total_seconds(), max_bytes=table.take("max_bytes", size, most)
    )


def _read_limits(table: Table) -> Limits:
    usual = Limits()
    return Limits(
        growth=table.take("max_growth", share, usual.growth),
        shrink=table.take("max_shrink", share, usual.shrink),
        widest_ipv4=table.take("widest_ipv4", whole(2, 32), usual.widest_ipv4),
        widest_ipv6=table.take("widest_ipv6", whole(2, 128), usual.widest_ipv6),
        allow=table.take("allow", prefix_set, usual.allow),
        may_be_empty=table.take("may_be_empty", flag, False),
    )


def _read_timing(table: Table) -> Timing:
    usual = Timing()
    timing = Timing(
        min_interval=table.take("min_interval", duration, usual.min_interval),
        hold_removals=table.take("hold_removals", duration, usual.hold_removals),
        max_age=table.take("max_age", duration, usual.max_age),
        max_unchanged=table.take("max_unchanged", duration, usual.max_unchanged),
        expire_after=table.take("expire_after", duration, usual.expire_after),
        stamp=table.take("stamp", one_of(*_STAMPS), usual.stamp),
    )
    if timing.max_age is not None and timing.min_interval >= timing.max_age:
        table.mistake("min_interval", "must be shorter than max_age, or the feed is always stale")
    if timing.expire_after is not None and timing.expire_after <= (timing.max_age or timedelta(0)):
        table.mistake("expire_after", "must be longer than max_age, which tells you before")
    return timing


def _read_about(table: Table) -> About:
    kind = table.take("kind", one_of(*Kind), "")
    return About(
        note=table.take("note", text, ""),
        kind=Kind(kind) if kind else None,
        good_for=table.take("good_for", text, ""),
        changes=table.take("changes", text, ""),
        facts=table.take("facts", text, ""),
        checked=table.take("checked", day, None),
    )
