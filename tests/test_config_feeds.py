"""
What a configuration and a catalogue may say of feeds that are no pages.
"""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.test_config import AOL, STATE, mistakes, read

from proxyfeed.config import Config, load, parse
from proxyfeed.errors import ConfigError
from proxyfeed.model import (
    Column,
    CsvRules,
    InlineRules,
    JsonRules,
    Kind,
    Query,
    Rules,
    TextRules,
)

# ---------------------------------------------------------------- the formats of lists

LIST = "[sets.x]\nfeeds = ['l']\nmark = 1\n[feeds.l]\nurl = 'https://h.example/l'\n"


def rules_of(more: str) -> Rules:
    return read(LIST + more).feeds["l"].rules


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ('format = "text"', TextRules()),
        (
            'format = "text"\nmax_rejected = 3\ntext.stamp = "as of"',
            TextRules(stamp="as of", max_rejected=3),
        ),
        ('format = "csv"', CsvRules()),
        (
            'format = "csv"\ncsv = { column = "range", delimiter = ";", label = { land = "cc" } }',
            CsvRules(column="range", delimiter=";", label=Column("land", "cc")),
        ),
        (
            'format = "csv"\ncsv = { column = 2, header = true, label = { region = 3 } }',
            CsvRules(column=2, header=True, label=Column("region", 3)),
        ),
        ('format = "json"\njson.path = "a[].b"', JsonRules(paths=("a[].b",))),
        (
            'format = "json"\njson = { paths = ["a", "b"], prefix = "p", label = { r = "x.y" } }',
            JsonRules(paths=("a", "b"), prefix="p", label=Query("r", "x.y")),
        ),
        (
            'format = "json"\nmax_rejected = 1\n[feeds.l.json]\npath = "cidr"\nlines = true\n'
            "metadata = \"type == 'metadata'\"\nrecords = 'records'\nsize = 'size'\nstamp = 't'",
            JsonRules(
                paths=("cidr",),
                lines=True,
                metadata="type == 'metadata'",
                records="records",
                size="size",
                stamp="t",
                max_rejected=1,
            ),
        ),
    ],
)
def test_each_format_has_its_rules(more: str, rules: Rules) -> None:
    assert rules_of(more) == rules


def test_a_list_may_stand_in_the_configuration_itself() -> None:
    feed = read(
        "[sets.x]\nfeeds = ['l']\nmark = 1\n[feeds.l]\nformat = 'inline'\n"
        "prefixes = ['20.0.0.0/24']\ndated = 2024-05-01\n"
    ).feeds["l"]

    assert feed.urls == ()
    assert feed.rules == InlineRules(("20.0.0.0/24",), date(2024, 5, 1))


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        (
            'format = "text"\ncsv.column = 2',
            "feeds.l.csv: is of format csv, and the format",
        ),
        ('format = "csv"\ncsv.column = 0', "feeds.l.csv.column: must be a column's number from 1"),
        ('format = "csv"\ncsv.delimiter = "ab"', "feeds.l.csv.delimiter: must be one of"),
        (
            'format = "csv"\ncsv.label = 2',
            "feeds.l.csv.label: must be one name and where",
        ),
        (
            'format = "csv"\ncsv.label = { a = 1, b = 2 }',
            "feeds.l.csv.label: must be one name and where",
        ),
        ('format = "json"', "feeds.l.json.path: is needed, or paths"),
        ('format = "json"\njson.path = "a["', "feeds.l.json.path: is no JMESPath expression: 'a['"),
        (
            'format = "json"\njson = { paths = ["a", "b"], lines = true }',
            "feeds.l.json.paths: has several expressions, and with lines each line is one row",
        ),
        (
            'format = "json"\njson = { path = "a", metadata = "m" }',
            "feeds.l.json.metadata: needs `lines = true`",
        ),
        (
            'format = "json"\njson = { path = "a", lines = true, records = "n" }',
            "feeds.l.json.records: needs `metadata`",
        ),
        (
            'format = "json"\njson = { path = "a", label = { r = "r" } }',
            "feeds.l.json.label: needs `prefix`",
        ),
        (
            'format = "json"\njson = { path = "a", lines = true, prefix = "p" }',
            "feeds.l.json.prefix: has no use with lines",
        ),
        (
            'format = "json"\njson = { path = "a", lines = true, stamp = "t" }',
            "feeds.l.json.stamp: needs `metadata`",
        ),
        (
            'format = "text"\nmin_interval = "3d"',
            "feeds.l.min_interval: must be shorter than max_age",
        ),
        ('format = "text"\nmax_rejected = -1', "feeds.l.max_rejected: must be a whole number"),
        (
            'format = "text"\nexpire_after = "2d"',
            "feeds.l.expire_after: must be longer than max_age, which tells you before",
        ),
        (
            'format = "text"\nhold_removals = "9999w"',
            "feeds.l.hold_removals: must be at most",
        ),
        ('format = "text"\nstamp = "date"', "feeds.l.stamp: must be one of last-modified, etag"),
        ('format = "text"\nkind = "proxies"', "feeds.l.kind: must be one of proxy, carrier NAT"),
        (
            'format = "text"\nchecked = "2026-11-22"',
            "feeds.l.checked: must be a day such as 2026-08-17, without quotes",
        ),
    ],
)
def test_a_mistake_in_a_list_is_told_with_its_place(more: str, mistake: str) -> None:
    (found,) = mistakes(LIST + more)

    assert found.startswith(mistake)


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ("format = 'inline'\ndated = 2024-05-01", "feeds.l.prefixes: is missing"),
        ("format = 'inline'\nprefixes = ['20.0.0.0/24']", "feeds.l.dated: is missing"),
        (
            "format = 'inline'\nprefixes = ['20.0.0/24']\ndated = 2024-05-01",
            "feeds.l.prefixes: must be a list of prefixes: '20.0.0/24'",
        ),
        (
            "url = 'https://h.example/'\nformat = 'inline'\nprefixes = ['20.0.0.0/24']\n"
            "dated = 2024-05-01",
            "feeds.l.url: has no place in a feed of format inline",
        ),
    ],
)
def test_a_mistake_in_an_inline_list_is_told_with_its_place(table: str, mistake: str) -> None:
    (found,) = mistakes(f"[sets.x]\nfeeds = ['l']\nmark = 1\n[feeds.l]\n{table}\n")

    assert found.startswith(mistake)


