"""
Lists for other programs: written, and read back as what was written.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import BadPrefix, OperatorMistake
from proxyfeed.exports import FORMATS, Exported, read, revalued, write
from proxyfeed.marked import MarkedSet, union
from proxyfeed.prefixes import PrefixSet

PLAIN = PrefixSet.parse(["64.12.96.0/19", "2a00::/32", "20.0.0.1"])
SPLIT = MarkedSet.of(
    {12: PrefixSet.parse(["20.0.0.0/24", "2a00::/32"]), 11: PrefixSet.parse(["20.0.1.0/24"])}
)
NOTE = "# set aol, written by proxyfeed export: what is changed here is lost"


def exported(content: PrefixSet, name: str = "aol") -> Exported:
    return Exported(f"set {name}", name, content)


def lines(content: PrefixSet, form: str) -> list[str]:
    return write(exported(content), form).splitlines()


def test_each_format_writes_what_its_program_reads() -> None:
    assert lines(PLAIN, "plain") == ["20.0.0.1/32", "64.12.96.0/19", "2a00::/32"]
    assert lines(PLAIN, "haproxy") == [NOTE, *lines(PLAIN, "plain")]
    assert lines(PLAIN, "haproxy-map")[1:] == ["20.0.0.1/32 1", "64.12.96.0/19 1", "2a00::/32 1"]
    assert lines(PLAIN, "nginx")[1:] == ["20.0.0.1/32 1;", "64.12.96.0/19 1;", "2a00::/32 1;"]
    assert lines(PLAIN, "csv") == [
        "prefix,value",
        "20.0.0.1/32,1",
        "64.12.96.0/19,1",
        "2a00::/32,1",
    ]


def test_the_value_of_an_address_is_its_mark_where_there_are_several() -> None:
    assert lines(SPLIT, "haproxy-map")[1:] == ["20.0.0.0/24 12", "20.0.1.0/24 11", "2a00::/32 12"]
    assert lines(SPLIT, "nginx")[2] == "20.0.1.0/24 11;"
    assert lines(SPLIT, "nft")[1:4] == [
        "define aol_4 = {",
        "    20.0.0.0/24 : 12,",
        "    20.0.1.0/24 : 11",
    ]
    assert json.loads(write(exported(SPLIT), "json")) == {
        "subject": "set aol",
        "prefixes": [
            {"prefix": "20.0.0.0/24", "value": "12"},
            {"prefix": "20.0.1.0/24", "value": "11"},
            {"prefix": "2a00::/32", "value": "12"},
        ],
    }


def test_a_list_that_has_no_values_holds_every_mark() -> None:
    assert lines(SPLIT, "haproxy")[1:] == ["20.0.0.0/23", "2a00::/32"]
    assert lines(SPLIT, "plain") == ["20.0.0.0/23", "2a00::/32"]


def test_a_script_for_ipset_gives_no_marks_and_says_so() -> None:
    with pytest.raises(OperatorMistake, match="set aol has several marks"):
        write(exported(SPLIT), "ipset")


def test_an_exported_script_names_no_set_longer_than_the_kernel_takes() -> None:
    script = write(exported(PLAIN, "a" * 64), "ipset").splitlines()

    names = {line.split()[1] for line in script}
    assert names == {f"proxyfeed_{'a' * 19}_4", f"proxyfeed_{'a' * 19}_6"}
    assert {len(name) for name in names} == {31}
    assert [line for line in script if line.startswith("add")] == [
        f"add proxyfeed_{'a' * 19}_4 20.0.0.1/32",
        f"add proxyfeed_{'a' * 19}_4 64.12.96.0/19",
        f"add proxyfeed_{'a' * 19}_6 2a00::/32",
    ]


KEYS = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda pair: (pair[0] >> (32 - pair[1]) << (32 - pair[1])) << 8 | pair[1]
)


@pytest.mark.parametrize("form", FORMATS)
@given(ipv4=st.lists(KEYS, max_size=8), parts=st.sampled_from([1, 3]))
def test_what_is_written_is_read_back(form: str, ipv4: list[int], parts: int) -> None:
    content: PrefixSet = PrefixSet.from_keys(ipv4, [(0x2A00 << 112) << 8 | 32])
    if parts > 1 and form != "ipset":
        keys = [*content.ipv4]
        split = {mark: PrefixSet.from_keys(keys[mark::parts]) for mark in range(parts)}
        content = MarkedSet.of({mark + 11: part for mark, part in split.items()})
    whole = exported(content)

    back = read(write(whole, form), form)

    assert union(part for _, part in back) == union(part for _, part in whole.parts)
    if form not in ("plain", "haproxy", "ipset"):
        assert dict(back) == {value: part for value, part in whole.parts if part}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("line", ["root:x:0:0::/root:/bin/sh", "20.0.0.0/33", "20.0.0.0/8 1; }"])
def test_what_is_none_of_the_format_is_not_read(form: str, line: str) -> None:
    with pytest.raises(BadPrefix, match="row 1"):
        read(f"{line}\n", form)


def test_no_file_is_an_empty_list_in_every_format() -> None:
    assert [read("", form) for form in FORMATS] == [()] * len(FORMATS)


def test_an_address_that_has_another_value_is_found() -> None:
    moved = MarkedSet.of({12: PrefixSet.parse(["20.0.0.0/23", "2a00::/32"])})

    found = revalued(exported(SPLIT).parts, exported(moved).parts)

    assert list(found.lines()) == ["20.0.1.0/24"]
    assert not revalued(exported(SPLIT).parts, exported(SPLIT).parts)
    assert not revalued(exported(SPLIT).parts, exported(PrefixSet()).parts)
