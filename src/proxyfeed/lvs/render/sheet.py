"""
What is to be rendered, in no tool's words: every service once, with the sets that it is for. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from proxyfeed.errors import Inexpressible
from proxyfeed.lvs.services import fwmark_services, ordinary_services
from proxyfeed.model import Check, FwmarkService, LvsSpec, OrdinaryService, SetSpec, VirtualService

Side = tuple[SetSpec, LvsSpec]


@dataclass(frozen=True, slots=True)
class Marked:
    """
    The service of one mark of *spec* in one family.
    """

    spec: SetSpec
    service: FwmarkService
    check: Check


@dataclass(frozen=True, slots=True)
class Ordinary:
    """
    A service for everybody else; *sets* are the names of those that have it as a virtual service.
    """

    sets: tuple[str, ...]
    service: OrdinaryService
    check: Check

    @property
    def name(self) -> VirtualService:
        one = self.service
        return VirtualService(one.family, one.address, one.port, one.protocol)


Entry = Marked | Ordinary


@dataclass(frozen=True, slots=True)
class Sheet:
    sides: tuple[Side, ...]
    marked: tuple[Marked, ...]
    ordinary: tuple[Ordinary, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return (*self.marked, *self.ordinary)


@dataclass(frozen=True, slots=True)
class Rendered:
    """
    A configuration of another program; *notes* are its comments where that program takes none.
    """

    document: str
    notes: tuple[str, ...] = ()


def fill(sides: Sequence[Side]) -> Sheet:
    """
    Lay out the services of *sides*.

    Raises:
        Inexpressible: two sets share a virtual service and want it to be different.
    """
    marked = tuple(
        Marked(spec, service, lvs.check)
        for spec, lvs in sides
        for service in fwmark_services(spec, lvs)
    )
    return Sheet(tuple(sides), marked, _shared(sides))


def _shared(sides: Sequence[Side]) -> tuple[Ordinary, ...]:
    """
    The ordinary services of all sets, each once.
    """
    found: dict[VirtualService, Ordinary] = {}
    for spec, lvs in sides:
        for service in ordinary_services(spec, lvs):
            one = Ordinary((spec.name,), service, lvs.check)
            other = found.setdefault(one.name, one)
            if other is one:
                continue
            if (other.service, other.check) != (one.service, one.check):
                first = other.sets[0]
                raise Inexpressible(
                    f"sets.{spec.name}.lvs and sets.{first}.lvs differ for {one.name}, the virtual "
                    "service of both, which can be only one",
                    hint=f"write the same servers, scheduler, persistence, forwarding, fallback "
                    f"and check in both, or leave {one.name} out of one",
                )
            found[one.name] = replace(other, sets=(*other.sets, spec.name))
    return tuple(found.values())
