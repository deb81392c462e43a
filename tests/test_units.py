"""
The units of ``cron/`` take away what the work does not need, and nothing that it does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.e2e.conftest import director, machine, site
from tests.e2e.machine import CONFIGURATION, PROGRAM, Done, Machine
from tests.kernel.conftest import missing, variant
from tests.kernel.parts import skip_or_fail
from tests.test_cron import BOOT, CRON, UPDATE, read_unit
from tests.units import confined

__all__ = ["director", "machine", "missing", "site", "variant"]

README = (CRON.parent / "README.md").read_text("utf-8")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to lose")
with_nft = pytest.mark.parametrize("variant", ["nft"], indirect=True)


def test_the_readme_says_how_systemd_rates_the_units() -> None:
    analyze = shutil.which("systemd-analyze")
    skip_or_fail([] if analyze else ["systemd-analyze is not installed (Debian package systemd)"])
    said = re.search(r"rates ([\d.]+) and ([\d.]+).+?systemd (\d+)", README, re.DOTALL)
    assert said
    version = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True)
    if version.stdout.split()[1] != said[3]:
        pytest.skip(f"the README speaks of systemd {said[3]}, and others count otherwise")

    assert (rating(UPDATE), rating(BOOT)) == (said[1], said[2])


def rating(unit: Path) -> str:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found
    return found[1]


def test_no_unit_may_load_modules_or_pass_over_the_owners_of_files() -> None:
    for unit in (UPDATE, BOOT):
        kept = read_unit(unit)["CapabilityBoundingSet"]

        assert "CAP_NET_ADMIN" in kept
        assert not {"CAP_SYS_MODULE", "CAP_DAC_OVERRIDE", "CAP_SYS_ADMIN"} & set(kept)


# Tries what the unit denies, and prints what came of it.
PROBE = """
import mmap, os, re
from pathlib import Path
def told(work):
    try:
        return str(work())
    except OSError as exc:
        return type(exc).__name__ + " " + (exc.strerror or "")
