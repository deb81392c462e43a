"""
The kernel's settings of this network namespace, as files under ``/proc/sys``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ALL = frozenset({"all", "default"})


@dataclass(frozen=True, slots=True)
class Sysctls:
    """
    What `sysctl` shows, from *root*.
    """

    root: Path = Path("/proc/sys")

    def number(self, name: str) -> int | None:
        """
        The value of ``net.ipv4.ip_forward``, None where this kernel has no such thing.

        Those of IPVS are there when its module is. A name of an interface may have dots in it, so
        the parts of *name* may be parted by ``/`` as well, as sysctl(8) has it.
        """
        parts = name.split("/") if "/" in name else name.split(".")
        try:
            return int(self.root.joinpath(*parts).read_text("ascii"))
        except (OSError, ValueError):
            return None

    def interfaces(self) -> tuple[str, ...]:
        """
        The interfaces of this network namespace.
        """
        try:
            found = sorted(path.name for path in self.root.joinpath("net/ipv4/conf").iterdir())
        except OSError:
            return ()
        return tuple(name for name in found if name not in _ALL)

    def strictest(self, name: str) -> Iterator[tuple[str, int]]:
        """
        What counts on each interface for a setting such as ``rp_filter``: the greater of its own
        value and that of ``all`` (ip-sysctl.rst).
        """
        everywhere = self.number(f"net.ipv4.conf.all.{name}") or 0
        for interface in self.interfaces():
            own = self.number(f"net/ipv4/conf/{interface}/{name}") or 0
            yield interface, max(own, everywhere)
