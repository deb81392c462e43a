import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pages import SHARED
from tests.sources.lists.naive import merged

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import JsonRules, Listing, Query
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.lists.json_rows import read_json

AWS = JsonRules(paths=("prefixes[].ip_prefix", "ipv6_prefixes[].ipv6_prefix"), stamp="syncToken")
AWS_BY_REGION = JsonRules(
    paths=("prefixes", "ipv6_prefixes"),
    prefix="ip_prefix || ipv6_prefix",
    label=Query("region", "region"),
    stamp="createDate",
)
CLOUDFRONT = JsonRules(
    paths=(
        "prefixes[?service=='CLOUDFRONT'].ip_prefix",
        "ipv6_prefixes[?service=='CLOUDFRONT'].ipv6_prefix",
    )
)
# Each row has one of two keys. With both, the joined text is no prefix; with none, it is empty.
GOOGLE = JsonRules(
    paths=("prefixes",),
    prefix="join('', [ipv4Prefix, ipv6Prefix][?@])",
    label=Query("scope", "scope"),
    stamp="syncToken",
)
FASTLY = JsonRules(paths=("addresses", "ipv6_addresses"))
GITHUB = JsonRules(paths=("actions",))
ZSCALER = JsonRules(paths=("hubPrefixes",))
ZSCALER_NODES = JsonRules(paths=("*.*.*[][][]",), prefix="range")
ROWS = JsonRules(paths=("rows",))
OBJECTS = JsonRules(paths=("rows",), prefix="cidr")
LABELLED = replace(OBJECTS, label=Query("region", "region"))


def aws_of(*rows: tuple[str, str, str]) -> dict[str, Any]:
    """
    A document like AWS's, of rows with a prefix, a region and a service.
    """
    ipv4, ipv6 = [], []
    for prefix, region, service in rows:
        rest = {"region": region, "service": service}
        if ":" in prefix:
            ipv6.append({"ipv6_prefix": prefix} | rest)
        else:
            ipv4.append({"ip_prefix": prefix} | rest)
    return {
        "syncToken": "1597119553",
        "createDate": "2020-08-11-04-19-13",
        "prefixes": ipv4,
        "ipv6_prefixes": ipv6,
    }


SMALL_AWS = aws_of(
    ("3.4.12.4/32", "eu-west-1", "AMAZON"),
    ("15.230.0.0/16", "GLOBAL", "CLOUDFRONT"),
    ("15.230.0.0/16", "GLOBAL", "AMAZON"),
    ("2600:9000::/28", "GLOBAL", "CLOUDFRONT"),
)
SMALL_AWS_LINES = ["3.4.12.4/32", "15.230.0.0/16", "2600:9000::/28"]


def read(document: object, rules: JsonRules = ROWS) -> Listing:
    """
    Read a document: bytes and text as they are, another value as the JSON of it.
    """
    if not isinstance(document, bytes | str):
        document = json.dumps(document)
    return read_json(document if isinstance(document, bytes) else document.encode(), "", rules)


def lines(document: object, rules: JsonRules = ROWS) -> list[str]:
    return list(read(document, rules).prefixes.lines())


def refusal(document: object, rules: JsonRules = ROWS) -> str:
    with pytest.raises(ReadError) as caught:
        read(document, rules)
    assert not isinstance(caught.value, EmptyList)
    return caught.value.message


# ---------------------------------------------------------------- published bodies


def aws_prefixes(document: Any, service: str = "") -> Iterable[str]:
    for row in document["prefixes"] + document["ipv6_prefixes"]:
        if service in ("", row["service"]):
            yield row.get("ip_prefix") or row["ipv6_prefix"]


def google_prefixes(document: Any) -> Iterable[str]:
    for row in document["prefixes"]:
        yield row["ipv4Prefix"] if "ipv4Prefix" in row else row["ipv6Prefix"]


