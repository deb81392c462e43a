import pytest

from proxyfeed.errors import EmptyList, ReadError
from proxyfeed.model import Labels, RejectedRow
from proxyfeed.sources import lists
from proxyfeed.sources.lists.rows import Rows


def rows_of(*texts: str, max_rejected: int = 0) -> Rows:
    rows = Rows("line", max_rejected)
    for number, text in enumerate(texts, 1):
        rows.take(number, text)
    return rows


def refusal(rows: Rows) -> str:
    with pytest.raises(ReadError) as caught:
        rows.listing()
    assert not isinstance(caught.value, EmptyList)
    return caught.value.message


def test_no_row_at_all_is_an_empty_list() -> None:
    with pytest.raises(EmptyList, match="holds no row"):
        rows_of().listing()


# ---------------------------------------------------------------- the budget


def test_one_row_that_is_no_prefix_refuses_the_whole_body() -> None:
    assert refusal(rows_of("192.0.2.0/24", "192.0.2/24")) == (
        "1 of 2 rows are no prefixes, and 0 may be (`max_rejected`): "
        "line 2: '192.0.2/24' is not a full IPv4 or IPv6 address"
    )


def test_as_many_rows_as_the_budget_are_let_through_and_reported() -> None:
    listing = rows_of("192.0.2.0/24", "x", "198.51.100.0/24", "y", max_rejected=2).listing()
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24", "198.51.100.0/24"]
    assert (listing.rows, listing.rejections) == (4, 2)
    why = "is not a full IPv4 or IPv6 address"
    assert listing.rejected == (RejectedRow("line 2", "x", why), RejectedRow("line 4", "y", why))


def test_one_row_more_than_the_budget_refuses_the_whole_body() -> None:
    message = refusal(rows_of("192.0.2.0/24", "a", "b", "c", "d", max_rejected=3))
    assert message.startswith("4 of 5 rows are no prefixes, and 3 may be")
    assert "line 2: 'a'" in message
    assert "line 4: 'c'" in message
    assert message.endswith("and so on")


def test_a_body_without_one_prefix_is_refused_whatever_the_budget() -> None:
    assert refusal(rows_of("a", "b", max_rejected=99)).startswith("2 of 2 rows")


def test_a_column_that_is_no_label_is_refused_before_there_are_too_many() -> None:
    rows = Rows("line", 0, "country")
    for number in range(50_001):
        address = f"20.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        rows.take(number, address, address)
    assert "the rows have 50,001 labels: is country elsewhere?" in refusal(rows)


@pytest.mark.parametrize("before", [0, 30])
def test_the_budget_never_covers_markup(before: int) -> None:
    texts = ["192.0.2.0/24", *["x"] * before, "</html>", "<br>"]
    message = refusal(rows_of(*texts, max_rejected=99))
    assert message == (
        f"the body holds markup, as an error page does: line {before + 2}: '</html>' "
        "is not a full IPv4 or IPv6 address"
    )


def test_markup_beside_what_could_be_a_prefix_is_seen() -> None:
    rows = rows_of("192.0.2.0/24", max_rejected=9)
    rows.take(2, "hello", row="hello, <b>world</b>")
    assert "'hello, <b>world</b>'" in refusal(rows)


# ---------------------------------------------------------------- what is reported


def test_the_first_rejected_rows_are_shown_and_all_are_counted() -> None:
    listing = rows_of("192.0.2.0/24", *["x"] * 50, max_rejected=50).listing()
    assert listing.rejections == 50
    assert [one.place for one in listing.rejected] == [f"line {n}" for n in range(2, 22)]


def test_a_rejected_row_is_shown_as_it_stood_cut_and_fit_for_a_terminal() -> None:
    rows = rows_of("192.0.2.0/24", max_rejected=9)
    rows.take(2, "208.54.144/32", row="208.54.144/32,US")
    rows.take(3, "x" * 1000)
    rows.take(4, "\x1b[2J\u202e\t1")
    texts = [one.text for one in rows.listing().rejected]
    assert texts == ["208.54.144/32,US", "x" * 80 + "...", "\\x1b[2J\\u202e\t1"]


def test_host_bits_are_masked_and_reported() -> None:
    listing = rows_of(" 172.44.1.0/21 ", "2001:db8::1/64", "192.0.2.0/24").listing()
    assert list(listing.prefixes.lines()) == ["172.44.0.0/21", "192.0.2.0/24", "2001:db8::/64"]
    assert listing.masked == ("line 1: 172.44.1.0/21", "line 2: 2001:db8::1/64")
    assert listing.maskings == 2
    assert listing.rejections == 0


def test_the_first_masked_rows_are_shown_and_all_are_counted() -> None:
    listing = rows_of(*["192.0.2.1/24"] * 30).listing()
    assert (len(listing.masked), listing.maskings) == (20, 30)


def test_duplicates_are_rows_and_add_nothing() -> None:
    listing = rows_of("192.0.2.0/24", "192.0.2.0/24", "192.0.2.7").listing()
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24"]
    assert listing.rows == 3


# ---------------------------------------------------------------- labels


def labelled(*pairs: tuple[str, str], max_rejected: int = 0) -> Rows:
    rows = Rows("line", max_rejected, "country")
    for number, (text, label) in enumerate(pairs, 1):
        rows.take(number, text, label)
    return rows


def test_each_label_has_its_prefixes_of_both_families() -> None:
    listing = labelled(
        ("192.0.2.0/25", "SE"),
        ("2001:db8::/33", "SE"),
        ("192.0.2.128/25", "NO"),
        ("198.51.100.0/24", ""),
        ("2001:db8:8000::/33", "NO"),
    ).listing()
    assert {label: list(part.lines()) for label, part in listing.labels.parts} == {
        "": ["198.51.100.0/24"],
        "NO": ["192.0.2.128/25", "2001:db8:8000::/33"],
        "SE": ["192.0.2.0/25", "2001:db8::/33"],
    }
    assert listing.labels.name == "country"
    assert list(listing.prefixes.lines()) == ["192.0.2.0/24", "198.51.100.0/24", "2001:db8::/32"]


def test_an_address_may_stand_under_several_labels() -> None:
    listing = labelled(("192.0.2.0/24", "SE"), ("192.0.2.0/24", "NO")).listing()
    assert [label for label, _ in listing.labels.parts] == ["NO", "SE"]
    assert len(listing.prefixes) == 1


def test_a_feed_without_labels_has_none() -> None:
    assert rows_of("192.0.2.0/24").listing().labels == Labels()


def test_a_label_of_64_characters_is_kept() -> None:
    listing = labelled(("192.0.2.0/24", "x" * 64)).listing()
    assert listing.labels.parts[0][0] == "x" * 64


@pytest.mark.parametrize("label", ["x" * 65, "S\x1bE", "S\u202eE", "S\ufeffE"])
def test_a_row_whose_label_cannot_be_shown_is_rejected(label: str) -> None:
    message = refusal(labelled(("192.0.2.0/24", "SE"), ("198.51.100.0/24", label)))
    assert "has a label that is too long or cannot be printed" in message


def test_more_prefixes_than_any_kernel_would_be_given_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists.rows, "_MOST_PREFIXES", 3)
    rows = rows_of("20.0.0.0/24", "20.0.2.0/24", "2001:db8::/48")
    with pytest.raises(ReadError, match="the list has more than 3 prefixes"):
        rows.take_plain({"": ["20.0.4.0/24"]})
    with pytest.raises(ReadError, match="the list has more than 3 prefixes"):
        rows.take(5, "20.0.4.0/24")
