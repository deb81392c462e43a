"""
``max_prefixes`` and ``max_extra`` of a set.
"""

from __future__ import annotations

import pytest
from tests.test_config import AOL, aol, mistakes

from proxyfeed.model import ConfigResult, Outcome
from proxyfeed.report import as_text

SPLIT = AOL.replace("mark = 1", 'split = { by = "country", marks = [11, 12] }')


def test_no_set_has_fewer_prefixes_than_its_feeds_list_unless_it_is_asked_for() -> None:
    assert (aol("").max_prefixes, aol("").max_extra, aol("").covering) == (None, None, "")


def test_a_set_may_have_so_many_prefixes_or_so_many_addresses_more() -> None:
    assert aol("max_prefixes = 65536").max_prefixes == 65_536
    assert aol('max_extra = "1.5 %"').max_extra == 0.015


@pytest.mark.parametrize("setting", ["max_prefixes = 65536", 'max_extra = "1.5 %"'])
def test_config_prints_it_as_it_is_written(setting: str) -> None:
    spec = aol(setting)
    result = ConfigResult("x", "sqlite://", "auto", True, "nobody", (), (spec,), ())

    line = f"set aol: feeds aol, mark 0x1/0xffffffff, {setting}"
    assert line in as_text(Outcome("config", result)).splitlines()


def test_only_one_of_them_is_given() -> None:
    assert mistakes(f'{AOL}max_prefixes = 10\nmax_extra = "1 %"') == [
        "sets.aol.max_extra: must not be given with max_prefixes: one of them decides"
    ]


@pytest.mark.parametrize("setting", ["max_prefixes = 10", 'max_extra = "1 %"'])
def test_a_set_with_several_marks_has_none(setting: str) -> None:
    key = setting.partition(" ")[0]

    assert (
        f"sets.aol.{key}: must not be given with split: what it adds has no label, and so no mark"
        in mistakes(f"{SPLIT}{setting}")
    )


@pytest.mark.parametrize("number", ["0", "-1", "true", "1.5", '"10"', "16777217"])
def test_a_number_of_prefixes_is_a_whole_one(number: str) -> None:
    (mistake,) = mistakes(f"{AOL}max_prefixes = {number}")

    assert mistake.startswith("sets.aol.max_prefixes: must be a whole number from 1 to 16777216")


@pytest.mark.parametrize("value", ["0.0001 %", "0.29 %", "1.2345 %", "999999.1234 %", "0 %"])
def test_a_share_of_ten_thousandths_of_a_percent_is_printed_as_it_is_written(value: str) -> None:
    assert aol(f'max_extra = "{value}"').covering == f'max_extra = "{value}"'


@pytest.mark.parametrize("value", ["0.00001 %", "1.23456 %", "999999.12345 %"])
def test_a_share_is_not_finer_than_it_counts(value: str) -> None:
    assert mistakes(f'{AOL}max_extra = "{value}"') == [
        'sets.aol.max_extra: must have four decimals at most, such as "0.0001 %"'
        f", and is '{value}'"
    ]


@pytest.mark.parametrize("value", ["1", '"1"', '"-1 %"', "true"])
def test_a_share_is_written_as_one(value: str) -> None:
    (mistake,) = mistakes(f"{AOL}max_extra = {value}")

    assert mistake.startswith('sets.aol.max_extra: must be a share such as "10 %"')
