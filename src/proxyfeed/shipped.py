"""
Files that stand at the top of a checkout and travel inside the package once it is installed.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def shipped(name: str) -> Path:
    """
    Find ``migrations``, ``cron`` or a saved page by its path from the top of the checkout.
    """
    installed = _PACKAGE / name
    return installed if installed.exists() else _PACKAGE.parents[1] / name
