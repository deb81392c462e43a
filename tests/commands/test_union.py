"""
What is recorded is what the accepted rows of one body say together, whatever its format, and
nothing else: each night's version is held against a reading by netaddr.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork, cidr_merge, iprange_to_cidrs
from tests.commands.director import DAY, Director, read_config

from proxyfeed.model import Diff, FeedReport, FetchOutcome, UpdateResult, Version
from proxyfeed.prefixes import PrefixSet

MAX_REJECTED = 2


@dataclass(frozen=True)
class Row:
    """
    A row as it is published, and the *networks* that it means; of one that is no prefix, none.
    """

    text: str
    label: str
    networks: tuple[IPNetwork, ...]


@dataclass(frozen=True)
class Format:
    """
    A format: its *rules* as a configuration has them, the *label* that these declare, and how it is
    written.
    """

    rules: str
    label: str
    write: Callable[[list[Row]], str]


def write_text(rows: list[Row]) -> str:
    marks = ("", " # as it was", "\t; SBL1", "  ")
    lines = [f"{row.text}{marks[number % 4]}\n" for number, row in enumerate(rows)]
    return "".join(["# a list, of 20.9.9.0/24 too\n", *lines])


def write_csv(rows: list[Row]) -> str:
    return "".join(["# prefix,country\n", *(f'"{row.text}", {row.label} ,,\n' for row in rows)])


def write_document(rows: list[Row]) -> str:
    ranges = [{"cidr": row.text, **({"cc": row.label} if row.label else {})} for row in rows]
    # The other key is nobody's business, and holds what would be a prefix.
    return json.dumps({"ranges": ranges, "retired": [{"cidr": "20.9.9.0/24"}]}, indent=2)


def write_lines(rows: list[Row]) -> str:
    records = [json.dumps({"cidr": row.text, "cc": row.label}) + "\n" for row in rows]
    size = len("".join(records).encode())
    counts = json.dumps({"type": "metadata", "records": len(rows), "size": size})
    return "".join([*records, counts])


FORMATS = {
    "text": Format('format = "text"', "", write_text),
    "csv": Format('format = "csv"', "", write_csv),
    "labelled csv": Format('format = "csv"\ncsv.label = { country = 2 }', "country", write_csv),
    "json": Format(
        'format = "json"\njson = { path = "ranges", prefix = "cidr", label = { land = "cc" } }',
        "land",
        write_document,
    ),
    "json lines": Format(
        'format = "json"\njson = { path = "cidr", lines = true, label = { land = "cc" },'
        " metadata = \"type == 'metadata'\", records = 'records', size = 'size' }",
        "land",
        write_lines,
    ),
}


# ---------------------------------------------------------------- rows, and what netaddr reads


def block(first: int, length: int, label: str) -> Row:
    return network(f"{IPAddress(first)}/{length}", label)


def netmask(first: int, label: str) -> Row:
    return network(f"{IPAddress(first)}/255.255.254.0", label)


def bare(address: int, label: str) -> Row:
    return network(str(IPAddress(address)), label)


def span(first: int, size: int, label: str) -> Row:
    ends = IPAddress(first), IPAddress(first + size)
    return Row(f"{ends[0]}-{ends[1]}", label, tuple(iprange_to_cidrs(*ends)))


def network(text: str, label: str) -> Row:
    return Row(text, label, (IPNetwork(text).cidr,))


LABELS = st.sampled_from(["", "US", "DE", "São Paulo"])
# Small spaces, so that rows overlap, touch and repeat.
IPV4 = st.integers(0, 2**12 - 1).map(lambda host: int(IPAddress("20.0.0.0")) + host * 16 + host % 3)
IPV6 = st.integers(0, 2**10 - 1).map(lambda host: int(IPAddress("2a00::")) + (host << 72) + host)
PREFIXES = st.one_of(
    st.builds(block, IPV4, st.integers(18, 32), LABELS),
    st.builds(netmask, IPV4, LABELS),
    st.builds(bare, IPV4, LABELS),
    st.builds(span, IPV4, st.integers(0, 600), LABELS),
    st.builds(block, IPV6, st.integers(44, 64), LABELS),
)
# Each holds what a careless reader would take for a prefix.
BROKEN = st.builds(
    Row,
    st.sampled_from(
        ["208.54.144/32", "2607:fb90:c00:/44", "20.8.0.0/33", "020.8.0.1", "20.8.0.256", "n/a",
         "deny 20.8.0.1", "20.8.0.0/24 20.8.1.0/24", "20.8.0.9-20.8.0.1", "20.8.0.0/24/24"]
    ),
    LABELS,
    st.just(()),
)  # fmt: skip


def bodies(*first: Row, most_broken: int = MAX_REJECTED) -> st.SearchStrategy[list[Row]]:
    """
    Rows in any order, *first* among them.
    """
    good, broken = st.lists(PREFIXES, max_size=10), st.lists(BROKEN, max_size=most_broken)
    return st.tuples(good, broken).flatmap(
        lambda rows: st.permutations([*first, *rows[0], *rows[1]])
    )


ANY_BODY = bodies(most_broken=MAX_REJECTED + 1)
# One row is a prefix and few are none, so that it is a list for certain.
A_LIST = bodies(network("20.0.0.0/24", "US"))


def addresses(rows: list[Row]) -> list[str]:
    """
    The fewest prefixes of all rows together, by netaddr alone.
    """
    return [str(one) for one in cidr_merge([one for row in rows for one in row.networks])]


def labelled(form: Format, rows: list[Row]) -> dict[str, list[str]]:
    """
    The same for each label, if the format has labels.
    """
    labels = {row.label for row in rows if row.networks and form.label}
    return {label: addresses([row for row in rows if row.label == label]) for label in labels}


def meaning(form: Format, rows: list[Row]) -> object:
    return addresses(rows), form.label, labelled(form, rows)


def refusal(rows: list[Row]) -> FetchOutcome | None:
    """
    What becomes of a body that is no list; None if it is one.
    """
    broken = sum(not row.networks for row in rows)
    if not rows:
        return FetchOutcome.EMPTY
    return FetchOutcome.NOT_A_LIST if broken > MAX_REJECTED or broken == len(rows) else None


def halves(row: Row) -> Iterator[Row]:
    for one in row.networks:
        for half in one.subnet(one.prefixlen + 1) if one.size > 1 else [one]:
            yield network(str(half), row.label)


# ---------------------------------------------------------------- nights


@contextmanager
def new_director(empty_database: Path) -> Iterator[Director]:
    with tempfile.TemporaryDirectory() as folder:
        director = Director.start(Path(folder), empty_database)
        try:
            yield director
        finally:
            director.store.close()


def night(director: Director, form: Format, body: str) -> FeedReport:
    """
    Publish *body*, be it empty, and update a day after the last time.
    """
    toml = f"""
        apply = "manual"
        [feeds.x]
        url = "file:list"
        max_rejected = {MAX_REJECTED}
        max_growth = "999999 %"
        max_shrink = "100 %"
        {form.rules}
        [sets.x]
        feeds = ["x"]
        mark = 1
    """
    director.config = read_config(toml, director.folder)
    director.publish(to="list", body=body.encode())
    director.now += DAY
    result = director.update().result
    assert isinstance(result, UpdateResult)
    return result.feeds[0]


def assert_versions(
    director: Director,
    recorded: list[tuple[Format, list[Row]]],
    desired: list[tuple[Format, list[Row]]],
) -> None:
    """
    There are the versions *recorded*, and the set should hold what is *desired*.
    """
    versions = director.store.versions()[::-1]
    assert len(versions) == len(recorded)
    for version, (form, rows) in zip(versions, recorded, strict=True):
        assert_holds(director, version, form, rows)
    wanted = [line for _, rows in desired for line in addresses(rows)]
    assert list(director.desired("x").prefixes.lines()) == wanted


def assert_holds(director: Director, version: Version, form: Format, rows: list[Row]) -> None:
    """
    A version has the addresses and the labels of *rows*, and not one more.
    """
    labels = director.store.labels(version)
    assert list(director.store.content(version).lines()) == addresses(rows)
    assert labels.name == version.label == form.label
    assert {label: list(part.lines()) for label, part in labels.parts} == labelled(form, rows)


forms = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
labelled_forms = pytest.mark.parametrize(
    "form", [pytest.param(form, id=name) for name, form in FORMATS.items() if form.label]
)
some = settings(max_examples=12, deadline=None)
few = settings(max_examples=5, deadline=None)


@forms
@some
@given(first=ANY_BODY, second=ANY_BODY, other=st.sampled_from([*FORMATS.values()]))
def test_a_version_is_what_the_accepted_rows_of_its_body_say_or_it_is_not_there(
    empty_database: Path, form: Format, other: Format, first: list[Row], second: list[Row]
) -> None:
    with new_director(empty_database) as director:
        report = night(director, form, form.write(first))

        assert report.outcome is (refusal(first) or FetchOutcome.NEW)
        accepted = [] if refusal(first) else [(form, first)]
        assert_versions(director, accepted, accepted)

        report = night(director, other, other.write(second))

        if report.outcome is FetchOutcome.NEW:
            assert_versions(director, [*accepted, (other, second)], [(other, second)])
        elif report.outcome is FetchOutcome.HELD:
            assert_versions(director, [*accepted, (other, second)], accepted)
        else:
            is_same = bool(accepted) and meaning(other, second) == meaning(form, first)
            assert report.outcome is (refusal(second) or FetchOutcome.SAME)
            assert is_same or refusal(second)
            assert_versions(director, accepted, accepted)


@forms
@few
@given(rows=A_LIST, shuffled=st.randoms())
def test_the_same_addresses_in_other_bytes_are_no_new_version(
    empty_database: Path, form: Format, rows: list[Row], shuffled: Random
) -> None:
    # Each block in two halves, the first of them twice, in another order and without what is wrong.
    again = [half for row in rows for half in halves(row)]
    again.append(again[0])
    shuffled.shuffle(again)

    with new_director(empty_database) as director:
        assert night(director, form, form.write(rows)).outcome is FetchOutcome.NEW
        report = night(director, form, form.write(again) + "\n")

        assert (report.outcome, report.version) == (FetchOutcome.SAME, 1)
        assert_versions(director, [(form, rows)], [(form, rows)])


@labelled_forms
@few
@given(rows=A_LIST, which=st.integers(0))
def test_labels_that_change_alone_are_a_version_with_an_empty_diff(
    empty_database: Path, form: Format, rows: list[Row], which: int
) -> None:
    prefixes = [number for number, row in enumerate(rows) if row.networks]
    changed = prefixes[which % len(prefixes)]
    moved = [*rows[:changed], replace(rows[changed], label="FR"), *rows[changed + 1 :]]

    with new_director(empty_database) as director:
        night(director, form, form.write(rows))
        report = night(director, form, form.write(moved))

        assert report.outcome is FetchOutcome.NEW
        assert report.diff == Diff(PrefixSet(), PrefixSet())
        assert_versions(director, [(form, rows), (form, moved)], [(form, moved)])


@forms
@few
@given(rows=A_LIST, broken=st.lists(BROKEN, max_size=MAX_REJECTED))
def test_rows_that_are_rejected_change_nothing(
    empty_database: Path, form: Format, rows: list[Row], broken: list[Row]
) -> None:
    good = [row for row in rows if row.networks]

    with new_director(empty_database) as director:
        night(director, form, form.write(good))
        report = night(director, form, form.write([*broken, *good]))

        assert report.outcome is FetchOutcome.SAME
        assert_versions(director, [(form, good)], [(form, good)])


# ---------------------------------------------------------------- held, and told


GEOFEED = FORMATS["labelled csv"]
FIRST = [network("20.0.0.0/24", "US"), network("20.0.1.0/24", "DE")]
# Private space, which waits for an operator whatever may grow.
PRIVATE = network("10.0.0.0/24", "US")


def test_a_held_list_with_other_labels_is_another_held_version(empty_database: Path) -> None:
    bodies = [[*FIRST, PRIVATE], [*FIRST, PRIVATE], [*FIRST, replace(PRIVATE, label="DE")]]

    with new_director(empty_database) as director:
        night(director, GEOFEED, GEOFEED.write(FIRST))
        reports = [night(director, GEOFEED, GEOFEED.write(rows)) for rows in bodies]

        assert [report.outcome for report in reports] == [FetchOutcome.HELD] * 3
        assert [report.version for report in reports] == [2, 2, 3]
        recorded = [(GEOFEED, rows) for rows in (FIRST, bodies[0], bodies[2])]
        assert_versions(director, recorded, [(GEOFEED, FIRST)])


def test_what_is_wrong_with_rows_is_told_of_a_list_that_is_known_and_of_one_that_is_held(
    empty_database: Path,
) -> None:
    broken = Row("208.54.144/32", "US", ())

    with new_director(empty_database) as director:
        first, same, held = (
            night(director, GEOFEED, GEOFEED.write([*rows, broken]) + "\n" * number)
            for number, rows in enumerate([FIRST, FIRST, [*FIRST, PRIVATE]])
        )

        assert [first.outcome, same.outcome] == [FetchOutcome.NEW, FetchOutcome.SAME]
        assert [one.rule for one in first.findings] == ["rejected-rows"]
        assert same.findings == first.findings
        assert held.outcome is FetchOutcome.HELD
        assert [one.rule for one in held.findings] == ["special-purpose", "rejected-rows"]
        assert held.findings == director.store.version(2).findings
