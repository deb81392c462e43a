"""
What a configuration may say, what comes of it, and how its mistakes are told.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proxyfeed
from proxyfeed.catalog import catalog
from proxyfeed.config import Config, load, parse
from proxyfeed.config.rules import FORMATS
from proxyfeed.errors import ConfigError
from proxyfeed.firewall.ipset import net_set, service_set, temporary
from proxyfeed.model import (
    Backend,
    Feed,
    FetchLimits,
    HtmlRules,
    Limits,
    SetSpec,
    VirtualService,
)
from proxyfeed.prefixes import FAMILIES, PrefixSet

STATE = Path("/var/lib/proxyfeed")
FOLDER = Path("/etc/proxyfeed")
EXAMPLE = Path(proxyfeed.__file__).with_name("example.toml")
LONGEST_KERNEL_NAME = 31  # IPSET_MAXNAMELEN is 32, with the NUL at its end

AOL = '[sets.aol]\nfeeds = ["aol"]\nmark = 1\n'
PARTNER = """
[sets.partner]
feeds = ["partner"]
mark = 2
[feeds.partner]
url = "https://lists.example.net/egress.html"
format = "html"
html.heading = ["egress"]
"""


def read(text: str) -> Config:
    return parse(tomllib.loads(text), "proxyfeed.toml", STATE, FOLDER)


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return list(caught.value.mistakes)


def partner(more: str) -> Feed:
    """
    A feed with *more* keys.
    """
    return read(f"{PARTNER}{more}").feeds["partner"]


def aol(more: str) -> SetSpec:
    """
    A set with *more* keys.
    """
    return read(f"{AOL}{more}").sets["aol"]


# ---------------------------------------------------------------- what there is without a word


def test_without_a_file_there_is_one_feed_one_set_and_a_database() -> None:
    config = load(None, STATE)

    assert list(config.feeds) == ["aol"]
    assert config.sets == {"aol": SetSpec("aol", ("aol",), mark=1)}
    assert config.database == "sqlite:////var/lib/proxyfeed/proxyfeed.db"
    assert config.is_automatic
    assert config.alerts.to == ()


def test_a_set_is_served_in_both_families_and_marks_all_bits() -> None:
    assert aol("") == SetSpec("aol", ("aol",), mark=1, mask=0xFFFFFFFF, families=(4, 6))


def test_a_feed_has_the_usual_limits() -> None:
    feed = partner("")

    assert feed.limits == Limits()
    assert feed.fetch == FetchLimits(max_bytes=4 * 2**20)
    assert feed.rules == HtmlRules(heading=("egress",))


# ---------------------------------------------------------------- every key, and its effect


@pytest.mark.parametrize(
    ("more", "value_of", "value"),
    [
        ('max_growth = "25 %"', lambda feed: feed.limits.growth, 0.25),
        ('max_growth = "0%"', lambda feed: feed.limits.growth, 0.0),
        ('max_shrink = "2.5 %"', lambda feed: feed.limits.shrink, 0.025),
        ("widest_ipv4 = 16", lambda feed: feed.limits.widest_ipv4, 16),
        ("widest_ipv4 = 2", lambda feed: feed.limits.widest_ipv4, 2),
        ("widest_ipv6 = 128", lambda feed: feed.limits.widest_ipv6, 128),
        (
            'allow = ["10.20.0.0/16", "fd00::/8"]',
            lambda feed: feed.limits.allow,
            PrefixSet.parse(["10.20.0.0/16", "fd00::/8"]),
        ),
        ('max_age = "36h"', lambda feed: feed.timing.max_age, timedelta(hours=36)),
        ('deadline = "90s"', lambda feed: feed.fetch.deadline, 90.0),
        ('deadline = "2 m"', lambda feed: feed.fetch.deadline, 120.0),
        ('max_bytes = "8 MiB"', lambda feed: feed.fetch.max_bytes, 8 * 2**20),
        ("max_bytes = 4096", lambda feed: feed.fetch.max_bytes, 4096),
        ('max_bytes = "1GiB"', lambda feed: feed.fetch.max_bytes, 2**30),
        ('note = "by hand"', lambda feed: feed.about.note, "by hand"),
        ('html.selector = "main"', lambda feed: feed.rules.selector, "main"),
        ('html.exclude = ["clients"]', lambda feed: feed.rules.exclude, ("clients",)),
        ('html.ignore = ["via"]', lambda feed: feed.rules.ignore, ("via",)),
    ],
)
def test_a_key_of_a_feed_has_its_effect(
    more: str, value_of: Callable[[Feed], object], value: object
) -> None:
    assert value_of(partner("")) != value
    assert value_of(partner(more)) == value


@pytest.mark.parametrize(
    ("more", "value_of", "value"),
    [
        ("mask = 0xff", lambda spec: spec.mask, 0xFF),
        ("rule = false", lambda spec: spec.install_rule, False),
        ('backend = "nftables"', lambda spec: spec.backend, Backend.NFTABLES),
        ("families = [6]", lambda spec: spec.families, (6,)),
        ("families = [4, 4]", lambda spec: spec.families, (4,)),
        (
            'exclude = ["64.12.96.0/24"]',
            lambda spec: spec.exclude,
            PrefixSet.parse(["64.12.96.0/24"]),
        ),
        (
            'protect = ["192.0.2.0/24"]',
            lambda spec: spec.protect,
            PrefixSet.parse(["192.0.2.0/24"]),
        ),
        (
            'real_servers = ["192.0.2.11", "2001:db8::11"]',
            lambda spec: spec.protect,
            PrefixSet.parse(["192.0.2.11", "2001:db8::11"]),
        ),
        (
            'virtual = ["192.0.2.80:443", "[2001:db8::80]:80", "192.0.2.53:53/udp"]',
            lambda spec: spec.virtual,
            (
                VirtualService(4, "192.0.2.53", 53, "udp"),
                VirtualService(4, "192.0.2.80", 443),
                VirtualService(6, "2001:db8::80", 80),
            ),
        ),
    ],
)
def test_a_key_of_a_set_has_its_effect(
    more: str, value_of: Callable[[SetSpec], object], value: object
) -> None:
    assert value_of(aol("")) != value
    assert value_of(aol(more)) == value


@pytest.mark.parametrize(
    ("text", "value_of", "value"),
    [
        ('apply = "manual"', lambda config: config.is_automatic, False),
        ('database = "sqlite:////srv/p.db"', lambda config: config.database, "sqlite:////srv/p.db"),
        (
            'alerts.to = ["mailto://localhost?to=ops@example.net"]',
            lambda config: config.alerts.to,
            ("mailto://localhost?to=ops@example.net",),
        ),
        (
            'alerts.repeat_after = "2w"',
            lambda config: config.alerts.repeat_after,
            timedelta(weeks=2),
        ),
    ],
)
def test_a_key_of_the_whole_has_its_effect(
    text: str, value_of: Callable[[Config], object], value: object
) -> None:
    assert value_of(read(AOL)) != value
    assert value_of(read(f"{text}\n{AOL}")) == value


@pytest.mark.parametrize("mark", [1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_mark_is_any_number_of_32_bits_but_none(mark: int) -> None:
    assert read(f'[sets.aol]\nfeeds = ["aol"]\nmark = {mark}').sets["aol"].mark == mark


def test_real_servers_virtual_services_and_protected_ranges_are_all_protected() -> None:
    spec = aol(
        'virtual = ["192.0.2.80:80"]\nreal_servers = ["192.0.2.11"]\nprotect = ["2001:db8::/32"]'
    )

    assert list(spec.protect.lines()) == ["192.0.2.11/32", "192.0.2.80/32", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("virtual", "families"),
    [
        (["192.0.2.80:80"], (4,)),
        (["[2001:db8::80]:80"], (6,)),
        (["192.0.2.80:80", "[2001:db8::80]:80"], (4, 6)),
        ([], (4, 6)),
    ],
)
def test_the_families_served_are_those_of_the_virtual_services(
    virtual: list[str], families: tuple[int, ...]
) -> None:
    assert aol(f"virtual = {virtual}").families == families


def test_one_service_written_in_two_ways_is_one_service() -> None:
    spec = aol('virtual = ["[2001:DB8:0::80]:80/tcp", "[2001:db8::80]:080"]')

    assert spec.virtual == (VirtualService(6, "2001:db8::80", 80),)


def test_a_feed_that_is_named_twice_counts_once() -> None:
    assert read('[sets.aol]\nfeeds = ["aol", "aol"]\nmark = 1').sets["aol"].feeds == ("aol",)


def test_a_feed_can_fill_several_sets_and_a_set_take_several_feeds() -> None:
    config = read(f'{PARTNER}[sets.all]\nfeeds = ["aol", "partner"]\nmark = 1\n')

    assert config.sets["all"].feeds == ("aol", "partner")
    assert config.sets["partner"].feeds == ("partner",)
    assert set(config.feeds) == {"aol", "partner"}


# ---------------------------------------------------------------- feeds that are known by name


@pytest.mark.parametrize("name", catalog())
def test_a_feed_of_the_catalogue_needs_no_table_of_its_own(name: str) -> None:
    feed = read(f'[sets.one]\nfeeds = ["{name}"]\nmark = 1\n').feeds[name]

    assert feed.urls or feed.format == "inline"
    assert feed.about.note


@pytest.mark.parametrize("name", catalog())
def test_a_saved_page_of_the_catalogue_is_shipped(name: str) -> None:
    saved = [url for url in catalog()[name].get("urls", []) if url.startswith("file:")]

    assert all(Path(unquote(urlsplit(url).path)).is_file() for url in saved)


def test_the_live_page_of_the_old_proxies_is_tried_before_its_saved_copy() -> None:
    live, saved = load(None, STATE).feeds["aol"].urls

    assert live == "http://webmaster.info.aol.com/proxyinfo.html"
    assert saved.startswith("file:///")


def test_any_key_of_a_known_feed_can_be_overridden_and_the_others_stay() -> None:
    usual = load(None, STATE).feeds["aol"]

    feed = read(f"{AOL}[feeds.aol]\nwidest_ipv4 = 18\nhtml.ignore = []").feeds["aol"]

    assert (usual.limits.widest_ipv4, feed.limits.widest_ipv4) == (16, 18)
    assert usual.rules.ignore
    assert feed.rules == HtmlRules(heading=usual.rules.heading, exclude=usual.rules.exclude)
    assert feed.urls == usual.urls


def test_an_own_url_takes_the_place_of_all_that_are_known() -> None:
    feed = read(f'{AOL}[feeds.aol]\nurl = "https://mirror.example.net/aol.html"').feeds["aol"]

    assert feed.urls == ("https://mirror.example.net/aol.html",)


# ---------------------------------------------------------------- where things are


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("file:pages/list.html", "file:///etc/proxyfeed/pages/list.html"),
        ("file:../list.html", "file:///etc/proxyfeed/../list.html"),
        ("file:the%20list.html", "file:///etc/proxyfeed/the%20list.html"),
        ("file:the list.html", "file:///etc/proxyfeed/the%20list.html"),
        ("file:/srv/list.html", "file:/srv/list.html"),
        ("file:///srv/list.html", "file:///srv/list.html"),
        ("https://lists.example.net:8443/a?b", "https://lists.example.net:8443/a?b"),
        ("http://[2001:db8::1]/list", "http://[2001:db8::1]/list"),
    ],
)
def test_a_file_is_looked_for_beside_the_configuration(url: str, resolved: str) -> None:
    feed = read(f'{AOL}[feeds.aol]\nurls = ["{url}"]').feeds["aol"]

    assert feed.urls == (resolved,)


@pytest.mark.parametrize(
    ("database", "resolved"),
    [
        ("sqlite:///proxyfeed.db", "sqlite:////etc/proxyfeed/proxyfeed.db"),
        ("sqlite:////srv/proxyfeed.db", "sqlite:////srv/proxyfeed.db"),
        ("postgresql://db.example.net/lists", "postgresql://db.example.net/lists"),
    ],
)
def test_a_database_is_looked_for_beside_the_configuration(database: str, resolved: str) -> None:
    assert read(f'database = "{database}"\n{AOL}').database == resolved


def test_beside_a_configuration_that_was_named_in_short_is_beside_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here.toml").write_text(f'{AOL}[feeds.aol]\nurl = "file:list.html"', "utf-8")
    monkeypatch.chdir(tmp_path)

    config = load(Path("here.toml"), STATE)

    assert config.feeds["aol"].urls == ((tmp_path / "list.html").as_uri(),)


# ---------------------------------------------------------------- names in the kernel


def test_the_longest_name_of_a_set_leaves_room_for_every_name_in_the_kernel() -> None:
    longest = "abcdefgh-12345"
    spec = read(f'[sets.{longest}]\nfeeds = ["aol"]\nmark = 1\n').sets[longest]

    own = [make(spec.name, family) for make in (net_set, service_set) for family in FAMILIES]
    names = [*own, *map(temporary, own)]
    assert len(set(names)) == 8
    assert max(map(len, names)) == LONGEST_KERNEL_NAME


@pytest.mark.parametrize("name", ["abcdefgh-123456", "AOL", "a_b", "-aol", '"a b"', '"a\\n"', '""'])
def test_a_name_that_the_kernel_or_a_rule_would_not_take_is_refused(name: str) -> None:
    (mistake,) = mistakes(f'[sets.{name}]\nfeeds = ["aol"]\nmark = 1\n')

    assert "a set's name is 1 to 14 of a-z 0-9 -" in mistake


@pytest.mark.parametrize("name", ["Partner", '"a b"', f"{'a' * 65}", '"../x"'])
def test_a_name_of_a_feed_is_plain(name: str) -> None:
    found = mistakes(f'{AOL}[feeds.{name}]\nurl = "https://h.example/"\nformat = "html"')

    assert "a feed's name is 1 to 64 of a-z 0-9 - ." in found[0]


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (f'apply = "yes"\n{AOL}', "apply: must be one of auto, manual, and is 'yes'"),
        (f'aply = "auto"\n{AOL}', "aply: is not known; did you mean 'apply'?"),
        (f"xyzzy = 1\n{AOL}", "xyzzy: is not known"),
        (f"database = 5\n{AOL}", "database: must be a text, and is a number"),
        (f'database = " "\n{AOL}', "database: must be a text, and is empty"),
        (f"{AOL}[alert]\nto = []", "alert: is not known; did you mean 'alerts'?"),
        ('[set.aol]\nfeeds = ["aol"]', "set: is not known; did you mean 'sets'?"),
        ("", "sets: there is none, so there is nothing to keep"),
        ("sets = 1", "sets: must be a table, and is a number"),
        (f"alerts = 2026-11-20\n{AOL}", "alerts: must be a table, and is a date or time"),
        (f"alerts = []\n{AOL}", "alerts: must be a table, and is a list"),
        ("[sets.aol]\nmark = 1", "sets.aol.feeds: is missing: at least one feed"),
        ("[sets.aol]\nfeeds = []\nmark = 1", "sets.aol.feeds: must not be empty, and is []"),
        (
            '[sets.aol]\nfeeds = "aol"\nmark = 1',
            "sets.aol.feeds: must be a list of texts, and is a text",
        ),
        (
            '[sets.aol]\nfeeds = ["aol", 1]\nmark = 1',
            "sets.aol.feeds: must be a text, and is a number",
        ),
        (
            '[sets.aol]\nfeeds = ["alo"]\nmark = 1',
            "sets.aol.feeds: no feed 'alo'; did you mean 'aol'? known: aol, ",
        ),
        (
            f'{PARTNER}[sets.x]\nfeeds = ["partnr"]\nmark = 1',
            "sets.x.feeds: no feed 'partnr'; did you mean 'partner'? known: aol, ",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]',
            "sets.aol.mark: is missing: the firewall mark, for example 1",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]\nmark = 0',
            "sets.aol.mark: must be a whole number from 1 to 4294967295, and is 0",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]\nmark = 0x100000000',
            "sets.aol.mark: must be a whole number from 1 to 4294967295, and is 4294967296",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]\nmark = true',
            "sets.aol.mark: must be a whole number from 1 to 4294967295, and is True",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]\nmark = 1.0',
            "sets.aol.mark: must be a whole number from 1 to 4294967295, and is 1.0",
        ),
        (
            '[sets.aol]\nfeeds = ["aol"]\nmark = 0x100\nmask = 0xff',
            "sets.aol.mark: 0x100 has bits outside the mask 0xff",
        ),
        (
            f"{AOL}mask = 0",
            "sets.aol.mask: must be a whole number from 1 to 4294967295, and is 0",
        ),
        (f'{AOL}backend = "nft"', "sets.aol.backend: must be one of ipset, nftables"),
        (
            f'{AOL}backend = "nftables"\nrule = false',
            "sets.aol.rule: must be true with nftables: a rule sees only the sets of its table",
        ),
        (f'{AOL}rule = "no"', "sets.aol.rule: must be true or false, and is 'no'"),
        (
            f'{AOL}exclude = ["64.12.96.0/33"]',
            "sets.aol.exclude: must be a list of prefixes: "
            "row 1: '64.12.96.0/33' has a prefix length above 32",
        ),
        (
            f'{AOL}real_servers = ["192.0.2.11", "web1"]',
            "sets.aol.real_servers: must be a list of prefixes: "
            "row 2: 'web1' is not a full IPv4 or IPv6 address",
        ),
        (
            f'{AOL}protect = "192.0.2.0/24"',
            "sets.aol.protect: must be a list of texts, and is a text",
        ),
        (
            f'{AOL}virtual = ["192.0.2.80:80"]\nfamilies = [4, 6]',
            "sets.aol.families: names a family without a virtual service",
        ),
        (f"{AOL}families = [5]", "sets.aol.families: must be [4], [6] or [4, 6], and is [5]"),
        (f"{AOL}families = [4.0]", "sets.aol.families: must be [4], [6] or [4, 6], and is [4.0]"),
        (f"{AOL}families = []", "sets.aol.families: must be [4], [6] or [4, 6], and is []"),
        (f"{AOL}families = 4", "sets.aol.families: must be [4], [6] or [4, 6], and is 4"),
        (
            f"{AOL}virtuals = []",
            "sets.aol.virtuals: is not known; did you mean 'virtual'?",
        ),
        (
            f'{AOL}[sets.other]\nfeeds = ["aol"]\nmark = 1',
            "sets.other.mark: 1 is a mark of sets.aol",
        ),
        (f"{PARTNER}max_grow = 1", "feeds.partner.max_grow: is not known; did you mean"),
        (
            f'{PARTNER}html.headings = ["x"]',
            "feeds.partner.html.headings: is not known; did you mean 'heading'?",
        ),
        (f"{PARTNER}allow = [1]", "feeds.partner.allow: must be a text, and is a number"),
        (
            f"{PARTNER}widest_ipv4 = 1",
            "feeds.partner.widest_ipv4: must be a whole number from 2 to 32, and is 1",
        ),
        (
            f"{PARTNER}widest_ipv6 = 129",
            "feeds.partner.widest_ipv6: must be a whole number from 2 to 128, and is 129",
        ),
        (f'{PARTNER}deadline = "0s"', "feeds.partner.deadline: must be longer than nothing"),
        (
            f'{AOL}[feeds.new]\nformat = "html"\nhtml.selector = "main"',
            "feeds.new.url: is missing",
        ),
        (
            f'{AOL}[feeds.new]\nurls = []\nformat = "html"\nhtml.selector = "main"',
            "feeds.new.urls: must not be empty, and is []",
        ),
        (
            f'{PARTNER}urls = ["https://lists.example.net/other"]',
            "feeds.partner.url: is given together with urls: one of the two",
        ),
        (
            f'{AOL}[feeds.new]\nurl = "https://h.example/"\nhtml.selector = "main"',
            "feeds.new.format: is missing; one of html",
        ),
        (
            f'{AOL}[feeds.new]\nurl = "https://h.example/"\nformat = "yaml"',
            "feeds.new.format: must be one of html, text, csv, json, inline, and is 'yaml'",
        ),
        (
            f'{AOL}[feeds.new]\nurl = "https://h.example/"\nformat = "html"',
            "feeds.new.html: needs `heading` or `selector` to tell the list from the page",
        ),
        (
            f'{AOL}[feeds.aol]\nurls = ["https://h.example/", "gopher://h.example/"]',
            "feeds.aol.urls: number 2 must be a http:, https: or file: URL",
        ),
        (
            f'{AOL}[alerts]\nto = "mailto://localhost"',
            "alerts.to: must be a list of texts, and is a text",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_alone(text: str, mistake: str) -> None:
    (found,) = mistakes(text)

    assert found.startswith(mistake)


@pytest.mark.parametrize(
    "value", ['"10"', '"-1 %"', '"ten %"', '"٥ %"', '"1e3 %"', '"10 %%"', "0.1", "10", "true"]
)
def test_a_share_is_a_number_and_a_percent_sign(value: str) -> None:
    (found,) = mistakes(f"{PARTNER}max_growth = {value}")

    assert found.startswith('feeds.partner.max_growth: must be a share such as "10 %", and is ')


@pytest.mark.parametrize("value", ['"3"', '"3 months"', '"-1d"', '"1.5h"', '"٣d"', '"1d12h"', "3"])
def test_a_time_is_a_whole_number_and_a_unit(value: str) -> None:
    (found,) = mistakes(f"{PARTNER}max_age = {value}")

    assert found.startswith('feeds.partner.max_age: must be a time such as "30m", "48h" or "3d"')


@pytest.mark.parametrize(
    "value", ["0", "-1", '"0"', '"8 MB"', '"٨ MiB"', '"1.5 MiB"', "true", "8.0"]
)
def test_a_size_is_a_number_of_bytes_above_none(value: str) -> None:
    (found,) = mistakes(f"{PARTNER}max_bytes = {value}")

    assert found.startswith('feeds.partner.max_bytes: must be a size such as 4096 or "64 MiB"')


@pytest.mark.parametrize(
    "service",
    ["192.0.2.80", "192.0.2.80:", "192.0.2.80:0", "192.0.2.80:65536", "192.0.2.80:http",
     "192.0.2.80:80/icmp", "192.0.2.80:80/", "192.0.2:80", "web.example.net:80", ":80",
     "2001:db8::80:80", "[2001:db8::80]", "[2001:db8::80]:", "[192.0.2.80]:80", "[fe80::1%eth0]:80",
     "192.0.2.80:٨٠", "192.0.2.0/24:80"],
)  # fmt: skip
def test_a_virtual_service_is_an_address_and_a_port(service: str) -> None:
    (found,) = mistakes(f'{AOL}virtual = ["192.0.2.1:80", "{service}"]')

    assert found.startswith("sets.aol.virtual: must be a list of services such as")
    assert service in found


@pytest.mark.parametrize(
    "url",
    ["lists.example.net/egress", "//lists.example.net/", "https:/lists.example.net", "https://",
     "https://[2001:db8::1/", "https://lists.example.net:99999/", "https://lists.example.net:x/",
     "https://lists.example.net:0/", "ftp://lists.example.net/", "mailto:ops@example.net"],
)  # fmt: skip
def test_a_url_names_a_scheme_that_is_served_and_a_host(url: str) -> None:
    (found,) = mistakes(f'{AOL}[feeds.aol]\nurl = "{url}"')

    assert found == "feeds.aol.url: must be a http:, https: or file: URL"


def test_all_mistakes_are_told_at_once_and_in_one_message() -> None:
    text = """
        apply = "sometimes"
        [feeds.partner]
        max_grow = "5 %"
        [sets.one]
        feeds = ["nobody"]
        mark = 1
        [sets.two]
        mark = 1
        mask = "ff"
        [alerts]
        to = 5
    """

    with pytest.raises(ConfigError) as caught:
        read(text)

    assert [mistake.partition(":")[0] for mistake in caught.value.mistakes] == [
        "apply",
        "sets.two.feeds",
        "sets.two.mask",
        "feeds.partner.url",
        "feeds.partner.format",
        "feeds.partner.max_grow",
        "sets.one.feeds",
        "alerts.to",
        "sets.two.mark",
    ]
    assert caught.value.message.splitlines() == [
        "proxyfeed.toml has 9 mistakes:",
        *(f"  {mistake}" for mistake in caught.value.mistakes),
    ]
    assert caught.value.exit_code == 2


def test_marks_that_are_missing_are_not_taken_for_the_same() -> None:
    found = mistakes('[sets.a]\nfeeds = ["aol"]\n[sets.b]\nfeeds = ["aol"]\n')

    assert found == [
        f"sets.{name}.mark: is missing: the firewall mark, for example 1" for name in "ab"
    ]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
        lambda marks: {f"set{n}": mark for n, mark in enumerate(marks)}
    )
)
@settings(deadline=None)
def test_two_sets_never_share_a_mark(marks: dict[str, int]) -> None:
    tables = {name: {"feeds": ["aol"], "mark": mark} for name, mark in marks.items()}
    try:
        found: tuple[str, ...] = ()
        parse({"sets": tables}, "proxyfeed.toml", STATE, FOLDER)
    except ConfigError as exc:
        found = exc.mistakes

    assert len(found) == len(marks) - len(set(marks.values()))


# ---------------------------------------------------------------- files that cannot be read


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"apply = auto", "is not TOML: Invalid value (at line 1"),
        (b"\xff\xfe", "is not TOML: 'utf-8' codec can't decode byte 0xff"),
        (b"mark = " + b"9" * 5000, "is not TOML: Exceeds the limit"),
    ],
)
def test_a_file_that_is_not_toml_is_a_mistake_of_its_own(
    content: bytes, what: str, tmp_path: Path
) -> None:
    path = tmp_path / "proxyfeed.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load(path, STATE)

    assert caught.value.mistakes[0].startswith(what)
    assert str(path) in caught.value.message
    assert caught.value.hint == f"mend {path}, then: proxyfeed config"


def test_a_file_that_is_not_there_is_told_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "proxyfeed.toml", STATE)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, STATE)


# ---------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "text",
    [
        'database = ["postgresql://ops:s3cret@db/lists"]',
        'database = {url = "postgresql://ops:s3cret@db/lists"}',
        'feeds = "https://ops:s3cret@h.example/"',
        'feeds.partner = "https://ops:s3cret@h.example/"',
        '[feeds.partner]\nurl = "https//ops:s3cret@h.example/"',
        '[feeds.partner]\nurl = "htps://ops:s3cret@h.example/"',
        '[feeds.partner]\nurl = "https://ops:s3cret@h.example:port/"',
        '[feeds.partner]\nurl = ["https://ops:s3cret@h.example/"]',
        '[feeds.partner]\nurls = "https://ops:s3cret@h.example/"',
        '[feeds.partner]\nurls = ["https://h.example", ["https://ops:s3cret@h.example/"]]',
        '[feeds.partner]\nurls = ["ops:s3cret@h.example/"]',
        '[sets.aol]\nfeeds = "https://ops:s3cret@h.example/"',
        '[sets.aol]\nfeeds = ["https://ops:s3cret@h.example/list"]',
        '[sets.aol]\nfeeds = ["https://h.example/list?key=s3cret"]',
        'alerts = "mailto://ops:s3cret@mail.example.net"',
        '[alerts]\nto = "mailto://ops:s3cret@mail.example.net"',
        '[alerts]\nto = "slack:/s3cret/token"',
        '[alerts]\nto = [["slack://s3cret/token"]]',
        '[alerts]\nto = ["slack://s3cret/token", 5]',
    ],
)
def test_a_password_is_not_echoed_however_it_is_misplaced(text: str) -> None:
    found = mistakes(text)

    assert found
    assert "s3cret" not in "\n".join(found)


def test_a_password_on_a_line_that_is_not_toml_is_not_echoed(tmp_path: Path) -> None:
    path = tmp_path / "proxyfeed.toml"
    path.write_text("to = [mailto://ops:s3cret@mail.example.net]", "utf-8")

    with pytest.raises(ConfigError) as caught:
        load(path, STATE)

    assert "s3cret" not in f"{caught.value}{caught.value.hint}"


def test_the_secrets_of_a_configuration_are_not_in_its_repr() -> None:
    config = read(
        f"""
        database = "postgresql://ops:s3cret@db/lists"
        {AOL}
        [feeds.aol]
        url = "https://ops:s3cret@h.example/?key=s3cret"
        [alerts]
        to = ["slack://s3cret/token"]
        """
    )

    assert "s3cret" in "".join([config.database, *config.feeds["aol"].urls, *config.alerts.to])
    assert "s3cret" not in repr(config)


# ---------------------------------------------------------------- the example


def test_the_example_is_the_built_in_configuration() -> None:
    example, built_in = load(EXAMPLE, STATE), load(None, STATE)

    assert (example.sets, example.feeds) == (built_in.sets, built_in.feeds)
    assert (example.apply, example.alerts) == (built_in.apply, built_in.alerts)
    assert example.database == built_in.database


def test_the_example_is_without_mistakes_when_every_line_of_it_counts(tmp_path: Path) -> None:
    (tmp_path / "catalog.toml").write_text("")
    text = EXAMPLE.read_text("utf-8")
    # "#mark = 1" is a setting that is switched off, "# A set is" a comment.
    whole = re.sub(r"^#(?=[\[a-z])", "", text, flags=re.MULTILINE)

    config = parse(tomllib.loads(whole), "proxyfeed.toml", STATE, tmp_path)

    assert whole.count("\n#") < text.count("\n#")
    assert not re.search(r"^#[^ ]", whole, flags=re.MULTILINE)
    assert config.feeds["partner"].rules.selector == "main"
    assert {feed.format for feed in config.feeds.values()} == set(FORMATS)
    assert config.sets["aol"].virtual
    assert config.lvs["aol"].check.path == "/alive"
    assert config.sets["relay"].marks == (11, 12, 13)
    assert not config.sets["aol"].install_rule
    assert config.alerts.to


# ---------------------------------------------------------------- anything at all


KEYS = st.sampled_from(
    ["feeds", "mark", "mask", "virtual", "exclude", "protect", "families", "rule", "url", "urls",
     "format", "html", "heading", "selector", "max_growth", "max_age", "max_bytes", "allow",
     "deadline", "widest_ipv4", "note", "text", "csv", "json", "inline", "column", "label", "path",
     "paths", "prefix", "lines", "metadata", "records", "stamp", "delimiter", "prefixes", "dated",
     "max_rejected", "may_be_empty", "hold_removals", "expire_after", "kind", "checked", "to",
     "repeat_after", "lvs", "servers", "marked", "fallback", "check", "port", "aol", "xyzzy"]
)  # fmt: skip
SCALARS = (
    st.sampled_from(["", "aol", "html", "text", "csv", "json", "inline", "a[].b",
                     "a[", "5 %", "3d", "1 MiB", "192.0.2.80:80", "64.12.96.0/19",
                     "https://h.example/", "https://[", "file:x", "file:", "sqlite:///x"])
    | st.integers(-1, 2**32)
    | st.floats()
    | st.booleans()
    | st.dates()
    | st.text(max_size=5)
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


@given(
    st.fixed_dictionaries(
        {"sets": st.dictionaries(KEYS, VALUES | TABLES, max_size=2) | VALUES},
        optional={
            "feeds": st.dictionaries(KEYS, VALUES | TABLES, max_size=2) | VALUES,
            "alerts": TABLES | VALUES,
            "database": VALUES,
            "apply": VALUES,
        },
    )
)
@settings(deadline=None)
def test_whatever_a_file_says_is_a_configuration_or_a_list_of_mistakes(
    values: dict[str, Any],
) -> None:
    try:
        outcome: object = parse(values, "proxyfeed.toml", STATE, FOLDER).sets
    except ConfigError as exc:
        outcome = exc.mistakes

    assert outcome
