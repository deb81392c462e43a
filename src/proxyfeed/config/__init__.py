"""
TOML to `Config`. Every mistake of a file is reported at once, with its place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from proxyfeed.config.feeds import Known, read_feeds, read_known, read_known_feed
from proxyfeed.config.sets import check_marks, read_set
from proxyfeed.config.urls import anchor
from proxyfeed.errors import ConfigError
from proxyfeed.model import Feed, SetSpec
from proxyfeed.prefixes import PrefixSet
from proxyfeed.table import Table, duration, one_of, text, texts

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

    *feeds* are those that it configures or that its sets take, *known* the tables of all that it
    could take. The URLs of *database* and *feeds* may hold passwords, so neither is in its repr.
    """

    origin: str
    database: str = field(repr=False)
    apply: str
    feeds: Mapping[str, Feed] = field(repr=False)
    sets: Mapping[str, SetSpec]
    alerts: AlertSettings
    known: Known = field(repr=False)

    @property
    def is_automatic(self) -> bool:
        return self.apply == "auto"

    def protected(self, feed: str) -> PrefixSet:
        """
        What no content of *feed* may hold: what any set that takes it must never mark.
        """
        whole = PrefixSet()
        for spec in self.sets.values():
            if feed in spec.feeds:
                whole |= spec.protect - spec.exclude
        return whole

    def all_feeds(self) -> dict[str, Feed]:
        """
        Every feed that is configured or known by name.
        """
        known = {name: read_known_feed(name, self.known) for name in self.known}
        return {**known, **self.feeds}


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
    Check parsed TOML. Relative ``file:`` URLs, database paths and ``catalog`` are taken from
    *folder*.
    """
    mistakes: list[str] = []
    top = Table(values, "", mistakes)
    database = top.take("database", text, f"sqlite:///{state_folder}/proxyfeed.db")
    apply = top.take("apply", one_of("auto", "manual"), "auto")
    own_catalog = top.take("catalog", text, "")
    known = read_known(folder / own_catalog if own_catalog else None, mistakes)
    sets = {name: read_set(name, table) for name, table in top.tables("sets").items()}
    feeds = read_feeds(top.tables("feeds"), sets, known, folder, mistakes)
    alerts = _read_alerts(top.table("alerts"))
    top.close()
    check_marks(sets, mistakes)
    if not sets and not mistakes:
        mistakes.append("sets: there is none, so there is nothing to keep")
    if mistakes:
        raise ConfigError(origin, tuple(mistakes))
    return Config(origin, anchor(database, folder), apply, feeds, sets, alerts, known)


def _read_alerts(table: Table) -> AlertSettings:
    usual = AlertSettings()
    settings = AlertSettings(
        to=table.take("to", texts, ()),
        repeat_after=table.take("repeat_after", duration, usual.repeat_after),
    )
    table.close()
    return settings
