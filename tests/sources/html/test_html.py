import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.pages import AOL, CLIENTS, FIXTURES, SHARED, page, ranges, refusal

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import HtmlRules
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.html import read_html

CASES = sorted(folder.name for folder in FIXTURES.iterdir())
GOOD = [case for case in CASES if (FIXTURES / case / "expected.txt").exists()]
LIST_2007 = PrefixSet.parse((FIXTURES / "br-list" / "expected.txt").read_text().split())


def body_of(case: str) -> bytes:
    return (FIXTURES / case / "body.html").read_bytes()


def expected_of(case: str) -> PrefixSet:
    return PrefixSet.parse((FIXTURES / case / "expected.txt").read_text().split())


def read_or_refuse(content: bytes) -> PrefixSet | None:
    try:
        return read_html(content, "", AOL)
    except ReadError:
        return None


# ---------------------------------------------------------------- saved pages


@pytest.mark.parametrize("case", CASES)
def test_a_saved_page_is_read_as_expected(case: str) -> None:
    folder = FIXTURES / case
    if case in GOOD:
        assert (
            list(read_html(body_of(case), "", AOL).lines())
            == (folder / "expected.txt").read_text().splitlines()
        )
    else:
        with pytest.raises(ReadError) as caught:
            read_html(body_of(case), "", AOL)
        assert (folder / "expected-error.txt").read_text().strip() in caught.value.message


@pytest.mark.parametrize("case", CASES)
def test_a_saved_page_says_first_that_it_is_a_reconstruction(case: str) -> None:
    assert re.match(rb"<!-- A reconstruction: [^\n]+ -->\n", body_of(case))
    assert (FIXTURES / case / "source.txt").read_text().strip()


def test_the_saved_pages_hold_the_published_number_of_addresses() -> None:
    counts = {case: expected_of(case).addresses for case in GOOD}
    assert counts.pop("list-2009") == 46_212
    assert set(counts.values()) == {56_452}
    assert len(counts) == 7


def test_an_empty_section_is_told_from_a_page_that_is_no_list() -> None:
    with pytest.raises(EmptyList):
        read_html(body_of("empty-proxy-section"), "", AOL)
    for case in ("no-proxy-section", "only-clients", "soft-404"):
        with pytest.raises(ReadError) as caught:
            read_html(body_of(case), "", AOL)
        assert not isinstance(caught.value, EmptyList)


def other_pages() -> list[Path]:
    return sorted((SHARED / "bad").glob("*")) if SHARED.exists() else []


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("path", other_pages(), ids=lambda path: path.name)
def test_what_was_once_served_in_place_of_a_list_is_refused(path: Path) -> None:
    assert read_or_refuse(path.read_bytes()) is None


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data is not here")
@pytest.mark.parametrize("name", ["proxyinfo-br.html", "proxyinfo-table-two-columns.html"])
def test_pages_that_others_reconstructed_are_read(name: str) -> None:
    body = (SHARED / "aol" / "reconstructed" / name).read_bytes()
    assert read_html(body, "", AOL) == LIST_2007


# ---------------------------------------------------------------- damaged pages


@pytest.mark.parametrize("case", ["br-list", "two-column-table"])
def test_a_page_cut_at_any_byte_is_refused(case: str) -> None:
    whole = body_of(case)
    lossless = len(whole.rstrip())
    for length in range(len(whole)):
        read = read_or_refuse(whole[:length])
        assert read == (LIST_2007 if length >= lossless else None), whole[:length][-30:]


def fragment_of(case: str) -> bytes:
    return body_of(case).partition(b"<body>")[2].partition(b"</body>")[0]


@pytest.mark.parametrize("case", ["pre-netmasks", "three-in-a-cell", "list-2009"])
def test_a_fragment_cut_in_its_list_is_refused(case: str) -> None:
    whole = fragment_of(case)
    assert read_or_refuse(whole) == expected_of(case)
    start, end = whole.index(b"64.12.96"), whole.index(b"207.200.112")
    for length in range(start, end):
        assert read_or_refuse(whole[:length]) is None, whole[:length][-30:]


EXTRAS = [b"<p>Dial-up pool</p>", b"Others:<br>", b"</p>", b"<p>", b"</table>", b"<td>", b"<hr>"]


def neighbours(lines: list[bytes]) -> list[list[bytes]]:
    """
    Every page that differs by one line: it is missing, comes after the next, or has another before.
    """
    found = []
    for i, line in enumerate(lines):
        before, after = lines[:i], lines[i + 1 :]
        extra = EXTRAS[i % len(EXTRAS)]
        found += [[*before, *after], [*before, *after[:1], line, *after[1:]]]
        found += [[*before, EXTRAS[0], line, *after], [*before, extra, line, *after]]
    return found


