"""
The small phrases that several reports share.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from proxyfeed.model import Diff, Version
from proxyfeed.notation import key_to_text
from proxyfeed.prefixes import FAMILIES, PrefixSet


def when(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC" if time else "never"


def addresses(prefixes: PrefixSet) -> str:
    """
    ``56,452 IPv4 + 0 IPv6 addresses``.
    """
    return (
        f"{prefixes.family(4).addresses:,} IPv4 + {prefixes.family(6).addresses:,} IPv6 addresses"
    )


def version_addresses(version: Version) -> str:
    return f"{version.addresses_ipv4:,} IPv4 + {version.addresses_ipv6:,} IPv6 addresses"


def change(diff: Diff) -> str:
    """
    ``IPv4 +128 -10,368 addresses``, or that none differs.
    """
    parts = []
    for family in FAMILIES:
        added, removed = diff.added.family(family), diff.removed.family(family)
        if added or removed:
            parts.append(f"IPv{family} +{added.addresses:,} -{removed.addresses:,} addresses")
    return ", ".join(parts) or "no address differs"


def diff_body(diff: Diff) -> Iterator[str]:
    """
    ``-`` and ``+`` lines of the prefixes that go and come, in address order.
    """
    for family in FAMILIES:
        signed = [(key, "-") for key in diff.removed.keys(family)]
        signed += [(key, "+") for key in diff.added.keys(family)]
        for key, sign in sorted(signed):
            yield f"{sign}{key_to_text(family, key)}"


def numbers(versions: tuple[int, ...]) -> str:
    """
    ``version 3``, or ``versions 3, 7``.
    """
    return f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"
