"""
The kernel's edge: the sets and the rules of one network namespace, by either backend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from proxyfeed.command import Runner
from proxyfeed.firewall.by_ipset import ByIpset
from proxyfeed.firewall.by_nft import ByNft
from proxyfeed.firewall.mangle import parse_mangle
from proxyfeed.firewall.ruleset import parse_ruleset
from proxyfeed.firewall.way import way_of
from proxyfeed.model import Backend, Live, MarkWay, Plan, RulePlan, SetSpec

__all__ = ["Firewall", "Runner"]


class Firewall:
    """
    What `proxyfeed.converge` reads from and writes to.
    """

    def __init__(self, runner: Runner | None = None) -> None:
        runner = runner or Runner()
        self._runner = runner
        self._ipset = ByIpset(runner)
        self._nft = ByNft(runner)

    def read(self, spec: SetSpec) -> Live:
        """
        Look at all that the kernel holds of one set, in every family that is or was served, and
        what the other backend has left of it.

        Raises:
            KernelError, Unequipped: it could not be looked at. Absent is never the answer then.
        """
        if spec.backend is Backend.NFTABLES:
            former = self._ipset.read_former(spec.name)
            return replace(self._nft.read(spec.name), former=former)
        live = self._ipset.read(spec.name, spec.families, has_rule=spec.install_rule)
        return replace(live, former=self._nft.read_former(spec.name))

    def ways(self, spec: SetSpec) -> tuple[MarkWay, ...]:
        """
        Look at what the rules of others do to the packets that are marked, family by family.

        Raises:
            KernelError, Unequipped: they could not be looked at.
        """
        others = parse_ruleset(self._nft.listing())
        rules = self._ipset.rules
        listing = rules.listing if spec.backend is Backend.IPSET else rules.listing_if_any
        return tuple(
            way_of(spec, family, parse_mangle(listing(family)), others) for family in spec.families
        )

    def write(self, plan: Plan) -> None:
        """
        Carry out *plan*, but for what is left by the other backend.
        """
        if plan.backend is Backend.NFTABLES:
            self._nft.write(plan)
        else:
            self._ipset.write(plan)

    def retire(self, plan: Plan) -> None:
        """
        Take out what is left by the other backend, if anything is.
        """
        if plan.former is None:
            return
        if plan.backend is Backend.NFTABLES:
            self._ipset.retire(plan.set_name, plan.former)
        else:
            self._nft.retire(plan.set_name)

    def set_rules(self, spec: SetSpec, rules: Iterable[RulePlan]) -> None:
        if spec.backend is Backend.NFTABLES:
            self._nft.set_rules(spec.name, rules)
        else:
            self._ipset.set_rules(spec.name, rules)

    def version(self, program: str) -> str:
        """
        What *program*, one of ipset, iptables and nft, says of itself: ``ipset v7.17, ...``.

        Raises:
            ToolMissing: it is not installed.
        """
        return self._runner.run([program, "--version"]).strip()

    def orphans(self, set_names: Collection[str]) -> tuple[str, ...]:
        """
        The ipsets and tables of ours that belong to none of *set_names*.
        """
        return (*self._ipset.orphans(set_names), *self._nft.orphans(set_names))