@pytest.mark.parametrize("case", GOOD)
def test_a_page_with_one_line_changed_lets_no_client_in(case: str) -> None:
    lines = body_of(case).splitlines()
    for changed in neighbours(lines):
        read = read_or_refuse(b"\n".join(changed)) or PrefixSet()
        assert not read & CLIENTS
        assert read in expected_of(case)


@pytest.mark.parametrize("case", GOOD)
def test_a_page_without_its_headings_is_refused(case: str) -> None:
    body = re.sub(rb"(?i)<(h\d|th|dt)\b[^>]*>.*?</\1>|<b>[A-Za-z ]+:</b>", b"", body_of(case))
    assert read_or_refuse(body) is None


@pytest.mark.parametrize("case", ["br-list", "pre-netmasks", "bold-and-dashes", "list-2009"])
def test_the_order_of_the_sections_does_not_matter(case: str) -> None:
    body = body_of(case).decode()
    heading = re.compile(r"(<h3>|<p><b>AOL|<dl>\n<dt>)")
    top, mark_1, proxies, mark_2, rest = heading.split(body)
    clients, tail, end = re.split(r"(<hr>|</font>\n<hr>)", rest)
    assert read_html(f"{top}{mark_2}{clients}{mark_1}{proxies}{tail}{end}".encode(), "", AOL) == (
        expected_of(case)
    )


# ---------------------------------------------------------------- any pages

PROXY, CLIENT = "64.12.96.0/19", "172.128.0.0/10"
TAGS = """
    <table> </table> <tr> </tr> <td> <td|colspan=2> <td|rowspan=3> </td> <th> <caption> <h4> </h4>
    <div> </div> <p> </p> <b> </b> <pre> </pre> <ul> <li> </ul> <br> <hr> <img> &#; <!-- --> <q>
"""
PIECES = [
    "<h2>AOL Proxy Info</h2>",
    "<h3>AOL proxies</h3>",
    f"<p>{PROXY}</p>",
    f"<h3>AOL proxies</h3><p>{PROXY}</p>",
    f"<h3>AOL clients</h3><p>{CLIENT}</p>",
    f"<b>Proxies:</b><br>{PROXY}<br>",
    f"<p><b>Clients:</b><br>{CLIENT}</p>",
    f"<dt>Proxies<dd>{PROXY}<dt>Clients<dd>{CLIENT}",
    f"<tr><th>Proxies</th><th>Clients</th></tr><tr><td>{PROXY}</td><td>{CLIENT}</td></tr>",
    f"<tr><td>Clients</td><td>{CLIENT}</td></tr>",
    f"<table><tr><th>Proxies<td>{PROXY}<tr><th>Clients<td>{CLIENT}</table>",
    f"<table><caption>AOL clients</caption><tr><td>{CLIENT}</td></tr></table>",
    f"Members: {CLIENT}<br>",
    f"<s>{CLIENT}</s>",
    f"<p>One client has {CLIENT}.</p>",
    "<p>Some text that is neither short nor of any importance.</p>",
    "Dulles<br>",
    *(tag.replace("|", " ") for tag in TAGS.split()),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14))
@example(["<table>", "<tr>", PIECES[5], "<td>", PIECES[6]])
def test_no_page_made_of_pieces_lets_a_client_in(pieces: list[str]) -> None:
    assert (read_or_refuse(page("".join(pieces))) or PrefixSet()) in PrefixSet.parse([PROXY])


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["64.12", ".96", ".0", "/1", "9", " ", "<br>", "<b>", "</b>", "-", ","])
    )
)
def test_no_address_is_made_up_from_pieces(pieces: list[str]) -> None:
    body = "".join(pieces)
    read = read_or_refuse(page(f"<h3>Proxies</h3><p>{body}</p>"))
    seen = re.sub("</?b>", "", body).replace("<br>", " ").replace(",", " ")
    spans = re.sub(" - ", "-", " ".join(seen.split())).split()
    assert read is None or read == PrefixSet.parse(spans)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    assert read_or_refuse(content) is None


