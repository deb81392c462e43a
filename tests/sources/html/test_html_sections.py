import pytest
from tests.pages import AOL, page, ranges, refusal

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import HtmlRules
from proxyfeed.sources.html import read_html

PROXY, PROXY_2, CLIENT = "64.12.96.0/19", "149.174.160.0/20", "172.128.0.0/10"
LIST = f"<p>{PROXY}<br>{PROXY_2}</p>"
BOTH = [PROXY, PROXY_2]


# ---------------------------------------------------------------- what opens a section


@pytest.mark.parametrize(
    "title",
    [
        "<h1>Proxies</h1>",
        "<h6>AOL PROXIES:</h6>",
        "<h3><a href='#p'>AOL <font color=red>proxies</font></a></h3>",
        "<h3>AOL<br>proxies</h3>",
        "<h3><img src=t.gif alt='AOL proxies'></h3>",
        "<p><b>Proxies</b></p>",
        "<p><b><a name=p>Proxies</a></b></p>",
        "<p><strong>AOL proxy server IP addresses</strong></p>",
        "<p>Proxies:</p>",
        "Proxies<br>",
        "<table bgcolor=blue><tr><td><h3>Proxies</h3></td></tr></table>",
        "<table><tr><td><h3>Proxies</h3></td></tr><tr><td>&nbsp;</td></tr></table>",
    ],
)
def test_a_title_in_full_opens_the_section(title: str) -> None:
    assert ranges(title + LIST) == BOTH


@pytest.mark.parametrize(
    "title",
    [
        "<h2>AOL Proxy Info</h2>",
        "<h3>Other proxies</h3>",
        "<h3>Non-proxies</h3>",
        "<h3>Proxies (retired)</h3>",
        "<h3><s>Proxies</s></h3>",
        "<h3 style='display: none'>Proxies</h3>",
        "<h3 hidden>Proxies</h3>",
        "<a href='p.html'>Proxies</a><br>",
        "<a href='p.html'><b>Proxies</b></a><br>",
        "<p>Caching | Proxies | FAQ</p>",
        "<h3>AOL proxies",
        "<!-- <h3>Proxies</h3> -->",
        "<script>'<h3>Proxies</h3>'</script>",
        "<noscript><h3>Proxies</h3></noscript>",
        "",
    ],
)
def test_anything_else_opens_none(title: str) -> None:
    assert "no section is headed 'proxies' or 'aol proxies'" in refusal(title + LIST)


def test_a_section_ends_with_the_next_heading_of_its_level_or_above() -> None:
    for next_one in ("<h3>Europe</h3>", "<h2>Europe</h2>", "<h1>Europe</h1>"):
        assert ranges(f"<h3>Proxies</h3>{LIST}{next_one}<p>{CLIENT}</p>") == BOTH


def test_sections_that_are_wanted_are_read_together() -> None:
    body = f"<h3>Proxies</h3><p>{PROXY}</p><h3>Else</h3><h3>Proxy servers</h3><p>{PROXY_2}</p>"
    assert ranges(body) == BOTH


def test_a_label_with_its_ranges_on_one_line_is_read() -> None:
    assert ranges(f"<p>Proxies: {PROXY}, {PROXY_2}</p><p>Clients: {CLIENT}</p>") == BOTH
    assert "no section" in refusal(f"<p>Clients: {CLIENT}</p>")


def test_the_terms_of_a_definition_list_are_labels_even_if_left_open() -> None:
    assert (
        ranges(f"<dl><dt>Proxies<dd>{PROXY}<dd>{PROXY_2}<dt>AOL clients<dd>{CLIENT}</dl>") == BOTH
    )


def test_legends_and_summaries_are_labels() -> None:
    fieldset = "<fieldset><legend>{}</legend>{}</fieldset>"
    body = fieldset.format("Proxies", LIST) + fieldset.format("AOL clients", CLIENT)
    assert ranges(body) == BOTH


# ---------------------------------------------------------------- what closes or spoils it


