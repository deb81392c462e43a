import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.model import Validators
from proxyfeed.sources.fetch.headers import (
    LONGEST_SILENCE,
    conditions,
    seconds_asked_for,
    validators_in,
)
from proxyfeed.sources.fetch.statuses import status_line

NEW_YEAR_2000 = 946_684_800.0


def test_each_validator_has_its_condition() -> None:
    known = Validators("http://h.example/", '"1"', "Sat, 03 Feb 2007 00:00:00 GMT")
    assert conditions(known) == {
        "If-None-Match": '"1"',
        "If-Modified-Since": "Sat, 03 Feb 2007 00:00:00 GMT",
    }


@pytest.mark.parametrize(
    "known", [None, Validators("http://h.example/", None, None), Validators("x", "", "")]
)
def test_without_validators_there_is_no_condition(known: Validators | None) -> None:
    assert conditions(known) == {}


def test_validators_are_read_from_headers() -> None:
    assert validators_in({"etag": 'W/"1"'}, "u") == Validators("u", 'W/"1"', None)
    assert validators_in({"last-modified": "x"}, "u") == Validators("u", None, "x")


@pytest.mark.parametrize("etag", ["", '"caf\xe9"', '"a\tb"', '"a\x7f"', "x" * 1025])
def test_a_validator_that_no_request_could_carry_is_left_out(etag: str) -> None:
    assert validators_in({"etag": etag}, "u") is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("120", 120),
        ("007", 7),
        ("Sat, 01 Jan 2000 00:02:00 GMT", 120),
        ("Saturday, 01-Jan-00 00:02:00 GMT", 120),
        ("Sat Jan  1 00:02:00 2000", 120),
        ("Fri, 31 Dec 1999 23:59:00 GMT", 0),
        ("\u0661\u0662", 0),
        ("1.5", 0),
        ("", 0),
        ("soon", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, seconds: float) -> None:
    assert seconds_asked_for(retry_after, NEW_YEAR_2000) == seconds


@pytest.mark.parametrize("retry_after", ["604801", "9" * 5000, "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_no_upstream_silences_a_feed_for_more_than_seven_days(retry_after: str) -> None:
    assert seconds_asked_for(retry_after, NEW_YEAR_2000) == 7 * 24 * 3600


@given(st.text(alphabet=st.sampled_from("0123456789 ,:-+GMTSatJan"), max_size=40) | st.text())
def test_any_retry_after_is_read_and_bounded(retry_after: str) -> None:
    seconds = seconds_asked_for(retry_after, NEW_YEAR_2000)
    assert isinstance(seconds, float)
    assert 0 <= seconds <= LONGEST_SILENCE


def test_a_status_is_named_by_the_standard() -> None:
    assert status_line(404) == "404 Not Found"
    assert status_line(599) == "599"
