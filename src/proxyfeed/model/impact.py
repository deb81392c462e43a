"""
What a change of a set means to those who are connected now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from proxyfeed.notation import Host


@dataclass(frozen=True, slots=True)
class Connection:
    """
    One entry of the kernel's table of connections. A persistence template has the *port* 0 of no
    *client*, who may be all of a network; that of a mark has a *mark* and no *virtual* service.
    """

    protocol: str
    client: Host
    port: int
    virtual: Host
    virtual_port: int
    server: str
    mark: int = 0

    @property
    def is_template(self) -> bool:
        return self.port == 0


class Fate(StrEnum):
    """
    What becomes of the mark of an address.
    """

    GAINS = "gains the mark"
    LOSES = "loses the mark"
    CHANGES = "changes its mark"


@dataclass(frozen=True, slots=True)
class Tally:
    """
    How many of one fate are on one real *server* now, from so many *clients*.
    """

    fate: Fate
    server: str
    clients: int
    connections: int
    templates: int


@dataclass(frozen=True, slots=True)
class Impact:
    """
    The *connections* and *templates* of the services of one *set*, and those of them whose address
    changes its fate. *shared* templates are for all clients of a mark, and say nothing of any.
    """

    set: str
    connections: int
    templates: int
    shared: int
    tallies: tuple[Tally, ...]
