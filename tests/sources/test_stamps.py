from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.sources.stamps import etag_stamp, parse_stamp

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1995, 1, 1, tzinfo=UTC)
END = datetime(2101, 1, 1, tzinfo=UTC)
PLAUSIBLE = st.integers(
    (EARLIEST - EPOCH) // timedelta(microseconds=1),
    (END - EPOCH) // timedelta(microseconds=1) - 1,
).map(lambda micros: EPOCH + timedelta(microseconds=micros))
CLASS_E = datetime(2020, 8, 11, 4, 19, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("1597119553", CLASS_E),  # AWS, syncToken
        ("2020-08-11-04-19-13", CLASS_E),  # AWS, createDate
        (1597119553, CLASS_E),
        (1597119553.5, CLASS_E + timedelta(seconds=0.5)),
        (" 1597119553\n", CLASS_E),
        # Google, syncToken and creationTime
        ("1753366015660", datetime(2025, 7, 24, 14, 6, 55, 660_000, tzinfo=UTC)),
        (1753366015660, datetime(2025, 7, 24, 14, 6, 55, 660_000, tzinfo=UTC)),
        ("2025-07-24T07:06:55.660773", datetime(2025, 7, 24, 7, 6, 55, 660_773, tzinfo=UTC)),
        ("1753366015660773", datetime(2025, 7, 24, 14, 6, 55, 660_773, tzinfo=UTC)),
        # Spamhaus
        (1784540642, datetime(2026, 7, 20, 9, 44, 2, tzinfo=UTC)),
        ("Fri, 06 Feb 2026 20:44:02 GMT", datetime(2026, 2, 6, 20, 44, 2, tzinfo=UTC)),
        ("6 Feb 2026 20:44:02 +0100", datetime(2026, 2, 6, 19, 44, 2, tzinfo=UTC)),
        # T-Mobile
        ("2023-02-11T01:11:28-08:00", datetime(2023, 2, 11, 9, 11, 28, tzinfo=UTC)),
        ("2023-02-11t09:11:28.123456789z", datetime(2023, 2, 11, 9, 11, 28, 123_456, tzinfo=UTC)),
        ("2023-02-11 09:11", datetime(2023, 2, 11, 9, 11, tzinfo=UTC)),
        ("2026-08-17", datetime(2026, 8, 17, tzinfo=UTC)),
    ],
)
def test_the_times_that_upstreams_give_are_read(value: object, time: datetime) -> None:
    assert parse_stamp(value) == time


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        b"1597119553",
        ["1597119553"],
        {},
        datetime(2020, 8, 11, tzinfo=UTC),
        float("nan"),
        float("inf"),
        float("-inf"),
        1e300,
        10**400,
        -1597119553,
        0,
        "",
        "soon",
        "9" * 5000,
        "1597119553000000000",  # nanoseconds
        "01597119553",
        "+1597119553",
        "1_597_119_553",
        "1597119553.0",
        "１５９７１１９５５３",
        "٢٠٢٦-٠٨-١٧",
        "2026-02-30",
        "2026-W34-1",
        "20260817",
        "2026-08-17x10:00",
        "2026-08-17T10:00:00+99:99",
        "2020-08-11-04-19-99",
        "0001-01-01T00:00:00+14:00",
        "Fri, 06 Foo 2026 20:44:02 GMT",
        "Fri, 36 Feb 2026 20:44:02 GMT",
        "Fri, 06 Feb 2026 20:44:02 +9999",
        "Fri, 06 Feb 2026 20:44:02 GMT or so",
        "6 Feb 2026",
        "Fri Feb  6 20:44:02 2026",
    ],
)
def test_what_is_not_plainly_a_time_is_no_stamp(value: object) -> None:
    assert parse_stamp(value) is None


