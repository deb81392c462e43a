"""
What a database grows by, and whether a long past makes anything slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.bench.inputs import disjoint, two_nights
from tests.bench.lines import Line
from tests.bench.pairs import Pairs
from tests.bench.past import make_past, new_reading
from tests.bench.processes import Job
from tests.bench.setting import PROGRAM, SOURCE, Setting
from tests.store.readings import open_store

from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import create_or_upgrade

_NIGHTS = 100
_SHORT, _LONG = 10, 1_000
_CONFIGURATION = """\
database = "sqlite:///proxyfeed.db"

[feeds.relay]
url = "https://lists.example.net/relay.txt"
format = "text"

[sets.relay]
feeds = ["relay"]
mark = 1
"""


def measure(setting: Setting) -> Iterator[Line]:
    yield from _grow(setting)
    yield from _read(setting)


def _grow(setting: Setting) -> Iterator[Line]:
    """
    Nights that each bring back what the last one took, and take another 1 %.
    """
    size = setting.size(300_000)
    change = size // 100
    database = setting.new_folder() / "proxyfeed.db"
    create_or_upgrade(f"sqlite:///{database}").dispose()
    began = datetime.now(UTC) - timedelta(days=_NIGHTS)
    first = 0
    for number, content in enumerate(_nights(disjoint(size + change), _NIGHTS + 1, change)):
        with closing(open_store(database)) as store:
            reading = new_reading("relay", content, str(number).encode())
            store.record([reading], began + timedelta(days=number))
        first = first or database.stat().st_size
    last = database.stat().st_size
    work = f"{_NIGHTS} nights, {change:,} out and in at {size:,}"
    yield Line("growth", f"{work}: the file", "the first night", last / first, "fold", 2.6)
    per_change = (last - first) / (_NIGHTS * 2 * change)
    note = f"{first / 2**20:.1f} MiB, then {last / 2**20:.1f}; without the kept bodies"
    yield Line("growth", f"{work}: a change", "", per_change, "bytes", 40, note)


def _nights(content: PrefixSet, count: int, change: int) -> Iterator[PrefixSet]:
    """
    *content* less a window of *change* prefixes, which moves on from night to night.
    """
    keys = [*content.ipv4, *content.ipv6]
    split = len(content.ipv4)
    # A stride that meets every prefix before it meets one again.
    order = sorted(range(len(keys)), key=lambda n: n * 7919 % len(keys))
    for night in range(count):
        start = night * change % len(keys)
        out = set(order[start : start + change])
        kept4 = [keys[n] for n in range(split) if n not in out]
        kept6 = [keys[n] for n in range(split, len(keys)) if n not in out]
        yield PrefixSet(tuple(kept4), tuple(kept6))


def _read(setting: Setting) -> Iterator[Line]:
    """
    Commands about the past, with a short one and a long one behind them.
    """
    content, _ = two_nights(disjoint(setting.size(14_000)))
    versions = setting.size(_LONG)
    short = _with_past(setting, content, _SHORT)
    long = _with_past(setting, content, versions)
    address = next(content.lines()).partition("/")[0]
    for command, few, many in (
        ("show", "5", str(versions // 2)),
        ("diff", "4 5", f"{versions // 2} {versions // 2 + 1}"),
        ("lookup", address, address),
    ):
        ours, theirs = _job(long, command, many), _job(short, command, few)
        pairs = Pairs.measure(ours.run, theirs.run, setting.pairs(5))
        work = f"{command}, {versions:,} versions of {len(content):,} prefixes"
        yield pairs.line("growth", work, f"the same at {_SHORT}", 2)


def _with_past(setting: Setting, content: PrefixSet, versions: int) -> Path:
    folder = setting.new_folder()
    (folder / "proxyfeed.toml").write_text(_CONFIGURATION)
    make_past(folder / "proxyfeed.db", "relay", content, versions)
    return folder


def _job(folder: Path, command: str, words: str) -> Job:
    environment = {
        "PATH": "/usr/sbin:/usr/bin",
        "HOME": str(folder),
        "PYTHONPATH": str(SOURCE),
        "PROXYFEED_CONFIG": str(folder / "proxyfeed.toml"),
        "PROXYFEED_STATE": str(folder / "state"),
    }
    return Job((PROGRAM, command, *words.split()), folder, environment)
