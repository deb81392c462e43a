from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pages import SHARED
from tests.sources.lists.naive import csv_fields, merged

from proxyfeed.errors import CutShort, EmptyList, ReadError
from proxyfeed.model import Column, CsvRules, Listing
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.lists import body
from proxyfeed.sources.lists.csv_rows import read_csv

RULES = CsvRules()
BY_COUNTRY = CsvRules(label=Column("country", 2))

# As published by T-Mobile US, with the rows that are no prefixes.
T_MOBILE = """\
# Self-published geofeed as defined in datatracker.ietf.org/doc/html/rfc8805
# T-Mobile US Geofeed,lastupdated (rfc3339): 2023-02-11T01:11:28-08:00
172.32.0.0/11,US,,,
208.54.144/32,US,US-WA,Seattle,
172.44.0/21,US,US-TN,Nashville,
2607:fb90:c00:/44,US,US-NC,Charlotte,
2607:fb90:3764::/44,US,US-WA,Seattle,
2607:fb92:500::/40,US,US-CA,San Francisco
"""
PRIVATE_RELAY = "104.28.28.0/32,AU,,,\n104.28.28.1/32,AU,AU-NSW,Sydney,\n2a02:26f7::/64,US,,,\n"


def read(content: bytes | str, rules: CsvRules = RULES) -> Listing:
    return read_csv(content if isinstance(content, bytes) else content.encode(), "", rules)


def lines(content: bytes | str, rules: CsvRules = RULES) -> list[str]:
    return list(read(content, rules).prefixes.lines())


def parts(content: bytes | str, rules: CsvRules = BY_COUNTRY) -> dict[str, list[str]]:
    return {label: list(part.lines()) for label, part in read(content, rules).labels.parts}


def refusal(content: bytes | str, rules: CsvRules = RULES) -> str:
    with pytest.raises(ReadError) as caught:
        read(content, rules)
    assert not isinstance(caught.value, EmptyList)
    return caught.value.message


# ---------------------------------------------------------------- fields


def test_a_geofeed_is_read_by_its_first_column() -> None:
    assert lines(PRIVATE_RELAY) == ["104.28.28.0/31", "2a02:26f7::/64"]


def test_each_label_is_the_field_as_it_stands() -> None:
    content = "192.0.2.0/24, us \n198.51.100.0/24,US\n203.0.113.0/24,\n2001:db8::/32,US\n"
    assert parts(content) == {
        "": ["203.0.113.0/24"],
        "US": ["198.51.100.0/24", "2001:db8::/32"],
        "us": ["192.0.2.0/24"],
    }
    assert read(content, BY_COUNTRY).labels.name == "country"


def test_a_list_without_a_label_in_its_rules_has_no_labels() -> None:
    assert not read(PRIVATE_RELAY).labels


@pytest.mark.parametrize(
    "row",
    [
        '"192.0.2.0/24",SE',
        '192.0.2.0/24,"SE"',
        '192.0.2.0/24 , "SE"',
        " 192.0.2.0/24\t,\tSE \u00a0",
        '"192.0.2.0/24 "," SE"',
        '192.0.2.0/24,SE,"Stockholm, city ""of"" islands"',
        '192.0.2.0/24,SE,the "old" town,\'',
    ],
)
def test_fields_may_be_quoted_and_have_blanks_round_them(row: str) -> None:
    assert parts(row) == {"SE": ["192.0.2.0/24"]}


def test_a_quoted_field_may_hold_the_delimiter_and_doubled_quotes() -> None:
    assert parts('192.0.2.0/24,"Korea, ""South"""\n') == {'Korea, "South"': ["192.0.2.0/24"]}
    assert parts('192.0.2.0/24, "Korea, South"\n') == {"Korea, South": ["192.0.2.0/24"]}


@pytest.mark.parametrize(
    "row", ['192.0.2.0/24,"SE', '"192.0.2.0/24', '"192.0.2.0/24"x,SE', '"192.0.2.0/24" ,SE', '"']
)
def test_a_row_whose_quotes_do_not_match_is_rejected(row: str) -> None:
    message = refusal(f"198.51.100.0/24,SE\n{row}\n198.51.101.0/24,SE\n")
    assert f"line 2: {row!r} is no row of CSV" in message


