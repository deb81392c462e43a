"""
The way of a marked packet, link by link: what was looked at, and what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from proxyfeed.model.lvs import Forwarding


class Grade(StrEnum):
    """
    *BROKEN* is a link that does not do its work, *WARNING* one that may not, or not always. A
    *NOTE* is for whoever wonders.
    """

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Remark:
    """
    What was found of one *subject*, such as ``set aol``: *what* it breaks for whom, and as *hint*
    what to type. Only what is broken has an *exit_code*, and with it a *code* for machines.
    """

    subject: str
    grade: Grade
    what: str
    hint: str = ""
    code: str = ""
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class CheckResult:
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class DoctorResult:
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Suspect:
    """
    A rule that may undo a MARK rule of ours, as its tool lists it; with *is_certain* it does so to
    every packet.
    """

    rule: str
    is_certain: bool


@dataclass(frozen=True, slots=True)
class MarkWay:
    """
    What happens around the MARK rule of one family: which rules keep packets from it, and which
    change the mark before a virtual service is looked up. *packets* is how many it has marked, None
    where it does not stand or does not count.
    """

    family: int
    packets: int | None
    shadowing: tuple[Suspect, ...] = ()
    overwriting: tuple[Suspect, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveServer:
    """
    One real server of a virtual service, as IPVS has it. *odd* is what of its line is not known.
    """

    family: int
    address: str
    port: int
    forwarding: Forwarding
    weight: int
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveService:
    """
    One virtual service, as IPVS has it: of a *mark* if *protocol* is ``fwm``, else of an *address*
    and a *port*. *persistence* is in seconds, 0 for none; *granularity* is the prefix length by
    which clients share a template. *odd* is what of its line is not known.
    """

    protocol: str
    family: int
    mark: int
    address: str
    port: int
    scheduler: str
    persistence: int
    granularity: int
    servers: tuple[LiveServer, ...] = ()
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """
    What is to be typed for the service of one mark and family, line by line as
    ``ipvsadm --restore`` takes it, and *why*. No line: it is as it should be.
    """

    set: str
    mark: int
    family: int
    why: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LvsApplyResult:
    """
    *is_proven* says that all of it was read back as it should be.
    """

    changes: tuple[ServiceChange, ...]
    dry_run: bool = False
    is_proven: bool = True