PUBLISHED: list[tuple[str, JsonRules, Callable[[Any], Iterable[str]]]] = [
    ("aws", AWS, aws_prefixes),
    ("aws", AWS_BY_REGION, aws_prefixes),
    ("aws", CLOUDFRONT, lambda document: aws_prefixes(document, "CLOUDFRONT")),
    ("google", GOOGLE, google_prefixes),
    ("fastly", FASTLY, lambda document: document["addresses"] + document["ipv6_addresses"]),
    ("github", GITHUB, lambda document: document["actions"]),
    ("zscaler", ZSCALER, lambda document: document["hubPrefixes"]),
]
BODIES = [
    pytest.param(path, rules, naive, id=f"{path.name}-{rules.paths[0]}")
    for folder, rules, naive in PUBLISHED
    for path in sorted((SHARED / folder).glob("*.json"))
]
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")


@needs_shared
@pytest.mark.parametrize(("path", "rules", "naive"), BODIES)
def test_a_published_body_is_read_to_the_set_of_a_naive_reading(
    path: Path, rules: JsonRules, naive: Callable[[Any], Iterable[str]]
) -> None:
    listing = read(path.read_bytes(), rules)
    prefixes = list(naive(json.loads(path.read_bytes())))
    assert list(listing.prefixes) == merged(prefixes)
    assert (listing.rows, listing.rejections) == (len(prefixes), 0)


@needs_shared
def test_the_regions_of_aws_are_those_of_a_naive_reading() -> None:
    path = SHARED / "aws" / "ip-ranges-2026-08-22T1037-flap-on.json"
    by_region: defaultdict[str, list[str]] = defaultdict(list)
    document = json.loads(path.read_bytes())
    for row in document["prefixes"] + document["ipv6_prefixes"]:
        by_region[row["region"]].append(row.get("ip_prefix") or row["ipv6_prefix"])
    labels = read(path.read_bytes(), AWS_BY_REGION).labels
    assert labels.name == "region"
    assert {label: list(part) for label, part in labels.parts} == {
        region: merged(prefixes) for region, prefixes in by_region.items()
    }


@needs_shared
@pytest.mark.parametrize(
    ("name", "rules", "time"),
    [
        ("aws/ip-ranges-2020-08-11T0419-before.json", AWS, (2020, 8, 11, 4, 19, 13)),
        ("aws/ip-ranges-2020-08-11T0419-before.json", AWS_BY_REGION, (2020, 8, 11, 4, 19, 13)),
        ("google/cloud-2025-07-24.json", GOOGLE, (2025, 7, 24, 14, 6, 55, 660_000)),
    ],
)
def test_the_stamp_of_a_published_body_is_read(
    name: str, rules: JsonRules, time: tuple[int, int, int, int, int, int]
) -> None:
    assert read((SHARED / name).read_bytes(), rules).stamp == datetime(*time, tzinfo=UTC)


@needs_shared
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("aws/ip-ranges-2020-08-11T0419-before.json", AWS_BY_REGION),
        ("google/cloud-2025-07-24.json", GOOGLE),
        ("github/meta-2025-07-20.json", GITHUB),
    ],
)
def test_compact_and_indented_bodies_read_the_same(name: str, rules: JsonRules) -> None:
    published = (SHARED / name).read_bytes()
    document = json.loads(published)
    compact = json.dumps(document, separators=(",", ":")).encode()
    indented = b"\xef\xbb\xbf" + json.dumps(document, indent="\t", sort_keys=True).encode()
    assert len(indented) > len(compact) * 1.1
    assert read(compact, rules) == read(indented, rules) == read(published, rules)


@needs_shared
@pytest.mark.parametrize("path", sorted((SHARED / "bad").glob("*")), ids=lambda path: path.name)
@pytest.mark.parametrize("rules", [AWS, FASTLY, JsonRules(paths=("[]",)), JsonRules(paths=("@",))])
def test_what_was_once_served_in_place_of_a_list_is_refused(path: Path, rules: JsonRules) -> None:
    with pytest.raises(ReadError):
        read(path.read_bytes(), rules)


def test_a_page_is_refused_by_its_name() -> None:
    assert "the body is HTML" in refusal(b"<html><head><title>502 Bad Gateway</title></head>")


# ---------------------------------------------------------------- rows


def test_rows_are_texts_or_objects_with_one() -> None:
    wanted = ["192.0.2.0/24", "2001:db8::/32"]
    assert lines({"rows": wanted}) == wanted
    assert lines({"rows": [{"cidr": row} for row in wanted]}, OBJECTS) == wanted
    assert lines(wanted, JsonRules(paths=("@",))) == wanted