def test_a_quoted_field_never_goes_on_in_the_next_line() -> None:
    message = refusal('192.0.2.0/24,"Stock\nholm"\n198.51.100.0/24,SE\n')
    assert message.startswith("2 of 3 rows")


def test_a_field_longer_than_the_library_takes_is_rejected() -> None:
    assert "is no row of CSV" in refusal(f'192.0.2.0/24\n192.0.2.0/24,"{"x" * 200_000}"\n')


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_what_the_rules_say(delimiter: str) -> None:
    row = delimiter.join(["192.0.2.0/24", '"S E"', ""])
    assert parts(row, CsvRules(delimiter=delimiter, label=Column("country", 2))) == {
        "S E": ["192.0.2.0/24"]
    }


def test_a_leading_tab_is_an_empty_field_where_tabs_part_the_fields() -> None:
    assert lines("\t192.0.2.0/24\n", CsvRules(column=2, delimiter="\t")) == ["192.0.2.0/24"]


@pytest.mark.parametrize(
    "row",
    [
        "192.0.2.0/24 ; SBL1,SE",
        "192.0.2.0/24#1,SE",
        "192.0.2.0/24;SE",
        "192.0.2.0/24 SE",
        "192.0.2.0/24\tSE",
        "SE,192.0.2.0/24",
        ",SE",
        ",,,,",
        "; comment",
        "// comment",
        "[192.0.2.0/24]",
        "'192.0.2.0/24',SE",
        "131.0.72.0/222400:cb00::/32,SE",
        "\ufeff192.0.2.0/24,SE",
    ],
)
def test_a_row_without_a_prefix_in_its_column_is_rejected(row: str) -> None:
    message = refusal(f"198.51.100.0/24,SE\n{row}\n")
    assert message.startswith("1 of 2 rows are no prefixes")
    assert "line 2: " in message


def test_every_notation_of_a_prefix_is_read() -> None:
    assert lines("192.0.2.0-192.0.2.255,SE\n198.51.100.0/255.255.255.0,SE\n203.0.113.*,SE\n") == [
        "192.0.2.0/24",
        "198.51.100.0/24",
        "203.0.113.0/24",
    ]


# ---------------------------------------------------------------- columns

TABLE = "country,prefix,note\nSE,192.0.2.0/24,10.0.0.0/8\nNO,198.51.100.0/24,\n"
BOTH = ["192.0.2.0/24", "198.51.100.0/24"]


@pytest.mark.parametrize(
    "rules",
    [
        CsvRules(column=2, header=True),
        CsvRules(column="prefix"),
        CsvRules(column="prefix", header=True),
        CsvRules(column=2, label=Column("country", "country")),
        CsvRules(column="prefix", label=Column("country", 1)),
    ],
)
def test_a_column_is_found_by_its_number_or_its_name_in_the_header(rules: CsvRules) -> None:
    listing = read(TABLE, rules)
    assert list(listing.prefixes.lines()) == BOTH
    assert listing.rows == 2
    if rules.label:
        assert [label for label, _ in listing.labels.parts] == ["NO", "SE"]


def test_a_header_may_be_quoted_padded_and_stand_after_comments() -> None:
    content = '# list\n\n country , "prefix, or address"\nSE,192.0.2.0/24\n'
    rules = CsvRules(column="prefix, or address", label=Column("country", "country"))
    assert parts(content, rules) == {"SE": ["192.0.2.0/24"]}


@pytest.mark.parametrize(
    "rules", [CsvRules(column="cidr"), CsvRules(column=2, label=Column("country", "cidr"))]
)
def test_a_column_that_is_missing_is_named_with_those_that_are_there(rules: CsvRules) -> None:
    assert refusal(TABLE, rules) == (
        "the header has no column 'cidr', it has 'country', 'prefix', 'note'"
    )


