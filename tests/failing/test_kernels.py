"""
A kernel or its tools that refuse, hang or are killed: the cause is named, what was live stays so
wherever nothing was half written, and the next run converges.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.e2e.machine import PROGRAM, Machine
from tests.e2e.pages import GROWN, page
from tests.e2e.servers import PAGE, Site
from tests.failing import deny
from tests.failing.told import assert_told
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.parts import link_variant
from tests.kernel.product import (
    FAMILIES,
    NEAR,
    NEW,
    OLD,
    SPEC,
    firewall_in,
    held,
    path_with,
    set_names,
    write_program,
)
from tests.servers import response

from proxyfeed.converge import converge
from proxyfeed.errors import CommandFailed, KernelError, NoRights, Unequipped
from proxyfeed.firewall import Firewall, Runner
from proxyfeed.firewall import rule as rules
from proxyfeed.prefixes import PrefixSet

pytestmark = pytest.mark.kernel

# Without the only /30, so that IPv4 too is filled aside and swapped.
ALL_ANEW = NEW - PrefixSet.parse(["205.188.146.144/30"])
COMMANDS = ("update", "apply", "rollback 1", "diff", "status")
IPSET = shutil.which("ipset", path=SYSTEM_PATH)
# Reads its stream whole, changes it, and hands it to ipset; what is no stream goes there as it is.
CHANGED_STREAM = """
case "$1" in
restore) sed '{script}' | {ipset} restore ;;
*) exec {ipset} "$@" ;;
esac
"""
# Hands on the first lines of a stream that begins so, and is then killed as by the kernel.
KILLED = """
case "$1 $(head -c 4 /proc/self/fd/0)" in
"restore {verb}") head -n {lines} /proc/self/fd/0 | {ipset} restore; kill -KILL $$ ;;
*) exec {ipset} "$@" ;;
esac
"""
HANGING = """
case "$1" in
restore) echo $$ > {folder}/hanging; exec sleep 3600 ;;
*) exec {ipset} "$@" ;;
esac
"""


@pytest.fixture
def old(director: Namespace) -> Namespace:
    """
    A namespace whose kernel holds `OLD`.
    """
    converge(firewall_in(director), SPEC, OLD)
    return director


def assert_mendable(namespace: Namespace, wanted: PrefixSet) -> None:
    """
    The next run, with a healthy kernel, leaves what is wanted and nothing else.
    """
    names = set_names(namespace)
    converge(firewall_in(namespace), SPEC, wanted)
    assert held(namespace) == wanted
    assert set_names(namespace) == {name for name in names if not name.endswith("_new")}


def failure(firewall: Firewall, wanted: PrefixSet) -> KernelError | Unequipped:
    with pytest.raises((KernelError, Unequipped)) as caught:
        converge(firewall, SPEC, wanted)
    return caught.value


# ---------------------------------------------------------------- a kernel that cannot


def denied(error: str) -> tuple[str, ...]:
    """
    What to put before a program, for which every socket to netfilter then fails with *error*.
    """
    return (sys.executable, "-I", "-S", deny.__file__, error)


def test_a_kernel_without_ipset_is_told_whatever_was_typed(running: Machine, site: Site) -> None:
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    for words in COMMANDS:
        program = (*denied("EPROTONOSUPPORT"), *PROGRAM)
        done = running.proxyfeed(*words.split(), code=7, program=program)
        assert_told(done, 7, "Cannot open session to kernel")
        assert "try: modprobe ip_set_hash_net" in done.err
        assert running.kernel() == live

    running.proxyfeed("release", "aol")
    assert running.proxyfeed("update").err == ""
    assert len(running.members("proxyfeed_aol_4")) == 21


@pytest.mark.parametrize("error", ["EPROTONOSUPPORT", "ENOPROTOOPT", "EAFNOSUPPORT", "ENOBUFS"])
def test_however_a_kernel_refuses_its_sockets_the_old_content_stays(
    old: Namespace, error: str
) -> None:
    runner = Runner(prefix=(*old.argv, *denied(error)))

    refused = failure(Firewall(runner), NEW)

    assert refused.message.endswith("Cannot open session to kernel.")
    assert refused.exit_code == 7
    assert held(old) == OLD
    assert_mendable(old, NEW)


def test_a_type_of_set_that_this_kernel_lacks_is_told_with_the_module_to_load(
    director: Namespace,
) -> None:
    runner = Runner(prefix=director.argv)
    listed = runner.run(["ipset", "help"]).partition("Supported set types:")[2]
    types = dict.fromkeys(re.findall(r"^\s+((?:hash|bitmap|list):\S+)", listed, re.MULTILINE))
    told = []
    for kind in types:
        extra = {"bitmap": ["range", "10.0.0.0/24"]}.get(kind.partition(":")[0], [])
        try:
            runner.run(["ipset", "create", f"probe_{kind}"[:31], kind, *extra])
        except CommandFailed:
            continue  # it wants other options
        except Unequipped as exc:
            told.append(exc)
    if not told:
        pytest.skip(f"this kernel has every type of set: {', '.join(types)}")
    for exc in told:
        assert "set type not supported" in exc.message
        assert exc.hint.startswith("modprobe --all ip_set_hash_net")


# As the programs print it, where no kernel at hand does: lib/errcode.c of ipset 7.17, and
# libiptc/libiptc.c and libxtables/xtables.c of iptables 1.8.9.
REFUSALS = {
    "ipset v7.17: Kernel support protocol versions 6-6 while userspace supports protocol versions "
    "7-7": "ipset --version; uname -r",
    "iptables v1.8.9 (legacy): can't initialize iptables table `mangle': Table does not exist (do "
    "you need to insmod?)": "modprobe --all iptable_mangle ip6table_mangle",
    "Warning: Extension set revision 0 not supported, missing kernel module?": "modprobe --all",
    "Can't open socket to ipset.": "modprobe --all ip_set_hash_net xt_set",
}


@pytest.mark.parametrize("text", REFUSALS)
def test_whatever_a_tool_says_of_a_kernel_that_cannot_is_told_with_what_to_type(
    tmp_path: Path, text: str
) -> None:
    tmp_path.joinpath("said").write_text(f"{text}\n")
    write_program(tmp_path / "ipset", f"cat {tmp_path}/said >&2; exit 1")

    with pytest.raises(Unequipped) as caught:
        Runner(path=path_with(tmp_path)).run(["ipset", "list", "-n"])

    assert caught.value.message.startswith("this kernel cannot do ipset list -n: ")
    assert REFUSALS[text] in caught.value.hint
    assert caught.value.exit_code == 7


def test_memory_that_the_kernel_does_not_have_is_told(old: Namespace, tmp_path: Path) -> None:
    script = "s/hashsize [0-9]*/hashsize 4294967295/"
    write_program(tmp_path / "ipset", CHANGED_STREAM.format(script=script, ipset=IPSET))

    error = failure(firewall_in(old, path_with(tmp_path)), NEW)

    assert "Cannot allocate memory" in error.message
    assert "the old content is in place" in error.message
    assert held(old) == OLD
    assert_mendable(old, NEW)


def test_a_set_that_is_full_never_comes_into_use(old: Namespace, tmp_path: Path) -> None:
    script = "s/maxelem [0-9]*/maxelem 1/"
    write_program(tmp_path / "ipset", CHANGED_STREAM.format(script=script, ipset=IPSET))

    error = failure(firewall_in(old, path_with(tmp_path)), NEW)

    assert "Hash is full, cannot add more elements" in error.message
    assert "the old content is in place" in error.message
    assert held(old) == OLD
    assert_mendable(old, NEW)


def test_a_leftover_that_another_hand_uses_keeps_the_old_content_and_is_named(
    old: Namespace,
) -> None:
    old.run("ipset", "create", "proxyfeed_aol_4_new", "hash:net")
    rule = ["-m", "set", "--match-set", "proxyfeed_aol_4_new", "src", "-j", "ACCEPT"]
    old.run("iptables", "-t", "mangle", "-A", "PREROUTING", *rule)

    error = failure(firewall_in(old), NEW)

    assert "in use by a kernel component" in error.message
    assert held(old) == OLD
    old.run("iptables", "-t", "mangle", "-D", "PREROUTING", *rule)
    assert_mendable(old, NEW)


# ---------------------------------------------------------------- a user who may not


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_user_without_rights_is_told_to_become_root(old: Namespace) -> None:
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    runner = Runner(prefix=(*old.argv, *nobody))

    error = failure(Firewall(runner), NEW)

    assert isinstance(error, NoRights)
    assert error.message.startswith("this user may not run ipset ")
    assert error.hint == "run it as root"
    assert held(old) == OLD


def test_root_without_the_right_to_the_network_is_told_whatever_was_typed(
    running: Machine, site: Site
) -> None:
    live = running.kernel()
    site.pages[PAGE] = response(page(GROWN))
    powerless = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    for words in COMMANDS:
        done = running.proxyfeed(*words.split(), code=7, program=(*powerless, *PROGRAM))
        assert_told(done, 7, "this user may not run ipset ")
        assert running.kernel() == live


# ---------------------------------------------------------------- tools


def test_a_lock_of_iptables_that_another_holds_is_told_with_who_to_look_for(
    old: Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "_LOCK_SECONDS", "1")
    legacy = path_with(link_variant("legacy", tmp_path / "legacy"))
    runner = Runner(prefix=old.argv, path=legacy)
    live = held(old)
    with Path(f"/proc/{old.pid}/ns/net").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        error = failure(Firewall(runner), NEW)

    assert "Another app is currently holding the xtables lock" in error.message
    assert "fuser" in error.hint
    assert held(old) == live
    assert_mendable(old, NEW)


def test_a_tool_that_hangs_is_killed_when_its_time_is_up_and_the_old_content_stays(
    old: Namespace, tmp_path: Path
) -> None:
    write_program(tmp_path / "ipset", HANGING.format(folder=tmp_path, ipset=IPSET))
    runner = Runner(prefix=old.argv, path=path_with(tmp_path), timeout=1)

    error = failure(Firewall(runner), NEW)

    assert "ipset restore was not done after 1 s and was killed" in error.message
    assert held(old) == OLD
    process = tmp_path.joinpath("hanging").read_text().strip()
    assert not Path(f"/proc/{process}").exists()
    assert_mendable(old, NEW)


def killed(namespace: Namespace, folder: Path, verb: str, lines: int) -> Firewall:
    """
    One whose ipset is killed after so many *lines* of each stream that begins with *verb*.
    """
    write_program(folder / "ipset", KILLED.format(verb=verb, lines=lines, ipset=IPSET))
    return firewall_in(namespace, path_with(folder))


@pytest.mark.parametrize("lines", range(4))
def test_a_tool_that_is_killed_in_a_small_change_is_mended_by_the_same_run(
    old: Namespace, tmp_path: Path, lines: int
) -> None:
    applied = converge(killed(old, tmp_path, "add ", lines), SPEC, NEAR)

    assert applied.notes == ("made anew after: ipset restore was killed by SIGKILL",)
    assert held(old) == NEAR
    assert_mendable(old, NEAR)


@pytest.mark.parametrize("lines", [0, 1, 2, 5])
def test_a_tool_that_is_killed_while_it_fills_a_set_aside_leaves_the_old_content(
    old: Namespace, tmp_path: Path, lines: int
) -> None:
    error = failure(killed(old, tmp_path, "crea", lines), ALL_ANEW)

    assert "ipset restore was killed by SIGKILL" in error.message
    assert held(old) == OLD
    assert_mendable(old, ALL_ANEW)


@pytest.mark.parametrize("lines", range(2))
def test_a_tool_that_is_killed_while_it_swaps_leaves_each_family_old_or_new(
    old: Namespace, tmp_path: Path, lines: int
) -> None:
    error = failure(killed(old, tmp_path, "swap", lines), ALL_ANEW)

    assert "ipset restore was killed by SIGKILL" in error.message
    for family in FAMILIES:
        assert held(old).family(family) in (OLD.family(family), ALL_ANEW.family(family))
    assert_mendable(old, ALL_ANEW)


def test_a_tool_that_crashes_is_told_with_its_signal(old: Namespace, tmp_path: Path) -> None:
    write_program(tmp_path / "ipset", "kill -ABRT $$")

    error = failure(firewall_in(old, path_with(tmp_path)), NEW)

    assert error.message == "ipset list -n was killed by SIGABRT"
    assert error.hint.startswith("dmesg")
    assert held(old) == OLD
