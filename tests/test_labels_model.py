"""
Labels: in order, without empty parts, and told apart by their digest.
"""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxyfeed.model import Labels, Listing, RejectedRow
from proxyfeed.prefixes import PrefixSet

ONE, TWO = PrefixSet.parse(["20.0.0.0/24"]), PrefixSet.parse(["20.0.1.0/24", "2a00::/32"])
NONE = PrefixSet()


def test_the_empty_value_is_that_of_a_feed_without_labels() -> None:
    assert not Labels()
    assert Labels().digest == ""
    assert Listing(ONE).labels == Labels()


def test_labels_under_which_nothing_stands_are_labels_all_the_same() -> None:
    labels = Labels.of("country", [])

    assert labels
    assert labels.parts == ()
    assert labels.digest not in ("", Labels.of("region", []).digest)


def test_parts_are_put_in_order_of_their_labels() -> None:
    labels = Labels.of("country", [("US", ONE), ("", TWO), ("DE", ONE)])

    assert labels.parts == (("", TWO), ("DE", ONE), ("US", ONE))


def test_a_label_without_an_address_is_left_out() -> None:
    assert Labels.of("country", [("US", ONE), ("DE", NONE)]) == Labels.of("country", [("US", ONE)])


def test_an_address_may_stand_under_several_labels() -> None:
    assert dict(Labels.of("country", [("US", ONE), ("DE", ONE)]).parts) == {"US": ONE, "DE": ONE}


@settings(deadline=None)
@given(st.permutations([("US", ONE), ("DE", TWO), ("", ONE), ("FR", NONE)]))
def test_the_digest_does_not_depend_on_the_order_of_rows(
    parts: list[tuple[str, PrefixSet]],
) -> None:
    labels = Labels.of("country", parts)

    assert labels.digest == Labels.of("country", [("", ONE), ("DE", TWO), ("US", ONE)]).digest


def test_the_digest_is_that_of_the_documented_form() -> None:
    labels = Labels.of("country", [("US", TWO), ("Köln", ONE)])

    # Lengths are those of UTF-8: six bytes, though five letters.
    form = f"7:country5:Köln{ONE.digest}2:US{TWO.digest}"
    assert labels.digest == hashlib.sha256(form.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        Labels(),
        Labels.of("land", [("US", ONE), ("DE", TWO)]),
        Labels.of("country", [("US", TWO), ("DE", ONE)]),
        Labels.of("country", [("US", ONE), ("FR", TWO)]),
        Labels.of("country", [("US", ONE)]),
        Labels.of("country", [("US", ONE), ("DE", TWO), ("", ONE)]),
        Labels.of("countryDE", [("US", ONE), ("", TWO)]),
        Labels.of("country", [("US", ONE | TWO)]),
    ],
)
def test_any_other_labels_have_another_digest(other: Labels) -> None:
    assert other.digest != Labels.of("country", [("US", ONE), ("DE", TWO)]).digest


# What joins to the same text where lengths are left out, or where a label imitates them.
TRICKY = st.text(st.sampled_from("ab1:"), max_size=6) | st.just(f"a{ONE.digest}1:b")
ANY_LABELS = st.builds(
    Labels.of,
    TRICKY.filter(bool),
    st.dictionaries(TRICKY, st.sampled_from([ONE, TWO]), max_size=3).map(dict.items),
)


@settings(deadline=None)
@given(ANY_LABELS, ANY_LABELS)
def test_the_digests_of_two_labels_are_equal_when_the_labels_are(
    one: Labels, other: Labels
) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_a_rejected_row_is_told_with_its_place_and_why() -> None:
    row = RejectedRow("line 12", "208.54.144/32", "is not a full IPv4 or IPv6 address")

    assert str(row) == "line 12: '208.54.144/32' is not a full IPv4 or IPv6 address"


# ---------------------------------------------------------------- what has changed


def test_labels_that_hold_other_addresses_are_named_in_order() -> None:
    old = Labels.of("country", [("US", ONE), ("DE", ONE), ("FR", TWO), ("", ONE)])
    new = Labels.of("country", [("US", ONE), ("DE", TWO), ("", TWO), ("AT", ONE)])

    assert old.changed(new) == ("", "AT", "DE", "FR")
    assert new.changed(old) == old.changed(new)


def test_of_equal_labels_none_has_changed() -> None:
    labels = Labels.of("country", [("US", ONE), ("DE", TWO)])

    assert labels.changed(labels) == ()
    assert Labels().changed(labels) == ("DE", "US")
