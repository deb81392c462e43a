"""
What leaves a set although no publisher took it back: it never does unseen.
"""

from __future__ import annotations

from tests.e2e.machine import CONFIGURATION, Machine
from tests.e2e.pages import SHRUNK, page
from tests.e2e.servers import PAGE, Site
from tests.servers import response

SET = "proxyfeed_aol_4"
MISSING_PAGE = '\n[feeds.other]\nurl = "file:nowhere.html"\nformat = "html"\nhtml.heading = ["x"]\n'


def test_a_feed_that_never_had_a_version_cannot_shrink_a_set(running: Machine) -> None:
    before = running.namespace.run("ipset", "save", SET).stdout
    renamed = CONFIGURATION.replace('feeds = ["aol"]', 'feeds = ["other"]') + MISSING_PAGE
    both = CONFIGURATION.replace('feeds = ["aol"]', 'feeds = ["aol", "other"]') + MISSING_PAGE

    running.configure(renamed)
    alone = running.proxyfeed("update", "other", code=3)
    running.configure(both)
    running.proxyfeed("update", code=3)

    assert running.namespace.run("ipset", "save", SET).stdout == before
    assert "no accepted version yet" in alone.out


def test_addresses_that_leave_for_want_of_a_version_are_kept(running: Machine) -> None:
    running.namespace.run("ipset", "add", SET, "10.9.0.0/16")
    before = running.namespace.run("ipset", "save", SET).stdout
    running.configure(
        CONFIGURATION.replace('feeds = ["aol"]', 'feeds = ["aol", "other"]') + MISSING_PAGE
    )

    done = running.proxyfeed("apply", code=5)

    assert "65,536 addresses would leave, and other has no accepted version yet" in done.err
    assert running.namespace.run("ipset", "save", SET).stdout == before


def test_a_new_database_does_not_take_out_what_another_applied(running: Machine) -> None:
    running.namespace.run("ipset", "add", SET, "10.9.0.0/16")
    for path in running.folder.glob("proxyfeed.db*"):
        path.unlink()

    nightly = running.proxyfeed("update", code=5)
    running.proxyfeed("apply")

    assert "this database never applied it; 65,536 addresses would leave" in nightly.err
    assert "10.9.0.0/16" not in running.namespace.run("ipset", "save", SET).stdout


def test_a_database_without_a_version_is_no_healthy_director(running: Machine) -> None:
    for path in running.folder.glob("proxyfeed.db*"):
        path.unlink()
    running.proxyfeed("init")

    done = running.proxyfeed("status", code=5)

    assert "feed aol: it was never fetched" in done.err
    assert "the kernel holds 56,452 addresses that this database never saw" in done.err


def test_a_set_that_left_the_configuration_is_named_and_can_be_removed(running: Machine) -> None:
    renamed = CONFIGURATION.replace("[sets.aol]", "[sets.new]")
    running.configure(renamed.replace("mark = 1", "mark = 2"))
    running.proxyfeed("update")

    status = running.proxyfeed("status", code=5)
    running.proxyfeed("rule", "remove", "aol")
    for name in (SET, "proxyfeed_aol_6", "proxyfeed_aol_v4", "proxyfeed_aol_v6"):
        running.namespace.run("ipset", "destroy", name)

    assert f"the kernel holds {SET}, which no set of the configuration owns" in status.err
    assert "try: proxyfeed rule remove aol, then: ipset destroy" in status.err
    running.proxyfeed("status")


def test_a_family_that_is_not_served_does_not_count_as_something_left(running: Machine) -> None:
    before = running.namespace.run("ipset", "save", SET).stdout
    running.configure(CONFIGURATION.replace('"192.0.2.80:80", "192.0.2.80:443", ', ""))

    done = running.proxyfeed("apply", code=5)

    assert "set aol is not applied: it holds no address at all" in done.err
    assert running.namespace.run("ipset", "save", SET).stdout == before


def test_what_apply_refuses_is_no_healthy_status(running: Machine) -> None:
    running.configure(f'{CONFIGURATION}protect = ["64.12.100.0/24"]\n')

    done = running.proxyfeed("status", code=5)

    assert "set aol is not applied: it holds addresses of own virtual services" in done.err


def test_a_set_no_longer_served_that_is_in_use_keeps_nothing_else_out(running: Machine) -> None:
    match = "-m set --match-set proxyfeed_aol_6 src -j MARK --set-xmark 0x9/0xf"
    running.namespace.run("ip6tables", "-t", "mangle", "-A", "PREROUTING", *match.split())
    running.configure(
        CONFIGURATION.replace(', "[2001:db8::80]:80"', "") + 'exclude = ["64.12.96.0/24"]\n'
    )

    running.proxyfeed("apply")
    status = running.proxyfeed("status", code=5)

    assert "64.12.97.0/24" in running.namespace.run("ipset", "save", SET).stdout
    assert "proxyfeed_aol_6: no longer served" in status.err


def test_a_change_of_the_configuration_is_no_drift(running: Machine) -> None:
    running.configure(CONFIGURATION.replace(', "[2001:db8::80]:80"', ""))
    narrower = running.proxyfeed("update")
    running.configure(CONFIGURATION)
    wider = running.proxyfeed("update")

    for done in (narrower, wider):
        assert "another hand" not in done.out
        assert "as after a reboot" not in done.out
        assert "was gone" not in done.out


def test_a_rejected_version_can_be_approved_after_all(running: Machine, site: Site) -> None:
    site.pages[PAGE] = response(page(SHRUNK))
    running.proxyfeed("update", code=4)
    running.proxyfeed("reject", "2")

    running.proxyfeed("approve", "2")

    assert "version 2 of feed aol" in running.proxyfeed("show", "2").out
    running.proxyfeed("apply")


def test_the_refused_page_can_be_printed(running: Machine) -> None:
    (running.folder / "bad.html").write_text("<html><p>busy, come back later</p></html>")
    url = CONFIGURATION.split('url = "')[1].split('"')[0]
    running.configure(CONFIGURATION.replace(url, "file:bad.html"))
    running.proxyfeed("update", code=3)

    listed = running.proxyfeed("fetches", "aol").out.splitlines()
    number = listed[0].split()[0]

    assert "not a list" in listed[0]
    assert running.proxyfeed("fetches", "aol", "--body", number).out == (
        "<html><p>busy, come back later</p></html>"
    )