@pytest.mark.parametrize(
    ("time", "is_plausible"),
    [
        ("1994-12-31T23:59:59Z", False),
        ("1995-01-01T00:00:00Z", True),
        ("1995-01-01T00:00:00+01:00", False),
        ("2100-12-31T23:59:59Z", True),
        ("2101-01-01T00:00:00Z", False),
    ],
)
def test_a_time_before_1995_or_after_2100_is_no_stamp(time: str, is_plausible: bool) -> None:
    seconds = (datetime.fromisoformat(time) - EPOCH) // timedelta(seconds=1)
    for value in (time, seconds, seconds * 1000, seconds * 1_000_000, str(seconds)):
        assert (parse_stamp(value) is not None) is is_plausible, value


@given(time=PLAUSIBLE)
def test_every_plausible_time_is_read_back_from_each_notation(time: datetime) -> None:
    whole = time.replace(microsecond=0)
    micros = (time - EPOCH) // timedelta(microseconds=1)
    assert parse_stamp(micros) == parse_stamp(str(micros)) == time
    assert parse_stamp(time.isoformat()) == parse_stamp(time.replace(tzinfo=None).isoformat())
    assert parse_stamp(time.astimezone(timezone(timedelta(hours=-8))).isoformat()) == time
    assert parse_stamp(int(whole.timestamp())) == whole
    assert parse_stamp(int(whole.timestamp()) * 1000) == whole
    assert parse_stamp(whole.strftime("%Y-%m-%d-%H-%M-%S")) == whole
    assert parse_stamp(format_datetime(whole, usegmt=True)) == whole


DIGITS_AND_SIGNS = st.text("0123456789-:T.Z+ GMTFebri,", max_size=40)
# Right in form, and mostly no time at all.
SHAPED = st.one_of(
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{4}"),
    st.from_regex(r"[0-9]{4}(-[0-9]{2}){5}"),
    st.from_regex(r"Fri, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}"),
)


@given(value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary())
def test_no_value_makes_it_fail(value: object) -> None:
    stamp = parse_stamp(value)
    assert stamp is None or 1995 <= stamp.year <= 2100


@given(text=DIGITS_AND_SIGNS | SHAPED)
def test_no_text_like_a_time_makes_it_fail(text: str) -> None:
    stamp = parse_stamp(text)
    assert stamp is None or (stamp.tzinfo is UTC and 1995 <= stamp.year <= 2100)


@pytest.mark.parametrize("etag", ['"66ba1234-b0c5f1"', 'W/"66ba1234-b0c5f1"', '"66BA1234-B0C5F1"'])
def test_the_time_in_an_entity_tag_is_read(etag: str) -> None:
    assert etag_stamp(etag) == datetime(2024, 8, 12, 13, 46, 28, tzinfo=UTC)


@given(time=PLAUSIBLE)
def test_an_entity_tag_may_hold_milliseconds_or_microseconds(time: datetime) -> None:
    micros = (time - EPOCH) // timedelta(microseconds=1)
    assert etag_stamp(f'"{micros:x}-b0c5f1"') == time
    millis = time.replace(microsecond=time.microsecond // 1000 * 1000)
    assert etag_stamp(f'"{micros // 1000:x}-b0c5f1"') == millis


@pytest.mark.parametrize(
    "etag",
    [
        "",
        "66ba1234-b0c5f1",
        '"66ba1234"',
        '"66ba1234-"',
        '"b0c5f1-66ba1234"',  # Apache: the size comes first
        '"ffffffff-b0c5f1"',  # 2106
        '"d41d8cd98f00b204e9800998ecf8427e-12"',
        '"66ba1234-b0c5f1" or so',
        '"66ba123g-b0c5f1"',
        '"' + "f" * 5000 + '-1"',
    ],
)
def test_an_entity_tag_of_another_form_has_no_stamp(etag: str) -> None:
    assert etag_stamp(etag) is None


@given(etag=st.text() | st.from_regex(r'(W/)?"[0-9a-f]{1,20}-[0-9a-f]{1,20}"', fullmatch=True))
def test_no_entity_tag_makes_it_fail(etag: str) -> None:
    stamp = etag_stamp(etag)
    assert stamp is None or 1995 <= stamp.year <= 2100