def test_a_column_that_stands_twice_is_refused() -> None:
    message = refusal("prefix,prefix\n192.0.2.0/24,10.0.0.0/8\n", CsvRules(column="prefix"))
    assert message == "the header has more than one column 'prefix', it has 'prefix', 'prefix'"


def test_a_name_is_compared_as_it_stands() -> None:
    assert "no column 'Prefix'" in refusal(TABLE, CsvRules(column="Prefix"))
    assert "no column '2'" in refusal(TABLE, CsvRules(column="2"))


def test_the_header_in_a_message_is_cut() -> None:
    assert len(refusal("x," * 50_000, CsvRules(column="prefix"))) < 300
    assert len(refusal('"' + "x" * 50_000, CsvRules(column="prefix"))) < 300


@pytest.mark.parametrize(
    "content", ["192.0.2.0/24,SE\n198.51.100.0/24,SE\n", 'SE,"192.0.2.0/24"\nx,198.51.100.0/24\n']
)
def test_a_first_row_with_a_prefix_is_never_lost_as_a_header(content: str) -> None:
    message = refusal(content, CsvRules(header=True, max_rejected=9))
    assert message.startswith("line 1 should be a header, and holds a prefix: ")


def test_a_header_whose_quotes_do_not_match_is_refused() -> None:
    message = refusal('"prefix\n192.0.2.0/24\n', CsvRules(header=True))
    assert message.startswith("the header in line 1 is no CSV")


def test_a_header_where_the_rules_expect_none_is_rejected() -> None:
    assert "line 1: 'country,prefix,note'" in refusal(TABLE, CsvRules(column=2))


@pytest.mark.parametrize(
    "rules",
    [CsvRules(column=3), CsvRules(label=Column("city", 3)), CsvRules(column=3, max_rejected=2)],
)
def test_a_row_without_the_wanted_columns_is_rejected(rules: CsvRules) -> None:
    message = refusal("192.0.2.0/24,SE\n198.51.100.0/24,SE\n", rules)
    assert "line 1: '192.0.2.0/24,SE' has no column 3" in message


# ---------------------------------------------------------------- comments and emptiness


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n \t\n", b"#", b"# 192.0.2.0/24\n"])
@pytest.mark.parametrize("rules", [RULES, CsvRules(header=True), CsvRules(column="prefix")])
def test_a_list_without_a_row_is_empty(content: bytes, rules: CsvRules) -> None:
    with pytest.raises(EmptyList):
        read(content, rules)


@pytest.mark.parametrize("content", ["prefix,country", "# list\nprefix,country\n\n# end\n"])
def test_a_list_of_only_a_header_is_empty(content: str) -> None:
    with pytest.raises(EmptyList):
        read(content, CsvRules(column="prefix"))


def test_comments_and_blank_lines_are_no_rows() -> None:
    listing = read("# 10.0.0.0/8,SE\r\n\r\n \t#\r\n192.0.2.0/24,SE\r\n \t\r\n")
    assert listing.rows == 1
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24"]


def test_a_stamp_is_read_as_t_mobile_writes_it() -> None:
    rules = CsvRules(stamp="lastupdated (RFC3339):", max_rejected=3)
    assert read(T_MOBILE, rules).stamp == datetime(2023, 2, 11, 9, 11, 28, tzinfo=UTC)


# ---------------------------------------------------------------- what is reported


def test_rows_that_t_mobile_got_wrong_are_rejected_with_line_and_text() -> None:
    assert refusal(T_MOBILE).startswith("3 of 6 rows are no prefixes, and 0 may be")
    assert refusal(T_MOBILE, CsvRules(max_rejected=2)).startswith("3 of 6 rows")
    listing = read(T_MOBILE, CsvRules(max_rejected=3))
    assert [(one.place, one.text) for one in listing.rejected] == [
        ("line 4", "208.54.144/32,US,US-WA,Seattle,"),
        ("line 5", "172.44.0/21,US,US-TN,Nashville,"),
        ("line 6", "2607:fb90:c00:/44,US,US-NC,Charlotte,"),
    ]
    assert list(listing.prefixes.lines()) == [
        "172.32.0.0/11",
        "2607:fb90:3760::/44",
        "2607:fb92:500::/40",
    ]


