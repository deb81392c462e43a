"""
The director inside the guest: the product, a feed that a file publishes, and the IPVS table.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tests.e2e import session
from tests.lab.network import DIRECTOR, REAL_SERVERS, VIP, address, run_in, set_sysctls

# In its memory: /root is closed to an ordinary user, who may have booted the guest.
FOLDER = Path("/run/director")
FEED = FOLDER / "ranges.txt"
# The guard has tests of its own; here a list may become any other at once.
_CONFIGURATION = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.farm]
url = "file:{FEED}"
format = "{{form}}"
max_growth = "100000 %"
max_shrink = "100 %"
min_interval = "0s"
{{feed}}
[sets.farm]
feeds = ["farm"]
virtual = ["{VIP[4]}:80", "[{VIP[6]}]:80"]
{{marks}}

[sets.farm.lvs]
servers = [{{servers}}]
{{lvs}}
"""
# With these a template leads to no server that is gone or has weight 0 (lvs, ipvs-sysctl.txt).
_SYSCTLS = {"net.ipv4.vs.expire_nodest_conn": 1, "net.ipv4.vs.expire_quiescent_template": 1}


def configuration(
    servers: Iterable[str] = REAL_SERVERS,
    lvs: str = "",
    *,
    marks: str = "mark = 1",
    form: str = "text",
    feed: str = "",
) -> str:
    """
    Write the configuration of one feed and one set, whose marks lead to *servers* by name.

    The other words are lines of TOML: *lvs* of the set's LVS side, *marks* of the set, *feed* of
    the feed, which is of the format *form*.
    """
    addresses = [address(name, family) for family in (4, 6) for name in servers]
    listed = ", ".join(f'"{each}"' for each in addresses)
    return _CONFIGURATION.format(form=form, feed=feed, marks=marks, servers=listed, lvs=lvs)


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Director:
    """
    The program on the director, in one process of its own: most of a short run is Python's start.
    """

    def __init__(self) -> None:
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        set_sysctls(DIRECTOR, _SYSCTLS)
        self._process: subprocess.Popen[str] | None = None

    def configure(self, text: str) -> None:
        (FOLDER / "proxyfeed.toml").write_text(text, "utf-8")

    def publish(self, prefixes: Iterable[str]) -> None:
        """
        Let the feed list *prefixes* from now on.
        """
        FEED.write_text("".join(f"{prefix}\n" for prefix in prefixes), "utf-8")

    def proxyfeed(self, *arguments: str, code: int | None = 0) -> Done:
        """
        Run one command of the program. It must exit with *code*, if that is not None.
        """
        process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        print(json.dumps(arguments), file=process.stdin, flush=True)
        done = Done(*json.loads(process.stdout.readline()))
        if code is not None and done.code != code:
            raise RuntimeError(f"proxyfeed {' '.join(arguments)} exited with {done}")
        return done

    def render(self, form: str) -> str:
        """
        Return the virtual services as the program *form* reads them.
        """
        return self.proxyfeed("lvs", "render", "--format", form).out

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            ["ip", "netns", "exec", DIRECTOR, sys.executable, session.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=FOLDER,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(FOLDER),
                "PYTHONPATH": os.environ["PYTHONPATH"],
                "PROXYFEED_CONFIG": str(FOLDER / "proxyfeed.toml"),
                "PROXYFEED_STATE": str(FOLDER / "state"),
            },
        )
        return self._process


def load_table(text: str) -> None:
    """
    Let ``ipvsadm -R`` take *text*, in place of the whole table.
    """
    run_in(DIRECTOR, "ipvsadm", "-C")
    run_in(DIRECTOR, "ipvsadm", "-R", input=text)


def change_table(*argv: str) -> None:
    run_in(DIRECTOR, "ipvsadm", *argv)


def table() -> str:
    """
    The table as ``ipvsadm -Sn`` prints it.
    """
    return run_in(DIRECTOR, "ipvsadm", "-Sn")


def await_that(holds: Callable[[], Any], what: str, seconds: float = 120.0) -> None:
    """
    Ask until *holds* says yes.

    Raises:
        RuntimeError: when it never does within *seconds*.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError(f"in {seconds:.0f} s it never came to be that {what}\n{table()}")
        pause.wait(0.1)