@pytest.mark.parametrize(
    "title",
    [
        "<h4>AOL member clients (ipt.aol.com)</h4>",
        "<h3>Proxies of clients</h3>",
        "<p><b>Dial&#8209;up</b></p>",
        "<p>These ranges are given to our members who call in:</p>",
        "<dt>Cli&shy;ents</dt>",
        "<h4><s>Clients</s></h4>",
        "<a href=c.html>AOL Client</a><br>",
    ],
)
def test_what_is_excluded_closes_the_section(title: str) -> None:
    assert ranges(f"<h3>Proxies</h3>{LIST}{title}<p>{CLIENT}</p>") == BOTH
    assert "(excluded)" in refusal(f"<h3>Proxies</h3>{title}<p>{CLIENT}</p>")


def test_what_is_excluded_stays_so_below_an_unknown_label() -> None:
    body = f"<h3>Proxies</h3>{LIST}<b>Clients</b><br><b>Europe</b><br>{CLIENT}"
    assert ranges(body) == BOTH


def test_a_new_heading_below_an_excluded_one_is_a_doubt() -> None:
    body = f"<h3>Proxies</h3>{LIST}<h4>Clients</h4><p>{CLIENT}</p><h4>{{}}</h4><p>{CLIENT}</p>"
    assert "'Europe'" in refusal(body.format("Europe"))
    assert ranges(body.format("Members")) == BOTH


@pytest.mark.parametrize(
    "text",
    [
        "<h4>Europe</h4>",
        "<p><b>The following ranges are used instead of proxies:</b></p>",
        "<h4>The following ranges are used instead of proxies</h4>",
        "<p><b>Europe and Asia, where people still call at night</b></p>",
        "<b><font size=1>Europe and Asia, where people</font> still call at night</b><br>",
        "<dl><dt>Europe and Asia, where people still call at night</dt></dl>",
        "<dl><dt>Europe <i>and Asia, where people still call at night</i></dt></dl>",
        "<dl><dt><font>Europe and Asia, where people still call at night</font></dt></dl>",
        "<p>Europe</p>",
        "<p>These networks are given to the people who call in:</p>",
        "<p><a href=e.html>Europe</a></p>",
        "<p><img src=e.gif alt=Europe></p>",
    ],
)
def test_an_unknown_label_before_ranges_is_a_doubt(text: str) -> None:
    message = refusal(f"<h3>Proxies</h3>{text}{LIST}")
    assert "'64.12.96.0/19' under 'Proxies'" in message
    assert "neither a wanted nor an excluded title" in message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<p>Europe</p>", "Europe"),
        ("<p>Some more that we have found by looking into our logs.</p>", "Some more that"),
        ("<p>IP addresses:</p>", "IP addresses:"),
        ("<p>Example Via header: HTTP/1.1 (Velocity/3.1.1.5)</p>", "Example Via header"),
        ("<p><img src=e.gif></p>", "[an image]"),
        ("<hr>", "[a horizontal rule]"),
        ("<h4>Europe</h4>", "Europe"),
    ],
)
def test_ranges_after_anything_but_ranges_are_a_doubt(text: str, named: str) -> None:
    assert repr(named)[:-1] in refusal(f"<h3>Proxies</h3>{LIST}{text}<p>{CLIENT}</p>")
    assert ranges(f"<h3>Proxies</h3>{LIST}{text}<h3>Else</h3><p>{CLIENT}</p>") == BOTH


def test_a_doubt_names_the_first_thing_after_the_ranges() -> None:
    assert "'Europe'" in refusal(f"<h3>Proxies</h3>{LIST}<p>Europe</p><p>Asia</p>{LIST}")
    assert "'Europe'" in refusal(f"<div><h3>Proxies</h3>{LIST}<p>Europe</p></div>{LIST}")


def test_a_section_ends_with_the_block_that_holds_its_title_and_ranges() -> None:
    for box in ("<div>{}</div>", "<fieldset>{}</fieldset>", "<table><tr><td>{}</td></tr></table>"):
        body = box.format(f"<b>Proxies</b>{LIST}") + f"<p>{CLIENT}</p>"
        assert "the end of the block" in refusal(body)
        assert ranges(box.format("<b>Proxies</b>") + LIST) == BOTH
    assert "the end of the block" in refusal(
        f"<dl><dt>Proxies<dd>{PROXY}</dl><dl><dd>{CLIENT}</dl>"
    )


