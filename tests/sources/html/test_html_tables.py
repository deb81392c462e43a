import pytest
from tests.pages import AOL, ranges, refusal

from proxyfeed.model import HtmlRules

PROXY, PROXY_2, CLIENT = "64.12.96.0/19", "149.174.160.0/20", "172.128.0.0/10"
BOTH = [PROXY, PROXY_2]
HEADING = "<h3>AOL proxies</h3>"


def table(text: str) -> str:
    """
    A table from rows on lines and cells between bars; ``#`` begins a heading cell.
    """
    rows = [
        "".join(
            f"<th>{cell.strip('# ')}</th>" if "#" in cell else f"<td>{cell.strip()}</td>"
            for cell in line.split("|")
        )
        for line in text.strip().splitlines()
    ]
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


# ---------------------------------------------------------------- by columns


@pytest.mark.parametrize(
    "text",
    [
        f"# Proxies | # Clients \n {PROXY} | {CLIENT} \n {PROXY_2} | &nbsp;",
        f"# Clients | # Proxies \n {CLIENT} | {PROXY} \n | {PROXY_2}",
        f"Proxies | AOL clients \n {PROXY}<br>{PROXY_2} | {CLIENT}",
        f"# Region | # Proxies | # Clients \n US | {PROXY} | {CLIENT} \n Asia | {PROXY_2} | ",
        f"# Location | # Proxies \n Dulles | {PROXY} \n Reston | {PROXY_2}",
        f"# Clients | # Proxies \n {CLIENT} | CIDR \n | {PROXY} {PROXY_2}",
        f"<h4>Proxies</h4> | <h4>Clients</h4> \n {PROXY} | {CLIENT} \n {PROXY_2} | {CLIENT}",
        f"# AOL<br>proxies | # AOL<br>clients \n {PROXY} | {CLIENT} \n {PROXY_2} | ",
        f"# Proxies | # Clients \n {PROXY} | our members \n {PROXY_2} |",
        f"Proxies and clients \n # Proxies | # Clients \n {PROXY} | \n {PROXY_2} | {CLIENT}",
        f"<b>AOL ranges</b> \n # Proxies | # Clients \n {PROXY} | {CLIENT} \n {PROXY_2} |",
        f"Proxies | Clients \n {PROXY} | {CLIENT} \n Clients | Proxies \n {CLIENT} | {PROXY_2}",
    ],
)
def test_labelled_columns_are_read_by_themselves(text: str) -> None:
    assert ranges(table(text)) == BOTH
    assert ranges(HEADING + table(text)) == BOTH
    assert ranges("<h2>AOL Proxy Info</h2>" + table(text)) == BOTH


def test_a_label_over_two_columns_is_the_label_of_both() -> None:
    body = f"""<table><tr><th colspan=2>Proxies</th><th>Clients</th></tr>
        <tr><td>Network</td><td>Netmask</td><td></td></tr>
        <tr><td>64.12.96.0</td><td>255.255.224.0</td><td>{CLIENT}</td></tr>
        <tr><td>149.174.160.0</td><td>255.255.240.0</td></tr></table>"""
    assert ranges(body) == BOTH


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("# Proxies | # Netmask \n 64.12.96.0 | 255.255.224.0", "does not say whose"),
        (f"# Proxies | # Clients | # Others \n | {CLIENT} | {PROXY}", "does not say whose"),
        (f"# Proxies | # Clients \n | | {PROXY}", "does not say whose"),
        (f"Proxies \n # Network | # Clients \n {PROXY} | yes", "does not say whose"),
        (f"# Region | # Proxies \n US | {PROXY} \n Clients | {CLIENT}", "its note names"),
        (
            f"# Proxies | # Clients \n {PROXY} | {CLIENT} \n Modems | Modems \n {CLIENT} |",
            "'Modems'",
        ),
        (f"# Proxies | # Clients \n {PROXY} | \n <img src=x> | \n {CLIENT} |", "[an image]"),
        (f"# AOL<br><s>proxies</s> | # Clients \n {PROXY} |", "no section is headed"),
        (f"# Proxies | # Clients \n {PROXY} of AOL | {CLIENT}", "no plain list"),
    ],
)
def test_a_column_that_leaves_a_doubt_is_refused(text: str, trouble: str) -> None:
    assert trouble in refusal(table(text))


def test_a_range_across_labelled_columns_is_refused() -> None:
    body = f"""<table><tr><th>Proxies</th><th>Clients</th></tr>
        <tr><td colspan=2>{CLIENT}</td></tr></table>"""
    assert "across several columns" in refusal(body)


def test_excluded_columns_hold_what_they_like() -> None:
    text = f"# Proxies | # Clients \n {PROXY} | 172.128/9 and 172.200.0.0 \n {PROXY_2} | none"
    assert ranges(table(text)) == BOTH