def test_each_path_adds_its_rows() -> None:
    assert lines(SMALL_AWS, AWS) == lines(SMALL_AWS, AWS_BY_REGION) == SMALL_AWS_LINES
    assert read(SMALL_AWS, AWS).rows == 4


def test_a_filter_takes_the_rows_that_it_names() -> None:
    assert lines(SMALL_AWS, CLOUDFRONT) == ["15.230.0.0/16", "2600:9000::/28"]


def test_keys_that_nobody_knows_beforehand_are_read_through() -> None:
    document = {
        "zscaler.net": {
            "continent : EMEA": {
                "city : Abu Dhabi I": [{"range": "147.161.174.0/23", "vpn": ""}],
                "city : Amsterdam II": [{"range": "185.46.212.0/23"}, {"range": "2a03:eec0::/32"}],
            },
            "continent : Americas": {"city : Boston I": [{"range": "136.226.70.0/23"}]},
        }
    }
    assert lines(document, ZSCALER_NODES) == [
        "136.226.70.0/23",
        "147.161.174.0/23",
        "185.46.212.0/23",
        "2a03:eec0::/32",
    ]


def test_a_new_key_upstream_changes_nothing() -> None:
    more = json.loads(json.dumps(SMALL_AWS)) | {"ipv4_prefixes": [{"cidr": "10.0.0.0/8"}]}
    for row in more["prefixes"]:
        row["network_border_group"] = "192.0.2.0/24"
    for rules in (AWS, AWS_BY_REGION, CLOUDFRONT):
        assert read(more, rules) == read(SMALL_AWS, rules)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"range": "192.0.2.0/24"}, "has null at 'cidr', where a text is due"),
        ({"cidr": None}, "has null at 'cidr', where a text is due"),
        ({"cidr": True}, "has true at 'cidr', where a text is due"),
        ({"cidr": 3221225984}, "has a number at 'cidr', where a text is due"),
        ({"cidr": ["192.0.2.0/24"]}, "has a list of 1 at 'cidr', where a text is due"),
        ({"cidr": {"v4": 1}}, "has an object with 'v4' at 'cidr', where a text is due"),
        ("192.0.2.0/24", "has null at 'cidr', where a text is due"),
        (None, "has null at 'cidr', where a text is due"),
    ],
)
def test_a_row_without_a_text_is_rejected_as_it_stood(row: object, why: str) -> None:
    document = {"rows": [{"cidr": "198.51.100.0/24"}, row]}
    assert f"item 2: {json.dumps(row)!r} {why}" in refusal(document, OBJECTS)
    listing = read(document, replace(OBJECTS, max_rejected=1))
    assert list(listing.prefixes.lines()) == ["198.51.100.0/24"]
    assert (listing.rows, listing.rejections) == (2, 1)
    assert str(listing.rejected[0]) == f"item 2: {json.dumps(row)!r} {why}"


def test_a_text_that_is_no_prefix_is_rejected() -> None:
    assert "item 2: '208.54.144/32' is not a full" in refusal(
        {"rows": ["192.0.2.0/24", "208.54.144/32"]}
    )


def test_a_rejected_row_of_several_paths_is_placed_by_its_path() -> None:
    document = {"addresses": ["192.0.2.0/24"], "ipv6_addresses": ["2001:db8::/32", "2001:db8:/32"]}
    assert "item 2 of ipv6_addresses: '2001:db8:/32'" in refusal(document, FASTLY)


def test_what_a_rejected_row_holds_is_fit_for_a_terminal() -> None:
    listing = read(
        {"rows": [{"cidr": "192.0.2.0/24"}, {"note": "\x1b[2J\ud800\u202e"}]},
        replace(OBJECTS, max_rejected=1),
    )
    assert listing.rejected[0].text.isascii()
    assert listing.rejected[0].text.isprintable()


def test_a_row_with_two_prefixes_or_none_is_not_read_by_half() -> None:
    both = {"ipv4Prefix": "34.1.208.0/20", "ipv6Prefix": "2600:1900:8000::/44"}
    for row in (both, {"scope": "us-west8"}):
        assert "1 of 2 rows" in refusal({"prefixes": [{"ipv4Prefix": "34.35.0.0/16"}, row]}, GOOGLE)


