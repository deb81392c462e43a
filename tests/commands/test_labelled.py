"""
Labels that rows carry: kept with each version, shown, and never a change of the set.
"""

from __future__ import annotations

from tests.commands.director import Director, outcomes

from proxyfeed.commands.decide import approve
from proxyfeed.commands.diff import diff
from proxyfeed.commands.history import show
from proxyfeed.model import DiffResult, FeedReport, Outcome, UpdateResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_text

GEOFEED = """
apply = "manual"
[feeds.relay]
url = "file:relay.csv"
format = "csv"
csv.label = { country = 2 }
[sets.relay]
feeds = ["relay"]
mark = 1
"""
TWO = "20.0.0.0/24,US,,,\n20.0.1.0/24,DE,,,\n21.0.0.0/24,US,,,\n"


def night(director: Director, body: str) -> Outcome:
    director.publish(to="relay.csv", body=body.encode())
    return director.night()


def parts(director: Director, number: int) -> dict[str, list[str]]:
    labels = director.store.labels(director.store.version(number))
    return {label: list(part.lines()) for label, part in labels.parts}


def report(outcome: Outcome) -> FeedReport:
    assert isinstance(outcome.result, UpdateResult)
    (only,) = outcome.result.feeds
    return only


def test_labels_are_kept_with_the_version_and_aggregated_each_for_itself(
    director: Director,
) -> None:
    director.configure(GEOFEED)
    night(director, TWO + "20.0.2.0/24,DE,,,\n20.0.3.0/24,DE,,,\n")

    assert parts(director, 1) == {
        "DE": ["20.0.1.0/24", "20.0.2.0/23"],
        "US": ["20.0.0.0/24", "21.0.0.0/24"],
    }
    assert list(director.desired("relay").prefixes.lines()) == ["20.0.0.0/22", "21.0.0.0/24"]


def test_an_address_that_only_changes_its_label_makes_a_version_and_no_difference(
    director: Director,
) -> None:
    director.configure(GEOFEED)
    night(director, TWO)

    outcome = night(director, TWO.replace("21.0.0.0/24,US", "21.0.0.0/24,FR"))

    assert outcomes(outcome) == {"relay": "new"}
    assert not report(outcome).diff
    assert "version 2 is accepted: no address differs" in as_text(outcome)
    assert "2 labels hold other addresses: FR, US" in as_text(outcome)
    assert parts(director, 2)["FR"] == ["21.0.0.0/24"]
    assert parts(director, 1)["US"] == ["20.0.0.0/24", "21.0.0.0/24"]


def test_diff_says_which_labels_hold_other_addresses(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, TWO)
    night(director, TWO.replace("21.0.0.0/24,US", "21.0.0.0/24,FR"))

    result = diff(director.config, director.doors(), (1, 2)).result

    assert isinstance(result, DiffResult)
    assert result.comparisons[0].note == "2 labels hold other addresses: FR, US"
    assert not result.comparisons[0].diff


def test_show_counts_the_labels(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, TWO)

    text = as_text(show(director.config, director.doors(), 1))

    assert "label country: 2 of them, the largest:" in text
    assert "US          2 prefixes, 512 IPv4 + 0 IPv6 addresses" in text


def test_the_same_rows_in_another_order_are_the_same_content(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, TWO)

    assert outcomes(night(director, "".join(sorted(TWO.splitlines(keepends=True), reverse=True))))
    assert director.versions() == [(1, "accepted")]


def test_labels_that_are_declared_later_make_a_version_of_the_same_set(
    director: Director,
) -> None:
    director.configure(GEOFEED.replace("csv.label = { country = 2 }", ""))
    night(director, TWO)
    assert parts(director, 1) == {}

    director.configure(GEOFEED)
    outcome = director.night()

    assert outcomes(outcome) == {"relay": "new"}
    assert not report(outcome).diff
    assert set(parts(director, 2)) == {"DE", "US"}


def test_a_held_version_brings_its_labels_when_it_is_approved(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, TWO)
    assert outcomes(night(director, TWO + "30.0.0.0/16,IN,,,\n")) == {"relay": "held"}
    assert parts(director, 2)["IN"] == ["30.0.0.0/16"]

    approve(director.config, director.doors(), 2, reason=None)

    assert parts(director, 2)["IN"] == ["30.0.0.0/16"]
    assert director.desired("relay").prefixes == PrefixSet.parse(
        ["20.0.0.0/23", "21.0.0.0/24", "30.0.0.0/16"]
    )


def test_rows_without_a_label_are_kept_under_none(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, TWO + "22.0.0.0/24,,,,\n")

    assert parts(director, 1)[""] == ["22.0.0.0/24"]
