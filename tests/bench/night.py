"""
A night on which nothing has changed (304), beside a Python that imports the same modules.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from tests.bench.lines import Line, NotMeasured
from tests.bench.pairs import Pairs
from tests.bench.past import lengthen_past
from tests.bench.publishing import Feed, aol_feed, relay_feed
from tests.bench.setting import Setting

_AIM = 1.5
_PAST = 1_000
_BESIDE = "python + the same imports"
# What is loaded at the end, in the order in which it was asked for.
_NOTE_MODULES = """\
import sys
from pathlib import Path
from proxyfeed.cli import main
try:
    main()
finally:
    # Not _sysconfigdata__linux_x86_64-linux-gnu, which no statement can import.
    names = [name for name in sys.modules if name.replace(".", "").isidentifier()]
    names.remove("__main__")
    Path("night_imports.py").write_text("".join(f"import {name}\\n" for name in names))
"""


def measure(setting: Setting) -> Iterator[Line]:
    for name, open_feed in (("AOL", aol_feed), ("iCloud size", relay_feed)):
        with open_feed(setting) as feed:
            feed.job("update", "--quiet").run()
            yield _night(setting, feed, f"304, {name}")
            versions = setting.size(_PAST)
            lengthen_past(feed.machine.database, versions)
            feed.job("update", "--quiet").run()
            yield _night(setting, feed, f"304, {name}, {versions:,} versions behind it")


def _night(setting: Setting, feed: Feed, work: str) -> Line:
    update = feed.job("update", "--quiet")
    _check_unchanged(feed)
    feed.program(sys.executable, "-c", _NOTE_MODULES, "update", "--quiet").run()
    imports = feed.program(sys.executable, "-c", "import night_imports")
    pairs = Pairs.measure(update.run, imports.run, setting.pairs(5))
    return pairs.line("night", work, _BESIDE, _AIM)


def _check_unchanged(feed: Feed) -> None:
    asked = feed.job("update", "--json")
    asked.run()
    outcomes = [one["outcome"] for one in json.loads(asked.printed())["data"]["feeds"]]
    if outcomes != ["not modified"]:
        raise NotMeasured(f"the page had not changed, and the run says {outcomes}")
