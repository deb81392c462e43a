import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyfeed.errors import FetchError
from proxyfeed.model import FetchOutcome
from proxyfeed.sources.fetch.redirects import Border, check_scheme, is_private

PUBLIC = ["11.0.0.1", "2a00::1", "::ffff:11.0.0.1", "64:ff9b::11.0.0.1", "184549377"]
PRIVATE = [
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "::",
    "0:0:0:0:0:0:0:1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "2002:7f00:1::",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "db.localhost",
]
NAMES = ["lists.example.net", "localhost.example.net", "mylocalhost", "127.0.0.1.nip.io", "a", ""]


@pytest.mark.parametrize("host", PRIVATE)
def test_special_purpose_space_is_private_however_it_is_written(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", [*PUBLIC, *NAMES])
def test_a_public_address_is_not_private_and_no_name_is(host: str) -> None:
    assert not is_private(host)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_inside_ipv6(address: object) -> None:
    assert is_private(str(address)) == is_private(f"::ffff:{address}")


@given(st.text())
def test_any_text_is_a_host_or_none(host: str) -> None:
    assert is_private(host) in (True, False)


@pytest.mark.parametrize("host", PRIVATE)
def test_nothing_private_is_reached_from_a_public_name_at_a_public_address(host: str) -> None:
    border = Border("lists.example.net")
    border.start_at("11.0.0.1")
    with pytest.raises(FetchError) as caught:
        border.check(host)
    assert caught.value.outcome == FetchOutcome.BAD_REDIRECT
    assert caught.value.message == (
        f"never from a public address to {host}, which is in special-purpose space"
    )


def test_a_name_whose_address_is_not_known_counts_as_public() -> None:
    with pytest.raises(FetchError):
        Border("lists.example.net").check("127.0.0.1")


@pytest.mark.parametrize("host", [*PUBLIC, *NAMES])
def test_every_feed_may_be_redirected_to_what_is_public(host: str) -> None:
    for origin in ("lists.example.net", "10.0.0.1"):
        Border(origin).check(host)


@pytest.mark.parametrize(
    ("host", "address"),
    [("intranet.example.net", "10.0.0.1"), ("10.0.0.1", "10.0.0.1"), ("localhost", "::1")],
)
def test_a_feed_inside_may_be_redirected_inside(host: str, address: str) -> None:
    border = Border(host)
    border.start_at(address)
    border.check("192.168.1.1")
    border.check("localhost")


def test_a_feed_on_an_inside_address_behind_a_proxy_may_be_redirected_inside() -> None:
    Border("10.0.0.1").check("10.0.0.2")


@pytest.mark.parametrize(
    ("before", "after"), [("http", "http"), ("http", "https"), ("https", "https")]
)
def test_encryption_is_never_given_up(before: str, after: str) -> None:
    check_scheme(before, after, "there")


@pytest.mark.parametrize(
    ("before", "after"),
    [("https", "http"), ("https", "file"), ("http", "file"), ("http", "ftp"), ("http", "")],
)
def test_a_redirect_off_the_web_or_off_encryption_is_refused(before: str, after: str) -> None:
    with pytest.raises(FetchError, match=f"^never from {before} to there$") as caught:
        check_scheme(before, after, "there")
    assert caught.value.outcome == FetchOutcome.BAD_REDIRECT