def test_host_bits_are_masked_and_reported() -> None:
    assert read(T_MOBILE, CsvRules(max_rejected=3)).masked == ("line 7: 2607:fb90:3764::/44",)


def test_duplicates_are_rows_and_add_nothing() -> None:
    listing = read("192.0.2.0/24,SE\n192.0.2.0/24,SE\n192.0.2.7,NO\n", BY_COUNTRY)
    assert listing.rows == 3
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24"]
    assert [label for label, _ in listing.labels.parts] == ["NO", "SE"]


# ---------------------------------------------------------------- what was cut


@pytest.mark.parametrize(
    "cut", ["1", "104.28.28.2", "104.28.28.0/3", "104.28.28.2/32,", "104.28.28.2/32,AU,,"]
)
@pytest.mark.parametrize("rules", [RULES, BY_COUNTRY])
def test_a_last_row_that_was_cut_refuses_the_body_whatever_the_budget(
    cut: str, rules: CsvRules
) -> None:
    with pytest.raises(CutShort) as caught:
        read(PRIVATE_RELAY + cut, replace(rules, max_rejected=9))
    assert caught.value.message == (
        f"line 4: {cut!r} is cut: fewer fields than the row before, and no line end"
    )


def test_a_last_row_of_as_many_fields_needs_no_line_end() -> None:
    assert lines(PRIVATE_RELAY.rstrip()) == lines(PRIVATE_RELAY)


def test_a_row_with_a_line_end_may_be_shorter_than_the_row_before() -> None:
    assert read("192.0.2.0/24,SE,,,\n198.51.100.0/24,SE\n").rows == 2


def test_the_only_row_after_a_header_is_as_wide_as_the_header() -> None:
    assert "is cut" in refusal("prefix,country\n205.188.112.0/2", CsvRules(column="prefix"))
    assert lines("205.188.112.0/20") == ["205.188.112.0/20"]


@pytest.mark.parametrize("rules", [RULES, BY_COUNTRY])
def test_a_geofeed_cut_at_any_byte_is_refused_or_a_part_of_the_whole(rules: CsvRules) -> None:
    whole = read(PRIVATE_RELAY, rules)
    first_row = PRIVATE_RELAY.index("\n")
    for size in range(first_row, len(PRIVATE_RELAY)):
        try:
            cut = read(PRIVATE_RELAY[:size], rules)
        except ReadError:
            continue
        assert not cut.prefixes - whole.prefixes
        assert PRIVATE_RELAY[:size].endswith((",", "\n"))
        for label, part in cut.labels.parts:
            assert not part - dict(whole.labels.parts)[label]


# ---------------------------------------------------------------- what comes in place of a list


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("<html><body>1.0.1.1,2\n</body></html>", "HTML"),
        ("192.0.2.0/24,SE\nx,<b>1.0.1.1</b>\n", "markup"),
        ('[\n"192.0.2.0/24",\n"198.51.100.0/24"\n]\n', "JSON"),
        ('{"prefixes": [\n"192.0.2.0/24",\n"198.51.100.0/24"\n]}\n', "JSON"),
        ("You can only fetch the data every 30 minutes\n", "1 of 1 rows"),
    ],
)
@pytest.mark.parametrize("max_rejected", [0, 9])
def test_what_is_no_list_is_refused_whatever_the_budget(
    content: str, why: str, max_rejected: int
) -> None:
    assert why in refusal(content, CsvRules(max_rejected=max_rejected))


def published(*patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in SHARED.glob(pattern))


# With the rows that no one can read.
MALFORMED = {"208.54.144/32", "172.44.0/21", "2607:fb90:c00:/44"}
GOOD = published("icloud/*.csv", "tmobile/*.txt")
BAD = published("bad/azure*", "bad/cloudflare*", "bad/github*")
needs_published_lists = pytest.mark.skipif(not GOOD, reason="the published lists are not here")


