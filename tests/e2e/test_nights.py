"""
The nights of a director: what the nightly job does, and what it leaves alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tests.e2e.machine import Machine, Session
from tests.e2e.pages import GROWN, LIST, RECUT, SHRUNK, page
from tests.e2e.servers import PAGE, Site, versioned
from tests.kernel.namespaces import Namespace
from tests.servers import response

pytestmark = pytest.mark.kernel

SET = "proxyfeed_aol_4"
INSTALLED = Path("/etc/proxyfeed/proxyfeed.toml")


def outcomes(machine: Machine) -> list[str]:
    return [outcome for (outcome,) in machine.rows("SELECT outcome FROM fetches ORDER BY id")]


def applications(machine: Machine) -> list[tuple[str, list[int]]]:
    rows = machine.rows("SELECT action, versions FROM applications ORDER BY id")
    return [(action, json.loads(versions)) for action, versions in rows]


def test_the_first_night_makes_a_version_the_sets_and_one_rule_for_each_family(
    machine: Machine,
) -> None:
    done = machine.proxyfeed("update")

    assert machine.versions() == [(1, "accepted")]
    assert applications(machine) == [("update", [1])]
    assert len(machine.members(SET)) == 20
    assert machine.members("proxyfeed_aol_v4") == {"192.0.2.80,tcp:80", "192.0.2.80,tcp:443"}
    assert [len(machine.rules(f"{family}tables")) for family in ("ip", "ip6")] == [1, 1]
    assert "read back and proven: 56,452 IPv4 + 0 IPv6 addresses of version 1" in done.out
    assert done.err == ""
    machine.proxyfeed("status")


def test_the_packets_of_the_list_are_marked_and_no_others(running: Machine) -> None:
    running.take_packet("64.12.96.1", ("192.0.2.80", 80))
    running.take_packet("172.128.0.1", ("192.0.2.80", 80))  # a client's
    running.take_packet("64.12.96.1", ("192.0.2.80", 81))  # not to a service

    counters = [line for line in running.kernel().splitlines() if "-j MARK" in line]
    assert counters[0].startswith("[1:")


NOTHING_NEW = {
    "the server says that it did not change": None,
    "the same bytes": page(LIST),
    "the same addresses in other bytes": page(RECUT),
    "the same list in other words": page(LIST).replace(b"Requests of", b"Visits by"),
}


@pytest.mark.parametrize("night", NOTHING_NEW)
def test_a_list_with_the_same_addresses_is_no_version_and_no_write(
    running: Machine, site: Site, night: str
) -> None:
    body = NOTHING_NEW[night]
    site.pages[PAGE] = response(body) if body else versioned(page(LIST), '"a"')
    if body is None:
        running.proxyfeed("update")
    running.take_packet("64.12.96.1", ("192.0.2.80", 80))
    known, held = outcomes(running), running.kernel()

    done = running.proxyfeed("update", "--quiet")

    assert (done.out, done.err) == ("", "")
    assert running.kernel() == held
    assert applications(running) == [("update", [1])]
    assert running.versions() == [(1, "accepted")]
    assert outcomes(running) == [*known, "same content" if body else "not modified"]


def test_a_night_without_news_imports_nothing_that_it_does_not_need(
    running: Machine, site: Site
) -> None:
    site.pages[PAGE] = versioned(page(LIST), '"a"')
    running.proxyfeed("update")
    telling = (sys.executable, "-X", "importtime", "-m", "proxyfeed")

    done = running.proxyfeed("update", "--quiet", program=telling)

    # "import time:       395 |      18252 |       sqlalchemy.sql"
    imported = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert outcomes(running)[-1] == "not modified"
    assert {"httpx", "sqlalchemy", "typer"} <= imported
    assert imported & {"alembic", "apprise", "bs4", "netaddr"} == set()


def test_a_small_change_goes_into_the_set_that_is_there(running: Machine, site: Site) -> None:
    before = running.kernel().splitlines()
    site.pages[PAGE] = response(page(GROWN))

    done = running.proxyfeed("update")

    assert "proxyfeed_aol_4: delta, 1 to add, 0 to delete" in done.out
    after = running.kernel().splitlines()
    assert set(after) - set(before) == {f"add {SET} 198.81.12.0/23"}
    assert set(before) - set(after) == set()
    assert applications(running) == [("update", [1]), ("update", [2])]
    assert running.versions() == [(1, "accepted"), (2, "accepted")]


def test_a_large_change_is_held_until_it_is_approved(
    running: Machine, session: Session, site: Site
) -> None:
    held = running.kernel()
    site.pages[PAGE] = response(page(SHRUNK))

    first, second = (session.proxyfeed("update", "--quiet", code=4) for _ in range(2))

    assert first.complaints == [
        "proxyfeed: feed aol: version 2 is held: IPv4: 9,216 addresses leave, 16.3% of the 56,452 "
        "of version 1; the limit is 10.0%"
    ]
    assert second.complaints == first.complaints
    assert running.kernel() == held
    assert running.versions() == [(1, "accepted"), (2, "held")]

    session.proxyfeed("approve", "2", "--reason", "given back")
    assert running.kernel() == held

    session.proxyfeed("apply")
    assert not any(member.startswith("152.163.") for member in running.members(SET))
    night = session.proxyfeed("update", "--quiet")
    assert (night.out, night.err) == ("", "")
    assert applications(running) == [("update", [1]), ("apply", [2])]


def test_a_rollback_is_not_undone_by_the_nights_after_it(
    running: Machine, session: Session, site: Site
) -> None:
    first = running.members(SET)
    site.pages[PAGE] = response(page(GROWN))
    session.proxyfeed("update")

    session.proxyfeed("rollback", "1", "--reason", "users lose their carts")
    assert running.members(SET) == first

    night = session.proxyfeed("update", "--quiet")
    assert (night.out, night.err) == (
        "",
        "proxyfeed: feed aol is pinned to version 1, and upstream is at 2; "
        "to follow it again: proxyfeed release aol\n",
    )
    site.pages[PAGE] = response(page([*GROWN, "198.82.0.0/23"]))
    night = session.proxyfeed("update", "--quiet")
    assert "pinned to version 1, and upstream is at 3" in night.err
    assert running.members(SET) == first

    session.proxyfeed("release", "aol")
    assert running.members(SET) == first
    session.proxyfeed("apply")
    assert "198.82.0.0/23" in running.members(SET)


def test_after_a_reboot_apply_restores_everything_without_the_network(
    running: Machine, site: Site
) -> None:
    members, rules = running.members(SET), running.rules()
    running.forget_kernel()
    assert running.kernel().splitlines() == ["*mangle", "COMMIT", "*mangle", "COMMIT"]
    asked = len(site.requests)

    running.proxyfeed("apply", "--quiet")

    assert (running.members(SET), running.rules()) == (members, rules)
    assert len(site.requests) == asked
    running.proxyfeed("status")


def test_what_another_hand_took_out_is_put_back_by_the_next_night(running: Machine) -> None:
    members = running.members(SET)
    running.namespace.run("ipset", "del", SET, "198.81.8.0/23")
    running.namespace.run("iptables", "-t", "mangle", "-F", "PREROUTING")

    done = running.proxyfeed("update")

    assert running.members(SET) == members
    assert len(running.rules()) == 1
    assert "changed by another hand" in done.out
    assert "the IPv4 MARK rule was gone" in done.out


@pytest.mark.skipif(INSTALLED.exists(), reason=f"{INSTALLED} is what would be read here")
def test_with_no_configuration_at_all_the_saved_page_does_the_job(
    director: Namespace, tmp_path: Path
) -> None:
    machine = Machine(director, tmp_path)
    state = tmp_path / "state"
    environment = {"PROXYFEED_CONFIG": "", "PROXYFEED_STATE": str(state)}

    done = machine.proxyfeed("update", env=environment)

    assert "http://webmaster.info.aol.com/proxyinfo.html: unreachable" in done.out
    assert "feed aol: new content, version 1 is accepted" in done.out
    assert len(machine.members(SET)) == 20
    assert [len(machine.rules(f"{family}tables")) for family in ("ip", "ip6")] == [1, 1]
    assert {path.parent for path in tmp_path.rglob("*") if path.is_file()} == {state}
