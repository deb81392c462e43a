"""
The files of ``cron/``: they are read as cron and systemd read them, and what they start is run.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.kernel.parts import skip_or_fail

CRON = Path(__file__).parents[1] / "cron"
CRONTAB = CRON / "proxyfeed"
UPDATE, TIMER, BOOT = (
    CRON / name for name in ("proxyfeed.service", "proxyfeed.timer", "proxyfeed-boot.service")
)
# Where this very checkout is installed.
PROGRAMS = Path(sys.executable).parent

# minute, hour, day of month, month, day of week
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))

PAGE = """<!DOCTYPE html>
<html><head><title>Proxies</title></head>
<body><h2>Proxy ranges</h2><ul><li>64.12.96.0/19</li><li>205.188.112.0/20</li></ul></body></html>
"""
CONFIG = """
database = "sqlite:///proxyfeed.db"
apply = "manual"

[feeds.farm]
url = "file:page.html"
format = "html"
[feeds.farm.html]
heading = ["proxy ranges"]

[sets.farm]
feeds = ["farm"]
mark = 1
"""

# The order of Debian 12's units around ours; with cloud-init, sysinit.target waits for the network.
NEIGHBOURS = {
    "nftables.service": """
        DefaultDependencies=no
        Wants=network-pre.target
        Before=network-pre.target shutdown.target
        Conflicts=shutdown.target""",
    "netfilter-persistent.service": """
        DefaultDependencies=no
        Wants=network-pre.target systemd-modules-load.service local-fs.target
        After=systemd-modules-load.service local-fs.target
        Before=network-pre.target shutdown.target
        Conflicts=shutdown.target""",
    "networking.service": """
        DefaultDependencies=no
        Wants=network.target
        After=local-fs.target network-pre.target systemd-modules-load.service
        Before=network.target network-online.target shutdown.target
        Conflicts=shutdown.target""",
    "cloud-init.service": """
        DefaultDependencies=no
        After=networking.service
        Before=network-online.target sysinit.target shutdown.target
        Conflicts=shutdown.target""",
    "keepalived.service": """
        Wants=network-online.target
        After=network-online.target""",
    "ldirectord.service": "",
}


class Entry(NamedTuple):
    """
    The one job of a cron.d file.
    """

    times: list[str]
    user: str
    command: str


def read_crontab() -> tuple[dict[str, str], Entry]:
    """
    The variables and the job, as cron splits them: nothing is expanded, quoted or continued.
    """
    lines = CRONTAB.read_text("ascii").splitlines()
    variables, entries = {}, []
    for line in lines:
        if not line or line.startswith("#"):
            continue
        if assigned := re.fullmatch(r"([A-Z]+)=(\S+)", line):
            variables[assigned[1]] = assigned[2]
        else:
            *times, user, command = line.split(None, 6)
            entries.append(Entry(times, user, command))
    assert len(entries) == 1
    return variables, entries[0]


def read_unit(unit: Path) -> dict[str, list[str]]:
    """
    Every setting of a unit, as the list of its words over all of its lines.
    """
    settings: dict[str, list[str]] = defaultdict(list)
    for line in unit.read_text("ascii").splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            settings[key] += value.split()
    return settings


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """
    A folder with a page, and a configuration that takes it and leaves the kernel alone.
    """
    (tmp_path / "page.html").write_text(PAGE)
    (tmp_path / "proxyfeed.toml").write_text(CONFIG)
    return tmp_path


def run(argv: list[str], path: str, night: Path) -> subprocess.CompletedProcess[str]:
    """
    Start *argv* with no more of an environment than cron and systemd give, and this checkout.
    """
    environment = {
        "PATH": f"{PROGRAMS}:{path}",
        "PROXYFEED_CONFIG": str(night / "proxyfeed.toml"),
        "PROXYFEED_STATE": str(night),
    }
    return subprocess.run(
        argv, env=environment, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def run_cron_job(night: Path) -> subprocess.CompletedProcess[str]:
    variables, entry = read_crontab()
    command = entry.command.replace("--jitter 30m", "--jitter 0s")
    assert command != entry.command, "the job has no jitter to take out"
    return run([variables["SHELL"], "-c", command], variables["PATH"], night)


def test_cron_accepts_the_name_of_its_file() -> None:
    # As run-parts: a name with a dot is not read.
    assert re.fullmatch(r"[A-Za-z0-9_-]+", CRONTAB.name)


def test_the_last_line_for_cron_ends_as_cron_wants_it() -> None:
    assert CRONTAB.read_bytes().endswith(b"\n")


def test_cron_is_given_five_valid_times() -> None:
    _, entry = read_crontab()

    for field, (first, last) in zip(entry.times, RANGES, strict=True):
        assert field == "*" or first <= int(field) <= last


def test_cron_runs_it_once_a_night() -> None:
    _, entry = read_crontab()

    minute, hour, *days = entry.times
    assert minute.isdigit()
    assert int(hour) < 6
    assert days == ["*", "*", "*"]


def test_cron_runs_it_as_root_and_mails_root() -> None:
    variables, entry = read_crontab()

    assert entry.user == "root"
    assert variables["MAILTO"] == "root"


def test_the_command_has_no_percent_sign() -> None:
    # cron would end the command there, and hand the rest over as standard input.
    assert "%" not in read_crontab()[1].command


def test_a_quiet_night_under_cron_prints_nothing(night: Path) -> None:
    first, second = run_cron_job(night), run_cron_job(night)

    for done in (first, second):
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_failed_feed_under_cron_is_said_and_exits_3(night: Path) -> None:
    (night / "page.html").unlink()

    done = run_cron_job(night)

    assert done.returncode == 3
    assert "farm" in done.stderr


def test_the_service_runs_the_update_as_cron_does(night: Path) -> None:
    settings = read_unit(UPDATE)

    done = run(settings["ExecStart"], path_of(UPDATE), night)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (night / "proxyfeed.db").exists()
    _, entry = read_crontab()
    # RandomizedDelaySec is the jitter of systemd.
    program = [word for word in shlex.split(entry.command) if word not in ("--jitter", "30m")]
    assert settings["ExecStart"] == ["/usr/bin/env", *program]
    assert read_unit(TIMER)["RandomizedDelaySec"] == ["30m"]


def test_the_boot_unit_runs_a_command_that_exists(night: Path) -> None:
    command = read_unit(BOOT)["ExecStart"]

    done = run([*command, "--help"], path_of(BOOT), night)

    assert command[:3] == ["/usr/bin/env", "proxyfeed", "boot"]
    assert (done.returncode, done.stderr) == (0, "")


def test_cron_and_systemd_look_for_the_program_in_the_same_places() -> None:
    variables, _ = read_crontab()

    assert variables["PATH"] == path_of(UPDATE) == path_of(BOOT)
    assert {"/usr/local/bin", "/root/.local/bin"} < set(variables["PATH"].split(":"))


def path_of(unit: Path) -> str:
    (setting,) = read_unit(unit)["Environment"]
    name, _, value = setting.partition("=")
    assert name == "PATH"
    return value


def complaints(unit: Path) -> list[str]:
    """
    What systemd says of us when it loads *unit*, before all of the same name on this machine.

    An unknown setting or a cycle of the order is only said; it is no failure of the tool.
    """
    is_there = shutil.which("systemd-analyze")
    skip_or_fail([] if is_there else ["systemd-analyze is not installed (Debian package systemd)"])
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit.name],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{unit.parent}:"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in (done.stdout + done.stderr).splitlines() if "proxyfeed" in line]


@pytest.mark.parametrize("unit", [UPDATE, TIMER, BOOT], ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_complain_of(unit: Path) -> None:
    assert complaints(unit) == []


def test_a_whole_boot_with_the_boot_unit_has_no_cycle(tmp_path: Path) -> None:
    shutil.copy(BOOT, tmp_path)
    for name, order in NEIGHBOURS.items():
        service = f"[Unit]\n{order}\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
        (tmp_path / name).write_text(service)
    boot = tmp_path / "whole.target"
    boot.write_text(f"[Unit]\nWants={' '.join([BOOT.name, *NEIGHBOURS])}\n")

    assert complaints(boot) == []


def test_the_boot_unit_is_done_before_the_network_and_the_balancers() -> None:
    settings = read_unit(BOOT)

    before = {"network-pre.target", "keepalived.service", "ldirectord.service"}
    assert before <= set(settings["Before"])
    # A passive target: where nobody wants it, it is no part of the boot, and orders nothing.
    assert settings["Wants"] == ["network-pre.target"]


def test_the_boot_unit_comes_between_the_loaders_of_rules() -> None:
    settings = read_unit(BOOT)

    assert "nftables.service" in settings["After"]
    assert "netfilter-persistent.service" in settings["Before"]


def test_the_boot_unit_waits_for_the_disk_that_holds_the_database() -> None:
    settings = read_unit(BOOT)

    assert "local-fs.target" in settings["After"]
    assert settings["RequiresMountsFor"] == ["/var/lib/proxyfeed"]


def test_the_boot_unit_cannot_keep_the_network_down() -> None:
    settings = read_unit(BOOT)

    # A oneshot has no time limit of its own.
    assert settings["Type"] == ["oneshot"]
    assert settings["TimeoutStartSec"] == ["2min"]


def test_the_boot_unit_ends_with_the_machine() -> None:
    settings = read_unit(BOOT)

    assert "shutdown.target" in settings["Before"]
    assert settings["Conflicts"] == ["shutdown.target"]
