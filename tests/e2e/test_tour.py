"""
The tour that ``make run`` gives: to root, to an ordinary user, and on a machine without ipset.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import proxyfeed

pytestmark = pytest.mark.kernel

TOUR = Path(__file__).parents[1] / "tour.sh"
SOURCE = Path(proxyfeed.__file__).parents[1]
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
NEEDED = ("bash", "cat", "cp", "dirname", "mktemp", "readlink", "rm", "sed")


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """
    A folder that every user can read, with the program in it.
    """
    with tempfile.TemporaryDirectory(prefix="tour-") as name:
        folder = Path(name)
        program = folder / "proxyfeed"
        program.write_text(f"#!{sys.executable}\nfrom proxyfeed.cli import main\nmain()\n")
        program.chmod(0o755)
        folder.chmod(0o755)
        yield folder


def tour(
    path: str, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, "bash", str(TOUR)],
        env={"PATH": path, "PYTHONPATH": str(SOURCE), "HOME": "/nonexistent", **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def assert_shows_everything(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert "read back and proven: 56,452 IPv4 + 0 IPv6 addresses of version 1" in done.stdout
    assert "Number of entries: 20" in done.stdout
    assert done.stdout.count("-j MARK --set-xmark 0x1/0xffffffff") == 4  # planned, and listed
    assert "version 2 is held" in done.stdout
    assert "feed aol is pinned to version 1, and upstream is at 2" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Done. The namespace ends here")
    inside, host = re.findall(r"net:\[(\d+)\]", done.stdout)
    assert inside != host == re.sub(r"\D", "", str(Path("/proc/self/ns/net").readlink()))


@pytest.mark.usefixtures("equipped")
def test_the_tour_goes_from_the_page_to_the_rule_and_back(programs: Path) -> None:
    assert_shows_everything(tour(f"{programs}:{os.environ['PATH']}"))


@pytest.mark.usefixtures("equipped")
@pytest.mark.skipif(os.geteuid() != 0, reason="this user is an ordinary one already")
def test_the_tour_is_the_same_for_an_ordinary_user(programs: Path) -> None:
    # Through a shell: setpriv itself looks the program up with the rights that it has had.
    trial = [*AS_NOBODY, "sh", "-c", '"$0" --version', str(programs / "proxyfeed")]
    if subprocess.run(trial, env={"PYTHONPATH": str(SOURCE)}, check=False).returncode:
        pytest.skip(f"nobody may not run {sys.executable}")

    assert_shows_everything(tour(f"{programs}:{os.environ['PATH']}", AS_NOBODY))


def test_without_ipset_the_tour_names_the_package_and_shows_the_rest(
    programs: Path, tmp_path: Path
) -> None:
    for name in NEEDED:
        (tmp_path / name).symlink_to(shutil.which(name) or "")

    done = tour(f"{tmp_path}:{programs}", env={"TOUR_PATH": str(tmp_path)})

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "The kernel's part is left out here: ipset is not installed; as root: apt-get install ipset"
    )
    assert "version 1 of feed aol" in lines
    assert "-149.174.160.0/20" in lines
    assert "create proxyfeed_aol_4 hash:net family inet hashsize 1024 maxelem 65536" in lines
    assert "add proxyfeed_aol_4 202.67.65.128/25" in lines
    assert lines[-1] == "Done. Nothing of the host was touched."