def test_an_unlabelled_column_is_no_trouble_where_none_is_wanted() -> None:
    text = f"# Network | # Clients \n {CLIENT} | yes"
    assert ranges(f"{HEADING}<p>{PROXY}</p><h3>Else</h3>{table(text)}") == [PROXY]
    assert ranges(f"{HEADING}<p>{PROXY}</p><h3>Clients</h3>{table(text)}") == [PROXY]
    assert "does not say whose" in refusal(f"{HEADING}<p>{PROXY}</p>{table(text)}")


# ---------------------------------------------------------------- by rows


@pytest.mark.parametrize(
    "text",
    [
        f"{PROXY} \n {PROXY_2}",
        f"# IP ranges \n {PROXY} {PROXY_2}",
        f"{PROXY} | Dulles \n {PROXY_2} | (old)",
        f"# Network | # Location \n {PROXY} | Dulles \n {PROXY_2} | Reston",
        f"{PROXY} | 2006 \n {PROXY_2} | 2007",
        f"# No. | # Network \n 1 | {PROXY} \n 2 | {PROXY_2}",
        "# Network | # Netmask \n 64.12.96.0 | 255.255.224.0 \n 149.174.160.0 | 255.255.240.0",
        "64.12.96.0<br>149.174.160.0 | 255.255.224.0<br>255.255.240.0",
        f"<img src=dot.gif> | {PROXY} \n <img src=dot.gif> | {PROXY_2}",
        f"<img src=dot.gif alt='*'> | {PROXY} \n | {PROXY_2}",
    ],
)
def test_rows_under_a_wanted_heading_are_read(text: str) -> None:
    assert ranges(HEADING + table(text)) == BOTH


def test_an_address_alone_is_read_beside_words() -> None:
    assert ranges(HEADING + table("64.12.96.5 | Dulles")) == ["64.12.96.5/32"]


def test_wildcards_are_ranges_in_tables_too() -> None:
    assert ranges(HEADING + table("64.12.*.* | Dulles")) == ["64.12.0.0/16"]


@pytest.mark.parametrize(
    "text",
    [
        f"# Proxies | {PROXY}<br>{PROXY_2} \n # Clients | {CLIENT}",
        f"Proxies: | {PROXY}, {PROXY_2} | Dulles \n Clients: | {CLIENT} | Reston",
        f"# Class | # Ranges \n Proxies | {PROXY}<br>{PROXY_2} \n Clients | {CLIENT}",
        f"Proxies | {PROXY}<br>{PROXY_2} \n Others | {CLIENT}",
        f"Proxies \n {PROXY} | Dulles \n {PROXY_2} | Reston \n Clients \n {CLIENT} | Dulles",
    ],
)
def test_labels_of_rows_tell_the_classes(text: str) -> None:
    assert ranges(table(text)) == BOTH


def test_a_label_over_several_rows_is_the_label_of_each() -> None:
    body = f"""<table><tr><th rowspan=2>Proxies</th><td>{PROXY}</td></tr><tr><td>{PROXY_2}</td></tr>
        <tr><th rowspan=0>Clients</th><td>{CLIENT}</td></tr><tr><td>{CLIENT}</td></tr></table>"""
    assert ranges(body) == BOTH
    assert ranges(body.replace("<th rowspan=0>Clients</th>", "")) == BOTH


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (f"{PROXY} | {CLIENT}", "more than one column"),
        (f"{PROXY} | \n | {CLIENT}", "more than one column"),
        ("64.12.0.0 | 64.12.255.255", "more than one column"),
        ("64.12.0.0<br>64.13.0.0 | 255.255.0.0", "more than one column"),
        (f"{PROXY} | Dulles \n {CLIENT} | members", "its note names what is excluded: 'members'"),
        (f"Clients \n # No. | # Network \n 1 | {CLIENT}", "holds no ranges"),
        (f"<s>{PROXY}</s> | Dulles", "struck out"),
        ("<s>64.12.96.0</s> | 255.255.224.0", "struck out"),
        ("64.12.96.0 | <s>255.255.224.0</s>", "struck out"),
        (f"US | {PROXY} \n Europe | {PROXY_2}", "'US'"),
        (f"# Pool | # Note \n {PROXY} | none", "'Pool'"),
        (f"{PROXY} | Dulles \n Modem | pool \n {CLIENT} | Dulles", "'Modem pool'"),
        (f"{PROXY} | Dulles \n <img src=m.gif> | \n {CLIENT} | Dulles", "[an image]"),
        (f"{PROXY} | Dulles \n <img src=m.gif> | <img src=n.gif> \n {CLIENT} | a", "[an image]"),
        (f"{PROXY} | Dulles \n <hr> | \n {CLIENT} | Dulles", "[a horizontal rule]"),
        (f"{PROXY} \n Modem pool \n {CLIENT}", "'Modem pool'"),
        ("64.12.96.0 | 19", "has no length"),
        ("64.12.96.0 | 0xffffe000", "has no length"),
        ("64.12.96.0 | /19", "more than one column"),
        (f"{PROXY}<br>Modem pool<br>{CLIENT} | x", "a column of a layout table"),
    ],
)
def test_rows_that_leave_a_doubt_are_refused(text: str, trouble: str) -> None:
    assert trouble in refusal(HEADING + table(text))


