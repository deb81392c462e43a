"""
What a person is told at three in the morning.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.machine import Done


@dataclass(frozen=True)
class Met(Done):
    """
    What came of a command that met an *error*.
    """

    error: BaseException


def assert_told(done: Done, codes: int | set[int], word: str = "") -> None:
    """
    A command failed with one of *codes*, in two lines or more for a person, that say *word*.
    """
    lines = done.err.splitlines()
    assert done.code in ({codes} if isinstance(codes, int) else codes), done
    assert "Traceback" not in done.err, done
    assert "None" not in done.err, done
    assert any(line.startswith("proxyfeed: ") for line in lines), done
    assert any(line.startswith("try: ") for line in lines), done
    assert word in done.err, done
