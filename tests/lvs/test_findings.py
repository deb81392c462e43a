"""
What is said of a service that is not as it should be: what it breaks, and how bad that is.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.lvs.test_changing import LVS, SPEC, WANTED

from proxyfeed.lvs.findings import remarks_on_marks, remarks_on_ordinary
from proxyfeed.lvs.services import fwmark_services, ordinary_services
from proxyfeed.lvs.table import parse_table
from proxyfeed.model import Grade, Remark, SetSpec, Split, VirtualService

BROKEN, WARNING = Grade.BROKEN, Grade.WARNING


def remarks(text: str, spec: SetSpec = SPEC) -> list[Remark]:
    return list(remarks_on_marks(spec.name, fwmark_services(spec, LVS), parse_table(text)))


def graded(text: str, spec: SetSpec = SPEC) -> list[tuple[Grade, str]]:
    return [(one.grade, one.what) for one in remarks(text, spec) if one.grade is not Grade.OK]


def test_services_that_are_as_they_should_be_are_named_with_what_they_are() -> None:
    assert [(one.grade, one.what) for one in remarks(WANTED)] == [
        (
            Grade.OK,
            "the IPv4 service of mark 0x1 is as it should be: wlc, persistent for 3600 s by /0, "
            "192.0.2.11 weight 1, 192.0.2.12 weight 2",
        ),
        (
            Grade.OK,
            "the IPv6 service of mark 0x1 is as it should be: wlc, persistent for 3600 s by /1, "
            "2001:db8::11 weight 1",
        ),
    ]


def test_a_missing_service_is_broken_in_its_family_alone_and_says_what_to_type() -> None:
    four, six = remarks(WANTED.partition("-A -f 1 -6")[0])

    assert four.grade is Grade.OK
    assert (six.grade, six.exit_code, six.code) == (BROKEN, 5, "chain")
    assert "the IPv6 service of mark 0x1 does not exist" in six.what
    assert six.hint == "proxyfeed lvs apply aol"


WRONG = {
    # What is written instead, what is said of it, and how bad it is.
    " -p 3600 -M 0.0.0.0": ("", BROKEN, "is not persistent"),
    " -M 0.0.0.0": (" -M 255.255.255.0", BROKEN, "share a template by /24, and not by /0"),
    "-p 3600 -M 0.0.0.0": ("-p 360 -M 0.0.0.0", WARNING, "is persistent for 360 s, and not for"),
    "wlc -p 3600 -M 0.0.0.0": ("rr -p 3600 -M 0.0.0.0", WARNING, "is scheduled by rr, and not by"),
    "-M 0.0.0.0": ("-M 0.0.0.0 -o", WARNING, "has options that proxyfeed never writes: -o"),
    "-a -f 1 -r 192.0.2.11:0 -g -w 1\n": ("", WARNING, "lacks the server 192.0.2.11"),
    "192.0.2.11:0 -g -w 1": ("192.0.2.11:0 -m -w 1", BROKEN, "sends to 192.0.2.11 by nat"),
    "192.0.2.12:0 -g -w 2": ("192.0.2.12:0 -g -w 0", WARNING, "the weight 0, and not 2"),
}


@pytest.mark.parametrize("right", WRONG)
def test_one_thing_that_is_wrong_is_one_remark(right: str) -> None:
    wrong, grade, what = WRONG[right]
    text = WANTED.replace(right, wrong, 1)

    ((found, said),) = graded(text)

    assert text != WANTED
    assert found is grade
    assert what in said


def test_broader_templates_than_configured_are_a_warning() -> None:
    lvs = replace(LVS, is_together=False)
    found = list(remarks_on_marks("aol", fwmark_services(SPEC, lvs), parse_table(WANTED)))

    assert [one.grade for one in found] == [WARNING, WARNING]
    assert "by /0, and not by /32" in found[0].what


def test_a_service_whose_servers_all_have_weight_0_gives_no_answer() -> None:
    text = WANTED.replace("-w 1", "-w 0").replace("-w 2", "-w 0")

    assert [grade for grade, what in graded(text) if "no server of a weight" in what] == [
        BROKEN,
        BROKEN,
    ]


def test_a_service_without_any_server_gives_no_answer() -> None:
    text = "".join(f"{line}\n" for line in WANTED.splitlines() if line.startswith("-A"))

    assert [grade for grade, what in graded(text) if "no server of a weight" in what] == [
        BROKEN,
        BROKEN,
    ]


def test_the_fallback_in_the_place_of_the_servers_is_a_warning_and_no_foreign_one() -> None:
    text = WANTED.replace("192.0.2.11:0", "192.0.2.13:0").replace(
        "-a -f 1 -r 192.0.2.12:0 -g -w 2\n", ""
    )

    found = graded(text)

    assert {grade for grade, _ in found} == {WARNING}
    assert any("uses the fallback 192.0.2.13" in what for _, what in found)
    assert not any("of another hand" in what for _, what in found)


def test_for_a_server_that_a_check_may_have_taken_out_nothing_is_typed_that_puts_it_in() -> None:
    text = WANTED.replace("192.0.2.11:0", "192.0.2.13:0")

    hints = {one.hint for one in remarks(text) if one.grade is not Grade.OK}

    assert hints == {"journalctl --unit keepalived --unit ldirectord"}


def test_a_server_that_is_not_configured_is_named() -> None:
    text = WANTED.replace("-A -f 1 -6", "-a -f 1 -r 192.0.2.99:0 -g -w 1\n-A -f 1 -6")

    assert graded(text) == [
        (WARNING, "the IPv4 service of mark 0x1 has a server of another hand: 192.0.2.99")
    ]


def test_every_mark_of_a_split_needs_its_service_in_each_family() -> None:
    spec = replace(SPEC, mark=11, split=Split("country", (11, 12)))

    found = graded("", spec)

    assert [what.partition(" does not")[0] for _, what in found] == [
        f"the IPv{family} service of mark {mark}" for mark in ("0xb", "0xc") for family in (4, 6)
    ]


def test_a_mark_without_an_ordinary_service_beside_it_is_a_warning() -> None:
    virtual = (VirtualService(4, "192.0.2.80", 80), VirtualService(6, "2001:db8::80", 53, "udp"))
    wanted = ordinary_services(replace(SPEC, virtual=virtual), LVS)

    (found,) = remarks_on_ordinary("aol", wanted, parse_table("-A -t 192.0.2.80:80 -s rr\n"))

    assert found.grade is WARNING
    assert found.what.startswith("udp [2001:db8::80]:53 is no virtual service")