@needs_published_lists
@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_a_published_list_is_read_as_netaddr_reads_it(path: Path) -> None:
    content = path.read_bytes()
    rows = list(csv_fields(content))
    good = [fields for fields in rows if fields[0] not in MALFORMED]
    rejections = len(rows) - len(good)
    rules = CsvRules(label=BY_COUNTRY.label, max_rejected=rejections)
    listing = read(content, rules)
    assert list(listing.prefixes) == merged(fields[0] for fields in good)
    assert (listing.rows, listing.rejections) == (len(rows), rejections)
    countries = {fields[1] for fields in good}
    assert {label for label, _ in listing.labels.parts} == countries
    for country in sorted(countries)[:20]:
        expected = merged(fields[0] for fields in good if fields[1] == country)
        assert list(dict(listing.labels.parts)[country]) == expected


@needs_published_lists
@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_what_was_once_served_in_place_of_a_list_is_refused(path: Path) -> None:
    message = refusal(path.read_bytes(), CsvRules(max_rejected=10_000))
    assert message.startswith(("the body is HTML", "the body is XML"))


# ---------------------------------------------------------------- properties

PREFIXES = st.one_of(
    st.builds("{}/{}".format, st.ip_addresses(v=4), st.integers(0, 32)),
    st.builds("{}/{}".format, st.ip_addresses(v=6), st.integers(0, 128)),
    st.ip_addresses().map(str),
)
LABELS = st.sampled_from(["", "SE", "NO", "Korea, South", 'The "old" town', "São Paulo"])
REJECTED = st.sampled_from(["208.54.144/32", "1.2.3.0/24 US", "", "x", "1.2.3.4/-1"])


def quoted(field: str) -> str:
    return '"' + field.replace('"', '""') + '"'


@given(
    rows=st.lists(
        st.tuples(st.just(True), PREFIXES, LABELS) | st.tuples(st.just(False), REJECTED, LABELS)
    ).filter(lambda rows: any(is_good for is_good, _, _ in rows)),
    end=st.sampled_from(["\n", "\r\n", "\n\n# note\n"]),
    column=st.sampled_from([1, "prefix"]),
)
def test_the_sets_are_what_netaddr_reads_in_the_rows_that_are_not_rejected(
    rows: list[tuple[bool, str, str]], end: str, column: int | str
) -> None:
    header = "" if column == 1 else f"prefix,country{end}"
    body = header + end.join(f"{prefix},{quoted(label)}" for _, prefix, label in rows)
    listing = read(body, CsvRules(column, label=Column("country", 2), max_rejected=len(rows)))
    good = [(prefix, label) for is_good, prefix, label in rows if is_good]
    assert list(listing.prefixes) == merged(prefix for prefix, _ in good)
    assert {label: list(part) for label, part in listing.labels.parts} == {
        label: merged(prefix for prefix, own in good if own == label) for _, label in good
    }
    assert listing.rows == len(rows)
    assert listing.rows - listing.rejections == len(good)


def read_or_refuse(content: bytes, rules: CsvRules) -> Listing | str:
    try:
        return read_csv(content, "text/csv", rules)
    except ReadError as exc:
        return exc.message


