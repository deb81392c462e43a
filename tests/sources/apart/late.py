"""
Fetch and read in a child that is not let import a thing: a script, as other tests import much.

Prints what came of it; a late import ends the script with a traceback. The arguments: a URL, and
the name of a format.
"""

from __future__ import annotations

import encodings
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import packages_distributions
from pkgutil import iter_modules
from typing import Any

from proxyfeed.model import (
    CsvRules,
    Feed,
    FetchLimits,
    HtmlRules,
    JsonRules,
    Rules,
    TextRules,
)
from proxyfeed.sources import read
from proxyfeed.sources.apart import Apart, Identity
from proxyfeed.sources.fetch import fetch

RULES: dict[str, Rules] = {
    "html": HtmlRules(selector="body"),
    "text": TextRules(stamp="as of"),
    "csv": CsvRules(stamp="as of"),
    "json": JsonRules(paths=("rows[]",), prefix="cidr", stamp="as_of"),
    "json lines": JsonRules(lines=True, paths=("cidr",)),
}


# What is not there is sought in vain by anybody: optional packages, and encodings with odd names.
PACKAGES = sys.stdlib_module_names | packages_distributions().keys()
CODECS = {f"encodings.{module.name}" for module in iter_modules(encodings.__path__)}


class NoImports:
    """
    A finder that finds nothing; for a module that is there, that is an error.
    """

    def find_spec(self, name: str, *_: object) -> None:
        is_there = name.partition(".")[0] in PACKAGES
        if name.startswith("encodings."):
            is_there = name in CODECS
        if is_there:
            raise AssertionError(f"{name} is imported late")


def without_imports(work: Callable[..., Any]) -> Callable[..., Any]:
    def confined(*arguments: object) -> Any:
        sys.meta_path.insert(0, NoImports())  # type: ignore[arg-type]
        return work(*arguments)

    return confined


def main(url: str, form: str) -> None:
    identity = Identity.of("nobody") if os.geteuid() == 0 else None
    child = Apart(identity, fetching=without_imports(fetch), reading=without_imports(read))
    feed = Feed("x", (url,), RULES[form], replace(FetchLimits(), attempts=1, deadline=10.0))
    intake = child.take_in(feed, feed.urls, None)
    print(intake.verdict.outcome.value, intake.verdict.detail)


if __name__ == "__main__":
    main(*sys.argv[1:])
