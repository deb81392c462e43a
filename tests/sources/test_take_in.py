"""
Which of a feed's URLs is read, what becomes of the others, and how old the list says that it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

import pytest
from tests.commands.director import transport
from tests.servers import HttpServer, response

import proxyfeed
from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import (
    Attempt,
    Body,
    Column,
    CsvRules,
    Feed,
    FetchLimits,
    FetchOutcome,
    HtmlRules,
    InlineRules,
    JsonRules,
    Labels,
    Limits,
    Query,
    Rules,
    TextRules,
    Timing,
    Validators,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources import INLINE, Intake, read, reader_digest, take_in
from proxyfeed.sources.fetch import fetch

LIST = b"20.0.0.0/24\n"
PREFIXES = PrefixSet.parse(["20.0.0.0/24"])
JSON_LINES = JsonRules(paths=("cidr",), lines=True, metadata="type == 'end'", records="records")
LAST_MODIFIED = "Sun, 01 Nov 2026 12:00:00 GMT"
MODIFIED_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
# 66ba1234 are the seconds since 1970 in hexadecimal digits.
ETAG = '"66ba1234-b0c5f1"'
TAGGED_AT = datetime(2024, 8, 12, 13, 46, 28, tzinfo=UTC)

Serve = Callable[..., HttpServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """
    Start a server on loopback that gives these answers.
    """
    with ExitStack() as running:
        yield lambda *answers: running.enter_context(HttpServer(*answers))


def feed_of(*urls: str, rules: Rules = TextRules(), may_be_empty: bool = False) -> Feed:  # noqa: B008
    return Feed("x", urls, rules, limits=Limits(may_be_empty=may_be_empty))


def take(feed: Feed, validators: Validators | None = None) -> Intake:
    return take_in(feed, feed.urls, validators, partial(fetch, transport=transport()), read)


def outcomes(intake: Intake) -> list[FetchOutcome]:
    return [attempt.outcome for attempt in intake.attempts]


def prefixes(intake: Intake) -> PrefixSet | None:
    return intake.listing.prefixes if intake.listing else None


# ---------------------------------------------------------------- one URL after the other


def test_the_first_url_that_gives_a_list_is_the_last_one_asked(serve: Serve) -> None:
    live, archived = serve(response(LIST)), serve(response(b"21.0.0.0/24\n"))

    intake = take(feed_of(live.url, archived.url))

    assert outcomes(intake) == [FetchOutcome.NEW]
    assert (prefixes(intake), intake.source) == (PREFIXES, live.url)
    assert archived.requests == []


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (response(status=404), FetchOutcome.BAD_STATUS),
        (response(b"<html>20.0.0.0/24</html>"), FetchOutcome.NOT_A_LIST),
        (response(b"# no row\n"), FetchOutcome.EMPTY),
        (response(b""), FetchOutcome.EMPTY),
    ],
)
def test_after_one_that_gives_none_the_next_one_is_asked(
    serve: Serve, answer: bytes, outcome: FetchOutcome
) -> None:
    live, archived = serve(answer), serve(response(LIST))

    intake = take(feed_of(live.url, archived.url))

    assert outcomes(intake) == [outcome, FetchOutcome.NEW]
    assert (prefixes(intake), intake.source) == (PREFIXES, archived.url)
    assert intake.verdict is intake.attempts[1]


def test_where_none_gives_a_list_the_verdict_is_that_of_the_last(serve: Serve) -> None:
    live, archived = serve(response(b"no list\n")), serve(response(status=404))

    intake = take(feed_of(live.url, archived.url))

    assert outcomes(intake) == [FetchOutcome.NOT_A_LIST, FetchOutcome.BAD_STATUS]
    assert intake.verdict.outcome is FetchOutcome.BAD_STATUS
    assert (intake.listing, intake.source) == (None, archived.url)


def test_every_try_at_a_url_is_an_attempt_and_only_the_last_one_is_read(serve: Serve) -> None:
    shaky = serve(response(b"20.0.9.0/24\n", status=503), response(LIST))

    intake = take(feed_of(shaky.url))

    assert outcomes(intake) == [FetchOutcome.BAD_STATUS, FetchOutcome.NEW]
    assert prefixes(intake) == PREFIXES


def test_the_source_is_the_whole_url_though_attempts_are_without_secrets(serve: Serve) -> None:
    url = f"{serve(response(LIST)).url}/list?key=hunter2"

    intake = take(feed_of(url))

    assert intake.source == url
    assert "hunter2" not in intake.verdict.url


# ---------------------------------------------------------------- not modified


def test_a_list_that_is_not_modified_is_not_read_and_no_other_is_asked(serve: Serve) -> None:
    live, archived = serve(response(status=304)), serve(response(LIST))

    intake = take(feed_of(live.url, archived.url), Validators(live.url, '"7"', None))

    assert outcomes(intake) == [FetchOutcome.NOT_MODIFIED]
    assert (intake.listing, intake.source) == (None, live.url)
    assert live.requests[0].headers["if-none-match"] == '"7"'
    assert archived.requests == []


def test_a_fetch_is_told_what_is_known_of_its_own_url_only() -> None:
    known = Validators("https://b.example/", '"7"', None)
    told = {}

    def failing(
        url: str, limits: FetchLimits, validators: Validators | None
    ) -> tuple[Attempt, ...]:
        told[url] = validators
        return (Attempt(url, FetchOutcome.UNREACHABLE, None, 0, 0.0),)

    urls = ("https://a.example/", "https://b.example/", "https://c.example/")
    take_in(feed_of(*urls), urls, known, failing, read)

    assert told == dict(zip(urls, (None, known, None), strict=True))


def test_what_one_url_said_of_its_version_is_not_sent_to_another(serve: Serve) -> None:
    live, archived = serve(response(status=404)), serve(response(LIST))

    take(feed_of(live.url, archived.url), Validators(archived.url, '"7"', None))

    assert "if-none-match" not in live.requests[0].headers
    assert archived.requests[0].headers["if-none-match"] == '"7"'


def test_the_rules_of_reading_are_told_from_all_others_by_their_digest() -> None:
    usual = feed_of("https://h.example/")
    rules: list[Rules] = [
        HtmlRules(),
        HtmlRules(selector="table"),
        HtmlRules(heading=("proxies",)),
        HtmlRules(exclude=("proxies",)),
        HtmlRules(ignore=("proxies",)),
        TextRules(),
        TextRules(stamp="as of"),
        TextRules(max_rejected=1),
        CsvRules(),
        CsvRules(column=2),
        CsvRules(column="2"),
        CsvRules(header=True),
        CsvRules(delimiter=";"),
        CsvRules(label=Column("country", 2)),
        CsvRules(label=Column("land", 2)),
        CsvRules(label=Column("country", "2")),
        CsvRules(stamp="as of"),
        CsvRules(max_rejected=1),
        JsonRules(),
        JsonRules(paths=("a",)),
        JsonRules(paths=("a", "b")),
        JsonRules(paths=("b", "a")),
        JsonRules(prefix="a"),
        JsonRules(label=Query("country", "cc")),
        JsonRules(label=Query("land", "cc")),
        JsonRules(label=Query("country", "c")),
        JsonRules(lines=True),
        JsonRules(metadata="a"),
        JsonRules(records="a"),
        JsonRules(size="a"),
        JsonRules(stamp="a"),
        JsonRules(max_rejected=1),
        InlineRules(),
        InlineRules(prefixes=("20.0.0.0/24",)),
        InlineRules(dated=date(2026, 11, 1)),
    ]

    digests = {reader_digest(replace(usual, rules=one)) for one in rules}

    assert len(digests) == len(rules)
    for kind in (HtmlRules, TextRules, CsvRules, JsonRules, InlineRules):
        changed = {
            field.name
            for field in fields(kind)
            for one in rules
            if type(one) is kind and getattr(one, field.name) != field.default
        }
        assert changed == {field.name for field in fields(kind)}, "a key that is not tried here"


def test_a_feed_that_may_be_empty_is_read_by_other_rules() -> None:
    assert reader_digest(feed_of(may_be_empty=True)) != reader_digest(feed_of())


def test_another_release_reads_by_other_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reader_digest(feed_of())
    monkeypatch.setattr(proxyfeed, "__version__", "99")

    assert reader_digest(feed_of()) != before


def test_where_a_feed_is_and_what_is_absurd_in_it_is_no_rule_of_reading() -> None:
    elsewhere = Feed("y", ("https://h.example/",), TextRules(), limits=Limits(growth=0.5))

    assert reader_digest(elsewhere) == reader_digest(feed_of())


# ---------------------------------------------------------------- empty

# For each format, a body that is the list and holds no row.
NO_ROW: dict[str, tuple[Rules, bytes]] = {
    "text": (TextRules(), b"# nobody\n"),
    "csv": (CsvRules(), b"# nobody\n"),
    "csv with a header": (CsvRules(header=True), b"prefix,country\n"),
    "json": (JsonRules(paths=("ranges",)), b'{"ranges": []}'),
    "json lines": (JSON_LINES, b'{"type": "end", "records": 0}\n'),
}
no_row = pytest.mark.parametrize(("rules", "body"), NO_ROW.values(), ids=NO_ROW)


@no_row
def test_a_list_without_a_row_is_a_failure_with_its_own_name(
    serve: Serve, rules: Rules, body: bytes
) -> None:
    intake = take(feed_of(serve(response(body)).url, rules=rules))

    assert outcomes(intake) == [FetchOutcome.EMPTY]
    assert intake.listing is None
    assert intake.verdict.detail
    with pytest.raises(EmptyList):
        read(feed_of(rules=rules), Body(body))


@no_row
def test_a_list_without_a_row_is_a_list_where_the_feed_may_be_empty(
    serve: Serve, rules: Rules, body: bytes
) -> None:
    intake = take(feed_of(serve(response(body)).url, rules=rules, may_be_empty=True))

    assert outcomes(intake) == [FetchOutcome.NEW]
    assert intake.listing is not None
    assert (intake.listing.prefixes, intake.listing.labels) == (PrefixSet(), Labels())


@pytest.mark.parametrize("rules", [TextRules(), CsvRules()], ids=["text", "csv"])
def test_a_body_of_no_bytes_is_a_bare_list_of_a_feed_that_may_be_empty(
    serve: Serve, rules: Rules
) -> None:
    url = serve(response(b"")).url

    assert outcomes(take(feed_of(url, rules=rules, may_be_empty=True))) == [FetchOutcome.NEW]
    assert outcomes(take(feed_of(url, rules=rules))) == [FetchOutcome.EMPTY]


@pytest.mark.parametrize(
    "rules",
    [HtmlRules(selector="html"), JsonRules(paths=("ranges",)), JSON_LINES],
    ids=["html", "json", "json lines"],
)
def test_a_body_of_no_bytes_is_no_list_of_a_format_that_always_has_some(
    serve: Serve, rules: Rules
) -> None:
    intake = take(feed_of(serve(response(b"")).url, rules=rules, may_be_empty=True))

    assert outcomes(intake) == [FetchOutcome.EMPTY]
    assert intake.listing is None


def test_an_answer_without_a_body_is_never_an_empty_list(serve: Serve) -> None:
    answers = serve(response(status=204)), serve(response(b"", status=404))

    for server in answers:
        intake = take(feed_of(server.url, may_be_empty=True))
        assert intake.verdict.body is None
        assert intake.listing is None


def test_a_feed_that_may_be_empty_is_still_no_page(serve: Serve) -> None:
    intake = take(feed_of(serve(response(b"<html></html>")).url, may_be_empty=True))

    assert outcomes(intake) == [FetchOutcome.NOT_A_LIST]


# ---------------------------------------------------------------- no list


def test_a_list_that_says_itself_that_it_was_cut_is_truncated(serve: Serve) -> None:
    body = b'{"cidr": "20.0.0.0/24"}\n{"type": "end", "records": 2}\n'

    intake = take(feed_of(serve(response(body)).url, rules=JSON_LINES, may_be_empty=True))

    assert outcomes(intake) == [FetchOutcome.TRUNCATED]
    assert "the metadata says 2 rows" in intake.verdict.detail
    with pytest.raises(CutShort):
        read(feed_of(rules=JSON_LINES), Body(body))


def test_a_body_that_is_no_list_says_why_in_its_attempt(serve: Serve) -> None:
    intake = take(feed_of(serve(response(b"20.0.0.0/24\nSorry.\n")).url))

    assert outcomes(intake) == [FetchOutcome.NOT_A_LIST]
    assert "line 2: 'Sorry.'" in intake.verdict.detail
    assert intake.verdict.body is not None
    with pytest.raises(ReadError):
        read(feed_of(), Body(b"20.0.0.0/24\nSorry.\n"))


def test_a_body_that_came_in_part_is_not_read_though_its_rows_are_a_list(serve: Serve) -> None:
    intake = take(feed_of(serve(response(LIST, length=999)).url, may_be_empty=True))

    assert intake.verdict.outcome is FetchOutcome.TRUNCATED
    assert intake.listing is None


def test_a_body_that_does_not_fit_into_memory_leaves_the_next_url_its_turn(
    monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    def read_page(*_: object) -> PrefixSet:
        raise MemoryError

    monkeypatch.setattr("proxyfeed.sources.html.read_html", read_page)
    urls = serve(response(b"<html>")).url, serve(response(status=404)).url

    intake = take(feed_of(*urls, rules=HtmlRules(selector="html")))

    assert outcomes(intake) == [FetchOutcome.TOO_LARGE, FetchOutcome.BAD_STATUS]
    assert "lower max_bytes" in intake.attempts[0].detail


# ---------------------------------------------------------------- how old it is


def body_of(content: bytes = LIST, url: str = "https://h.example/l") -> Body:
    return Body(content, validators=Validators(url, ETAG, LAST_MODIFIED))


def stamped_by(source: str, body: Body, rules: Rules = TextRules()) -> datetime | None:  # noqa: B008
    return read(Feed("x", (), rules, timing=Timing(stamp=source)), body).stamp


@pytest.mark.parametrize(
    ("source", "stamp"), [("last-modified", MODIFIED_AT), ("etag", TAGGED_AT), ("none", None)]
)
def test_the_header_that_the_feed_names_says_how_old_the_list_is(
    source: str, stamp: datetime | None
) -> None:
    assert stamped_by(source, body_of()) == stamp


def test_a_time_that_stands_in_the_list_goes_before_any_header() -> None:
    body = body_of(b"# as of 2026-10-09\n20.0.0.0/24\n")

    for source in ("last-modified", "etag", "none"):
        assert stamped_by(source, body, TextRules(stamp="as of")) == datetime(
            2026, 10, 9, tzinfo=UTC
        )


def test_a_list_that_does_not_give_the_time_it_should_is_not_dated_by_another_clock() -> None:
    assert stamped_by("last-modified", body_of(), TextRules(stamp="as of")) is None


@pytest.mark.parametrize("source", ["last-modified", "etag"])
@pytest.mark.parametrize("url", ["file:///var/list.txt", "FILE:///var/list.txt"])
def test_a_saved_file_does_not_say_when_upstream_made_it(url: str, source: str) -> None:
    assert stamped_by(source, body_of(url=url)) is None


@pytest.mark.parametrize("source", ["last-modified", "etag"])
def test_an_answer_without_that_header_gives_no_time(source: str) -> None:
    assert stamped_by(source, Body(LIST)) is None
    assert (
        stamped_by(source, Body(LIST, validators=Validators("https://h.example/", None, None)))
        is None
    )


def test_headers_that_are_no_times_give_none() -> None:
    body = Body(LIST, validators=Validators("https://h.example/", '"7"', "yesterday"))

    assert stamped_by("last-modified", body) is None
    assert stamped_by("etag", body) is None


def test_an_empty_list_is_dated_as_any_other() -> None:
    feed = feed_of(may_be_empty=True)

    assert read(feed, body_of(b"# nobody\n")).stamp == MODIFIED_AT


def test_the_header_of_a_real_answer_is_the_time_of_its_list(serve: Serve) -> None:
    intake = take(feed_of(serve(response(LIST, last_modified=LAST_MODIFIED)).url))

    assert intake.listing is not None
    assert intake.listing.stamp == MODIFIED_AT


def test_a_real_file_gives_no_time(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(LIST)
    os.utime(path, (1_790_000_000, 1_790_000_000))

    intake = take(feed_of(path.as_uri()))

    assert intake.listing is not None
    assert (intake.listing.prefixes, intake.listing.stamp) == (PREFIXES, None)


# ---------------------------------------------------------------- inline


def test_a_list_in_the_configuration_is_read_without_any_fetch() -> None:
    rules = InlineRules(("20.0.0.0/24", "20.0.1.0/24", "2a00::/32"), date(2026, 11, 1))

    def no_fetch(*_: object) -> tuple[()]:
        raise AssertionError("an inline list has no URL")

    intake = take_in(feed_of(rules=rules), (), None, no_fetch, read)

    assert outcomes(intake) == [FetchOutcome.NEW]
    assert (intake.source, intake.verdict.url) == (INLINE, INLINE)
    assert intake.listing is not None
    assert list(intake.listing.prefixes.lines()) == ["20.0.0.0/23", "2a00::/32"]
    assert intake.listing.rows == 3
    assert intake.listing.stamp == datetime(2026, 11, 1, tzinfo=UTC)


def test_host_bits_of_a_list_in_the_configuration_are_cleared_and_reported() -> None:
    listing = read(feed_of(rules=InlineRules(("172.44.1.0/21",))), Body(b""))

    assert list(listing.prefixes.lines()) == ["172.44.0.0/21"]
    assert (listing.masked, listing.maskings) == (("row 1: 172.44.1.0/21",), 1)


def test_a_list_in_the_configuration_without_a_day_has_no_time() -> None:
    assert read(feed_of(rules=InlineRules(("20.0.0.0/24",))), Body(b"")).stamp is None
