"""
What is known of a feed and what an operator says of it, laid over each other; and the limits of
what can be said of a format.
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.test_config import STATE, mistakes, read

from proxyfeed.config import Config, parse
from proxyfeed.errors import ConfigError
from proxyfeed.model import (
    Column,
    CsvRules,
    Feed,
    FetchLimits,
    InlineRules,
    JsonRules,
    Query,
    Rules,
    TextRules,
)

PARTNER = """
[partner]
url = "https://h.example/l"
format = "json"
max_rejected = 3
json = { path = "a[]", prefix = "p", label = { cc = "cc" } }
"""


def with_catalog(folder: Path, catalog: str, more: str, feed: str = "partner") -> Config:
    """
    A configuration with a catalogue of its own, whose set takes *feed*.
    """
    (folder / "mine.toml").write_text(catalog, "utf-8")
    toml = f'catalog = "mine.toml"\n{more}\n[sets.x]\nfeeds = ["{feed}"]\nmark = 1\n'
    return parse(tomllib.loads(toml), "proxyfeed.toml", STATE, folder)


def partner(folder: Path, more: str, catalog: str = PARTNER) -> Feed:
    return with_catalog(folder, catalog, f"[feeds.partner]\n{more}").feeds["partner"]


def mistakes_with(folder: Path, catalog: str, more: str = "") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        with_catalog(folder, catalog, more)
    return caught.value.mistakes


# ---------------------------------------------------------------- laid over what is known

KNOWN = JsonRules(paths=("a[]",), prefix="p", label=Query("cc", "cc"), max_rejected=3)


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ("", KNOWN),
        ('format = "json"', KNOWN),
        ("max_rejected = 0", replace(KNOWN, max_rejected=0)),
        ('json.label = { land = "c" }', replace(KNOWN, label=Query("land", "c"))),
        ('json.path = "b[]"', replace(KNOWN, paths=("b[]",))),
        ('json.paths = ["b[]", "c[]"]', replace(KNOWN, paths=("b[]", "c[]"))),
        ('format = "text"', TextRules()),
        ('format = "csv"\ncsv.column = 2', CsvRules(column=2)),
        (
            'format = "inline"\nprefixes = ["20.0.0.0/24"]\ndated = 2026-11-01',
            InlineRules(("20.0.0.0/24",), date(2026, 11, 1)),
        ),
    ],
)
def test_each_key_goes_over_the_known_one_and_another_format_over_all_of_its_rules(
    tmp_path: Path, more: str, rules: Rules
) -> None:
    assert partner(tmp_path, more).rules == rules


def test_a_list_that_stands_in_the_configuration_takes_the_place_of_known_urls(
    tmp_path: Path,
) -> None:
    inline = 'format = "inline"\nprefixes = ["20.0.0.0/24"]\ndated = 2026-11-01'

    assert partner(tmp_path, inline).urls == ()
    assert read(f'[sets.x]\nfeeds = ["zscaler"]\nmark = 1\n[feeds.zscaler]\n{inline}').feeds[
        "zscaler"
    ].rules == InlineRules(("20.0.0.0/24",), date(2026, 11, 1))


def test_a_known_list_gives_way_to_a_url(tmp_path: Path) -> None:
    inline = '[partner]\nformat = "inline"\nprefixes = ["20.0.0.0/24"]\ndated = 2026-11-01\n'
    more = 'format = "text"\nurl = "https://h.example/l"'

    feed = partner(tmp_path, more, inline)

    assert (feed.urls, feed.rules) == (("https://h.example/l",), TextRules())


@pytest.mark.parametrize("known", ['url = "https://h.example/l"', 'urls = ["https://h.example/l"]'])
@pytest.mark.parametrize("own", ['url = "https://i.example/l"', 'urls = ["https://i.example/l"]'])
def test_other_urls_take_the_place_of_all_that_are_known(
    tmp_path: Path, known: str, own: str
) -> None:
    catalog = f'[partner]\n{known}\nformat = "text"\n'

    assert partner(tmp_path, own, catalog).urls == ("https://i.example/l",)
    assert partner(tmp_path, "", catalog).urls == ("https://h.example/l",)


def test_every_relative_url_of_a_catalogue_is_anchored_beside_it(tmp_path: Path) -> None:
    urls = '[partner]\nurls = ["file:a.txt", "https://h.example/l", "file:b.txt"]\nformat = "text"'

    # The set takes it as it is known, and nothing in the configuration is laid over it.
    assert with_catalog(tmp_path, urls, "").feeds["partner"].urls == (
        (tmp_path / "a.txt").as_uri(),
        "https://h.example/l",
        (tmp_path / "b.txt").as_uri(),
    )


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ("url = 3", "url: must be a text, and is a number"),
        ("urls = 3", "urls: must be a list of texts, and is a number"),
        ('urls = ["https://h.example/", 3]', "urls: must be a text, and is a number"),
    ],
)
def test_a_url_of_a_catalogue_that_is_no_text_is_a_mistake(
    tmp_path: Path, table: str, mistake: str
) -> None:
    found = mistakes_with(tmp_path, f'[partner]\n{table}\nformat = "text"\n')

    assert found == (f"mine.toml: partner.{mistake}",)


def test_a_catalogue_whose_json_is_no_table_is_a_mistake_whatever_is_laid_over_it(
    tmp_path: Path,
) -> None:
    catalog = '[partner]\nurl = "https://h.example/l"\nformat = "json"\njson = 3\n'

    found = mistakes_with(tmp_path, catalog, '[feeds.partner]\njson.path = "a"')

    assert "mine.toml: partner.json: must be a table, and is a number" in found


def test_a_catalogue_may_know_a_feed_by_the_name_of_feeds(tmp_path: Path) -> None:
    catalog = '[feeds]\nurl = "https://h.example/l"\nformat = "text"\n'

    assert with_catalog(tmp_path, catalog, "", feed="feeds").feeds["feeds"].rules == TextRules()


def test_a_feed_that_is_like_no_known_one_is_told_with_all_that_are_known() -> None:
    (found,) = mistakes("[sets.x]\nfeeds = ['qqqqqqqq']\nmark = 1\n")

    assert found.startswith("sets.x.feeds: no feed 'qqqqqqqq'; known: aol, ")


# ---------------------------------------------------------------- what can be said of a format

LIST = "[sets.x]\nfeeds = ['l']\nmark = 1\n[feeds.l]\nurl = 'https://h.example/l'\n"


def feed_of(more: str) -> Feed:
    return read(LIST + more).feeds["l"]


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ('format = "csv"\ncsv.delimiter = "|"', CsvRules(delimiter="|")),
        ('format = "csv"\ncsv.delimiter = "\\t"', CsvRules(delimiter="\t")),
        ('format = "csv"\ncsv.column = 1000', CsvRules(column=1000)),
        ('format = "csv"\ncsv.stamp = "as of"', CsvRules(stamp="as of")),
        ('format = "csv"\nmax_rejected = 0', CsvRules()),
        ('format = "csv"\nmax_rejected = 1000000', CsvRules(max_rejected=1_000_000)),
        (
            f'format = "csv"\ncsv.label = {{ "{"c" * 64}" = 2 }}',
            CsvRules(label=Column("c" * 64, 2)),
        ),
        (
            'format = "json"\njson = { path = "a", lines = true, label = { cc = "cc" } }',
            JsonRules(paths=("a",), lines=True, label=Query("cc", "cc")),
        ),
        (
            'format = "json"\njson = { path = "a", stamp = "t" }',
            JsonRules(paths=("a",), stamp="t"),
        ),
    ],
)
def test_a_format_takes_all_that_it_should(more: str, rules: Rules) -> None:
    assert feed_of(more).rules == rules


@pytest.mark.parametrize(
    ("more", "mistake"),
    [
        ('format = "text"\ntext.column = 2', "text.column: is not known"),
        ('format = "csv"\ncsv.path = "a"', "csv.path: is not known"),
        ('format = "json"\njson = { path = "a", column = 2 }', "json.column: is not known"),
        ('format = "html"\nhtml = { selector = "ul", path = "a" }', "html.path: is not known"),
        ('format = "html"\nhtml.selector = "ul"\nmax_rejected = 1', "max_rejected: is not known"),
        ('format = "csv"\ncsv.column = " "', "csv.column: must be a column's number from 1"),
        ('format = "csv"\ncsv.column = 1001', "csv.column: must be a column's number from 1"),
        ('format = "csv"\ncsv.column = true', "csv.column: must be a column's number from 1"),
        ('format = "csv"\ncsv.label = {}', "csv.label: must be one name and where"),
        ('format = "csv"\ncsv.label = { " " = 2 }', "csv.label: must have a name of 1 to 64"),
        (
            'format = "csv"\ncsv.label = { "a\\u0007" = 2 }',
            "csv.label: must have a name of 1 to 64",
        ),
        (
            f'format = "csv"\ncsv.label = {{ "{"c" * 65}" = 2 }}',
            "csv.label: must have a name of 1 to 64",
        ),
        ('format = "csv"\ncsv.label = { cc = 0 }', "csv.label: must be a column's number from 1"),
        ('format = "text"\nmax_rejected = 1000001', "max_rejected: must be a whole number"),
        ('format = "json"\njson = { path = "a", paths = ["b"] }', "json.path: is needed, or paths"),
        (
            'format = "json"\njson = { path = "a", lines = true, size = "n" }',
            "json.size: needs `metadata`",
        ),
        ('format = "text"\nexpire_after = "3d"', "expire_after: must be longer than max_age"),
    ],
)
def test_a_format_takes_nothing_that_it_should_not(more: str, mistake: str) -> None:
    (found,) = mistakes(LIST + more)

    assert found.startswith(f"feeds.l.{mistake}")


def test_a_list_in_the_configuration_holds_something() -> None:
    table = "[feeds.l]\nformat = 'inline'\nprefixes = []\ndated = 2026-11-01\n"

    (found,) = mistakes(f"[sets.x]\nfeeds = ['l']\nmark = 1\n{table}")

    assert found.startswith("feeds.l.prefixes: must not be empty")


def test_expiry_may_begin_one_second_after_the_first_alarm() -> None:
    timing = feed_of('format = "text"\nmax_age = "1d"\nexpire_after = "86401s"').timing

    assert timing.expire_after == timedelta(days=1, seconds=1)


def test_only_a_page_is_bounded_more_tightly_than_other_bodies() -> None:
    page = feed_of('format = "html"\nhtml.selector = "ul"')
    usual = FetchLimits().max_bytes

    assert page.fetch.max_bytes < usual
    for other in ('format = "text"', 'format = "csv"', 'format = "json"\njson.path = "a"'):
        assert feed_of(other).fetch.max_bytes == usual
