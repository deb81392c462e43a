"""
Sets that are split by a label: what the operator sees of it, and what the database keeps.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.commands.director import DAY, Director, outcomes
from tests.fake_kernel import FaultyRunner

from proxyfeed.commands.apply import apply
from proxyfeed.commands.boot import boot
from proxyfeed.commands.diff import diff
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.export import Source, export, export_to_file
from proxyfeed.commands.history import lookup, show
from proxyfeed.commands.splitting import by_label
from proxyfeed.commands.status import status
from proxyfeed.errors import ConfigError, OperatorMistake, StoreError
from proxyfeed.firewall import Firewall
from proxyfeed.marked import MarkedSet
from proxyfeed.model import Draft, ExportResult, Labels, Outcome, Pin, SetSpec, Split
from proxyfeed.planning import held_prefixes
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report import as_json, as_text
from proxyfeed.store.allotments import Allotments

GEOFEED = """
apply = "manual"

[feeds.relay]
url = "file:relay.csv"
format = "csv"
csv.label = { country = 2 }
max_growth = "1000 %"
max_shrink = "90 %"

[sets.relay]
feeds = ["relay"]
split = { by = "country", marks = [11, 12] }
"""
FIRST = ["20.0.0.0/22,US", "30.0.0.0/23,DE", "31.0.0.0/24,FR"]
SPEC = SetSpec("relay", ("relay",), mark=11, split=Split("country", (11, 12)))


def night(director: Director, *rows: str) -> Outcome:
    director.publish(to="relay.csv", body="".join(f"{row},,,\n" for row in rows).encode())
    return director.night()


def keep(director: Director) -> dict[str, int]:
    """
    Record the marks that the labels have now, as applying them does.
    """
    wanted = director.desired("relay")
    director.store.allotments.write("relay", max(wanted.versions), wanted.marks)
    return wanted.marks


def labels(**rows: list[str]) -> Labels:
    return Labels.of("country", ((name, PrefixSet.parse(part)) for name, part in rows.items()))


def test_the_marks_of_a_set_are_balanced_and_make_up_all_of_it(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)

    wanted = director.desired("relay")

    assert wanted.marks == {"US": 11, "DE": 12, "FR": 12}
    assert isinstance(wanted.prefixes, MarkedSet)
    assert [(mark, list(part.lines())) for mark, part in wanted.prefixes.marks] == [
        (11, ["20.0.0.0/22"]),
        (12, ["30.0.0.0/23", "31.0.0.0/24"]),
    ]


def test_a_label_keeps_its_mark_when_the_weights_turn(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    before = keep(director)

    night(director, "20.0.0.0/24,US", "30.0.0.0/23,DE", "31.0.0.0/24,FR", "32.0.0.0/24,IT")

    assert director.desired("relay").marks == {**before, "IT": 11}


def test_what_has_left_and_waits_keeps_the_mark_of_its_label(director: Director) -> None:
    director.configure(GEOFEED.replace("max_growth", 'hold_removals = "48h"\nmax_growth'))
    night(director, *FIRST)
    marks = keep(director)

    night(director, *FIRST[:2])

    wanted = director.desired("relay")
    assert list(wanted.waiting[0].prefixes.lines()) == ["31.0.0.0/24"]
    assert wanted.marks == marks
    director.now += 3 * DAY
    assert director.desired("relay").marks == {"US": 11, "DE": 12}


def test_a_dry_run_counts_with_the_labels_of_what_it_would_accept(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    content = PrefixSet.parse(["20.0.0.0/22", "30.0.0.0/23"])
    draft = Draft(content, labels(IT=["20.0.0.0/22"], DE=["30.0.0.0/23"]))

    wanted = director.desired("relay", {"relay": draft})

    assert wanted.marks == {"IT": 11, "DE": 12}


def test_with_a_pin_the_labels_have_the_marks_of_that_version(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    first = keep(director)
    director.configure(GEOFEED.replace("[11, 12]", "[12, 13]"))
    night(director, *FIRST, "32.0.0.0/24,IT")
    second = keep(director)
    director.configure(GEOFEED.replace("[11, 12]", "[11, 12, 13]"))
    assert second["US"] == 13

    director.store.pin(Pin("relay", 1, director.now, "ines"))

    assert director.desired("relay").marks == first


def test_the_marks_of_two_feeds_agree_on_a_label(director: Director) -> None:
    other = GEOFEED.replace(
        "[sets.relay]",
        '[feeds.other]\nurl = "file:other.csv"\nformat = "csv"\ncsv.label = { country = 2 }\n'
        "[sets.relay]",
    ).replace('feeds = ["relay"]', 'feeds = ["relay", "other"]')
    director.configure(other)
    director.publish(to="other.csv", body=b"40.0.0.0/24,DE,,,\n41.0.0.0/24,US,,,\n")
    night(director, *FIRST)

    found = director.desired("relay").prefixes

    assert isinstance(found, MarkedSet)
    parts = dict(found.marks)
    assert "40.0.0.0/24" in parts[12]
    assert "41.0.0.0/24" in parts[11]


def test_addresses_without_the_label_have_a_mark_too() -> None:
    other_kind = replace(labels(DE=["40.0.0.0/24"]), name="region")
    content = PrefixSet.parse(["20.0.0.0/24", "30.0.0.0/24", "40.0.0.0/24"])

    parts = by_label(
        SPEC, Split("country", (11, 12)), [labels(US=["20.0.0.0/24"]), other_kind], content
    )

    assert {label: list(part.lines()) for label, part in parts.items()} == {
        "US": ["20.0.0.0/24"],
        "": ["30.0.0.0/24", "40.0.0.0/24"],
    }


def test_what_a_set_excludes_or_does_not_serve_has_no_mark() -> None:
    spec = replace(SPEC, exclude=PrefixSet.parse(["20.0.0.128/25"]), families=(4,))
    listing = labels(US=["20.0.0.0/24", "2a00::/32"])
    content = PrefixSet.parse(["20.0.0.0/25", "2a00::/32"])

    parts = by_label(spec, Split("country", (11, 12)), [listing], content)

    assert {label: list(part.lines()) for label, part in parts.items()} == {"US": ["20.0.0.0/25"]}


def test_show_names_the_marks_with_their_share_and_their_labels(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)

    shown = as_text(show(director.config, director.doors(), 1))

    assert "  set relay is split by country:\n    mark 0xb  57.1 % of IPv4: US\n" in shown
    assert "    mark 0xc  42.9 % of IPv4: DE, FR\n" in shown
    told = as_json(show(director.config, director.doors(), 1))
    assert '"label": "FR",' in told


def test_diff_of_two_versions_names_the_labels_whose_mark_changed(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    keep(director)
    director.configure(GEOFEED.replace("[11, 12]", "[12, 13]"))
    night(director, *FIRST, "32.0.0.0/24,IT")
    keep(director)

    told = as_text(diff(director.config, director.doors(), (1, 2)))

    assert "    label US: mark 0xb -> 0xd\n" in told
    assert "label DE" not in told


def test_lookup_tells_the_label_and_the_mark_of_an_address(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST, "20.0.1.0/25,DE")

    assert "in set relay: country DE, mark 0xc" in as_text(
        lookup(director.config, director.doors(), "20.0.1.9")
    )
    assert "in set relay: country US, mark 0xb" in as_text(
        lookup(director.config, director.doors(), "20.0.2.9")
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("csv.label = { country = 2 }\n", "", "relay.split.by: no feed of this set has the label"),
        ("[11, 12]", "[11]", "split.marks: must be a list of two or more different marks"),
        ("[11, 12]", "[11, 11]", "split.marks: must be a list of two or more different marks"),
        ("[11, 12]", "[11, 0]", "split.marks: must be a whole number from 1"),
        (", marks = [11, 12]", "", "split.marks: is missing"),
        ('by = "country", ', "", "split.by: is missing"),
        ("split =", "mark = 1\nsplit =", "relay.mark: must not be given with split"),
        ("split =", "mask = 0xf0\nsplit =", "relay.split: 0xb has bits outside the mask 0xf0"),
    ],
)
def test_a_split_that_makes_no_sense_is_told_with_its_place(
    director: Director, old: str, new: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        director.configure(GEOFEED.replace(old, new))

    assert told in str(caught.value)


def test_no_mark_of_a_split_is_that_of_another_set(director: Director) -> None:
    with pytest.raises(ConfigError, match=r"sets\.other\.mark: 12 is a mark of sets\.relay"):
        director.configure(f'{GEOFEED}\n[sets.other]\nfeeds = ["relay"]\nmark = 12\n')


TWO_FEEDS = GEOFEED.replace(
    "[sets.relay]",
    '[feeds.other]\nurl = "file:other.csv"\nformat = "csv"\ncsv.label = { country = 2 }\n'
    "[sets.relay]",
).replace('feeds = ["relay"]', 'feeds = ["relay", "other"]')


def with_kernel(director: Director) -> Doors:
    return replace(director.doors(), firewall=Firewall(FaultyRunner()))


def test_what_has_expired_is_in_no_part_of_the_set(director: Director) -> None:
    clock = 'max_age = "1d"\nexpire_after = "3d"\n'
    director.configure(GEOFEED.replace("max_growth", f"{clock}max_growth"))
    night(director, *FIRST)
    (director.folder / "relay.csv").unlink()
    for _ in range(6):
        director.night()

    wanted = director.desired("relay")

    assert wanted.expired == ("relay",)
    assert not wanted.prefixes


def test_what_was_called_otherwise_before_it_left_has_its_last_label(director: Director) -> None:
    director.configure(GEOFEED.replace("max_growth", 'hold_removals = "96h"\nmax_growth'))
    for rows in ([*FIRST, "40.0.0.0/24,AT"], [*FIRST, "40.0.0.0/24,ZA"], FIRST):
        night(director, *rows)

    wanted = director.desired("relay")

    assert wanted.waiting
    assert [one.label for one in wanted.labels] == ["DE", "FR", "US", "ZA"]


def test_marks_that_could_not_be_recorded_are_with_the_next_apply(
    director: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    doors = with_kernel(director)
    with monkeypatch.context() as patch:
        patch.setattr(Allotments, "write", fail)
        assert apply(director.config, doors, (), dry_run=False).problems
    assert director.store.allotments.read("relay") == {}

    assert apply(director.config, doors, (), dry_run=False).exit_code == 0

    assert director.store.allotments.read("relay") == {"US": 11, "DE": 12, "FR": 12}


def fail(*_args: object) -> None:
    raise StoreError("disk full")


def test_a_boot_that_brings_an_older_version_back_brings_its_marks(director: Director) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    assert apply(director.config, with_kernel(director), (), dry_run=False).exit_code == 0
    first = director.desired("relay").prefixes
    director.configure(GEOFEED.replace("[11, 12]", "[12, 13]"))
    # Applied by a director that shares the database.
    night(director, *FIRST, "32.0.0.0/24,IT")
    assert keep(director)["US"] == 13
    director.configure(GEOFEED.replace("[11, 12]", "[11, 12, 13]"))

    doors = with_kernel(director)
    assert boot(director.config, doors).exit_code == 0

    spec = director.config.sets["relay"]
    assert held_prefixes(spec, doors.firewall.read(spec)).digest == first.digest
    assert director.store.allotments.read("relay")["US"] == 13


def test_a_set_of_two_feeds_gets_back_the_marks_that_it_had(director: Director) -> None:
    director.configure(TWO_FEEDS)
    director.publish(to="other.csv", body=b"40.0.0.0/22,IT,,,\n")
    night(director, *FIRST)
    first = keep(director)
    director.configure(TWO_FEEDS.replace("[11, 12]", "[12, 13]"))
    night(director, *FIRST, "50.0.0.0/24,ES")
    assert keep(director)["DE"] == 13
    director.configure(TWO_FEEDS.replace("[11, 12]", "[11, 12, 13]"))

    director.store.pin(Pin("relay", 1, director.now, "ines"))

    assert director.desired("relay").marks == first


def test_show_names_the_marks_that_the_set_has_whatever_other_feeds_it_takes(
    director: Director,
) -> None:
    director.configure(TWO_FEEDS)
    director.publish(to="other.csv", body=b"40.0.0.0/22,IT,,,\n")
    night(director, "20.0.0.0/24,US", "21.0.0.0/24,DE")
    assert director.desired("relay").marks == {"IT": 11, "US": 12, "DE": 12}

    shown = as_text(show(director.config, director.doors(), 1))

    assert "    mark 0xc  100.0 % of IPv4: DE, US\n" in shown


def test_a_split_of_a_version_that_is_older_than_its_label_is_told(director: Director) -> None:
    whole = GEOFEED.replace('split = { by = "country", marks = [11, 12] }', "mark = 11")
    director.configure(whole.replace("csv.label = { country = 2 }\n", ""))
    night(director, *FIRST)
    director.configure(GEOFEED)
    told = "none of its addresses has a country, so all have mark 0xb"
    doors = with_kernel(director)

    assert told in as_text(status(director.config, doors))
    assert told in apply(director.config, doors, (), dry_run=False).warnings[0]

    assert outcomes(director.night()) == {"relay": "new"}
    assert director.desired("relay").marks == {"US": 11, "DE": 12, "FR": 12}
    assert told not in as_text(status(director.config, doors))


# ---------------------------------------------------------------- exported


def test_a_split_set_is_exported_with_the_mark_of_each_address(
    director: Director, tmp_path: Path
) -> None:
    director.configure(GEOFEED)
    night(director, *FIRST)
    keep(director)
    source, file = Source(set="relay"), tmp_path / "relay.map"

    export_to_file(director.config, director.doors(), source, "haproxy-map", file)

    assert file.read_text().splitlines()[1:] == [
        "20.0.0.0/22 11",
        "30.0.0.0/23 12",
        "31.0.0.0/24 12",
    ]
    night(director, "20.0.0.0/23,US", "20.0.2.0/24,US", "20.0.3.0/24,DE", *FIRST[1:])
    outcome = export_to_file(director.config, director.doors(), source, "haproxy-map", file)
    assert isinstance(outcome.result, ExportResult)
    assert list(outcome.result.revalued.lines()) == ["20.0.3.0/24"]
    assert not outcome.result.change
    assert "256 addresses have another value" in as_text(outcome)
    assert "20.0.3.0/24 12" in file.read_text()


def test_where_sets_are_only_exported_a_label_keeps_its_mark_too(
    director: Director, tmp_path: Path
) -> None:
    director.configure(GEOFEED)
    source, file = Source(set="relay"), tmp_path / "relay.map"
    night(director, *FIRST)
    marks = director.desired("relay").marks

    export_to_file(director.config, director.doors(), source, "haproxy-map", file, dry_run=True)
    assert director.store.allotments.read("relay") == {}
    export_to_file(director.config, director.doors(), source, "haproxy-map", file)

    assert director.store.allotments.read("relay") == marks
    night(director, "20.0.0.0/24,US", "30.0.0.0/23,DE", "31.0.0.0/24,FR", "32.0.0.0/24,IT")
    assert director.desired("relay").marks == {**marks, "IT": 11}


def test_a_split_set_stays_a_map_when_all_of_it_has_mark_1(director: Director) -> None:
    director.configure(GEOFEED.replace("[11, 12]", "[1, 2]"))
    night(director, "20.0.0.0/22,US")

    document = export(director.config, director.doors(), Source(set="relay"), "nft")

    assert "    20.0.0.0/22 : 1\n" in document
    with pytest.raises(OperatorMistake, match="has several marks"):
        export(director.config, director.doors(), Source(set="relay"), "ipset")
