"""
Real IPVS: ``lvs apply`` brings in the services of the marks and no others, and ``lvs check`` says
what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.lab.network import REAL_SERVERS

OURS = """\
-A -f 1 -s wlc -p 3600 -M 0.0.0.0
-a -f 1 -r 192.0.2.11:0 -g -w 1
-a -f 1 -r 192.0.2.12:0 -g -w 1
-a -f 1 -r 192.0.2.13:0 -g -w 1
-A -f 1 -6 -s wlc -p 3600 -M 1
-a -f 1 -6 -r [2001:db8::11]:0 -g -w 1
-a -f 1 -6 -r [2001:db8::12]:0 -g -w 1
-a -f 1 -6 -r [2001:db8::13]:0 -g -w 1
"""


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("services.run")


def _lines(applied: Any) -> list[list[str]]:
    return [change["lines"] for change in applied["document"]["data"]["changes"]]


def _of_services(document: Any, grade: str) -> list[str]:
    remarks = [one for one in document["data"]["remarks"] if one["grade"] == grade]
    return [one["what"] for one in remarks if " service of mark " in one["what"]]


@pytest.mark.parametrize("time", ["first", "again", "mended"])
def test_after_an_apply_the_table_is_ours_and_what_was_there_before(found: Any, time: str) -> None:
    assert found[time]["document"]["exit_code"] == 0
    assert sorted(found[time]["table"].splitlines()) == sorted(
        (found["foreign"] + OURS).splitlines()
    )


def test_a_second_apply_types_nothing(found: Any) -> None:
    assert [len(lines) for lines in _lines(found["first"])] == [4, 4]
    assert _lines(found["again"]) == [[], []]


@pytest.mark.parametrize("family", ["4", "6"])
def test_the_farm_is_on_one_server_of_each_family_then(found: Any, family: str) -> None:
    (server,) = found["answered"][family]
    assert server in REAL_SERVERS


def test_a_missing_service_is_broken_in_each_family(found: Any) -> None:
    broken = _of_services(found["missing"], "broken")

    assert found["missing"]["exit_code"] == 5
    assert [what.partition(" does not exist")[0] for what in broken] == [
        "the IPv4 service of mark 0x1",
        "the IPv6 service of mark 0x1",
    ]


@pytest.mark.parametrize("time", ["well", "well again"])
def test_what_was_applied_is_found_to_be_well(found: Any, time: str) -> None:
    assert found[time]["exit_code"] == 0
    assert len(_of_services(found[time], "ok")) == 2


def test_each_thing_that_was_spoiled_is_found(found: Any) -> None:
    broken = "\n".join(_of_services(found["spoiled"], "broken"))
    warned = "\n".join(_of_services(found["spoiled"], "warning"))

    assert found["spoiled"]["exit_code"] == 5
    for part in ("by /32, and not by /0", "by /64, and not by /1", "192.0.2.12 by nat"):
        assert part in broken
    for part in (
        *(
            "IPv4 service of mark 0x1 is scheduled by rr",
            "IPv6 service of mark 0x1 is scheduled by",
        ),
        *("persistent for 60 s", "lacks the server 192.0.2.11", "of another hand: 192.0.2.99"),
        *("never writes: -o", "never writes: -b sh-port", "192.0.2.12 2 times"),
    ):
        assert part in warned


def test_what_was_spoiled_is_edited_in_place_and_taken_out_last(found: Any) -> None:
    four, six = _lines(found["mended"])

    assert [line.split()[0] for line in four] == ["-E", "-a", "-e", "-d", "-d"]
    assert [line.split()[0] for line in six] == ["-E"]


def test_each_mark_of_a_split_gets_its_services(found: Any) -> None:
    split = found["split"]

    assert split["document"]["exit_code"] == 0
    for mark in (11, 12, 13):
        assert f"-A -f {mark} -s fo -p 3600 -M 0.0.0.0\n" in split["table"]
        assert f"-A -f {mark} -6 -s fo -p 3600 -M 1\n" in split["table"]
    # Mark 1 is no mark of ours any more.
    assert OURS in split["table"]
