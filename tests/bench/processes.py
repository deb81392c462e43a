"""
Whole processes, and what each of them cost.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import launch
from tests.bench.lines import Cost, NotMeasured


@dataclass(frozen=True, slots=True)
class Job:
    """
    One program to run again and again in *folder*, where what it prints is kept for `printed`.

    *inside* is the prefix that enters a network namespace. It and the environment belong to the
    launcher, so that they cost the program nothing.
    """

    argv: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None = None
    stdin: Path = Path(os.devnull)
    inside: Sequence[str] = ()

    def run(self) -> Cost:
        """
        Run it to its end, with all the processes that it starts and waits for.

        Raises:
            NotMeasured: it could not be started, or failed; with its last words.
        """
        said = self.folder / "bench-stderr"
        launcher = subprocess.run(
            [
                *(*self.inside, sys.executable, "-I", "-S", launch.__file__),
                *(str(self.stdin), str(self._stdout), str(said), *self.argv),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=self.environment,
            cwd=self.folder,
        )
        if launcher.returncode:
            raise NotMeasured(f"{self.argv[0]}: {launcher.stderr.strip()[-300:]}")
        measured = json.loads(launcher.stdout)
        code = measured.pop("code")
        if code:
            words = f"{self.printed()[-300:]}{said.read_text()[-600:]}"
            raise NotMeasured(f"{' '.join(self.argv)[:200]} exited with {code}: {words}")
        return Cost(**measured)

    def printed(self) -> str:
        return self._stdout.read_text()

    @property
    def _stdout(self) -> Path:
        return self.folder / "bench-stdout"
