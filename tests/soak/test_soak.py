"""
Thousands of nights: no packet is missed, no list is believed that was none, and nothing piles up.

By each backend. In CI it is some dozens; ``make soak`` sets PROXYFEED_SOAK.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tests.commands.director import read_config, transport
from tests.kernel.backends import EITHER, KernelBackend, all_names
from tests.kernel.namespaces import Lab, Namespace
from tests.kernel.packets import Flood
from tests.soak import publisher

from proxyfeed.commands.doors import Doors
from proxyfeed.commands.status import status
from proxyfeed.commands.update import update
from proxyfeed.config import Config
from proxyfeed.firewall import Firewall
from proxyfeed.model import Outcome
from proxyfeed.prefixes import PrefixSet
from proxyfeed.sources.apart import Apart
from proxyfeed.sources.fetch import fetch
from proxyfeed.store import Store, create_or_upgrade

pytestmark = pytest.mark.kernel

CHANGES, NIGHTS = (1_000, 5_000) if os.environ.get("PROXYFEED_SOAK") == "1" else (30, 80)
SEED = 20260206
FIRST_NIGHT = datetime(2026, 1, 1, 3, 30, tzinfo=UTC)
# A night in five minutes: what is kept for days is kept for many nights.
NIGHT = timedelta(minutes=5)
LASTING = ["20.0.0.1", "20.0.29.255", "2a00:1::1", "2a00:1:1d:ffff::1"]
# Far above what it comes to, far below what keeping everything would: 10,000 bodies, for one.
MOST_BYTES = 12 * 1024 * 1024


class Nights:
    """
    One director for thousands of nights, in this process; its fetches and readers are processes of
    their own.
    """

    def __init__(self, folder: Path, url: str, firewall: Firewall, backend: str) -> None:
        self.folder = folder
        self.config: Config = read_config(
            f"""
            [feeds.farm]
            url = "{url}"
            format = "text"
            max_growth = "30 %"
            max_shrink = "30 %"
            deadline = "5s"
            [sets.aol]
            feeds = ["farm"]
            mark = 1
            backend = "{backend}"
            """,
            folder,
        )
        self.firewall = firewall
        self.store = Store(create_or_upgrade(f"sqlite:///{folder}/proxyfeed.db"), host="lvs1")
        self.now = FIRST_NIGHT

    def doors(self) -> Doors:
        return Doors(
            store=self.store,
            firewall=self.firewall,
            take_in=Apart(None, fetching=partial(fetch, transport=transport())).take_in,
            send=lambda targets, events: (),
            now=self.now,
            host="lvs1",
            who="root",
        )

    def pass_one(self) -> Outcome:
        self.now += NIGHT
        return update(self.config, self.doors(), ())

    def status(self) -> list[str]:
        """
        What is wrong with the kernel.
        """
        problems = status(self.config, self.doors()).problems
        return [problem.message for problem in problems if problem.exit_code == 5]

    def close(self) -> None:
        self.store.close()


def footprint(folder: Path) -> tuple[int, list[str], list[str]]:
    """
    Open descriptors, child processes, and files of the folder.
    """
    me = Path("/proc/self")
    children = [Path(f"/proc/self/task/{task.name}/children") for task in (me / "task").iterdir()]
    processes = [one for path in children for one in path.read_text().split()]
    return (
        len(list((me / "fd").iterdir())),
        processes,
        sorted(path.name for path in folder.iterdir()),
    )


@contextmanager
def publishing(seed: int) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, publisher.__file__, str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/list.txt"
        finally:
            assert process.stdin
            process.stdin.close()


@EITHER
def test_version_after_version_misses_no_packet_and_leaves_nothing(
    lab: Lab, backend: KernelBackend, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    page = tmp_path / "list.txt"
    page.write_bytes(publisher.listing(0))
    kind = backend.spec.backend
    nights = Nights(tmp_path, page.as_uri(), backend.firewall(lab.director), kind)
    with closing(nights):
        nights.pass_one()
        names, before = all_names(lab.director), footprint(tmp_path)
        content = publisher.rows(0)

        with Flood(lab, LASTING, mark=1) as flood:
            for number in range(1, CHANGES + 1):
                content = publisher.rows(number)
                chance.shuffle(content)
                page.write_text("\n".join(content) + "\n")
                os.utime(page, ns=(0, number * 1_000_000_000))
                assert nights.pass_one().exit_code == 0

        assert flood.unmarked == 0
        assert flood.marked == flood.sent > 0
        assert len(nights.store.versions("farm")) == CHANGES + 1
        assert backend.held(lab.director) == PrefixSet.parse(content)
        assert all_names(lab.director) == names
        assert footprint(tmp_path) == before
        assert nights.status() == []
    print(f"{kind}: {CHANGES} versions, {flood.sent:,} packets, none missed")


@EITHER
def test_night_after_night_of_a_failing_publisher_nothing_false_is_believed_and_nothing_piles_up(
    director: Namespace, backend: KernelBackend, tmp_path: Path
) -> None:
    with publishing(SEED) as url:
        kind = backend.spec.backend
        nights = Nights(tmp_path, url, backend.firewall(director), kind)
        with closing(nights):
            while backend.held(director) == PrefixSet():
                nights.pass_one()
            names, before = all_names(director), footprint(tmp_path)
            published = {PrefixSet.parse(publisher.rows(n)).digest for n in range(NIGHTS * 4)}
            codes = {nights.pass_one().exit_code for _ in range(NIGHTS)}

            versions = nights.store.versions("farm")
            accepted = [one for one in versions if one.status == "accepted"]
            assert codes == {0, 3, 4}
            assert {version.digest for version in accepted} <= published
            assert backend.held(director) == nights.store.content(accepted[0])
            assert nights.status() == []
            assert all_names(director) == names
            assert footprint(tmp_path) == before
            assert (tmp_path / "proxyfeed.db").stat().st_size < MOST_BYTES
    size = (tmp_path / "proxyfeed.db").stat().st_size
    print(f"{kind}: {NIGHTS} nights, {len(accepted)} of {len(versions)} versions, {size:,} bytes")