def test_another_format_than_the_known_one_takes_none_of_its_rules() -> None:
    feed = read(f'{AOL}[feeds.aol]\nurl = "https://h.example/"\nformat = "text"').feeds["aol"]

    assert feed.rules == TextRules()


def test_several_paths_take_the_place_of_the_one_that_is_known() -> None:
    feeds = read(f"{AOL}[feeds.zscaler-hubs]\njson.paths = ['a', 'b']").feeds

    assert feeds["zscaler-hubs"].rules == JsonRules(paths=("a", "b"))


# ---------------------------------------------------------------- an operator's own catalogue


def with_catalog(folder: Path, catalog: str, more: str) -> Config:
    (folder / "mine.toml").write_text(catalog, "utf-8")
    toml = f'catalog = "mine.toml"\n{more}'
    return parse(tomllib.loads(toml), "proxyfeed.toml", STATE, folder)


def test_an_own_catalogue_adds_feeds_that_are_known_by_name(tmp_path: Path) -> None:
    added = '[partner]\nurl = "file:list.txt"\nformat = "text"\nnote = "ours"\n'

    config = with_catalog(tmp_path, added, "[sets.x]\nfeeds = ['partner', 'aol']\nmark = 1\n")

    assert config.feeds["partner"].urls == ((tmp_path / "list.txt").as_uri(),)
    assert config.all_feeds()["partner"].about.note == "ours"
    assert "fastly" in config.all_feeds()


def test_an_own_catalogue_overrides_single_keys_of_known_feeds(tmp_path: Path) -> None:
    config = with_catalog(
        tmp_path, '[fastly]\nurl = "https://mirror.example.net/fastly.json"\n', AOL
    )

    feed = config.all_feeds()["fastly"]
    assert feed.urls == ("https://mirror.example.net/fastly.json",)
    assert feed.rules == read(AOL).all_feeds()["fastly"].rules


def test_the_configuration_overrides_an_own_catalogue(tmp_path: Path) -> None:
    config = with_catalog(
        tmp_path,
        '[partner]\nurl = "https://h.example/l"\nformat = "text"\nmax_age = "5d"\n',
        "[sets.x]\nfeeds = ['partner']\nmark = 1\n[feeds.partner]\nmax_age = '7d'\n",
    )

    assert config.feeds["partner"].timing.max_age == timedelta(days=7)
    assert config.feeds["partner"].format == "text"


@pytest.mark.parametrize(
    ("catalog", "mistake"),
    [
        ("[partner]\nformat = 'text'\n", "mine.toml: partner.url: is missing"),
        ("[partner]\nurl = 'https://h/'\nformat = 'x'\n", "mine.toml: partner.format: must be one"),
        ("partner = 3\n", "mine.toml: partner: must be a table, and is a number"),
        ("[partner\n", "catalog: "),
        (
            "[feeds.partner]\nurl = 'https://h/'\nformat = 'text'\n",
            "mine.toml: feeds: in a catalogue, tables are named [NAME] and not [feeds.NAME]",
        ),
    ],
)
def test_a_mistake_in_an_own_catalogue_is_told_once_though_no_set_takes_it(
    tmp_path: Path, catalog: str, mistake: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        with_catalog(tmp_path, catalog, AOL)

    assert caught.value.mistakes[0].startswith(mistake)


def test_an_own_catalogue_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"catalog: .*none\.toml cannot be read"):
        parse(tomllib.loads('catalog = "none.toml"\n' + AOL), "p.toml", STATE, tmp_path)


def test_a_feed_of_everyone_behind_a_cdn_is_in_no_set_by_default() -> None:
    config = load(None, STATE)

    assert {feed.about.kind for feed in config.feeds.values()} == {Kind.PROXY}
