"""
Real IPVS: `lvs apply` makes the services; `lvs check` and `doctor` tell what is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# What is broken, the exit code of the check, and words of what it says.
FINDINGS = {
    "service deleted": (5, "the IPv4 service of mark 0x1 does not exist"),
    "service of IPv6 deleted": (5, "the IPv6 service of mark 0x1 does not exist"),
    "not persistent": (5, "the IPv4 service of mark 0x1 is not persistent"),
    "other timeout": (0, "is persistent for 60 s, and not for 3600 s"),
    "no common template": (5, "lets clients share a template by /32, and not by /0"),
    "other scheduler": (0, "is scheduled by rr, and not by wlc"),
    "no weights": (5, "the IPv4 service of mark 0x1 has no server of a weight above 0"),
    "server deleted": (0, "the IPv4 service of mark 0x1 lacks the server 192.0.2.11"),
    "other forwarding": (5, "sends to 192.0.2.11 by nat, and not by dr"),
    "rule deleted": (5, "the IPv4 MARK rule is missing"),
    "rule shadowed": (0, "before it stands -A PREROUTING -s 64.12.96.0/19 -j ACCEPT"),
    "mark overwritten": (5, "after it comes -A PREROUTING -j MARK --set-xmark 0x7/0xffffffff"),
    "sysctl": (0, "net.ipv4.vs.expire_nodest_conn is 0"),
}


@pytest.fixture(scope="module")
def found(scenario: Callable[[str], Any]) -> Any:
    return scenario("chain.run")


def test_a_healthy_chain_has_nothing_to_be_mended(found: Any) -> None:
    assert found["healthy"]["code"] == 0
    assert "BROKEN" not in found["healthy"]["out"]
    assert "warning" not in found["healthy"]["out"]
    assert found["doctor"]["code"] == 0
    assert "\n0 broken" in found["doctor"]["out"]


@pytest.mark.parametrize("broken", FINDINGS)
def test_each_thing_that_is_broken_is_found_by_name(found: Any, broken: str) -> None:
    code, words = FINDINGS[broken]
    assert words in found["broken"][broken]["out"]
    assert found["broken"][broken]["code"] == code


def test_every_way_of_breaking_the_chain_is_judged(found: Any) -> None:
    assert found["broken"].keys() == FINDINGS.keys()


def test_apply_mends_whatever_is_broken_of_a_service(found: Any) -> None:
    mended = {
        name: set(each["mended"].splitlines())
        for name, each in found["broken"].items()
        if "mended" in each
    }
    assert len(mended) == 9
    wanted = set(found["after the apply"].splitlines())
    assert mended == dict.fromkeys(mended, wanted)


def test_a_dry_run_changes_nothing(found: Any) -> None:
    assert found["after the dry run"] == found["at first"]
    assert found["nothing applied"]["code"] == 5


def test_apply_makes_the_services_of_the_marks_and_leaves_all_others(found: Any) -> None:
    before, after = (set(found[when].splitlines()) for when in ("at first", "after the apply"))
    assert before < after
    assert all(line[:6] in ("-A -f ", "-a -f ") for line in after - before)
    assert "-A -f 99 -s rr -p 60" in before


def test_a_second_apply_changes_nothing(found: Any) -> None:
    assert found["after the second apply"] == found["after the apply"]


def test_packets_go_by_what_was_applied(found: Any) -> None:
    assert all(len(answered) == 1 for answered in found["marked"].values()), found["marked"]
    assert all(set(answered) <= {"rs1", "rs2", "rs3"} for answered in found["marked"].values())
    assert set(found["ordinary"]) == {"rs1", "rs2", "rs3"}


def test_a_service_is_changed_under_its_clients_and_none_of_them_moves_or_fails(
    found: Any,
) -> None:
    answered = {who for each in found["mended under traffic"].values() for who in each}
    assert len(answered) == 1
    assert answered <= {"rs1", "rs2", "rs3"}
