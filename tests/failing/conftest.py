"""
Fixtures of the tests in which something that is not ours fails: a disk, a kernel, a library.
"""

from __future__ import annotations

from tests.e2e.conftest import equipped, first_night, machine, missing, running, site
from tests.kernel.conftest import director

__all__ = ["director", "equipped", "first_night", "machine", "missing", "running", "site"]
