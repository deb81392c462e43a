"""
The addresses of a machine, as ``ip`` lists them. Pure.
"""

from __future__ import annotations

from proxyfeed.errors import CommandFailed


def addresses_of(listing: str) -> tuple[tuple[str, str, int], ...]:
    """
    Read what ``ip -oneline address show`` prints: interface, address, prefix length::

        1: lo    inet 192.0.2.80/32 scope global lo\\       valid_lft forever ...
        2: tunl0    inet 192.0.2.80 peer 192.0.2.9/32 scope global tunl0

    Raises:
        CommandFailed: a line is none of that form.
    """
    found = []
    for line in listing.splitlines():
        words = line.split()
        try:
            interface, family, written = words[1], words[2], words[3]
            peer = words[5] if words[4:5] == ["peer"] else written
            length = int(peer.partition("/")[2] or (128 if family == "inet6" else 32))
        except (IndexError, ValueError) as exc:
            what = f"ip address printed something else than an address: {line[:80]}"
            raise CommandFailed(what, hint="ip -oneline address show") from exc
        found.append((interface, written.partition("/")[0], length))
    return tuple(found)
