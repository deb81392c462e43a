import pytest
from tests.pages import AOL, page

from proxyfeed.errors import ReadError
from proxyfeed.model import HtmlRules
from proxyfeed.sources.html import read_html
from proxyfeed.sources.html.markup import read_markup

LIST = "<h3>Proxies</h3><p>64.12.96.0/19</p>"
DASHED = "<h3>Proxies</h3><p>64.12.96.0\u201364.12.127.255</p>"
PROXY = ["64.12.96.0/19"]


def ranges(content: bytes, content_type: str = "") -> list[str]:
    return list(read_html(content, content_type, AOL).lines())


def refusal(content: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        read_markup(content, "")
    return caught.value.message


# ---------------------------------------------------------------- what is no page


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"<html>\0</html>", "binary"),
        (b"\x1f\x8b\x08\0\0\0", "binary"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>ServerBusy</Code></Error>', "not HTML"),
        (b'{"page": "<p>64.12.96.0/19</p>"}', "JSON"),
        (b'["<p>64.12.96.0/19</p>"]\n', "JSON"),
        (b"64.12.96.0/19\n", "not HTML"),
        (b"Proxies:\n64.12.96.0/19\n", "not HTML"),
        (b"; comments only <http://example.net/>\n", "not HTML"),
        (b"<!-- <html></html> -->", "not HTML"),
        (b"<preset>1</preset>", "not HTML"),
    ],
)
def test_what_is_no_html_is_refused(content: bytes, why: str) -> None:
    assert why in refusal(content)


@pytest.mark.parametrize(
    "content",
    [
        b"<html><body><p>64.12.96.0/19</p></body>",
        b"<HTML><p>64.12.96.0/1",
        b"<html><p>x</p></html",
        b"<html><p>x</p></html>64.12.96.0/19",
        b"<html><p>x</p><!-- </html>",
        b"<html><p>x</p><script></html>",
        b"<p>x</p><!-- </html> --><html>",
        b"<p>64.12.96.0/19<b",
        b"<p>x</p><b",
        b"<p>64.12.96.0/1",
        b"<p>64.12.96.0/19<br>149.174.",
        b"<p>2001:db8:",
        b"<body><p>x</p>",
        b"<ul><li>x<li>y",
        b"<div><div><p>x</p></div>",
        b"<pre>64.12.96.0/19\n",
        b"<table><tr><td>x</td></tr><!-- </table> -->",
    ],
)
def test_a_truncated_page_is_refused(content: bytes) -> None:
    assert "truncated" in refusal(content)


@pytest.mark.parametrize(
    "end", [b"", b"\n", b" \r\n\t", b"<!-- web3 -->", b"\n<!-- a --> <!-- b -->\n", b"\xc2\xa0"]
)
def test_a_page_may_end_with_blanks_and_comments(end: bytes) -> None:
    assert ranges(page(LIST) + end) == PROXY


def test_a_fragment_is_read_if_it_ends_with_a_tag_or_a_line() -> None:
    assert ranges(LIST.encode()) == PROXY
    assert ranges(b"<b>Proxies</b><br>64.12.96.0/19\n") == PROXY
    assert ranges(b"<b>Proxies</b><br>64.12.96.0/19<br>That is all.") == PROXY
    assert ranges(b"[1]<br><b>Proxies</b><br>64.12.96.0/19<br>") == PROXY
    assert ranges(b"<b>Proxies</b><br>64.12.96.0/19<br>[the end]") == PROXY
    assert ranges(b'<?xml version="1.0"?>' + LIST.encode()) == PROXY


def test_a_title_is_compared_in_the_charset_of_the_page() -> None:
    rules = HtmlRules(heading=("прокси",))
    body = page(LIST.replace("Proxies", "Прокси") + '<meta charset="windows-1251">')
    encoded = body.decode().encode("cp1251")
    assert list(read_html(encoded, "", rules).lines()) == PROXY
    koi8 = body.decode().encode("koi8-r")
    assert list(read_html(koi8, "text/html; charset=KOI8-R", rules).lines()) == PROXY


# ---------------------------------------------------------------- charsets


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (page(DASHED), ""),
        (b"\xef\xbb\xbf" + page(DASHED), ""),
        (page(DASHED), "text/html; charset=UTF-8"),
        (page(DASHED), 'text/html; charset="utf-8"'),
        (page(DASHED.replace("\u2013", "&ndash;")), "text/html; charset=koi8-r"),
        (page(DASHED).decode().encode("cp1252"), ""),
        (page(DASHED).decode().encode("cp1252"), "text/html; charset=ISO-8859-1"),
        (page(DASHED).decode().encode("cp1252"), "text/html;charset=us-ascii"),
        (page('<meta charset="iso-8859-1">' + DASHED).decode().encode("cp1252"), "text/html"),
        (page('<meta charset="iso-8859-1">' + DASHED), "text/html; charset=utf-8"),
        (page(DASHED), "text/html; charset=no-such-thing"),
        (page(DASHED), "text/html; charset=rot13"),
        (page(DASHED), "text/html; charset=punycode"),
        (page('<meta charset="utf-7">+ADw-' + DASHED), "text/html; charset=utf-7"),
    ],
)
def test_a_page_is_decoded_as_it_says_or_as_it_can_be(content: bytes, content_type: str) -> None:
    assert ranges(content, content_type) == PROXY


def test_bytes_that_cannot_be_decoded_spoil_only_what_they_touch() -> None:
    utf_8 = "text/html; charset=utf-8"
    assert ranges(page(f"<p>_</p>{LIST}").replace(b"_", b"\x96"), utf_8) == PROXY
    with pytest.raises(ReadError, match="no plain list"):
        ranges(page(LIST).replace(b"/19", b"\x96/19"), utf_8)


# ---------------------------------------------------------------- what the parser gets wrong


@pytest.mark.parametrize(
    "markup",
    [
        "<!--><h3>Else</h3><!-- -->",
        "<!--- --><h3>Else</h3><!-- -->",
        "<!-- --!><h3>Else</h3><!-- -->",
        "<![CDATA[ x > <h3>Else</h3> ]]>",
        "<![if !IE]><h3>Else</h3><![endif]>",
        "<![foo[><h3>Else</h3>",
        "&#;&#;<h3>Else</h3>",
        "&#12ab;&#xg;&#;<h3>Else</h3>",
        f"&#{'9' * 5000};<h3>Else</h3>",
        "&unknown;&<h3>Else</h3>",
        "<script src=x></script ><h3>Else</h3>",
        "<style><h3>x</style><h3>Else</h3>",
        "<?xml version='1.0'?><h3>Else</h3>",
    ],
)
def test_a_heading_after_odd_markup_is_seen(markup: str) -> None:
    assert ranges(page(f"{LIST}{markup}<p>172.128.0.0/10</p>")) == PROXY


def test_a_script_inside_an_address_is_no_part_of_it() -> None:
    with pytest.raises(ReadError):
        ranges(page("<h3>Proxies</h3>64.12.96.0/1<script></script>9"))