# ---------------------------------------------------------------- layout


def test_each_cell_of_a_layout_has_its_own_sections() -> None:
    cells = f"<h3>Proxies</h3>{PROXY}<br>{PROXY_2} | <h3>Modems</h3>{CLIENT}"
    assert ranges(table(cells)) == BOTH
    menu = "<b>Menu</b><br><a href=/>Home</a><br>AOL Client"
    page = f"{menu} | <h3>Proxies</h3>{PROXY}<br>{PROXY_2}<h3>Clients</h3>{CLIENT}"
    assert ranges(table(page)) == BOTH


def test_a_section_of_a_layout_ends_with_its_cell() -> None:
    assert ranges(table(f"<b>Proxies</b><br>{PROXY} | x<br>{CLIENT}") + CLIENT) == [PROXY]


def test_a_wanted_heading_does_not_reach_into_the_columns_of_a_layout() -> None:
    inner = f"{table(PROXY)} | {table(CLIENT)}"
    assert "a column of a layout table" in refusal(HEADING + table(inner))
    assert "a column of a layout table" in refusal(HEADING + table(f"Proxies | Clients \n {inner}"))


def test_tables_within_a_table_of_one_column_are_read() -> None:
    inner = table(f"# Proxies | # Clients \n {PROXY} | {CLIENT}")
    assert ranges(table(f"<h2>AOL</h2> \n {inner}")) == [PROXY]


def test_a_table_beside_a_menu_is_read() -> None:
    inner = table(f"# Proxies | # Clients \n {PROXY} | {CLIENT}")
    for cell in (inner, f"<center>{inner}</center>", f"<div><p>{inner}</p></div>"):
        assert ranges(table(f"Menu | {cell}")) == [PROXY]


def test_cells_may_hold_paragraphs_and_lists() -> None:
    text = f"<p>Proxies</p> | <p>Clients</p> \n <ul><li>{PROXY}<li>{PROXY_2}</ul> | <p>{CLIENT}</p>"
    assert ranges(table(text)) == BOTH
    assert "more than one column" in refusal(HEADING + table(f"<p>{PROXY}</p> | <p>{CLIENT}</p>"))


def test_a_wide_table_is_no_list() -> None:
    row = " | ".join(["x"] * 39)
    assert ranges(HEADING + table(f"{PROXY} | {row}")) == [PROXY]
    assert "layout" in refusal(HEADING + table(f"{PROXY} | {row} | x"))


# ---------------------------------------------------------------- the ends of tables


def test_a_caption_is_the_title_of_its_table_alone() -> None:
    proxies = f"<table><caption>Proxies</caption><tr><td>{PROXY}</td></tr></table>"
    clients = f"<table><caption>Clients</caption><tr><td>{CLIENT}</td></tr></table>"
    assert ranges(clients + proxies + f"<p>{CLIENT}</p>") == [PROXY]
    assert ranges(proxies.replace("<td>", "<td>These are the ranges that are ours.<br>")) == [PROXY]
    assert "holds no ranges" in refusal("<table><caption>Proxies</caption></table>" + PROXY)


def test_cells_and_rows_may_be_left_open() -> None:
    body = f"<table><tr><th>Proxies<th>Clients<tr><td>{PROXY}<td>{CLIENT}<tr><td>{PROXY_2}</table>"
    assert ranges(body) == BOTH
    assert ranges(f"{HEADING}<table><td>{PROXY}</table>") == [PROXY]


def test_cells_that_lost_their_table_are_refused() -> None:
    body = (
        f"<p>{HEADING}<table><tr><td>&nbsp;</p><tr><td>{PROXY}</td><td>{CLIENT}</td></tr></table>"
    )
    assert "outside of a table" in refusal(body)


def test_text_between_cells_stands_before_the_table() -> None:
    body = f"{HEADING}<table><tr><td>{PROXY}</td></tr><tr>Modem pool</tr><tr><td>{CLIENT}</td></tr>"
    assert "'Modem pool'" in refusal(f"{body}</table>")


@pytest.mark.parametrize("span", ["2", " 2", "2px", "200%"])
def test_spans_are_read_as_browsers_read_them(span: str) -> None:
    body = f"""<table><tr><th colspan="{span}">Proxies</th></tr>
        <tr><td>{PROXY}</td><td>Dulles</td></tr></table>"""
    assert ranges(body) == [PROXY]


@pytest.mark.parametrize("span", ["0", "00", "x", "", "-1"])
def test_a_span_of_nothing_is_one(span: str) -> None:
    body = f"""<table><tr><th colspan="{span}">Proxies</th><th>Clients</th></tr>
        <tr><td>{PROXY}</td><td>{CLIENT}</td></tr></table>"""
    assert ranges(body) == [PROXY]


def test_a_table_needs_no_heading_where_all_is_wanted() -> None:
    assert ranges(table(f"{PROXY} | Dulles"), HtmlRules(selector="table")) == [PROXY]
    assert "layout" in refusal(table(f"{PROXY} | a<br>{PROXY}"), HtmlRules(selector="table"))
    assert AOL.heading
