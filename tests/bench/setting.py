"""
What a section is given: how much to measure, and where things are.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.e2e.machine import Machine
from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.parts import missing_parts

import proxyfeed

ROOT = Path(__file__).parents[2]
# Made by `make bench` from tests/bench/requirements.lock.
PEERS = ROOT / ".venv/bench/bin"
# Where the product is that is measured.
SOURCE = Path(proxyfeed.__file__).parents[1]
# What an operator types, or cron.
PROGRAM = str(Path(sys.executable).with_name("proxyfeed"))


@dataclass
class Setting:
    """
    *folder* is for whatever a section writes; *is_quick* means small sizes and few pairs.
    """

    folder: Path
    is_quick: bool = False

    def pairs(self, usual: int) -> int:
        return min(2, usual) if self.is_quick else usual

    def size(self, usual: int) -> int:
        return usual // 20 if self.is_quick else usual

    def new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    @cached_property
    def no_kernel(self) -> str:
        """
        Why nothing can be measured in a kernel here; "" where it can.
        """
        return "; ".join(missing_parts())

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """
        A director in a network namespace of its own, with nothing configured.
        """
        with Namespace() as namespace:
            yield Machine(namespace, self.new_folder())


def find_peer(program: str) -> str | None:
    """
    A program of the peers' virtual environment, or of the system.
    """
    return shutil.which(program, path=f"{PEERS}{os.pathsep}{SYSTEM_PATH}")