# ---------------------------------------------------------------- labels and stamps


def test_a_label_is_a_text_or_a_number_or_missing() -> None:
    values = {"192.0.2.0/28": "eu-west-1", "192.0.2.16/28": 7, "192.0.2.32/28": None}
    rows = [{"cidr": cidr, "region": region} for cidr, region in values.items()]
    labels = read({"rows": [*rows, {"cidr": "192.0.2.64/28"}]}, LABELLED).labels
    assert [(label, list(part.lines())) for label, part in labels.parts] == [
        ("", ["192.0.2.32/28", "192.0.2.64/28"]),
        ("7", ["192.0.2.16/28"]),
        ("eu-west-1", ["192.0.2.0/28"]),
    ]


@pytest.mark.parametrize("label", [True, ["eu"], {"name": "eu"}, "\ud800", "x" * 65])
def test_a_row_with_another_label_is_rejected(label: object) -> None:
    rows = [{"cidr": "192.0.2.0/24"}, {"cidr": "198.51.100.0/24", "region": label}]
    assert "1 of 2 rows" in refusal({"rows": rows}, LABELLED)
    assert lines({"rows": rows}, OBJECTS) == ["192.0.2.0/24", "198.51.100.0/24"]


@pytest.mark.parametrize("stamp", [None, "soon", True, [], 7])
def test_a_document_without_a_readable_stamp_has_none(stamp: object) -> None:
    rules = replace(ROWS, stamp="updated")
    document = {"rows": ["192.0.2.0/24"], "updated": stamp}
    assert read(document, rules).stamp is None
    assert read(document | {"updated": "2026-08-17"}, ROWS).stamp is None
    assert read(document | {"updated": "2026-08-17"}, rules).stamp == datetime(
        2026, 8, 17, tzinfo=UTC
    )


# ---------------------------------------------------------------- lists that are not there


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"ranges": []}, "null where a list of rows is due: the document is an object with 'rang"),
        ({"rows": None}, "null where"),
        ({"rows": "192.0.2.0/24"}, "a text where"),
        ({"rows": {"a": "192.0.2.0/24"}}, "an object with 'a' where"),
        ({"rows": 5}, "a number where"),
        ({"rows": False}, "false where"),
        ({}, "null where a list of rows is due: the document is an object with no key"),
        ([], "null where a list of rows is due: the document is a list of 0"),
        ("192.0.2.0/24", "null where"),
        (None, "null where a list of rows is due: the document is null"),
    ],
)
def test_a_path_that_gives_no_list_is_refused_with_what_is_there(
    document: object, what: str
) -> None:
    assert refusal(json.dumps(document)).startswith(f"'rows' gives {what}")


def test_of_a_document_with_many_keys_the_first_are_told() -> None:
    message = refusal({f"key{number}" + "x" * 100: 0 for number in range(100)})
    assert "'key0xxx" in message
    assert message.endswith(", ...")
    assert len(message) < 800


def test_a_list_without_rows_is_an_empty_list() -> None:
    for document, rules in [
        ({"rows": []}, ROWS),
        (aws_of(), AWS),
        (aws_of(), AWS_BY_REGION),
        (aws_of(), CLOUDFRONT),
    ]:
        with pytest.raises(EmptyList, match="is there, and is empty"):
            read(document, rules)


def test_a_body_of_no_bytes_is_an_empty_list() -> None:
    with pytest.raises(EmptyList, match="not one byte"):
        read(b"")


@pytest.mark.parametrize("blank", [b" ", b"\n", b"\xef\xbb\xbf", b"\r\n\t"])
def test_a_blank_body_is_no_list_not_even_an_empty_one(blank: bytes) -> None:
    assert "is no JSON" in refusal(blank)


@pytest.mark.parametrize("rules", [AWS, AWS_BY_REGION])
def test_one_empty_family_beside_a_full_one_is_refused(rules: JsonRules) -> None:
    (ipv4, ipv6), rows = rules.paths, [("192.0.2.0/24", "", "S3"), ("192.0.2.0/24", "", "EC2")]
    assert f"{ipv6!r} gives nothing while {ipv4!r} gives 2 rows" in refusal(aws_of(*rows), rules)


