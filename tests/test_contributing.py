"""
CONTRIBUTING.md draws the floors as pyproject.toml builds them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = ROOT.joinpath("CONTRIBUTING.md").read_text("utf-8")


def test_the_drawing_has_every_module_on_its_floor() -> None:
    settings = tomllib.loads(ROOT.joinpath("pyproject.toml").read_text("utf-8"))
    built = [
        set(re.split(r"[ |]+", floor))
        for contract in settings["tool"]["importlinter"]["contracts"]
        for floor in contract.get("layers", [])
    ]
    modules = set().union(*built)
    drawn = []
    # A floor begins at the left, with its modules; what they are for stands behind or below.
    for line in re.findall(
        r"^ {4}(\w.*)$", TEXT.partition("\n## Where")[2].partition("\n## ")[0], re.M
    ):
        names = re.split(r" {3,}", line)[0].split()
        drawn.append({name for name in names if name in modules})

    assert drawn == [floor for floor in built if floor != {"__main__"}]


def test_every_target_of_make_that_it_names_is_one() -> None:
    makefile = ROOT.joinpath("Makefile").read_text("utf-8")
    named = set(re.findall(r"^    make (\w+)", TEXT, re.MULTILINE))

    assert {"test", "lab", "soak", "check"} <= named
    assert named <= set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
