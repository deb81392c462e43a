"""
A director that boots: from the local database alone, and without one such that nothing else fails.
"""

from __future__ import annotations

import pytest
from tests.e2e.machine import CONFIGURATION, Machine
from tests.e2e.pages import GROWN, page
from tests.e2e.servers import PAGE, Site
from tests.servers import response

SETS = ["proxyfeed_aol_v4", "proxyfeed_aol_4", "proxyfeed_aol_v6", "proxyfeed_aol_6"]


def reboot(machine: Machine) -> None:
    """
    Lose what the kernel held, and the network with it.
    """
    machine.forget_kernel()
    machine.namespace.run("ip", "link", "set", "lo", "down")


def set_names(machine: Machine) -> set[str]:
    return set(machine.namespace.run("ipset", "list", "-n").stdout.split())


def break_database(machine: Machine, how: str) -> None:
    paths = list(machine.folder.glob("proxyfeed.db*"))
    for path in paths:
        path.unlink()
    if how == "overwritten":
        machine.database.write_bytes(b"not what it was" * 512)
    if how == "a folder":
        machine.database.mkdir()
    if how == "open to all":
        machine.database.write_bytes(b"")
        machine.database.chmod(0o666)


def test_the_sets_and_the_rule_are_back_without_a_network(running: Machine) -> None:
    rules, members = running.rules(), running.members("proxyfeed_aol_4")
    reboot(running)

    done = running.proxyfeed("boot", "--quiet")

    assert (done.out, done.err) == ("", "")
    assert running.members("proxyfeed_aol_4") == members
    assert running.rules() == rules
    running.proxyfeed("boot", "--quiet")
    assert "nothing to do" in running.proxyfeed("boot").out


BREAKAGES = ["missing", "overwritten", "a folder", "open to all"]


@pytest.mark.parametrize("how", BREAKAGES)
def test_without_a_database_saved_rules_can_still_be_restored(running: Machine, how: str) -> None:
    saved = running.namespace.run("iptables-save").stdout
    assert "proxyfeed_aol_4" in saved
    break_database(running, how)
    reboot(running)

    done = running.proxyfeed("boot", "--quiet", code=None)

    assert done.code in (2, 7)
    assert "nobody behind a proxy farm is marked" in done.err
    assert "made empty, so that saved rules can be restored: proxyfeed_aol_v4" in done.err
    assert set_names(running) == set(SETS)
    running.namespace.run("iptables-restore", input=saved)


def test_a_broken_database_empties_no_set_that_is_there(running: Machine) -> None:
    before = running.kernel()
    break_database(running, "overwritten")

    done = running.proxyfeed("boot", "--quiet", code=7)

    assert running.kernel() == before
    assert "made empty" not in done.err


def test_only_the_missing_ones_of_several_sets_are_made_empty(running: Machine) -> None:
    members = running.members("proxyfeed_aol_4")
    for program in ("iptables", "ip6tables"):
        running.namespace.run(program, "-t", "mangle", "-F")
    running.namespace.run("ipset", "destroy", "proxyfeed_aol_6")
    break_database(running, "missing")

    running.proxyfeed("boot", "--quiet", code=7)

    assert running.members("proxyfeed_aol_4") == members
    assert set_names(running) == set(SETS)
    assert running.rules() == []


def test_what_a_run_left_that_was_cut_off_is_not_in_the_way_of_a_set_that_is_missing(
    machine: Machine,
) -> None:
    for name in ("proxyfeed_aol_4_new", "proxyfeed_aol_v6_new"):
        machine.namespace.run("ipset", "create", name, "hash:net")

    done = machine.proxyfeed("boot", "--quiet", code=7)

    assert "cannot be created" not in done.err
    assert set_names(machine) == set(SETS)


def test_a_set_that_never_had_a_version_is_there_and_empty(machine: Machine) -> None:
    machine.proxyfeed("init")

    done = machine.proxyfeed("boot")

    assert "no accepted version yet" in done.out
    assert set_names(machine) == set(SETS)
    assert machine.members("proxyfeed_aol_4") == set()


def test_a_damaged_version_fills_no_set_and_is_said(running: Machine) -> None:
    running.rows("UPDATE versions SET digest = 'of something else'")
    reboot(running)

    done = running.proxyfeed("boot", "--quiet", code=7)

    assert "the database is damaged" in done.err
    assert set_names(running) == set(SETS)
    assert running.members("proxyfeed_aol_4") == set()


def test_a_boot_applies_no_version_that_is_left_to_the_operator(
    running: Machine, site: Site
) -> None:
    running.configure(f'apply = "manual"\n{CONFIGURATION}')
    members = running.members("proxyfeed_aol_4")
    site.pages[PAGE] = response(page(GROWN))
    running.proxyfeed("update")
    assert running.versions() == [(1, "accepted"), (2, "accepted")]
    reboot(running)

    running.proxyfeed("boot", "--quiet")

    assert running.members("proxyfeed_aol_4") == members
    running.proxyfeed("apply")
    assert GROWN[-1] in running.members("proxyfeed_aol_4")


def test_a_boot_with_nftables_needs_no_ipset(running: Machine) -> None:
    running.configure(CONFIGURATION.replace("mark = 1", 'mark = 1\nbackend = "nftables"'))
    members = running.members("proxyfeed_aol_4")
    reboot(running)

    running.proxyfeed("boot", "--quiet")

    assert set_names(running) == set()
    listing = running.namespace.run("nft", "list", "table", "inet", "proxyfeed_aol").stdout
    assert all(prefix in listing for prefix in members)
