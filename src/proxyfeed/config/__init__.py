"""
TOML to `Config`. Every mistake of a file is reported at once, with its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from proxyfeed.config.feeds import Known, read_feeds, read_known, read_known_feed
from proxyfeed.config.file import read_settings
from proxyfeed.config.sets import check_marks, check_splits, read_sets
from proxyfeed.config.urls import anchor
from proxyfeed.errors import ConfigError
from proxyfeed.model import Feed, LvsSpec, SetSpec
from proxyfeed.prefixes import PrefixSet
from proxyfeed.table import Table, duration, flag, one_of, text, texts

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
    could take, *lvs* the LVS side of those sets that have one. The URLs of *database* and *feeds*
    may hold passwords, so neither is in its repr. With *heal* the nightly update mends what another
    hand has changed in the kernel. *fetch_as* is the user that root fetches and reads as;
    *warnings* tell who else may read the files with them.
    """

    origin: str
    database: str = field(repr=False)
    apply: str
    feeds: Mapping[str, Feed] = field(repr=False)
    sets: Mapping[str, SetSpec]
    alerts: AlertSettings
    known: Known = field(repr=False)
    lvs: Mapping[str, LvsSpec] = field(default_factory=dict)
    heal: bool = True
    fetch_as: str = "nobody"
    warnings: tuple[str, ...] = ()

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
        Exposed: others may change it.
    """
    if path is None:
        return parse(_DEFAULT, "the built-in configuration", state_folder, Path("/"))
    try:
        file = read_settings(path, "configuration")
    except OSError as exc:
        raise ConfigError(str(path), (f"cannot be read: {exc.strerror}",)) from exc
    except ValueError as exc:  # not UTF-8, not TOML, or a number of thousands of digits
        raise ConfigError(str(path), (f"is not TOML: {exc}",)) from exc
    config = parse(file.values, str(path), state_folder, path.absolute().parent)
    return replace(config, warnings=(*file.warnings, *config.warnings))


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
    warnings: list[str] = []
    top = Table(values, "", mistakes)
    database = top.take("database", text, f"sqlite:///{state_folder}/proxyfeed.db")
    apply = top.take("apply", one_of("auto", "manual"), "auto")
    heal = top.take("heal", flag, True)
    fetch_as = top.take("fetch_as", _user, "nobody")
    own_catalog = top.take("catalog", text, "")
    known = read_known(folder / own_catalog if own_catalog else None, mistakes, warnings)
    sets, lvs = read_sets(top.tables("sets"))
    feeds = read_feeds(top.tables("feeds"), sets, known, folder, mistakes)
    alerts = _read_alerts(top.table("alerts"))
    top.close()
    check_marks(sets, mistakes)
    check_splits(sets, feeds, mistakes)
    if not sets and not mistakes:
        mistakes.append("sets: there is none, so there is nothing to keep")
    if mistakes:
        raise ConfigError(origin, tuple(mistakes))
    return Config(
        origin=origin,
        database=anchor(database, folder),
        apply=apply,
        feeds=feeds,
        sets=sets,
        lvs=lvs,
        alerts=alerts,
        known=known,
        heal=heal,
        fetch_as=fetch_as,
        warnings=tuple(warnings),
    )


def _user(value: object) -> str:
    import pwd

    name = text(value)
    try:
        pwd.getpwnam(name)
    except (KeyError, ValueError):  # a NUL in it
        raise ValueError("must be a user of this machine") from None
    return name


def _read_alerts(table: Table) -> AlertSettings:
    usual = AlertSettings()
    settings = AlertSettings(
        to=table.take("to", texts, ()),
        repeat_after=table.take("repeat_after", duration, usual.repeat_after),
    )
    table.close()
    return settings
