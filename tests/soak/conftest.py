"""
The fixtures of the kernel tests.
"""

from tests.kernel.conftest import backend, director, lab, missing

__all__ = ["backend", "director", "lab", "missing"]
