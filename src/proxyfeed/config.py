"""
TOML to `Config`. Every mistake of a file is reported at once, with its place.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from proxyfeed.catalog import catalog
from proxyfeed.errors import BadPrefix, ConfigError
from proxyfeed.model import Feed, FetchLimits, HtmlRules, Limits, SetSpec, VirtualService
from proxyfeed.notation import number_to_text, read_address
from proxyfeed.prefixes import FAMILIES, PrefixSet
from proxyfeed.redact import redact
from proxyfeed.table import (
    Table,
    Texts,
    duration,
    flag,
    one_of,
    prefix_set,
    share,
    size,
    text,
    texts,
    whole,
)

FORMATS = ("html",)
_FEED_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
# The kernel takes 31 characters for the name of an ipset: proxyfeed_<14>_v4_new.
_SET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,13}")
_SERVICE = re.compile(
    r"(?:\[(?P<v6>[^]]+)\]|(?P<v4>[^:]+)):(?P<port>[0-9]{1,5})(?:/(?P<protocol>\w+))?"
)
_ALL_BITS = 0xFFFFFFFF
# In the place of one that is missing or mistaken; no set can have it.
_NO_MARK = 0
# With no configuration at all: the feed that proxyfeed was conceived for.
_DEFAULT: dict[str, object] = {"sets": {"aol": {"feeds": ["aol"], "mark": 1}}}


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """
    *to* are Apprise URLs, secrets and all; *repeat_after* is when a lasting trouble is told again.
    """

    to: tuple[str, ...] = field(default=(), repr=False)
    repeat_after: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Config:
    """
    A configuration without mistakes; *origin* says where it is from, for messages.

    The URLs of *database* and *feeds* may hold passwords, so neither is in its repr.
    """

    origin: str
    database: str = field(repr=False)
    apply: str
    feeds: Mapping[str, Feed] = field(repr=False)
    sets: Mapping[str, SetSpec]
    alerts: AlertSettings

    @property
    def is_automatic(self) -> bool:
        return self.apply == "auto"


def load(path: Path | None, state_folder: Path) -> Config:
    """
    Read the file at *path*, or take the built-in configuration where there is none.

    Raises:
        ConfigError: with every mistake of the file.
    """
    if path is None:
        return parse(_DEFAULT, "the built-in configuration", state_folder, Path("/"))
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise ConfigError(str(path), (f"cannot be read: {exc.strerror}",)) from exc
    except ValueError as exc:  # not UTF-8, not TOML, or a number of thousands of digits
        raise ConfigError(str(path), (f"is not TOML: {exc}",)) from exc
    return parse(values, str(path), state_folder, path.absolute().parent)


def is_there(path: Path) -> bool:
    """
    Whether there is a file at *path*.

    Raises:
        ConfigError: this user may not look.
    """
    try:
        return path.exists()
    except OSError as exc:
        raise ConfigError(str(path), (f"cannot be looked at: {exc.strerror}",)) from exc


def parse(values: object, origin: str, state_folder: Path, folder: Path) -> Config:
    """
    Check parsed TOML. Relative ``file:`` URLs and database paths are taken from *folder*.
    """
    mistakes: list[str] = []
    top = Table(values, "", mistakes)
    database = top.take("database", text, f"sqlite:///{state_folder}/proxyfeed.db")
    apply = top.take("apply", one_of("auto", "manual"), "auto")
    sets = {name: _read_set(name, table) for name, table in top.tables("sets").items()}
    feeds = _read_feeds(top.tables("feeds"), sets, folder, mistakes)
    alerts = _read_alerts(top.table("alerts"))
    top.close()
    _check_marks(sets, mistakes)
    if not sets and not mistakes:
        mistakes.append("sets: there is none, so there is nothing to keep")
    if mistakes:
        raise ConfigError(origin, tuple(mistakes))
    return Config(origin, _anchor(database, folder), apply, feeds, sets, alerts)


def _read_feeds(
    tables: dict[str, Table], sets: dict[str, SetSpec], folder: Path, mistakes: list[str]
) -> dict[str, Feed]:
    feeds = {name: _read_feed(name, table, folder) for name, table in tables.items()}
    for set_name, spec in sets.items():
        for name in spec.feeds:
            if name in feeds:
                continue
            if name in catalog():
                feeds[name] = _read_feed(name, Table({}, f"feeds.{name}", mistakes), folder)
            else:
                known = ", ".join(sorted({*feeds, *catalog()}))
                # Redacted: it may be a URL, of somebody who took this for the place to write it.
                wrong = redact(name)
                mistakes.append(f"sets.{set_name}.feeds: no feed {wrong!r}; known: {known}")
    return feeds


def _read_feed(name: str, own: Table, folder: Path) -> Feed:
    if not _FEED_NAME.fullmatch(name):
        own.mistakes.append(f"{own.place}: a feed's name is 1 to 64 of a-z 0-9 - .")
    known = dict(catalog().get(name, {}))
    if own.has("url") or own.has("urls"):
        known.pop("urls", None)
    table = own.over(known)
    urls = _read_urls(table, folder)
    kind = table.take("format", one_of(*FORMATS), "")
    if not table.has("format"):
        table.mistake("format", f"is missing; one of {', '.join(FORMATS)}")
    html = _read_html(table.table("html"))
    if kind == "html" and not (html.selector or html.heading):
        table.mistake("html", "needs `heading` or `selector` to tell the list from the page")
    feed = Feed(
        name=name,
        urls=urls,
        format=kind,
        html=html,
        fetch=_read_fetch(table),
        limits=_read_limits(table),
        note=table.take("note", text, ""),
    )
    table.close()
    return feed


def _read_urls(table: Table, folder: Path) -> Texts:
    several: Texts = table.take("urls", _at_least_one, ())
    one = table.take("url", text, "")
    if table.has("url") and table.has("urls"):
        table.mistake("url", "is given together with urls: one of the two")
    if not (table.has("url") or table.has("urls")):
        table.mistake("url", "is missing")
    urls = tuple(_resolve(url, folder) for url in (several or ([one] if one else [])))
    for number, url in enumerate(urls, 1):
        if not _is_usable(url):
            # The value is not printed: a mistyped URL may hold a password.
            key, which = ("urls", f"number {number} ") if several else ("url", "")
            table.mistake(key, f"{which}must be a http:, https: or file: URL")
    return urls


def _read_html(table: Table) -> HtmlRules:
    rules = HtmlRules(
        selector=table.take("selector", text, "") or None,
        heading=table.take("heading", texts, ()),
        exclude=table.take("exclude", texts, ()),
        ignore=table.take("ignore", texts, ()),
    )
    table.close()
    return rules


def _read_fetch(table: Table) -> FetchLimits:
    usual = FetchLimits()
    deadline = table.take("deadline", duration, timedelta(seconds=usual.deadline))
    if not deadline:
        table.mistake("deadline", "must be longer than nothing")
    return FetchLimits(
        deadline=deadline.total_seconds(), max_bytes=table.take("max_bytes", size, usual.max_bytes)
    )


def _read_limits(table: Table) -> Limits:
    usual = Limits()
    return Limits(
        growth=table.take("max_growth", share, usual.growth),
        shrink=table.take("max_shrink", share, usual.shrink),
        widest_ipv4=table.take("widest_ipv4", whole(2, 32), usual.widest_ipv4),
        widest_ipv6=table.take("widest_ipv6", whole(2, 128), usual.widest_ipv6),
        allow=table.take("allow", prefix_set, usual.allow),
        max_age=table.take("max_age", duration, usual.max_age),
    )


def _read_set(name: str, table: Table) -> SetSpec:
    if not _SET_NAME.fullmatch(name):
        table.mistakes.append(f"{table.place}: a set's name is 1 to 14 of a-z 0-9 -")
    feeds: Texts = table.take("feeds", _at_least_one, ())
    if not table.has("feeds"):
        table.mistake("feeds", "is missing: at least one feed")
    if not table.has("mark"):
        table.mistake("mark", "is missing: the firewall mark, for example 1")
    mark = table.take("mark", whole(1, _ALL_BITS), _NO_MARK)
    mask = table.take("mask", whole(1, _ALL_BITS), _ALL_BITS)
    if mark & ~mask:
        table.mistake("mark", f"{mark:#x} has bits outside the mask {mask:#x}")
    virtual: tuple[VirtualService, ...] = table.take("virtual", _services, ())
    real_servers = table.take("real_servers", prefix_set, PrefixSet())
    protect = table.take("protect", prefix_set, PrefixSet())
    exclude = table.take("exclude", prefix_set, PrefixSet())
    served = tuple(sorted({one.family for one in virtual})) or FAMILIES
    families = table.take("families", _families, served)
    if not set(families) <= set(served):
        table.mistake("families", "names a family without a virtual service")
    install_rule = table.take("rule", flag, True)
    table.close()
    return SetSpec(
        name=name,
        feeds=tuple(dict.fromkeys(feeds)),
        mark=mark,
        mask=mask,
        virtual=virtual,
        exclude=exclude,
        protect=protect | real_servers | PrefixSet.parse(service.address for service in virtual),
        families=families,
        install_rule=install_rule,
    )


def _read_alerts(table: Table) -> AlertSettings:
    usual = AlertSettings()
    settings = AlertSettings(
        to=table.take("to", texts, ()),
        repeat_after=table.take("repeat_after", duration, usual.repeat_after),
    )
    table.close()
    return settings


def _at_least_one(value: object) -> Texts:
    found = texts(value)
    if not found:
        raise ValueError("must not be empty")
    return found


def _services(value: object) -> tuple[VirtualService, ...]:
    """
    Read ``["192.0.2.80:80", "[2001:db8::80]:443", "192.0.2.53:53/udp"]``.
    """
    return tuple(sorted({_service(row) for row in texts(value)}))


def _service(row: str) -> VirtualService:
    wanted = ValueError('must be a list of services such as "192.0.2.80:80", "[2001:db8::80]:80"')
    found = _SERVICE.fullmatch(row.strip())
    if not found:
        raise wanted
    port, protocol = int(found["port"]), found["protocol"] or "tcp"
    try:
        family, number = read_address(found["v6"] or found["v4"])
    except BadPrefix:
        raise wanted from None
    if not 0 < port < 2**16 or protocol not in ("tcp", "udp") or (family == 6) != bool(found["v6"]):
        raise wanted
    return VirtualService(family, number_to_text(family, number), port, protocol)


def _families(value: object) -> tuple[int, ...]:
    # By type too: 4.0 equals 4, and would make a set of the name proxyfeed_aol_4.0.
    found = value if isinstance(value, list) else []
    if not found or not all(type(one) is int and one in FAMILIES for one in found):
        raise ValueError("must be [4], [6] or [4, 6]")
    return tuple(sorted(set(found)))


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading the port is what tells whether it is one.
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    if parts.scheme == "file":
        return parts.path.startswith("/")
    return parts.scheme in ("http", "https") and has_host


def _check_marks(sets: dict[str, SetSpec], mistakes: list[str]) -> None:
    owner: dict[int, str] = {}
    for name, spec in sets.items():
        if spec.mark in owner and spec.mark != _NO_MARK:
            mistakes.append(f"sets.{name}.mark: {spec.mark} is the mark of sets.{owner[spec.mark]}")
        owner.setdefault(spec.mark, name)


def _resolve(url: str, folder: Path) -> str:
    """
    Anchor ``file:pages/list.html`` in *folder*; every other URL stays as it is.
    """
    name = url.removeprefix("file:")
    if name == url or name.startswith("/"):
        return url
    return (folder / unquote(name)).as_uri()


def _anchor(database: str, folder: Path) -> str:
    name = database.removeprefix("sqlite:///")
    if name == database or name.startswith("/"):
        return database
    return f"sqlite:///{folder / name}"
