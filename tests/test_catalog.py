"""
The catalogue against the facts: real bodies where they are at hand, else samples of their shape.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jmespath
import pytest

from proxyfeed.catalog import catalog
from proxyfeed.config.feeds import read_known_feed
from proxyfeed.errors import BadPrefix, ReadError
from proxyfeed.guard import judge
from proxyfeed.model import Body, Kind, Limits
from proxyfeed.notation import read_prefix
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources import read
from proxyfeed.table import duration, share

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT.parent / "shared" / "data"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published lists in {PUBLISHED}")

Entry = dict[str, Any]
CATALOG: dict[str, Entry] = tomllib.loads((ROOT / "src/proxyfeed/catalog.toml").read_text("utf-8"))

FORMATS = ("html", "text", "csv", "json", "inline")
CDNS = {"aws-cloudfront", "cloudflare", "fastly"}
CLOUDS = {
    "zscaler": "zscaler.net",
    "zscaler-one": "zscalerone.net",
    "zscaler-two": "zscalertwo.net",
    "zscaler-three": "zscalerthree.net",
    "zscaler-zscloud": "zscloud.net",
    "zscaler-beta": "zscalerbeta.net",
    "zscaler-gov": "zscalergov.net",
}
# Cron is late by up to 30 minutes one night and not the next.
LONGEST_INTERVAL = duration("20h")

ENTRIES = sorted(CATALOG)
JSON = sorted(name for name, entry in CATALOG.items() if entry["format"] == "json")
INLINE = sorted(name for name, entry in CATALOG.items() if entry["format"] == "inline")


def urls(entry: Entry) -> list[str]:
    return [*entry.get("urls", []), *([entry["url"]] if "url" in entry else [])]


def expressions(entry: Entry) -> list[str]:
    rules = entry["json"]
    return rules.get("paths") or [rules["path"]]


def rows(entry: Entry, document: Any) -> list[Any]:
    """
    What the entry's expressions give of *document*, in its order.
    """
    prefix = entry["json"].get("prefix")
    found = [row for path in expressions(entry) for row in jmespath.search(path, document)]
    return [jmespath.search(prefix, row) if prefix else row for row in found]


def limits(entry: Entry) -> Limits:
    usual = Limits()
    return Limits(
        growth=share(entry["max_growth"]) if "max_growth" in entry else usual.growth,
        shrink=share(entry["max_shrink"]) if "max_shrink" in entry else usual.shrink,
        widest_ipv4=entry.get("widest_ipv4", usual.widest_ipv4),
        widest_ipv6=entry.get("widest_ipv6", usual.widest_ipv6),
        allow=PrefixSet.parse(entry.get("allow", [])),
    )


# ---------------------------------------------------------------- what every entry says


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_says_whose_addresses_these_are_and_how_that_is_known(name: str) -> None:
    entry = CATALOG[name]

    for key in ("note", "good_for", "changes", "facts"):
        assert entry[key].strip() == entry[key] != "", key
        assert entry[key].isprintable(), key
    assert entry["kind"] in list(Kind)
    assert type(entry["checked"]) is date


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_is_read_in_one_format_only(name: str) -> None:
    entry = CATALOG[name]

    assert entry["format"] in FORMATS
    assert {key for key in FORMATS if key in entry} <= {entry["format"]}


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_has_urls_unless_its_list_stands_in_it(name: str) -> None:
    assert bool(urls(CATALOG[name])) == (CATALOG[name]["format"] != "inline")


@pytest.mark.parametrize("name", sorted(set(ENTRIES) - {"aol"}))
def test_every_list_that_is_still_published_is_fetched_by_https(name: str) -> None:
    for url in urls(CATALOG[name]):
        parts = urlsplit(url)
        assert parts.scheme == "https"
        assert parts.hostname
        assert not parts.username


def test_exactly_the_cdns_are_said_to_be_everyone_behind_one() -> None:
    assert {name for name in CATALOG if CATALOG[name]["kind"] == Kind.CDN} == CDNS


def test_no_interval_skips_a_nightly_run() -> None:
    intervals = {
        name: duration(entry["min_interval"])
        for name, entry in CATALOG.items()
        if "min_interval" in entry
    }

    assert intervals
    assert {name: one for name, one in intervals.items() if one > LONGEST_INTERVAL} == {}


def test_no_two_entries_ask_the_same_url() -> None:
    asked = [url for entry in CATALOG.values() for url in urls(entry)]

    assert len(asked) == len(set(asked))


def test_the_catalogue_that_the_program_reads_is_this_file() -> None:
    assert catalog().keys() == CATALOG.keys()


# ---------------------------------------------------------------- lists that stand in the catalogue


@pytest.mark.parametrize("name", INLINE)
def test_a_list_in_the_catalogue_is_dated_and_was_looked_at_since(name: str) -> None:
    entry = CATALOG[name]

    assert type(entry["dated"]) is date
    assert entry["dated"] <= entry["checked"]


@pytest.mark.parametrize("name", INLINE)
def test_a_list_in_the_catalogue_passes_its_own_limits(name: str) -> None:
    entry = CATALOG[name]

    assert judge(PrefixSet.parse(entry["prefixes"]), limits(entry), PrefixSet()) == ()


@pytest.mark.parametrize("name", INLINE)
def test_a_list_in_the_catalogue_is_written_in_the_fewest_prefixes(name: str) -> None:
    written = CATALOG[name]["prefixes"]

    assert not any(read_prefix(row).is_masked for row in written)
    assert list(PrefixSet.parse(written).lines()) == written


# ---------------------------------------------------------------- JSON expressions


def cenr(cloud: str) -> Any:
    """
    A document of the shape of Zscaler's: two spellings of its keys, and what is not wanted.
    """
    node = {"vpn": "", "gre": "", "hostname": "", "latitude": "24.45", "longitude": "54.37"}
    return {
        cloud: {
            "continent : EMEA": {
                "city : Abu Dhabi I": [{"range": "147.161.174.0/23", **node}],
                "city : Amsterdam II": [
                    {"range": "147.161.172.0/23", **node},
                    {"range": "2a03:eec0:3900::/40", **node},
                ],
            },
            "continent :_Americas": {
                "city :_Boston I": [{"range": "136.226.70.0/23", **node, "gre": "136.226.70.20"}]
            },
        },
        "svpnIPs": ["185.46.212.74", "2a03:eec0:1211::30"],
    }


def each_range(document: Any) -> Iterator[str]:
    for cloud in document.values():
        if isinstance(cloud, dict):
            for continent in cloud.values():
                for city in continent.values():
                    yield from (node["range"] for node in city)


@pytest.mark.parametrize(("name", "cloud"), CLOUDS.items())
def test_every_range_of_a_zscaler_cloud_is_read(name: str, cloud: str) -> None:
    document = cenr(cloud)

    read = rows(CATALOG[name], document)

    assert read == list(each_range(document))
    assert len(read) == 4


@pytest.mark.parametrize(("name", "cloud"), CLOUDS.items())
def test_a_zscaler_node_without_a_range_is_refused(name: str, cloud: str) -> None:
    document = cenr(cloud)
    del document[cloud]["continent : EMEA"]["city : Abu Dhabi I"][0]["range"]

    with pytest.raises(ReadError, match="1 of 4 rows are no prefixes"):
        read(read_known_feed(name, catalog()), Body(json.dumps(document).encode()))


@pytest.mark.parametrize(("name", "cloud"), CLOUDS.items())
def test_the_document_of_another_zscaler_cloud_is_refused(name: str, cloud: str) -> None:
    document = json.dumps(cenr("another.net")).encode()

    assert cloud in urlsplit(CATALOG[name]["url"]).path
    with pytest.raises(ReadError):
        read(read_known_feed(name, catalog()), Body(document))


def test_both_families_of_cloudflare_are_read() -> None:
    document = {
        "result": {
            "ipv4_cidrs": ["173.245.48.0/20", "103.21.244.0/22"],
            "ipv6_cidrs": ["2400:cb00::/32"],
            "etag": "38f79d050aa027e3be3865e495dcc9bc",
        },
        "success": True,
        "errors": [],
        "messages": [],
    }

    expected = ["173.245.48.0/20", "103.21.244.0/22", "2400:cb00::/32"]
    assert rows(CATALOG["cloudflare"], document) == expected


def each_origin_server(document: Any) -> Iterator[str]:
    for listed, key in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for row in document[listed]:
            if row["service"] == "CLOUDFRONT_ORIGIN_FACING":
                yield row[key]


def each_google(document: Any) -> Iterator[str]:
    for row in document["prefixes"]:
        yield from (row[key] for key in ("ipv4Prefix", "ipv6Prefix") if key in row)


# Name, body, a naive reading of it, and how many rows that finds.
Naive = Callable[[Any], Any]
REAL_JSON: list[tuple[str, str, Naive, int]] = [
    ("aws-cloudfront", "aws/ip-ranges-2026-08-22T1037-flap-on.json", each_origin_server, 49),
    ("fastly", "fastly/public-ip-list.json", lambda d: d["addresses"] + d["ipv6_addresses"], 21),
    ("github-actions", "github/meta-2025-07-20.json", lambda d: d["actions"], 5307),
    ("google", "google/cloud-2025-07-24.json", each_google, 782),
    ("zscaler-hubs", "zscaler/hubs-recommended-2025-06-30.json", lambda d: d["hubPrefixes"], 80),
]


def test_every_json_entry_is_tried_on_a_document() -> None:
    assert {*CLOUDS, "cloudflare", *(name for name, *_ in REAL_JSON)} == set(JSON)


@published
@pytest.mark.parametrize(("name", "body", "naive", "count"), REAL_JSON)
def test_the_expressions_give_what_a_naive_reading_gives(
    name: str, body: str, naive: Naive, count: int
) -> None:
    document = json.loads((PUBLISHED / body).read_text("utf-8"))

    read = rows(CATALOG[name], document)

    assert read == list(naive(document))
    assert len(read) == count


@published
@pytest.mark.parametrize(
    ("name", "body", "stamp"),
    [
        (
            "aws-cloudfront",
            "aws/ip-ranges-2026-08-22T1037-flap-on.json",
            datetime(2026, 8, 22, 10, 37, 5, tzinfo=UTC),
        ),
        (
            "google",
            "google/cloud-2025-07-24.json",
            datetime(2025, 7, 24, 14, 6, 55, 660_000, tzinfo=UTC),
        ),
        (
            "t-mobile-us",
            "tmobile/tmus-geofeed-2026-01-06-0.geofeed.txt",
            datetime(2026, 1, 2, 9, 11, 28, tzinfo=UTC),
        ),
    ],
)
def test_upstreams_time_is_found_where_the_entry_says(
    name: str, body: str, stamp: datetime
) -> None:
    feed = read_known_feed(name, catalog())

    assert read(feed, Body((PUBLISHED / body).read_bytes())).stamp == stamp


# ---------------------------------------------------------------- limits and real contents


def real(name: str, *bodies: str) -> list[str]:
    """
    The rows of published bodies, read as simply as their format allows.
    """
    texts = [(PUBLISHED / body).read_text("utf-8") for body in bodies]
    if CATALOG[name]["format"] == "json" and bodies[0].endswith(".json"):
        return [row for text in texts for row in rows(CATALOG[name], json.loads(text))]
    lines = [line for text in texts for line in text.splitlines()]
    return [line.split(",")[0] for line in lines if line and not line.startswith("#")]


def sound(written: list[str]) -> tuple[PrefixSet, int]:
    """
    The content of *written*, and how many of its rows are no prefixes.
    """
    good = []
    for row in written:
        try:
            read_prefix(row)
        except BadPrefix:
            continue
        good.append(row)
    return PrefixSet.parse(good), len(written) - len(good)


REAL: list[tuple[str, tuple[str, ...]]] = [
    ("cloudflare", ("cloudflare/ips-v4.txt", "cloudflare/ips-v6.txt")),
    ("icloud-private-relay", ("icloud/SYNTHETIC-SCALE-egress-2026-08-17.csv",)),
    ("starlink", ("starlink/starlink.txt",)),
    ("t-mobile-us", ("tmobile/tmus-geofeed-2023-02-14-40.geofeed.txt",)),
    ("t-mobile-us", ("tmobile/tmus-geofeed-2026-01-06-0.geofeed.txt",)),
    ("tor-exits", ("tor/exit-nodes-2024-02-25.lst",)),
    ("zscaler-hubs", ("zscaler/hubs-recommended-2024-07-27.json",)),
    *((name, (body,)) for name, body, _, _ in REAL_JSON),
]


@published
@pytest.mark.parametrize(
    ("name", "body"), [(name, bodies[0]) for name, bodies in REAL if name != "cloudflare"]
)
def test_a_real_body_is_read_as_a_naive_reading_does(name: str, body: str) -> None:
    written = real(name, body)
    content, rejected = sound(written)

    listing = read(read_known_feed(name, catalog()), Body((PUBLISHED / body).read_bytes()))

    assert listing.prefixes == content
    assert (listing.rows, listing.rejections) == (len(written), rejected)


@published
@pytest.mark.parametrize(("name", "bodies"), REAL)
def test_the_limits_hold_nothing_of_a_real_body(name: str, bodies: tuple[str, ...]) -> None:
    entry = CATALOG[name]

    content, rejected = sound(real(name, *bodies))

    assert judge(content, limits(entry), PrefixSet()) == ()
    assert rejected <= entry.get("max_rejected", 0)


@published
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (
            "icloud-private-relay",
            "icloud/ipv4-raw-2026-08-03.txt",
            "icloud/ipv4-raw-2026-08-17.txt",
        ),
        ("tor-exits", "tor/exit-nodes-2024-02-25.lst", "tor/exit-nodes-2024-02-26.lst"),
    ],
)
def test_the_limits_hold_nothing_of_a_real_change(name: str, old: str, new: str) -> None:
    before, _ = sound(real(name, old))
    after, _ = sound(real(name, new))

    assert judge(after, limits(CATALOG[name]), PrefixSet(), (("the last one", before),)) == ()


def test_one_more_network_is_no_absurd_growth_of_the_smallest_zscaler_cloud() -> None:
    eight = PrefixSet.parse(f"165.225.{number}.0/24" for number in range(8))
    nine = eight | PrefixSet.parse(["136.226.70.0/24"])

    assert (
        judge(nine, limits(CATALOG["zscaler-one"]), PrefixSet(), (("the last one", eight),)) == ()
    )