print(re.search("CapBnd:.(.*)", Path("/proc/self/status").read_text())[1])
print(told(lambda: Path("/var/proxyfeed-was-here").touch()))
print(told(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)))
print(oct(os.umask(0)))
"""


@pytest.mark.kernel
@as_root
@with_nft
def test_what_stands_for_the_unit_here_does_deny_what_it_denies(
    machine: Machine, variant: Path
) -> None:
    prefix = confined(read_unit(UPDATE), machine.folder, variant)

    done = machine.proxyfeed(program=(*prefix, sys.executable, "-c", PROBE))

    capabilities, disk, memory, umask = done.out.splitlines()
    # KILL 5, SETGID 6, SETUID 7, NET_ADMIN 12, NET_RAW 13
    assert int(capabilities, 16) == 0b11_0000_1110_0000
    assert disk == "OSError Read-only file system"
    assert umask == "0o77"
    if tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 3):
        assert memory == "PermissionError Permission denied"


def as_unit(
    unit: Path, machine: Machine, variant: Path, *words: str, code: int = 0, without: str = ""
) -> Done:
    prefix = confined(read_unit(unit), machine.folder, variant, without=without.split())
    return machine.proxyfeed(*words, program=(*prefix, *PROGRAM), code=code)


@pytest.mark.kernel
@as_root
@pytest.mark.parametrize(
    ("backend", "variant"),
    [("ipset", "nft"), ("ipset", "legacy"), ("nftables", "nft")],
    indirect=["variant"],
)
def test_an_update_needs_no_more_than_its_unit_leaves_it(
    backend: str, machine: Machine, variant: Path
) -> None:
    machine.configure(CONFIGURATION + f'backend = "{backend}"\n')

    first = as_unit(UPDATE, machine, variant, "update")
    second = as_unit(UPDATE, machine, variant, "update", "--quiet")

    assert "read back and proven: 56,452 IPv4" in first.out
    assert (second.out, second.err) == ("", "")


@pytest.mark.kernel
@as_root
def test_a_boot_needs_no_more_than_its_unit_leaves_it(machine: Machine, variant: Path) -> None:
    machine.proxyfeed("update", "--no-apply")
    words = read_unit(BOOT)["ExecStart"][2:]

    done = as_unit(BOOT, machine, variant, *words)

    assert (done.out, done.err) == ("", "")
    assert len(machine.members("proxyfeed_aol_4")) == 20


@pytest.mark.kernel
@as_root
@with_nft
@pytest.mark.parametrize(
    ("capability", "code", "complaint"),
    [
        ("CAP_NET_ADMIN", 7, "this user may not run"),
        ("CAP_SETUID", 7, "nothing is fetched or read, as it cannot be done as nobody"),
        ("CAP_SETGID", 7, "it lacks CAP_SETGID"),
        ("CAP_KILL", 7, "it lacks CAP_KILL"),
    ],
)
def test_an_update_without_one_of_its_capabilities_says_which(
    capability: str, code: int, complaint: str, machine: Machine, variant: Path
) -> None:
    done = as_unit(UPDATE, machine, variant, "update", code=code, without=capability)

    assert complaint in done.err
    assert "Traceback" not in done.err


@pytest.mark.kernel
@as_root
@pytest.mark.parametrize("variant", ["legacy"], indirect=True)
def test_iptables_legacy_does_not_work_without_its_raw_socket(
    machine: Machine, variant: Path
) -> None:
    done = as_unit(UPDATE, machine, variant, "update", code=7, without="CAP_NET_RAW")

    assert "this user may not run iptables" in done.err


@pytest.mark.kernel
@as_root
@with_nft
def test_a_disk_that_the_unit_does_not_leave_open_is_not_written(
    machine: Machine, variant: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("elsewhere")
    machine.configure(CONFIGURATION.replace("proxyfeed.db", f"{other}/proxyfeed.db"))

    done = as_unit(UPDATE, machine, variant, "update", code=7)

    assert "Read-only file system" in done.err
    assert list(other.iterdir()) == []


def allowed_calls(unit: Path) -> set[str]:
    """
    The system calls that the unit's filter lets through, in the order of its lines.
    """
    allowed: set[str] = set()
    for line in unit.read_text("ascii").splitlines():
        key, _, value = line.partition("=")
        if key == "SystemCallFilter":
            named = set().union(*map(calls_of, value.removeprefix("~").split()))
            allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed


def calls_of(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    listing = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", word],
        capture_output=True,
        text=True,
        check=True,
    )
    words = [line.split("#")[0].strip() for line in listing.stdout.splitlines()[1:]]
    return set().union(*(calls_of(one) for one in words if one))


@pytest.mark.kernel
@as_root
@pytest.mark.parametrize(
    ("unit", "command", "variant"),
    [(UPDATE, "update", "nft"), (UPDATE, "update", "legacy"), (BOOT, "boot", "nft")],
    indirect=["variant"],
)
def test_every_system_call_of_the_work_passes_the_filter_of_its_unit(
    unit: Path, command: str, machine: Machine, variant: Path
) -> None:
    skip_or_fail(
        [
            f"{program} is not installed (Debian package {package})"
            for program, package in (("strace", "strace"), ("systemd-analyze", "systemd"))
            if shutil.which(program) is None
        ]
    )
    if unit == BOOT:
        machine.proxyfeed("update", "--no-apply")
    counts = machine.folder / "calls"
    prefix = confined(read_unit(unit), machine.folder, variant)
    strace = ("strace", "-f", "-qq", "-c", f"--output={counts}")

    machine.proxyfeed(command, program=(*prefix, *strace, *PROGRAM))

    # "  0.00    0.000000           0         1           capset"
    used = {line.split()[-1] for line in counts.read_text().splitlines()[2:-2]}
    assert {"execve", "sendto"} <= used
    assert used - allowed_calls(unit) == set()
