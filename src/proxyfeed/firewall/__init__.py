"""
The kernel's edge: the sets and the rules of one network namespace.
"""

from __future__ import annotations

from collections.abc import Collection

from proxyfeed.firewall.command import Runner
from proxyfeed.firewall.ipset import OWN_PREFIX, Ipset, net_set, owner_of, service_set, temporary
from proxyfeed.firewall.rule import Rules
from proxyfeed.model import Live, SetSpec
from proxyfeed.prefixes import FAMILIES

__all__ = ["Firewall", "Runner"]


class Firewall:
    """
    What `proxyfeed.converge` reads from and writes to.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        runner = runner or Runner()
        self.ipset = Ipset(runner)
        self.rules = Rules(runner)

    def read(self, spec: SetSpec) -> Live:
        """
        Look at all that the kernel holds of one set, in every family that is or was served.

        Raises:
            KernelError, Unequipped: it could not be looked at. Absent is never the answer then.
        """
        names = set(self.ipset.names())
        own = {f: {net_set(spec.name, f), service_set(spec.name, f)} for f in FAMILIES}
        sets = [name for f in FAMILIES for name in sorted(own[f] & names)]
        aside = {f: set(map(temporary, own[f])) for f in FAMILIES}
        families = [f for f in FAMILIES if f in spec.families or (own[f] | aside[f]) & names]
        ruled = families if spec.install_rule else []
        return Live(
            sets={name: self.ipset.read(name) for name in sets},
            temporaries=tuple(name for f in FAMILIES for name in sorted(aside[f] & names)),
            rules={family: self.rules.read(spec.name, family) for family in ruled},
            strays={family: self.rules.read_strays(spec.name, family) for family in ruled},
        )

    def orphans(self, set_names: Collection[str]) -> tuple[str, ...]:
        """
        The kernel sets of ours that belong to none of *set_names*.
        """
        ours = [name for name in self.ipset.names() if name.startswith(OWN_PREFIX)]
        return tuple(sorted(name for name in ours if owner_of(name) not in set_names))