@settings(deadline=None)
@given(st.text(st.sampled_from("<>/!-[]&#;x1.=\"' \n\tahbrtdpé"), max_size=80))
@example("&#" + "1" * 5000 + ";")
@example("<![foo[")
@example("<!DOCTYPE")
def test_any_markup_leaves_the_section_before_it_or_is_refused(text: str) -> None:
    read = read_or_refuse(page(f"<h3>Proxies</h3><p>{PROXY}</p><h3>Else</h3>{text}"))
    assert read in (None, PrefixSet.parse([PROXY]))


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=40))
def test_any_selector_and_content_type_are_taken(selector: str, content_type: str) -> None:
    rules = HtmlRules(selector=selector)
    try:
        read = read_html(page(f"<p>{PROXY}</p>"), content_type, rules)
    except ReadError:
        return
    assert read == PrefixSet.parse([PROXY])


# ---------------------------------------------------------------- hostile pages


@pytest.mark.parametrize("nested", ["<div>", "<b>", "<table><tr><td>", "<ul><li>", "<h3>"])
def test_a_page_nested_too_deep_is_refused(nested: str) -> None:
    assert "deep" in refusal(nested * 100_000)


@pytest.mark.parametrize("nested", ["<table><tr><td>", "<div>", "<h4>", "<span>"])
def test_a_page_nested_as_deep_as_allowed_is_read_to_its_end(nested: str) -> None:
    depth = 195 // nested.count("<")
    inner = refusal(nested * depth + "<b>Other:</b>" + PROXY)
    assert "no section is headed" in inner


@pytest.mark.parametrize(
    "piece",
    ["<!--a>", "<!-<!-- -->-a>", "<![if>", "<a", "</script ", "<br><b></b>", "&#", "<img alt='>'>"],
)
def test_a_page_of_one_piece_repeated_is_refused(piece: str) -> None:
    refusal(piece * 20_000)


def test_a_table_of_giant_cells_is_refused() -> None:
    assert "too large" in refusal("<table>" + "<tr><td colspan=999>a</td></tr>" * 300 + "</table>")
    cell = f"<td rowspan=60000>{'a ' * 10_000}</td>"
    rows = "<tr><td>b</td></tr>" * 2000
    assert "too large" in refusal(f"<table><tr>{cell}</tr>{rows}</table>")


# ---------------------------------------------------------------- the part to read


def test_a_selector_picks_the_part_that_is_wanted_as_a_whole() -> None:
    body = f"<p>{CLIENT}</p><ul id=list><li>{PROXY}</ul>"
    assert ranges(body, HtmlRules(selector="#list")) == [PROXY]


def test_a_part_without_ranges_is_named() -> None:
    assert "the section 'ul' holds no ranges" in refusal("<ul></ul>", HtmlRules(selector="ul"))
    assert "the section 'the page' holds no ranges" in refusal("<ul></ul>", HtmlRules())


def test_a_selector_that_matches_nothing_is_named() -> None:
    assert "'#list'" in refusal(f"<p>{PROXY}</p>", HtmlRules(selector="#list"))


def test_a_selector_that_is_none_is_named() -> None:
    assert "'p[' is not a CSS selector" in refusal(f"<p>{PROXY}</p>", HtmlRules(selector="p["))


def test_a_heading_is_needed_in_the_selected_part_too() -> None:
    body = f"<h3>Proxies</h3><div><p>{PROXY}</p></div>"
    rules = HtmlRules(selector="div", heading=("proxies",))
    assert "no section is headed 'proxies'" in refusal(body, rules)
    assert ranges(body, HtmlRules(selector="body", heading=("proxies",))) == [PROXY]


def test_several_selected_parts_are_read_one_after_another() -> None:
    body = f"<td>a</td><pre>{PROXY}</pre><pre>{CLIENT}\n</pre>"
    assert ranges(body, HtmlRules(selector="pre")) == [PROXY, CLIENT]


def test_a_section_does_not_reach_into_the_next_selected_part() -> None:
    body = f"<div><h3>Proxies</h3>{PROXY}</div><div>{CLIENT}</div>"
    assert ranges(body, HtmlRules(selector="div", heading=("proxies",))) == [PROXY]


def test_cells_can_be_selected() -> None:
    body = f"<table><tr><td class=p>{PROXY}</td><td>{CLIENT}</td></tr></table>"
    assert ranges(body, HtmlRules(selector="td.p")) == [PROXY]


def test_what_is_selected_inside_hidden_markup_stays_hidden() -> None:
    body = f"<div hidden><ul><li>{PROXY}</ul></div>"
    assert "is hidden" in refusal(body, HtmlRules(selector="ul"))


def test_an_unknown_heading_in_a_part_without_titles_is_a_doubt() -> None:
    assert "'Europe'" in refusal(f"<h3>Europe</h3><p>{PROXY}</p>", HtmlRules(selector="body"))