ANY_RULES = st.builds(
    CsvRules,
    column=st.sampled_from([1, 2, 9, "a", ""]),
    header=st.booleans(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    label=st.sampled_from([None, Column("country", 2), Column("country", "b")]),
    stamp=st.sampled_from(["", "a"]),
    max_rejected=st.integers(0, 3),
)


@given(content=st.binary() | st.text("0123./:-*,;#<\"'\n\r\t ab").map(str.encode), rules=ANY_RULES)
def test_any_bytes_are_a_list_or_refused_in_one_message(content: bytes, rules: CsvRules) -> None:
    outcome = read_or_refuse(content, rules)
    if isinstance(outcome, Listing):
        assert outcome.prefixes
        assert outcome.rejections <= rules.max_rejected
    else:
        assert len(outcome) < 1000


# ---------------------------------------------------------------- long lists

LONG = [f"20.{n >> 8}.{n & 255}.0/24,{'AU' if n % 3 else 'US'},,," for n in range(9_000)]


@pytest.mark.parametrize(
    ("row", "text", "label"),
    [
        ('30.0.0.0/24,"DE,AT",,,', "30.0.0.0/24", "DE,AT"),
        (" 30.0.0.0/24 , FR ,,,", "30.0.0.0/24", "FR"),
        ("30.0.0.0,BE", "30.0.0.0/32", "BE"),
        ("30.0.0.7/24,NL,,,", "30.0.0.0/24", "NL"),
        ("30.0.0.0-30.0.0.2,CH,,,", "30.0.0.0-30.0.0.2", "CH"),
        ("2001:db8::/48,SE,,,", "2001:db8::/48", "SE"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 4_500, 8_999, 9_000])
def test_a_row_means_the_same_wherever_it_stands_in_a_long_list(
    row: str, text: str, label: str, place: int
) -> None:
    rows = [*LONG[:place], row, *LONG[place:]]
    listing = read("\n".join(rows) + "\n", BY_COUNTRY)
    assert listing.rows == 9_001
    assert listing.maskings == (1 if "7/24" in row else 0)
    assert listing.masked == ((f"line {place + 1}: 30.0.0.7/24",) if "7/24" in row else ())
    of_label = dict(listing.labels.parts)
    assert of_label.pop(label) == PrefixSet.parse([text])
    assert of_label == {
        one: PrefixSet.parse(line.split(",")[0] for line in LONG if f",{one}," in line)
        for one in ("AU", "US")
    }


@pytest.mark.parametrize("place", [0, 1, 4_500, 8_999, 9_000])
@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("30.0.0/24,DE,,,", "is not a full IPv4 or IPv6 address"),
        ("30.0.0.0/24", "has no column 2"),
        ("30.0.0.0/024,DE,,,", "has no readable prefix length"),
        ("30.0.0.0/24,D\u200bE,,,", "has a label that is too long or cannot be printed"),
    ],
)
def test_a_row_that_is_rejected_is_named_wherever_it_stands_in_a_long_list(
    row: str, why: str, place: int
) -> None:
    rows = [*LONG[:place], row, *LONG[place:]]
    listing = read("\n".join(rows) + "\n", replace(BY_COUNTRY, max_rejected=1))
    assert [(one.place, one.why) for one in listing.rejected] == [(f"line {place + 1}", why)]
    assert (listing.rows, listing.rejections) == (9_001, 1)
    assert listing.prefixes == PrefixSet.parse(line.split(",")[0] for line in LONG)


@pytest.mark.parametrize("place", [0, 4_500, 9_000])
@pytest.mark.parametrize("comment", ["#DE,10.0.0.0/8", " # FR,172.16.0.0/12", "#,10.0.0.0/8,#"])
def test_what_stands_in_a_comment_of_a_long_list_is_no_row(comment: str, place: int) -> None:
    rows = [f"{line.split(',')[1]},{line.split(',')[0]}" for line in LONG]
    text = "\n".join([*rows[:place], comment, *rows[place:]]) + "\n"
    listing = read(text, CsvRules(column=2, label=Column("country", 1)))
    assert (listing.rows, [label for label, _ in listing.labels.parts]) == (9_000, ["AU", "US"])
    assert listing.prefixes == PrefixSet.parse(line.split(",")[0] for line in LONG)


@pytest.mark.parametrize("size", [1, 64 * 1024])
def test_a_long_list_that_is_cut_in_its_last_row_is_refused(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "_BLOCK", size)
    with pytest.raises(CutShort, match=r"line 9000: '20\.35\.39\.0/2' is cut"):
        read("\n".join(LONG).removesuffix("4,AU,,,"), BY_COUNTRY)


def test_a_long_list_may_have_a_header_and_it_is_no_row() -> None:
    rules = CsvRules(column="prefix", label=Column("country", "where"))
    listing = read("\n".join(["prefix,where,a,b,c", *LONG]), rules)
    assert listing.rows == 9_000
    assert listing.prefixes == PrefixSet.parse(line.split(",")[0] for line in LONG)
