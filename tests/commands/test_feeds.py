"""
``feeds``: what is known by name, and a try that stores nothing.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.commands.director import ONE_FEED, Director, page, rows
from tests.commands.director import transport as quiet_transport
from tests.servers import HttpServer, response

from proxyfeed.commands.feeds import list_feeds, show_feed, try_feed
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import FeedsResult, Outcome, TryResult
from proxyfeed.report import as_json, as_text
from proxyfeed.sources import read
from proxyfeed.sources.fetch import fetch


def try_it(director: Director, target: str, **written: Any) -> Outcome:
    look = partial(fetch, transport=quiet_transport())
    return try_feed(director.config, look, read, director.now, target, written)


def saved(director: Director, name: str, content: str | bytes) -> str:
    path = director.folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path.as_uri()


def result_of(outcome: Outcome) -> TryResult:
    assert isinstance(outcome.result, TryResult)
    return outcome.result


# ---------------------------------------------------------------- what is known


def test_every_known_feed_is_listed_with_what_it_is_good_for(director: Director) -> None:
    outcome = list_feeds(director.config)

    assert isinstance(outcome.result, FeedsResult)
    names = [entry.feed.name for entry in outcome.result.feeds]
    assert {"aol", "icloud-private-relay", "zscaler", "cloudflare"} <= set(names)
    text = as_text(outcome)
    for entry in outcome.result.feeds:
        if entry.feed.name != "aol":  # which this configuration describes by itself
            assert entry.feed.about.good_for in text


def test_ranges_of_a_cdn_are_marked_as_everyone_behind_it(director: Director) -> None:
    lines = as_text(list_feeds(director.config)).splitlines()

    marked = {line.split()[0] for line in lines if "everyone behind this CDN" in line}
    assert marked == {"aws-cloudfront", "cloudflare", "fastly"}


def test_the_list_says_which_set_takes_a_feed(director: Director) -> None:
    assert "[in set aol]" in as_text(list_feeds(director.config))


def test_all_that_is_known_of_a_feed_can_be_seen(director: Director) -> None:
    text = as_text(show_feed(director.config, "icloud-private-relay"))

    for shown in (
        "https://mask-api.icloud.com/egress-ip-ranges.csv",
        "csv",
        "about weekly",
        "https://developer.apple.com/",
        "2026-11-22",
        "etag",
    ):
        assert shown in text


def test_a_feed_that_nobody_knows_is_told_with_the_nearest_name(director: Director) -> None:
    with pytest.raises(OperatorMistake, match="no feed 'zscalr'; did you mean 'zscaler'"):
        show_feed(director.config, "zscalr")


def test_no_secret_of_a_url_is_shown(director: Director) -> None:
    director.configure(ONE_FEED.replace("file:aol.html", "https://joe:hunter2@h.example/aol.html"))

    for outcome in (list_feeds(director.config), show_feed(director.config, "aol")):
        assert "hunter2" not in as_text(outcome) + as_json(outcome)


# ---------------------------------------------------------------- a try


def test_a_known_feed_is_tried_by_its_name(director: Director) -> None:
    director.publish(*rows(40))

    outcome = try_it(director, "aol")

    assert outcome.exit_code == 0
    assert "IPv4: 2 prefixes, /19 to /21, 10,240 addresses" in as_text(outcome)
    assert director.versions() == []
    assert director.store.attempts("aol", 10) == ()


def test_a_try_counts_rows_and_names_those_that_are_no_prefixes(director: Director) -> None:
    director.configure(
        ONE_FEED.replace('format = "html"', 'format = "text"\nmax_rejected = 2').replace(
            'html.heading = ["proxies"]', ""
        )
    )
    director.publish(body=b"20.0.0.0/24\n208.54.144/32\n20.0.1.1/24\n")

    text = as_text(try_it(director, "aol"))

    assert "read as text: 3 rows, 1 prefixes, 1 rejected" in text
    assert "line 2: '208.54.144/32' is not a full IPv4 or IPv6 address" in text
    assert "line 3: 20.0.1.1/24" in text


def test_a_try_says_what_the_guard_would_hold(director: Director) -> None:
    director.publish(*rows(40), "10.0.0.0/8")

    outcome = try_it(director, "aol")

    assert outcome.exit_code == 4
    assert "special-purpose" in as_text(outcome)


def test_a_try_that_reads_nothing_says_why(director: Director) -> None:
    url = saved(director, "list.txt", "no list\n")

    outcome = try_it(director, url)

    assert outcome.exit_code == 3
    assert result_of(outcome).listing is None
    assert "not a list" in outcome.problems[0].message
    assert "'no list' is not a full IPv4 or IPv6 address" in outcome.problems[0].message


def test_a_url_that_a_feed_has_is_read_as_that_feed(director: Director) -> None:
    director.publish(*rows(40))

    outcome = try_it(director, director.config.feeds["aol"].urls[0])

    assert result_of(outcome).feed.name == "aol"
    assert not result_of(outcome).is_new


@pytest.mark.parametrize(
    ("content", "written", "lines"),
    [
        ("# a list\n20.0.0.0/24\n", {}, ['format = "text"']),
        ("20.0.0.0/24,US,,,\n", {}, ['format = "csv"']),
        (
            "range,cc\n20.0.0.0/24,US\n",
            {"format": "csv", "csv": {"column": "range"}},
            ['format = "csv"', 'column = "range"'],
        ),
        (
            '{"ranges": [{"cidr": "20.0.0.0/24"}]}',
            {"format": "json", "json": {"paths": ["ranges[]"], "prefix": "cidr"}},
            ['format = "json"', 'paths = ["ranges[]"]', 'prefix = "cidr"'],
        ),
        (
            '{"cidr": "20.0.0.0/24"}\n{"cidr": "20.0.1.0/24"}\n',
            {"format": "json", "json": {"paths": ["cidr"]}},
            ["lines = true"],
        ),
        (
            page("20.0.0.0/24").decode(),
            {"format": "html", "html": {"heading": ["proxies"]}},
            ['format = "html"', 'heading = ["proxies"]'],
        ),
    ],
)
def test_a_url_that_no_feed_has_is_read_and_the_table_to_write_is_printed(
    director: Director, content: str, written: dict[str, Any], lines: list[str]
) -> None:
    url = saved(director, "list", content)

    outcome = try_it(director, url, **written)

    assert outcome.exit_code == 0, outcome.problems
    text = as_text(outcome)
    assert "[feeds.new]" in text
    for line in lines:
        assert f"  {line}\n" in text


def test_the_table_that_is_printed_is_a_configuration(director: Director) -> None:
    url = saved(director, "list", '{"a b": ["20.0.0.0/24"], "c": 1}')
    outcome = try_it(director, url, format="json", json={"paths": ['"a b"']})

    table = as_text(outcome).partition("to keep it, write:")[2]
    director.configure(f"{table}\n[sets.x]\nfeeds = ['new']\nmark = 1\n")

    assert director.config.feeds["new"].rules == result_of(outcome).feed.rules


def test_a_json_document_without_a_path_is_a_mistake_that_says_so(director: Director) -> None:
    url = saved(director, "list.json", '{"ranges": []}')

    with pytest.raises(OperatorMistake, match="its keys are 'ranges'") as caught:
        try_it(director, url)

    assert "--path" in caught.value.hint


def test_how_to_read_a_known_feed_cannot_be_said_otherwise(director: Director) -> None:
    with pytest.raises(OperatorMistake, match="is in its table"):
        try_it(director, "aol", format="text")


def test_a_url_that_cannot_be_fetched_is_a_failure_and_no_guess(director: Director) -> None:
    outcome = try_it(director, (director.folder / "none.txt").as_uri())

    assert outcome.exit_code == 3
    assert "no file" in outcome.problems[0].message


def test_labels_are_counted(director: Director) -> None:
    url = saved(director, "geo.csv", "20.0.0.0/24,US\n20.0.1.0/24,DE\n21.0.0.0/24,US\n")

    text = as_text(try_it(director, url, format="csv", csv={"label": {"country": 2}}))

    assert "label country: 2 of them" in text
    assert "US          2 prefixes, 512 IPv4 + 0 IPv6 addresses" in text


def test_the_document_of_a_try_is_json(director: Director) -> None:
    director.publish(*rows(40))

    document = json.loads(as_json(try_it(director, "aol")))

    assert document["data"]["listing"]["prefixes"]["addresses_ipv4"] == 40 * 256
    assert Path(document["data"]["feed"]["urls"][0]).name == "aol.html"


# ---------------------------------------------------------------- whose it is, and what it says


def test_a_feed_is_shown_with_the_sets_that_take_it_and_no_other(director: Director) -> None:
    director.configure(ONE_FEED + '[sets.two]\nfeeds = ["aol"]\nmark = 2\n')

    assert as_text(show_feed(director.config, "aol")).startswith("feed aol (in set aol, two)\n")
    assert as_text(show_feed(director.config, "fastly")).startswith("feed fastly (in no set)\n")


def test_a_feed_that_nobody_knows_is_told_without_what_may_be_a_password(
    director: Director,
) -> None:
    with pytest.raises(OperatorMistake) as caught:
        show_feed(director.config, "joe:hunter2@h.example/list")

    assert "hunter2" not in str(caught.value)


def test_a_known_feed_is_tried_at_all_of_its_urls_and_a_url_alone(director: Director) -> None:
    urls = f'urls = ["{(director.folder / "none.html").as_uri()}", "file:aol.html"]'
    director.configure(ONE_FEED.replace('url = "file:aol.html"', urls))
    director.publish(*rows(40))
    first, _ = director.config.feeds["aol"].urls

    assert try_it(director, "aol").exit_code == 0
    alone = try_it(director, first)
    assert (result_of(alone).feed.name, alone.exit_code) == ("aol", 3)
    assert len(result_of(alone).attempts) == 1


def test_the_url_of_a_feed_may_be_read_in_another_way(director: Director) -> None:
    director.publish(*rows(40))

    outcome = try_it(director, director.config.feeds["aol"].urls[0], html={"selector": "ul"})

    assert result_of(outcome).is_new
    assert 'selector = "ul"' in as_text(outcome)


def test_a_feed_that_is_configured_by_the_name_of_what_is_tried_is_no_new_one(
    director: Director,
) -> None:
    director.configure(ONE_FEED.replace("aol", "new"))
    director.publish(*rows(40), to="new.html")

    assert not result_of(try_it(director, "new")).is_new
    other = try_it(director, saved(director, "other.txt", "20.0.0.0/24\n"))
    assert result_of(other).is_new


def test_a_file_may_be_named_with_one_slash_or_where_one_stands(
    director: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(director, "list.txt", "20.0.0.0/24\n")
    monkeypatch.chdir(director.folder)

    for target in (f"file:{director.folder}/list.txt", "file:list.txt"):
        assert try_it(director, target).exit_code == 0


# ---------------------------------------------------------------- what was written, and guessed


def test_what_is_written_goes_before_what_is_guessed(director: Director) -> None:
    url = saved(director, "list.csv", "20.0.0.0/24,US\n")

    read_as_text = try_it(director, url, format="text")
    assert read_as_text.exit_code == 3
    assert "'20.0.0.0/24,US' has no readable prefix length" in read_as_text.problems[0].message

    read_as_csv = try_it(director, url, format="csv", csv={"column": 2})
    assert "is not a full IPv4 or IPv6 address" in read_as_csv.problems[0].message


def test_a_url_that_no_feed_has_is_asked_once(director: Director) -> None:
    with HttpServer(response(b"20.0.0.0/24\n")) as server:
        assert try_it(director, server.url).exit_code == 0

    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"later\n"])
def test_how_to_read_what_was_not_served_is_no_mistake(director: Director, body: bytes) -> None:
    with HttpServer(response(body, status=404 if body else 200)) as server:
        for written in ({"format": "json"}, {"format": "csv", "csv": {"column": "range"}}):
            outcome = try_it(director, server.url, **written)

            assert outcome.exit_code == 3
            assert result_of(outcome).listing is None
            assert outcome.problems[0].message.startswith(f"{server.url}: ")


def test_json_without_a_path_is_told_with_the_keys_that_it_has(director: Director) -> None:
    url = saved(director, "list.json", '{"syncToken": "1", "prefixes": []}')

    with pytest.raises(OperatorMistake, match="its keys are 'syncToken', 'prefixes'") as caught:
        try_it(director, url)

    assert caught.value.hint == f"proxyfeed feeds try {url} --path 'KEY[].cidr'"


# ---------------------------------------------------------------- what would be held, and secrets


def test_a_try_names_everything_that_would_hold_a_version(director: Director) -> None:
    director.configure(f'{ONE_FEED}protect = ["20.0.3.7"]\n')
    director.publish(*rows(40), "10.0.0.0/8", "16.0.0.0/6")

    outcome = try_it(director, "aol")

    held = [problem.message for problem in outcome.problems]
    assert [problem.code for problem in outcome.problems] == ["guard"] * 3
    assert any("20.0.3.7/32" in message for message in held)
    assert any("10.0.0.0/8" in message for message in held)
    assert any("16.0.0.0/6" in message for message in held)


def test_no_secret_of_what_is_tried_is_told(director: Director) -> None:
    answers = [response(b"20.0.0.0/24\n"), response(b"10.0.0.0/8\n"), response(status=404)]
    with HttpServer(*answers) as server:
        host = server.url.removeprefix("http://")
        for code in (0, 4, 3):
            outcome = try_it(director, f"http://joe:hunter2@{host}/list?key=swordfish")

            assert outcome.exit_code == code
            told = as_text(outcome) + as_json(outcome) + str(outcome.problems)
            assert "hunter2" not in told
            assert "swordfish" not in told


def test_the_table_of_a_url_with_a_secret_leaves_the_url_to_whoever_knows_it(
    director: Director,
) -> None:
    with HttpServer(response(b"20.0.0.0/24\n")) as server:
        text = as_text(try_it(director, f"{server.url}/list?key=swordfish"))

    assert "  url = ...  # as you typed it\n" in text


@pytest.mark.parametrize(
    ("content", "written"),
    [
        (
            "20.0.0.0/24;1;US\nno prefix;1;US\n",
            {
                "format": "csv",
                "max_rejected": 1,
                "csv": {"delimiter": ";", "label": {"the country": 3}},
            },
        ),
        (
            'ip,"a ""quoted"" name"\n1,20.0.0.0/24\n',
            {"format": "csv", "csv": {"column": 'a "quoted" name', "label": {"n": "ip"}}},
        ),
        (
            '{"cidr": "20.0.0.0/24", "cc": "US"}\n{"n": 1}\n',
            {
                "format": "json",
                "json": {
                    "path": "cidr",
                    "label": {"cc": "cc"},
                    "metadata": "n == `1`",
                    "records": "n",
                },
            },
        ),
    ],
)
def test_every_table_that_is_printed_is_a_configuration(
    director: Director, content: str, written: dict[str, Any]
) -> None:
    outcome = try_it(director, saved(director, "a list", content), **written)
    assert outcome.exit_code == 0, outcome.problems

    table = as_text(outcome).partition("to keep it, write:")[2]
    director.configure(f"{table}\n[sets.x]\nfeeds = ['new']\nmark = 1\n")

    assert director.config.feeds["new"].rules == result_of(outcome).feed.rules
    assert director.config.feeds["new"].urls == result_of(outcome).feed.urls
