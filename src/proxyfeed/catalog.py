"""
The feeds that are known by name. They are data: ``catalog.toml``, beside this file.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from proxyfeed.shipped import shipped


@cache
def catalog() -> dict[str, dict[str, Any]]:
    """
    Each known feed's table, as a configuration would write it, by its name.

    ``shipped:`` URLs name saved pages that travel with the package; they come out as ``file:``.
    """
    tables = tomllib.loads(Path(__file__).with_name("catalog.toml").read_text("utf-8"))
    for table in tables.values():
        if "urls" in table:
            table["urls"] = [_locate(url) for url in table["urls"]]
    return tables


def _locate(url: str) -> str:
    scheme, _, name = url.partition(":")
    return shipped(name).as_uri() if scheme == "shipped" else url