@pytest.mark.parametrize(
    "intro",
    [
        "<p>Requests of AOL members reach you through these proxies.</p>",
        "<p>A list like this one is never complete, and changes now and then.</p>",
        "<p>Each member is served by us. You see the address of one of our proxies.</p>",
        "<p>IP ranges:</p>",
        "<p>The following ranges are those of the AOL proxies:</p>",
        "<p>Note: this is one of the lists that never are complete.</p>",
        "<p>Last updated: February 3, 2007</p>",
        "<p>Members dial in, then ask for your pages.</p><p>What they use is found below here.</p>",
        "<img src=line.gif><hr><p><img src=x.gif width=1 height=9></p>",
    ],
)
def test_an_introduction_does_not_close_the_section(intro: str) -> None:
    assert ranges(f"<h3>Proxies</h3>{intro}{LIST}") == BOTH


def test_an_introduction_that_names_only_what_is_excluded_is_a_doubt() -> None:
    intro = "<p>Below you find the addresses of our dial-up clients.</p>"
    for rule in ("", "<hr>", "<p><img src=line.gif></p>"):
        assert "Below you find" in refusal(f"<h3>Proxies</h3>{intro}{rule}{LIST}")


def test_a_title_that_is_wanted_and_excluded_is_a_doubt() -> None:
    rules = HtmlRules(heading=("client proxies",), exclude=("client",))
    assert "both a wanted and an excluded one" in refusal(f"<h3>Client proxies</h3>{LIST}", rules)
    assert "holds no ranges" in refusal("<h3>Client proxies</h3>", rules)


def test_a_note_that_names_what_is_excluded_is_a_doubt() -> None:
    assert "its note" in refusal(f"<h3>Proxies</h3><p>{PROXY}<br>{CLIENT} (clients)</p>")


def test_an_ignored_line_never_hides_what_is_excluded() -> None:
    rules = HtmlRules(heading=("proxies",), exclude=("clients",), ignore=("since",))
    body = f"<h3>Proxies</h3>{LIST}<p>Since 2007 by clients:</p><p>{CLIENT}</p>"
    assert ranges(body, rules) == BOTH


def test_an_ignored_line_is_not_read() -> None:
    body = f"<h3>Proxies</h3><p>Via header of 64.12.96.5</p>{LIST}"
    assert ranges(body) == BOTH
    assert "'64.12.96.5'" in refusal(body, HtmlRules(heading=("proxies",)))


# ---------------------------------------------------------------- what looks like an address


@pytest.mark.parametrize(
    "text",
    [
        "One of them is 64.12.96.5.",
        "208.54.144/32",
        "205.188.1",
        "64.12.96.0/",
        "64.12.9",
        "64.12.96.0/19149.174.160.0/20",
        "64.12.96.0 64.12.127.255",
        "64.12.96.5<sup>1</sup>",
        "64.12.96.0/1<blink2>9</blink2>",
        "172.128.0.0/10 Dulles",
        "9",
        ".96",
        "<td>172.128.0.0/10</td>",
        "<h4>172.128.0.0/10</h4>64.12.96.0/19",
    ],
)
def test_what_is_no_plain_range_is_refused_and_named(text: str) -> None:
    message = refusal(f"<h3>Proxies</h3>{LIST}<p>{text}</p>")
    assert "under 'Proxies'" in message
    assert ranges(f"<h3>Proxies</h3>{LIST}<h3>Else</h3><p>{text}</p>") == BOTH


@pytest.mark.parametrize("tag", ["s", "del", "strike", "noscript", "template", "iframe"])
def test_ranges_that_are_struck_out_or_hidden_are_a_doubt(tag: str) -> None:
    body = f"<h3>Proxies</h3><p>{PROXY}<br><{tag}>{PROXY_2}</{tag}></p>"
    assert ("struck out" in refusal(body)) or ("hidden" in refusal(body))


@pytest.mark.parametrize(
    "style", ["display:none", "VISIBILITY : hidden", "color:red;text-decoration: line-through"]
)
def test_ranges_that_a_style_hides_are_a_doubt(style: str) -> None:
    body = f"<h3>Proxies</h3><p>{PROXY}<br><b style='{style}'>{PROXY_2}</b></p>"
    assert "149.174.160.0/20" in refusal(body)


