"""
What another hand has changed is mended at night, or with ``heal = false`` only told.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.e2e.machine import ALERTS, CONFIGURATION, Machine
from tests.e2e.pages import GROWN, page
from tests.e2e.servers import PAGE, Site, Webhook
from tests.servers import response

SET = "proxyfeed_aol_4"
GONE = "198.81.8.0/23"
UNHEALED = f"heal = false\n{CONFIGURATION}"
RULE = (
    "-t mangle {} PREROUTING -m set --match-set proxyfeed_aol_v4 dst,dst "
    f"-m set --match-set {SET} src -m comment --comment proxyfeed:aol -j MARK --set-xmark {{}}"
)


def delete_entry(machine: Machine) -> None:
    machine.namespace.run("ipset", "del", SET, GONE)


def add_entry(machine: Machine) -> None:
    machine.namespace.run("ipset", "add", SET, "10.9.0.0/16")


def take_rule_out(machine: Machine) -> None:
    machine.namespace.run("iptables", *RULE.format("-D", "0x1").split())


def change_mark(machine: Machine) -> None:
    take_rule_out(machine)
    machine.namespace.run("iptables", *RULE.format("-A", "0x2").split())


def add_service(machine: Machine) -> None:
    machine.namespace.run("ipset", "add", "proxyfeed_aol_v4", "192.0.2.80,tcp:8080")


Hand = Callable[[Machine], None]
HANDS: list[Hand] = [delete_entry, add_entry, take_rule_out, change_mark, add_service]


@pytest.mark.parametrize("hand", HANDS)
def test_by_default_the_night_mends_what_another_hand_did_and_says_so(
    running: Machine, hand: Hand
) -> None:
    before = running.members(SET), running.rules(), running.members("proxyfeed_aol_v4")
    hand(running)
    assert running.proxyfeed("status", code=5).complaints

    done = running.proxyfeed("update")

    assert (running.members(SET), running.rules(), running.members("proxyfeed_aol_v4")) == before
    assert "set aol: applied" in done.out
    running.proxyfeed("status")


@pytest.mark.parametrize("hand", HANDS)
def test_without_healing_the_night_only_tells_and_apply_mends(
    running: Machine, webhook: Webhook, hand: Hand
) -> None:
    running.configure(UNHEALED + ALERTS)
    before = running.members(SET), running.rules()
    hand(running)
    changed = running.kernel()

    first = running.proxyfeed("update", "--quiet", code=5)
    running.proxyfeed("update", "--quiet", code=5)

    assert running.kernel() == changed
    assert "another hand has changed it, and the configuration says heal = false" in first.err
    # Once, and not each night.
    (told,) = webhook.take()
    assert told.title.endswith("set aol: the kernel did not hold what was applied")
    running.proxyfeed("status", code=5)
    running.proxyfeed("apply")
    assert (running.members(SET), running.rules()) == before
    running.proxyfeed("update", "--quiet")


def test_without_healing_a_new_version_is_applied_all_the_same(
    running: Machine, site: Site
) -> None:
    running.configure(UNHEALED)
    delete_entry(running)
    site.pages[PAGE] = response(page(GROWN))

    running.proxyfeed("update")

    assert {GONE, GROWN[-1]} <= running.members(SET)


def test_without_healing_a_kernel_that_has_forgotten_all_is_filled(running: Machine) -> None:
    running.configure(UNHEALED)
    before = running.members(SET)
    running.forget_kernel()

    running.proxyfeed("update")

    assert running.members(SET) == before
