"""
What a command did, as a document for machines and as one for people.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import proxyfeed.model
from proxyfeed.model import (
    About,
    Action,
    AlertTestResult,
    ApplyResult,
    Attempt,
    Backend,
    Body,
    CheckResult,
    Column,
    Comparison,
    ConfigResult,
    ConfirmResult,
    Cover,
    Covered,
    CsvRules,
    DecisionResult,
    Delivery,
    Diff,
    DiffResult,
    DoctorResult,
    ExportResult,
    Fate,
    Feed,
    FeedEntry,
    FeedReport,
    FeedsResult,
    FeedState,
    FeedStatus,
    FetchesResult,
    FetchOutcome,
    FetchRow,
    Finding,
    Grade,
    HistoryResult,
    HtmlRules,
    Impact,
    InitResult,
    InlineRules,
    JsonRules,
    Kind,
    Labels,
    Limits,
    Listing,
    Live,
    LiveSet,
    LookupResult,
    LvsApplyResult,
    Membership,
    Outcome,
    Pin,
    Plan,
    Problem,
    Query,
    RejectedRow,
    Remark,
    RevertResult,
    RuleLines,
    RulePlan,
    RuleResult,
    Rules,
    ServiceChange,
    SetPlan,
    SetReport,
    SetSpec,
    SetStatus,
    Severity,
    ShowResult,
    Split,
    Stage,
    Status,
    StatusResult,
    Stay,
    Tally,
    TextRules,
    Timing,
    Trial,
    TryResult,
    UpdateResult,
    Version,
    VirtualService,
    Writing,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_json, as_text
from proxyfeed.report.document import envelope, to_data
from proxyfeed.report.lengths import lengths_words
from proxyfeed.report.words import addresses, change, diff_body, numbers, when

NIGHT = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
OLD = PrefixSet.parse(["64.12.96.0/19", "149.174.160.0/20"])
NEW = PrefixSet.parse(["64.12.96.0/19", "202.67.65.128/25", "2600::/32"])
DIFF = Diff.between(OLD, NEW)
ENVELOPE = {"version", "command", "status", "exit_code", "data", "errors", "warnings"}
TROUBLE = Problem("feed", 3, "feed aol: the last fetch failed", "proxyfeed update", "feed aol")

# A new title for the window, a cleared screen, a line that is written over, and backwards text.
ESCAPES = "\x1b]0;owned\x07 \x1b[2J \x9b31m \rall is well \u202e"


def version(number: int = 7, text: str = "") -> Version:
    return Version(
        id=number,
        feed="aol",
        digest=NEW.digest,
        status=Status.HELD,
        fetched_at=NIGHT,
        upstream_stamp=NIGHT,
        prefixes=3,
        addresses_ipv4=NEW.family(4).addresses,
        addresses_ipv6=NEW.family(6).addresses,
        findings=(Finding("growth", Severity.RELATIVE, f"IPv6 appears{text}"),),
        accepted_at=NIGHT,
        decided_at=NIGHT,
        decided_by=f"ops{text}",
        reason=f"checked{text}",
    )


def results(text: str = "") -> list[object]:
    """
    One of each result, with *text* wherever the words of others may stand.
    """
    target = frozenset(NEW.ipv4)
    step = SetPlan("proxyfeed_aol_4", "hash:net", 4, Action.DELTA, f"1 to add{text}", target, (1,))
    rules = (RulePlan(4, (f"-A OLD{text}",), "-A NEW"),)
    listed = LiveSet(f"inet proxyfeed_aol x{text}", f"ipv4_addr{text}", 4, 0, target)
    former = Live({listed.name: listed}, rules={4: (f"ip saddr{text}",)}, strays={6: (text,)})
    plan = Plan("aol", (step,), rules, (f"left{text}",), odd=(f"chain{text}",), former=former)
    remark = Remark("set aol", Grade.BROKEN, f"after it comes -A X{text}", "type this", "chain", 5)
    attempt = Attempt(
        f"https://h.example/{text}", FetchOutcome.HELD, 200, 230, 0.5, f"no list{text}", Body(b"x")
    )
    pin = Pin("aol", 6, NIGHT, f"ops{text}", f"a bad night{text}")
    done = SetReport("aol", (7,), plan, DIFF, NEW, 0.25, NEW.digest, (f"anew{text}",), f"had{text}")
    cover = Cover("aol", 'max_extra = "1 %"', 4, 3, 8192, 1, 128, 2, is_reached=False)
    idle = SetReport("partner", skipped=f"apply is manual{text}", drift=f"changed{text}")
    row = FetchRow(
        "aol", NIGHT, "https://h.example/", "d", "r", FetchOutcome.TIMED_OUT, None, 0, 60.0, text
    )
    state = FeedState("aol", version(7), version(6), pin, (version(8, text),), last=row)
    delivery = Delivery("mailto://...", NIGHT, f"550 no{text}")
    feed = FeedReport("aol", FetchOutcome.HELD, (attempt,), 7, DIFF, version(7, text).findings, pin)

    spec = SetSpec("aol", ("aol",), 1, virtual=(VirtualService(4, "192.0.2.80", 80),))
    source = Feed(
        "aol",
        (f"https://h.example/{text}",),
        TextRules(stamp=f"as of{text}"),
        about=About(note=f"ours{text}", kind=Kind.CDN, facts=f"somewhere{text}"),
    )
    listing = Listing(
        NEW,
        Labels.of("country", [(f"DE{text}", NEW)]),
        rows=5,
        rejected=(RejectedRow("line 2", f"x{text}", "is not an address"),),
        rejections=1,
        masked=(f"line 3: 10.0.0.1/8{text}",),
        maskings=1,
        stamp=NIGHT,
    )

    trial = Trial(
        *("aol", "c0ffee", "apply", Stage.PENDING, NIGHT, NIGHT, 75.5, f"ops{text}"),
        timer=f"process 4711{text}",
    )

    return [
        UpdateResult((feed,), (done, idle)),
        ApplyResult((done, idle), dry_run=True),
        DecisionResult("rollback", "aol", 6, 6, DIFF, f"is pinned{text}", (done,), (trial,)),
        ConfirmResult((trial,)),
        RevertResult((done, replace(done, failed=f"no rights{text}"))),
        DiffResult(
            (
                Comparison(
                    *("live", f"x{text}", DIFF, ("1.0.0.0/8",), (), f"note{text}"),
                    impact=(
                        Impact("aol", 9, 3, 1, (Tally(Fate.LOSES, f"10.0.0.1{text}", 2, 4, 1),)),
                    ),
                    cover=cover,
                ),
            )
        ),
        ExportResult(
            *(f"set aol{text}", "nginx", f"/etc/nginx/aol{text}", Writing.WRITTEN, 20, DIFF, NEW),
            needs_reload=True,
        ),
        HistoryResult((version(7, text), version(6, text)), (7,), (pin,)),
        FetchesResult((row,)),
        ShowResult(version(7, text), True, False, 6, DIFF, NEW, covers=(cover,)),
        LookupResult(
            f"64.12.96.1{text}",
            (Membership("aol", True, ("aol",), (), (Stay(version(), None),)),),
            (Covered("aol", "64.12.0.0/14", 'max_extra = "1 %"'),),
        ),
        StatusResult(
            (FeedStatus(state, ("aol",), 400_000.0),),
            (SetStatus("aol", (7,), NEW, "0x1", plan, NEW - OLD, OLD - NEW, NIGHT, f"look{text}"),),
            (delivery,),
            "sqlite:////p.db",
            "proxyfeed.toml",
            trials=(trial, replace(trial, stage=Stage.REVERTED)),
        ),
        RuleResult("show", (RuleLines("aol", ("-A NEW",), (f"-A OLD{text}",)),)),
        ConfigResult(
            "proxyfeed.toml", "sqlite:////p.db", "auto", True, "nobody", (source,), (spec,), ()
        ),
        InitResult("proxyfeed.toml", True, "sqlite:////p.db", ("proxyfeed update",)),
        AlertTestResult((delivery,)),
        CheckResult((remark,)),
        DoctorResult((remark, Remark("tools", Grade.OK, f"ipset v7.17{text}"))),
        LvsApplyResult((ServiceChange("aol", 1, 4, "it differed", (f"-A -f 1{text}",)),)),
        FeedsResult((FeedEntry(source, ("aol",)),)),
        FeedsResult((FeedEntry(source, ()),), is_list=True),
        TryResult(source, (attempt,), listing, version(7, text).findings, is_new=True),
        TryResult(source, (attempt,), None, (), is_new=True),
    ]


def read(outcome: Outcome) -> dict[str, object]:
    document: dict[str, object] = json.loads(as_json(outcome))
    return document


def test_there_is_a_sample_of_every_result() -> None:
    names = {name for name in proxyfeed.model.__all__ if name.endswith("Result")}

    assert {type(result).__name__ for result in results()} == names


# ---------------------------------------------------------------- for machines


def test_what_went_well_is_ok() -> None:
    outcome = Outcome("apply", ApplyResult((), dry_run=True), warnings=("be careful",))

    assert read(outcome) == {
        "version": 1,
        "command": "apply",
        "status": "ok",
        "exit_code": 0,
        "data": {"sets": [], "dry_run": True, "trials": []},
        "errors": [],
        "warnings": ["be careful"],
    }


def test_what_went_well_in_part_is_partial_and_the_worst_code_wins() -> None:
    worse = Problem("not-proven", 5, "set aol was not applied")

    assert read(Outcome("apply", ApplyResult(()), (TROUBLE, worse))) == {
        "version": 1,
        "command": "apply",
        "status": "partial",
        "exit_code": 5,
        "data": {"sets": [], "dry_run": False, "trials": []},
        "errors": [
            {
                "code": "feed",
                "message": "feed aol: the last fetch failed",
                "hint": "proxyfeed update",
                "subject": "feed aol",
                "exit_code": 3,
            },
            {
                "code": "not-proven",
                "message": "set aol was not applied",
                "hint": "",
                "subject": "",
                "exit_code": 5,
            },
        ],
        "warnings": [],
    }


def test_what_came_to_nothing_is_an_error_with_the_same_keys() -> None:
    document = json.loads(envelope("update", None, (TROUBLE,), 6))

    assert set(document) == ENVELOPE
    assert (document["status"], document["exit_code"], document["data"]) == ("error", 6, None)


def test_a_difference_that_was_asked_for_is_no_trouble() -> None:
    document = read(Outcome("diff", DiffResult(()), differs=True))

    assert (document["status"], document["exit_code"], document["errors"]) == ("ok", 1, [])


@pytest.mark.parametrize("result", results(ESCAPES), ids=lambda result: type(result).__name__)
def test_every_result_is_a_json_document_with_the_envelope(result: object) -> None:
    written = as_json(Outcome("update", result))

    document = json.loads(written)
    assert set(document) == ENVELOPE
    assert document["data"] == to_data(result)
    assert written.isascii()
    assert written.endswith("}\n")
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", written)


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (NIGHT, "2026-11-20T03:30:00+00:00"),
        (timedelta(minutes=1, milliseconds=500), 60.5),
        (FetchOutcome.TIMED_OUT, "timed out"),
        ((1, ("a",)), [1, ["a"]]),
        (
            NEW,
            {
                "prefixes": ["64.12.96.0/19", "202.67.65.128/25", "2600::/32"],
                "addresses_ipv4": 8320,
                "addresses_ipv6": 2**96,
            },
        ),
        (Body(b"\x00" * 512, "text/html"), {"size": 512, "content_type": "text/html"}),
        (
            SetPlan("n", "hash:net", 4, Action.DELTA, "why", frozenset((1, 2, 3)), (1,), (4, 5)),
            {
                "name": "n",
                "type": "hash:net",
                "family": 4,
                "action": "delta",
                "why": "why",
                "entries": 3,
                "add": 1,
                "delete": 2,
            },
        ),
        (
            VirtualService(6, "2001:db8::80", 443),
            {"family": 6, "address": "2001:db8::80", "port": 443, "protocol": "tcp"},
        ),
    ],
)
def test_a_value_is_written_as_json_knows_it(value: object, data: object) -> None:
    assert to_data(value) == data


def test_a_diff_holds_what_comes_and_what_goes() -> None:
    data = to_data(DIFF)

    assert data["added"]["prefixes"] == ["202.67.65.128/25", "2600::/32"]
    assert data["removed"]["prefixes"] == ["149.174.160.0/20"]


# ---------------------------------------------------------------- for people


@pytest.mark.parametrize("result", results(ESCAPES), ids=lambda result: type(result).__name__)
def test_no_words_of_others_reach_the_terminal_as_commands(result: object) -> None:
    text = as_text(Outcome("status", result))

    assert text
    assert all(line.isprintable() for line in text.split("\n"))
    if not isinstance(result, InitResult):
        assert r"\x1b]0;owned\x07 \x1b[2J \x9b31m \rall is well \u202e" in text


def test_the_detail_of_an_attempt_is_told_with_its_escapes_spelt_out() -> None:
    attempt = Attempt("https://h.example/", FetchOutcome.NOT_A_LIST, 200, 0, 0.1, "\x1b[2J")
    report = FeedReport("aol", FetchOutcome.NOT_A_LIST, (attempt,), None)

    assert r": \x1b[2J" in as_text(Outcome("update", UpdateResult((report,), ())))


@pytest.mark.parametrize("result", results(), ids=lambda result: type(result).__name__)
def test_colours_come_only_when_asked_for_and_change_no_word(result: object) -> None:
    outcome = Outcome("diff", result)
    text, coloured = as_text(outcome), as_text(outcome, colour=True)

    assert "\x1b" not in text
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == text


def test_what_comes_is_green_and_what_goes_is_red() -> None:
    lines = as_text(
        Outcome("diff", DiffResult((Comparison("a", "b", DIFF, (), ()),))), colour=True
    ).splitlines()

    assert "\x1b[31m-149.174.160.0/20\x1b[0m" in lines
    assert "\x1b[32m+202.67.65.128/25\x1b[0m" in lines
    assert lines[-1].startswith("    IPv4 +128 -4,096 addresses, IPv6 +79,228,162,514")


def test_a_held_version_is_told_with_its_findings() -> None:
    finding = Finding("shrink", Severity.RELATIVE, "IPv4: 10,368 addresses leave")
    attempt = Attempt("https://h.example/", FetchOutcome.HELD, 200, 230, 0.5)
    report = FeedReport("aol", FetchOutcome.HELD, (attempt,), 8, DIFF, (finding,), latest=7)

    lines = as_text(Outcome("update", UpdateResult((report,), ()))).splitlines()

    assert lines[0].startswith("feed aol: version 8 is held: IPv4 +128 -4,096 addresses")
    assert "  relative: IPv4: 10,368 addresses leave" in lines


def test_a_feed_that_failed_says_what_stays() -> None:
    attempt = Attempt("https://h.example/", FetchOutcome.TIMED_OUT, None, 0, 60.0)
    report = FeedReport("aol", FetchOutcome.TIMED_OUT, (attempt,), None, latest=7, active=6)

    def first_line(report: FeedReport) -> str:
        return as_text(Outcome("update", UpdateResult((report,), ()))).splitlines()[0]

    assert first_line(report) == "feed aol: timed out, version 6 stays active"
    assert first_line(replace(report, active=None)) == "feed aol: timed out, it has no version yet"


def test_a_set_that_is_left_alone_says_why() -> None:
    result = ApplyResult((SetReport("aol", skipped="no feed of it has an accepted version yet"),))

    assert as_text(Outcome("apply", result)) == (
        "set aol: left as it is: no feed of it has an accepted version yet\n"
    )


def test_a_difference_in_the_cuts_alone_is_said_to_be_that() -> None:
    same = Comparison("version 6", "version 7", Diff.between(NEW, NEW), ("a/25",), ("a/24",))

    text = as_text(Outcome("diff", DiffResult((same,))))

    assert text.endswith("no address differs, only cut in another way\n")


def test_the_configuration_of_a_split_set_names_all_its_marks() -> None:
    spec = SetSpec("relay", ("relay",), mark=11, split=Split("country", (11, 12)))
    result = ConfigResult("x", "sqlite://", "auto", True, "nobody", (), (spec,), ())

    lines = as_text(Outcome("config", result)).splitlines()

    assert "set relay: feeds relay, mark 0xb,0xc/0xffffffff, split by country" in lines


def test_status_says_nothing_of_a_rule_where_there_is_none_and_none_is_wanted() -> None:
    rules = (RulePlan(4, ("ip saddr",), "ip saddr"), RulePlan(6, (), None))
    plan = Plan("aol", (), rules, backend=Backend.NFTABLES)
    known = SetStatus("aol", (7,), NEW, "0x1", plan, PrefixSet(), PrefixSet(), NIGHT)

    lines = as_text(
        Outcome("status", StatusResult((), (known,), (), "sqlite:////p.db", "proxyfeed.toml"))
    ).splitlines()

    assert [line for line in lines if "rule" in line] == ["  IPv4 rule  in place"]


# ---------------------------------------------------------------- feeds


RELAY = Feed(
    "relay",
    ("https://h.example/list", "file:///var/list"),
    CsvRules(column="range", label=Column("country", 2), max_rejected=1),
    limits=Limits(growth=0.005, shrink=0.25, widest_ipv4=16, widest_ipv6=32, may_be_empty=True),
    timing=Timing(
        min_interval=timedelta(minutes=90),
        hold_removals=timedelta(hours=48),
        max_age=timedelta(hours=36),
        stamp="etag",
    ),
    about=About("ours", Kind.CARRIER, "phones", "weekly", "their page", date(2026, 11, 1)),
)


def shown(*entries: FeedEntry, is_list: bool = False) -> list[str]:
    return as_text(Outcome("feeds", FeedsResult(entries, is_list))).splitlines()


def test_feeds_are_listed_with_whose_they_are_and_what_is_said_of_them() -> None:
    bare = Feed("x", ("https://h.example/",), TextRules())

    assert shown(FeedEntry(RELAY, ("web", "mail")), FeedEntry(bare, ()), is_list=True) == [
        "relay  carrier NAT [in set web, mail]",
        "       ours",
        "       phones",
        "x      yours",
    ]


def test_all_that_is_known_of_a_feed_is_shown_and_nothing_that_is_not() -> None:
    assert shown(FeedEntry(RELAY, ("web", "mail"))) == [
        "feed relay (in set web, mail)",
        "  is              ours",
        "  kind            carrier NAT",
        "  good for        phones",
        "  url             https://h.example/list",
        "  url             file:///var/list",
        "  format          csv",
        "    column        range",
        "    label         country, from 2",
        "    max_rejected  1",
        "  changes         weekly",
        "  widest          /16 and /32",
        "  held            beyond +0.5 % or -25 % of addresses",
        "  may be empty    yes",
        "  min_interval    90 min",
        "  hold_removals   2 d",
        "  max_age         36 h",
        "  stamp           etag",
        "  facts           their page",
        "  checked         2026-11-01",
    ]
    assert shown(FeedEntry(Feed("x", ("https://h.example/",), TextRules()), ())) == [
        "feed x (in no set)",
        "  url             https://h.example/",
        "  format          text",
        "  widest          /8 and /19",
        "  held            beyond +10 % or -10 % of addresses",
        "  max_age         3 d",
        "  stamp           last-modified",
    ]


@pytest.mark.parametrize(
    ("rules", "lines"),
    [
        (
            JsonRules(paths=("a", "b[].c"), lines=True, label=Query("cc", "x.y")),
            ["paths         a, b[].c", "label         cc, from x.y", "lines         yes"],
        ),
        (
            InlineRules(("20.0.0.0/24", "2a00::/32"), date(2026, 11, 1)),
            ["prefixes      20.0.0.0/24, 2a00::/32", "dated         2026-11-01"],
        ),
        (HtmlRules(heading=("proxies", "ours")), ["heading       proxies, ours"]),
    ],
)
def test_the_rules_of_a_format_are_shown_in_words(rules: Rules, lines: list[str]) -> None:
    found = shown(FeedEntry(Feed("x", (), rules), ()))

    assert [line.strip() for line in found if line.startswith("    ")] == lines


@pytest.mark.parametrize("kind", Kind)
def test_of_the_ranges_of_a_cdn_and_of_no_others_a_feed_says_who_is_behind_them(kind: Kind) -> None:
    text = "\n".join(shown(FeedEntry(replace(RELAY, about=About(kind=kind)), ())))

    assert ("it is all of their users" in text) == (kind is Kind.CDN)


TRIED = Attempt("https://h.example/list", FetchOutcome.NEW, 200, 230, 0.5)


def tried(feed: Feed, listing: Listing | None, *findings: Finding, is_new: bool) -> list[str]:
    result = TryResult(feed, (TRIED,), listing, findings, is_new)
    return as_text(Outcome("feeds try", result)).splitlines()


def test_a_try_tells_what_was_read_and_that_nothing_was_stored() -> None:
    listing = Listing(NEW, rows=1234, rejections=56, stamp=NIGHT)
    finding = Finding("growth", Severity.RELATIVE, "IPv6 appears")

    assert tried(RELAY, listing, finding, is_new=False) == [
        "https://h.example/list: new, HTTP 200, 230 bytes in 0.50 s",
        "read as csv: 1,234 rows, 3 prefixes, 56 rejected",
        "  IPv4: 2 prefixes, /19 to /25, 8,320 addresses, 0.00% of all there are",
        f"  IPv6: 1 prefixes, /32 to /32, {2**96:,} addresses",
        "  upstream's own time: 2026-11-20 03:30 UTC",
        "  relative: IPv6 appears",
        "nothing was stored",
    ]


def test_a_try_tells_nothing_that_there_is_not() -> None:
    assert tried(RELAY, Listing(PrefixSet.parse(["20.0.0.0/8"])), is_new=False)[1:] == [
        "read as csv: 1 prefixes",
        "  IPv4: 1 prefixes, /8 to /8, 16,777,216 addresses, 0.39% of all there are",
        "nothing was stored",
    ]


@pytest.mark.parametrize("is_new", [True, False])
def test_of_what_was_not_read_there_is_no_table_to_write(is_new: bool) -> None:
    assert tried(RELAY, None, is_new=is_new)[1:] == ["not read, and nothing was stored"]


def test_the_table_of_what_was_read_holds_what_is_not_usual() -> None:
    rules = CsvRules(
        column="range", label=Column("country", 2), stamp='as of "C:\\"', max_rejected=1
    )
    feed = replace(RELAY, name="new", urls=('https://h.example/"list"',), rules=rules)

    assert tried(feed, Listing(NEW), is_new=True)[-9:] == [
        "to keep it, write:",
        "  [feeds.new]",
        r'  url = "https://h.example/\"list\""',
        '  format = "csv"',
        "  max_rejected = 1",
        "  [feeds.new.csv]",
        '  column = "range"',
        '  label = { "country" = 2 }',
        r'  stamp = "as of \"C:\\\""',
    ]


# ---------------------------------------------------------------- words


LENGTHS = PrefixSet.parse([*(f"64.12.96.{4 * n}/{30 + n % 3}" for n in range(9)), "2600::/32"])
# So large that the processor's cache does not hold it: /32s that cannot be joined.
MANY = PrefixSet(ipv4=tuple((n << 9) + 32 for n in range(200_000)))


@pytest.mark.parametrize(
    ("prefixes", "backend", "words"),
    [
        (LENGTHS, Backend.IPSET, "IPv4 3, IPv6 1: * an ipset, about 0.3 and 0.3 microseconds *"),
        (LENGTHS, Backend.NFTABLES, "IPv4 3, IPv6 1: * however many they are, about 0.4 and 0.4 *"),
        (MANY, Backend.IPSET, "IPv4 1: * in an ipset, about 0.6 microseconds *"),
        (MANY, Backend.NFTABLES, "IPv4 1: * however many they are, about 2.1 microseconds *"),
        (PrefixSet(), Backend.IPSET, "none"),
    ],
)
def test_the_lengths_of_a_set_are_counted_by_family_and_cost_what_was_measured(
    prefixes: PrefixSet, backend: Backend, words: str
) -> None:
    assert fnmatchcase(lengths_words(prefixes, backend), words)


def of_lengths(family: int, count: int, lengths: int) -> PrefixSet:
    """
    So many keys of so many lengths: all that the cost of a set goes by.
    """
    keys = tuple((n << 9) + 8 + n % lengths for n in range(count))
    return PrefixSet(ipv4=keys) if family == 4 else PrefixSet(ipv6=keys)


@pytest.mark.parametrize(
    ("most", "ipset", "nftables"),
    [
        (1_000, "0.6", "0.4"),
        (5_000, "1.2", "0.5"),
        (20_000, "1.7", "0.7"),
        (50_000, "2.1", "1.6"),
        (150_000, "3.3", "2.0"),
    ],
)
def test_what_lengths_cost_grows_with_the_set(most: int, ipset: str, nftables: str) -> None:
    for backend, cost in ((Backend.IPSET, ipset), (Backend.NFTABLES, nftables)):
        assert f"about {cost} micro" in lengths_words(of_lengths(4, most, 20), backend)
        assert f"about {cost} micro" not in lengths_words(of_lengths(4, most + 1, 20), backend)


# | iCloud Private Relay, IPv4 | 3,290, 11 lengths: 0.8 | 3,851, 7 lengths: 0.6 | ... | 0.5 |
DOCS = Path(__file__).parents[1] / "docs"
ROW = re.compile(
    r"^\| .*, IPv([46]) \| ([\d,]+)(?: prefixes)?, (\d+) lengths: ([\d.]+) \|.*\| ([\d.]+) \|$",
    re.MULTILINE,
)


def test_the_costs_that_are_told_are_those_of_the_published_lists_in_the_documentation() -> None:
    rows = ROW.findall((DOCS / "lengths.md").read_text())

    assert len(rows) == 3
    for family, count, lengths, ipset, nftables in rows:
        content = of_lengths(int(family), int(count.replace(",", "")), int(lengths))
        assert f"about {ipset} micro" in lengths_words(content, Backend.IPSET)
        assert f"about {nftables} micro" in lengths_words(content, Backend.NFTABLES)


def test_a_version_is_shown_with_its_lengths() -> None:
    shown = as_text(Outcome("show", ShowResult(version(), True, False, 6, DIFF, NEW)))

    assert f"  lengths    {lengths_words(NEW)}" in shown.splitlines()


def test_a_time_is_told_in_utc_or_as_never() -> None:
    assert when(NIGHT) == "2026-11-20 03:30 UTC"
    assert when(None) == "never"


def test_addresses_are_counted_for_each_family() -> None:
    assert addresses(NEW.family(4)) == "8,320 IPv4 + 0 IPv6 addresses"


def test_one_version_is_not_told_as_several() -> None:
    assert numbers((3,)) == "version 3"
    assert numbers((3, 7)) == "versions 3, 7"


def test_a_change_names_the_families_that_change() -> None:
    assert change(Diff.between(OLD, OLD)) == "no address differs"
    assert change(Diff.between(OLD, NEW.family(4))) == "IPv4 +128 -4,096 addresses"


@settings(deadline=None)
@given(*[st.frozensets(st.integers(0, 40), max_size=8) for _ in range(2)])
def test_the_lines_of_a_diff_are_all_of_it_in_address_order(
    old: frozenset[int], new: frozenset[int]
) -> None:
    def content(numbers: frozenset[int]) -> PrefixSet:
        return PrefixSet.parse(
            [f"64.12.{n}.0/24" if n % 3 else f"2600:{n:x}::/32" for n in numbers]
        )

    lines = list(diff_body(Diff.between(content(old), content(new))))

    gone, come = (
        PrefixSet.parse(line[1:] for line in lines if line[0] == sign) for sign in ("-", "+")
    )
    assert (content(old) - gone) | come == content(new)
    assert not gone & come
    for family in (4, 6):
        rows = [line[1:] for line in lines if (":" in line) is (family == 6)]
        keys = [PrefixSet.parse([row]).keys(family) for row in rows]
        assert keys == sorted(keys)