def test_ranges_beside_an_image_with_a_word_are_a_doubt() -> None:
    body = "<h3>Proxies</h3><p><img src=c.gif alt='{}'>64.12.96.0/19</p>"
    assert "Clients" in refusal(body.format("Clients"))
    assert ranges(body.format("*")) == [PROXY]
    assert ranges(body.format("")) == [PROXY]


def test_ranges_that_are_the_text_of_an_image_are_a_doubt() -> None:
    assert "an image" in refusal(f"<h3>Proxies</h3><p><img src=c.gif alt='{PROXY}'></p>")


@pytest.mark.parametrize(
    "markup",
    [
        "<b>64.12</b>.96.0<!-- -->/19",
        "64.12<wbr>.96.0/<font size=2>1</font><i>9</i>",
        "64&#46;12&#x2e;96.0&#47;19",
        "&nbsp;64.12.96.0/19&nbsp;<script>x()</script>",
        "<pre>\n 64.12.96.0\t255.255.224.0\r\n</pre>",
        "64.12.96.0&ndash;64.12.127.255",
        "64.12.96.0 &#150; 64.12.127.255",
        "<div><div>64.12.96.0/19</div></div>",
        "&bull; 64.12.96.0/19",
        "<ul><li>64.12.96.0/20<li>64.12.112.0/20</ul>",
        "<pre><b>64.12.96.0/20\n64.12.112.0 255.255.240.0</b></pre>",
        "64.12.96.0/20<p><img src=s.gif width=1 height=9></p>64.12.112.0/20",
    ],
)
def test_a_range_is_read_as_it_is_seen(markup: str) -> None:
    assert ranges(f"<h3>Proxies</h3>{markup}") == [PROXY]


# ---------------------------------------------------------------- what an error says


def test_an_error_tells_where_the_page_has_ranges_instead() -> None:
    message = refusal(f"<h3>Our proxies</h3>{LIST}<h3>AOL clients</h3><p>{CLIENT}</p>")
    assert "elsewhere: 2 under 'Our proxies', 1 under 'AOL clients' (excluded)" in message


def test_an_error_tells_how_a_page_without_ranges_is_headed() -> None:
    assert "is headed 'We are sorry', 'Links'" in refusal("<h1>We are sorry</h1><h2>Links</h2>")
    assert "no ranges and no heading" in refusal("<p>sorry</p>")


def test_addresses_on_lines_of_preformatted_text_stand_apart() -> None:
    body = "<h3>Proxies</h3><pre><i>64.12.96.5\n64.12.96.7</i></pre>"
    assert ranges(body) == ["64.12.96.5/32", "64.12.96.7/32"]
    assert "no plain list" in refusal(body.replace("pre>", "p>"))


def test_an_error_names_only_the_first_of_many_titles() -> None:
    assert "'proxies' or 'aol proxies' or 'proxy' or 17 titles more" in refusal(LIST)
    assert "is headed 'a' or 'b';" in refusal(LIST, HtmlRules(heading=("a", "b")))


def test_a_phrase_without_words_is_in_no_line() -> None:
    body = f"<h3>Proxies</h3>{LIST}"
    assert ranges(body, HtmlRules(heading=("proxies", "!"), exclude=("-",), ignore=("*",))) == BOTH


def test_a_long_line_is_named_by_its_beginning() -> None:
    message = refusal(f"<h3>Proxies</h3><p>{'x' * 5000} {PROXY}</p>")
    assert len(message) < 300


@pytest.mark.parametrize(
    ("body", "is_empty"),
    [
        ("<h3>Proxies</h3><p>none</p>", True),
        (f"<h3>Proxies</h3><h3>Clients</h3><p>{CLIENT}</p>", True),
        (f"<h3>Proxies</h3><h3>Europe</h3><p>{CLIENT}</p>", False),
        ("<p>Proxies</p>", False),
        (f"<table><tr><td><h3>Proxies</h3></td><td>{PROXY}<br>x</td></tr></table>", False),
    ],
)
def test_a_section_is_called_empty_only_beyond_doubt(body: str, is_empty: bool) -> None:
    with pytest.raises(ReadError) as caught:
        read_html(page(body), "", AOL)
    assert "'Proxies' holds no ranges" in caught.value.message
    assert isinstance(caught.value, EmptyList) == is_empty
