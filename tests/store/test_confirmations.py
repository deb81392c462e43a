"""
What waits for confirmation, as the database keeps it.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.store.readings import HOST, NOW

from proxyfeed.errors import StoreError
from proxyfeed.marked import MarkedSet
from proxyfeed.model import (
    Application,
    Confirmation,
    Pin,
    SetSpec,
    Split,
    Stage,
    Uptime,
    VirtualService,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import Store
from proxyfeed.store.specs import read_spec, write_spec

OLD = PrefixSet.parse(["20.0.0.0/24", "2a00::/32"])
SPEC = SetSpec(
    "aol",
    ("aol", "partner"),
    mark=7,
    mask=0xFF,
    virtual=(VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 53, "udp")),
    exclude=PrefixSet.parse(["198.51.100.0/24"]),
    protect=PrefixSet.parse(["192.0.2.80/32", "2001:db8::80/128"]),
    families=(4,),
    install_rule=False,
)
PIN = Pin("aol", 3, NOW - timedelta(days=1), "otto", "carts are lost")
WAY = Confirmation(
    host=HOST,
    set_name="aol",
    token="c0ffee",
    action="rollback",
    stage=Stage.PENDING,
    at=NOW,
    until=NOW + timedelta(minutes=10),
    due=Uptime("a boot", 1234.5),
    by="ines",
    versions=(3, 7),
    content=OLD,
    spec=SPEC,
    feed="aol",
    pin=PIN,
    timer="process 4711",
)
REVERT = Application(HOST, "aol", "revert", (3, 7), NOW, "ines", 0.5, OLD.digest, "", SPEC)


def test_a_way_back_is_read_as_it_was_written(store: Store) -> None:
    bare = replace(WAY, set_name="bare", feed=None, pin=None, was_reverted=True, timer="")

    store.confirmations.replace([], [WAY, bare])

    assert store.confirmations.all() == (WAY, bare)


def test_a_set_has_one_way_back(store: Store) -> None:
    later = replace(WAY, token="decaf", content=PrefixSet())
    store.confirmations.replace([], [WAY, replace(WAY, set_name="other")])

    store.confirmations.replace(["aol", "nowhere"], [later])
    store.confirmations.forget(["other"])

    assert store.confirmations.all() == (later,)


def test_a_timer_is_noted_at_its_own_token(store: Store) -> None:
    other = replace(WAY, set_name="other", token="decaf")
    store.confirmations.replace([], [WAY, other])

    store.confirmations.note_timer("c0ffee", "unit x.service")

    assert store.confirmations.all() == (replace(WAY, timer="unit x.service"), other)


def test_another_host_has_its_own(store: Store, database: Path) -> None:
    store.confirmations.replace([], [WAY, replace(WAY, host="another", token="decaf")])

    assert store.confirmations.all() == (WAY,)
    store.confirmations.forget(["aol"])
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT token FROM confirmations").fetchall() == [("decaf",)]


def test_what_is_taken_back_is_recorded_with_all_that_belongs_to_it(store: Store) -> None:
    store.confirmations.replace([], [WAY])

    store.confirmations.taken_back(WAY, REVERT, stays_away=True)

    (kept,) = store.confirmations.all()
    assert kept == replace(WAY, stage=Stage.REVERTED, was_reverted=True)
    assert store.last_application("aol") == REVERT
    store.confirmations.taken_back(kept, None, stays_away=False)
    assert store.confirmations.all() == ()


def test_the_marks_of_a_content_come_back_with_it(store: Store) -> None:
    france = PrefixSet.parse(["20.0.1.0/24"])
    for content in (MarkedSet.of({11: OLD, 12: france}), MarkedSet(), PrefixSet()):
        store.confirmations.replace(["aol"], [replace(WAY, content=content)])

        (kept,) = store.confirmations.all()
        assert (kept.content, kept.content.digest) == (content, content.digest)


def test_a_content_that_is_damaged_is_not_handed_out(store: Store, database: Path) -> None:
    store.confirmations.replace([], [WAY])
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE confirmations SET digest = 'another'")

    with pytest.raises(StoreError, match="what set aol held before does not read back"):
        store.confirmations.all()


# ---------------------------------------------------------------- what a set was applied by


def test_a_spec_is_read_as_it_was_written_in_every_field() -> None:
    usual = SetSpec("aol", ("aol",), mark=1)
    same = {
        field.name
        for field in fields(SetSpec)
        if getattr(SPEC, field.name) == getattr(usual, field.name)
    }

    # Else the test would say nothing about them.
    assert same <= {"name", "backend", "split", "max_prefixes", "max_extra"}
    assert read_spec(write_spec(SPEC)) == SPEC
    other = replace(SPEC, backend=SPEC.backend.other, split=Split("country", (11, 12)))
    assert read_spec(write_spec(other)) == other
    for cover in (replace(SPEC, max_prefixes=65_536), replace(SPEC, max_extra=0.015)):
        assert read_spec(write_spec(cover)) == cover


def test_a_field_that_was_not_known_then_has_its_default() -> None:
    written = json.loads(write_spec(SPEC))
    del written["backend"], written["mask"]

    assert read_spec(json.dumps(written)) == replace(SPEC, mask=SetSpec("aol", (), 1).mask)


@pytest.mark.parametrize("place", ["the spec", "a service"])
def test_a_field_of_a_later_proxyfeed_is_refused_by_name(store: Store, place: str) -> None:
    written = json.loads(write_spec(SPEC))
    (written if place == "the spec" else written["virtual"][0])["colour"] = "green"

    with pytest.raises(StoreError, match="it has colour, which this one does not know") as caught:
        read_spec(json.dumps(written))

    assert caught.value.hint == "upgrade proxyfeed"