@pytest.mark.parametrize("rules", [AWS, AWS_BY_REGION, CLOUDFRONT])
@pytest.mark.parametrize("key", ["ip_prefix", "ipv6_prefix", "prefixes", "ipv6_prefixes"])
def test_a_key_renamed_upstream_is_refused_and_named(rules: JsonRules, key: str) -> None:
    renamed = json.dumps(SMALL_AWS).replace(f'"{key}":', '"renamed":')
    message = refusal(renamed, rules)
    assert key in message
    assert "renamed" in message


@pytest.mark.parametrize(
    "path", ["rows[].cidr", "rows[*].cidr", "rows[?@].cidr", "rows[].[cidr][]", "rows | [].cidr"]
)
def test_a_projection_that_loses_every_row_is_not_an_empty_list(path: str) -> None:
    rules = JsonRules(paths=(path,))
    assert lines({"rows": [{"cidr": "192.0.2.0/24"}]}, rules) == ["192.0.2.0/24"]
    message = refusal({"rows": [{"range": "192.0.2.0/24"}]}, rules)
    assert message == (
        f"{path!r} gives nothing of a list of 1, of which the first is an object with 'range'"
    )
    with pytest.raises(EmptyList):
        read({"rows": []}, rules)


def test_an_object_whose_values_have_another_key_is_not_an_empty_list() -> None:
    rules = JsonRules(paths=("rows.*.cidr",))
    assert lines({"rows": {"a": {"cidr": "192.0.2.0/24"}}}, rules) == ["192.0.2.0/24"]
    message = refusal({"rows": {"a": {"range": "192.0.2.0/24"}}}, rules)
    assert message == "'rows.*.cidr' gives nothing of an object with 'a'"


def test_a_filter_whose_key_was_renamed_is_not_an_empty_list() -> None:
    renamed = json.dumps(SMALL_AWS).replace("service", "svc")
    assert "gives nothing of a list of 3" in refusal(renamed, CLOUDFRONT)


# ---------------------------------------------------------------- what is no JSON


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"rows": ["192.0.2.0/24"]}\n{"rows": []}', "line 2, column 1"),
        ('{"rows": ["192.0.2.0/24"]}, ', "line 1, column 27"),
        ('{"rows": [\n"192.0.2.0/24"\n"198.51.100.0/24"]}', "line 3, column 1"),
        ('{"rows": ["192.0.2.0/24"', "line 1, column 25"),
        ("{'rows': []}", "line 1, column 2"),
        ('{"rows": ["192.0.2.0\t/24"]}', "line 1, column 21"),
        ('// a list\n{"rows": ["192.0.2.0/24"]}', "line 1, column 1"),
        ("Unicorn!", "line 1, column 1"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(body: str, place: str) -> None:
    assert refusal(body).startswith(f"the body is no JSON: {place}: ")


@pytest.mark.parametrize(
    "body",
    [
        '{"rows": ["192.0.2.0/24"], "rows": ["198.51.100.0/24"]}',
        '{"rows": ["192.0.2.0/24"], "note": [{"rows": 1, "rows": 1}]}',
    ],
)
def test_a_key_that_stands_twice_in_an_object_is_refused(body: str) -> None:
    assert refusal(body) == "the body holds the key 'rows' twice in one object"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_what_is_no_number_of_json_is_refused(number: str) -> None:
    assert f"holds {number}" in refusal(
        f'{{"rows": ["192.0.2.0/24"], "ttl": {number}}}'
    ) or f"holds the number {number}" in refusal(f'{{"rows": [], "ttl": {number}}}')


@pytest.mark.parametrize("digits", [401, 5000, 500_000])
def test_a_number_of_hundreds_of_digits_is_refused(digits: int) -> None:
    body = f'{{"rows": ["192.0.2.0/24"], "ttl": {"1" * digits}}}'
    assert refusal(body) == f"the body holds a number of {digits:,} digits"


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_a_document_nested_too_deeply_is_refused(bracket: str) -> None:
    assert "nested too deeply" in refusal(bracket * 200_000)


@pytest.mark.parametrize("rules", [OBJECTS, replace(OBJECTS, prefix="not_null(!(a == b))")])
def test_a_row_that_is_only_just_not_nested_too_deeply_is_refused(rules: JsonRules) -> None:
    limit = sys.getrecursionlimit()
    for depth in range(limit - 400, limit):
        deep = "[" * depth + "]" * depth
        refusal(f'{{"rows": [{{"a": {deep}, "b": {deep}}}]}}', rules)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_cut_at_any_byte_is_refused(indent: int | None) -> None:
    whole = json.dumps(SMALL_AWS, indent=indent).encode()
    assert lines(whole, AWS) == SMALL_AWS_LINES
    for length in range(len(whole)):
        with pytest.raises(ReadError):
            read(whole[:length], AWS)


# ---------------------------------------------------------------- expressions


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("keys(rows)", "keys() takes object, and found array"),
        ("map(&length(@), rows)", "length() takes string or array or object, and found number"),
        ("no_such(rows)", "no_such"),
        ("keys(rows, rows)", "keys"),
        ("rows[?contains('abc', @)]", "string"),  # Python's TypeError
        ("rows[::0]", "step"),  # Python's ValueError
        ("ceil(to_number('1e999'))", "infinity"),  # Python's OverflowError
    ],
)
def test_an_expression_that_does_not_fit_the_body_is_refused(path: str, why: str) -> None:
    message = refusal({"rows": [1, 2]}, JsonRules(paths=(path,)))
    assert message.startswith(f"{path!r} does not fit the body: ")
    assert why in message


