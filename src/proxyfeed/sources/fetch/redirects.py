"""
Where a redirect may lead: not from https to http, and not from the Internet into private space.
"""

from __future__ import annotations

import socket

from proxyfeed.errors import FetchError
from proxyfeed.model import FetchOutcome

STATUSES = frozenset({301, 302, 303, 307, 308})

# IPv4 inside IPv6: mapped, as a socket shows it (RFC 4291), and by way of NAT64 (RFC 6052).
_CARRY_IPV4 = tuple(
    socket.inet_pton(socket.AF_INET6, prefix)[:12] for prefix in ("::ffff:0:0", "64:ff9b::")
)


class Border:
    """
    Keeps a feed that is on the Internet out of the networks that only the director can reach.

    The director stands behind the operator's firewall, and whoever publishes a list, or has taken
    it over, does not: a redirect to ``http://169.254.169.254/`` would have the director ask the
    cloud for its own secrets. A feed whose own *host* is inside may be redirected inside.
    """

    def __init__(self, host: str) -> None:
        self._origin = [host]

    def start_at(self, address: str) -> None:
        """
        Note the *address* that the feed's own URL led to, before any redirect.
        """
        self._origin.append(address)

    def check(self, host: str) -> None:
        """
        Refuse *host*, a name or an address that a redirect leads to, if it is beyond the border.

        Raises:
            FetchError: it is, with `FetchOutcome.BAD_REDIRECT`.
        """
        if is_private(host) and not any(map(is_private, self._origin)):
            raise FetchError(
                FetchOutcome.BAD_REDIRECT,
                f"never from a public address to {host}, which is in special-purpose space",
            )


def check_scheme(before: str, after: str, where: str) -> None:
    """
    Refuse a redirect to *where* that leaves the web, or gives up the encryption that it had.

    Raises:
        FetchError: it does, with `FetchOutcome.BAD_REDIRECT`.
    """
    allowed = ("https",) if before == "https" else ("https", "http")
    if after not in allowed:
        raise FetchError(FetchOutcome.BAD_REDIRECT, f"never from {before} to {where}")


def is_private(host: str) -> bool:
    """
    Tell whether *host* is an address in special-purpose space, or is called localhost (RFC 6761).

    Any other name is not: what it stands for is known when a connection to it is made.
    """
    from proxyfeed.guard import special_purpose

    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address in special_purpose()


def _address(name: str) -> str | None:
    try:
        # The resolver takes 127.1, 0x7f.1 and 2130706433 for 127.0.0.1, and so does this.
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError):
        pass
    try:
        # Without the zone of fe80::1%eth0.
        packed = socket.inet_pton(socket.AF_INET6, name.partition("%")[0])
    except (OSError, ValueError):
        return None
    if packed[:12] in _CARRY_IPV4:
        return socket.inet_ntoa(packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)
