import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.errors import BadPrefix
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.html.row import find_address, fold, is_bare, is_netmask, read_row, words


@pytest.mark.parametrize(
    ("text", "prefixes"),
    [
        ("64.12.96.0/19", ["64.12.96.0/19"]),
        ("64.12.96.0/19 149.174.160.0/20", ["64.12.96.0/19", "149.174.160.0/20"]),
        ("64.12.96.0/19, 149.174.160.0/20,", ["64.12.96.0/19", "149.174.160.0/20"]),
        ("64.12.96.5; 64.12.96.7", ["64.12.96.5", "64.12.96.7"]),
        ("64.12.96.0/255.255.224.0", ["64.12.96.0/255.255.224.0"]),
        ("64.12.96.0 255.255.224.0", ["64.12.96.0/255.255.224.0"]),
        ("64.12.0.0 - 64.12.255.255", ["64.12.0.0-64.12.255.255"]),
        ("64.12.0.0-64.12.255.255 64.13.*.*", ["64.12.0.0-64.12.255.255", "64.13.*.*"]),
        ("* 64.12.96.0/19", ["64.12.96.0/19"]),
        ("- 64.12.96.0/19", ["64.12.96.0/19"]),
        ("» 64.12.*.*", ["64.12.*.*"]),
        ("* 64.12.0.0 - 64.12.255.255", ["64.12.0.0-64.12.255.255"]),
        ("64.12.96.0/19 (Dulles, Virginia)", ["64.12.96.0/19"]),
        ("2001:db8::/32 2001:db9::/32", ["2001:db8::/32", "2001:db9::/32"]),
    ],
)
def test_a_row_of_prefixes_is_read(text: str, prefixes: list[str]) -> None:
    assert list(read_row(text)) == prefixes


@pytest.mark.parametrize(
    "text",
    [
        "64.12.96.0/19149.174.160.0/20",  # fused
        "64.12.96.0 /19",
        "64.12.96.0 19",
        "208.54.144/32",
        "64.12.96.0/33",
        "64.12.96.0/",
        "64.12.9",
        "172.44.0/21, 64.12.96.0/19",
        "2607:fb90:c00:/44",
        "64.12.0.0 64.12.255.255",  # the first and the last of a range?
        "64.12.96.0 64.12.96.0/19",
        "64.12.96.0 0.0.31.255",
        "64.12.96.0 255.0.255.0",  # a mask with holes
        "64.12.96.0/19 255.255.224.0",
        "255.255.224.0",
        "- 64.12.0.1 - 64.12.0.9",  # a range with a bullet, or two addresses with one each?
        "64.12.0.0 -64.12.255.255",
        "64.12.0.0 - 64.12.1.0 - 64.12.2.0",
        "64.12.96.0/19 (not 64.12.97.0)",
        "64.12.96.0/19 (not 2001:db8::/32)",
        "64.12.96.0/19 (since 9.0)",
        "64.12.96.0 255.255.224.0 149.174.160.0",
        "1:2:/44",
        "64.12.96.0/19 Dulles",
        "64.12.96.0/19.",
        "AOL 64.12.96.0/19",
        "64.12.96.0/1 9",
        "６４.12.96.0/19",
    ],
)
def test_what_only_looks_like_an_address_is_found_and_not_read(text: str) -> None:
    assert read_row(text) == ()
    assert find_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traffic-Server/6.1.5",
        "Example: HTTP/1.1 (Velocity/3.1.1.5 [uScMsf p eN:t cCMp s ])",
        "cache-dtc-ab01.proxy.aol.com[CDBC7441] (Prism/1.2.1)",
        "host cache-64.12.96.5.proxy.aol.com",
        "Mozilla/4.0 (compatible; MSIE 6.0; AOL 9.0; Windows NT 5.1; .NET CLR 1.1.4322)",
        "updated 2007-02-03 12:30:00, Windows 3.1/95, open 24/7",
        "std::string :: 00:11:22:33:44:55",
        "21",
        "2/3/2007",
        "AOL 9.0",
    ],
)
def test_versions_times_and_hosts_are_words(text: str) -> None:
    assert read_row(text) == ()
    assert find_address(text) == ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("as in 64.12.96.5, which is one", "64.12.96.5"),
        ("(64.12.96.0/19)", "64.12.96.0"),
        ("Dulles/64.12.96.0/19", "64.12.96.0/1"),
        ("also 172.128/9 here", "172.128/9"),
        ("T-Mobile has 208.54.144/32", "208.54.144/3"),
        ("64.12.9 Dulles", "64.12.9"),
        ("and 2001:db8::/32 too", "2001:db8::/32"),
        ("and fe80::1 too", "fe80::1"),
        ("/19", "/19"),
        ("64.", "64."),
        ("205.188.1", "205.188.1"),
        (".96", ".96"),
    ],
)
def test_an_address_in_running_text_is_found(text: str, found: str) -> None:
    assert found in find_address(text)


def test_dashes_blanks_and_unseen_characters_are_folded() -> None:
    assert fold("\u00a064.12\u00ad.0.0 \u2013\n64.12\u200b.255\ufeff.255\t") == (
        "64.12.0.0 - 64.12.255.255"
    )
    assert words(fold("AOL\u2019s  Dial\u2011Up: (ipt.aol.com)")) == "aol s dial up ipt aol com"


def test_a_mask_is_no_address_and_an_address_no_mask() -> None:
    assert is_netmask("255.255.224.0")
    assert not any(map(is_netmask, ["255.0.255.0", "64.12.96.0", "0.0.31.255", "255."]))
    assert is_bare("64.12.96.0")
    assert not any(map(is_bare, ["64.12.96.0/19", "64.12.*.*", "64.12.0.0-64.12.0.9", "19"]))


@settings(deadline=None)
@given(st.text("0123456789./-*:, ;()abf", max_size=60))
def test_whatever_is_read_is_written_there(text: str) -> None:
    prefixes = read_row(fold(text))
    joined = fold(text).replace(" - ", "-")
    for prefix in prefixes:
        assert prefix in joined or prefix.replace("/", " ") in joined
    PrefixSet.parse(prefixes)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_line_is_words_or_prefixes_or_a_doubt(text: str) -> None:
    line = fold(text)
    try:
        PrefixSet.parse([line])
    except BadPrefix:
        assert not read_row(line) or find_address(line) or set(line) & set(",;*( ")
    else:
        assert read_row(line) == (line,) or line.startswith("255.") or " " in line