def test_an_expression_may_fail_on_one_row_or_its_label_or_the_stamp() -> None:
    document = {"rows": [{"cidr": "192.0.2.0/24"}]}
    for rules in (
        replace(OBJECTS, prefix="join('', cidr)"),
        replace(OBJECTS, label=Query("region", "length(region)")),
        replace(OBJECTS, stamp="length(updated)"),
    ):
        assert "does not fit the body" in refusal(document, rules)


# ---------------------------------------------------------------- whatever comes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["rows", "cidr", "region", "updated"]), inner, max_size=3)
    ),
    max_leaves=12,
)
PREFIXES = st.integers(0, 2**32 - 1).flatmap(
    lambda number: st.integers(8, 32).map(
        lambda length: f"{'.'.join(map(str, number.to_bytes(4, 'big')))}/{length}"
    )
)
ANY_RULES = st.sampled_from(
    [
        ROWS,
        LABELLED,
        replace(LABELLED, stamp="updated", max_rejected=2),
        JsonRules(paths=("rows[].cidr", "[]")),
        JsonRules(paths=("@",), prefix="cidr || @", max_rejected=100),
        JsonRules(paths=("*.*[]",)),
        JsonRules(paths=("cidr",), lines=True, max_rejected=1),
        JsonRules(paths=("@",), lines=True, metadata="region", records="rows"),
    ]
)


def read_or_refuse(content: bytes, rules: JsonRules) -> None:
    said = ""
    try:
        assert read_json(content, "", rules).prefixes
    except ReadError as exc:
        said = exc.message
    assert not said or said.isprintable()


@given(content=st.binary(), rules=ANY_RULES)
def test_no_bytes_do_more_than_be_refused(content: bytes, rules: JsonRules) -> None:
    read_or_refuse(content, rules)


@given(value=VALUES, rules=ANY_RULES)
def test_no_value_does_more_than_be_refused(value: object, rules: JsonRules) -> None:
    read_or_refuse(json.dumps(value).encode(), rules)
    read_or_refuse(json.dumps({"rows": value}).encode(), rules)


@given(rows=st.lists(PREFIXES | st.sampled_from(["", "nothing", "192.0.2/24"]), min_size=1))
def test_the_set_is_the_union_of_the_rows_that_are_prefixes(rows: list[str]) -> None:
    accepted = [row for row in rows if row.count(".") == 3]
    rules = replace(ROWS, max_rejected=len(rows))
    if not accepted:
        refusal({"rows": rows}, rules)
        return
    listing = read({"rows": rows}, rules)
    assert listing.prefixes == PrefixSet.parse(accepted)
    assert (listing.rows, listing.rejections) == (len(rows), len(rows) - len(accepted))
