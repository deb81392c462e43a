"""
The virtual services that a set needs against those that IPVS has. Pure.

*BROKEN* is what sends marked users to several servers, or to none. A real server that is missing is
a warning: keepalived and ldirectord take out what does not answer, and put in the fallback, and
both are as it should be then. So is all that costs no user a session today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from proxyfeed.errors import KernelError
from proxyfeed.lvs.lines import endpoint
from proxyfeed.lvs.processes import KEEPERS
from proxyfeed.lvs.table import service_of
from proxyfeed.model import (
    Destination,
    FwmarkService,
    Grade,
    LiveServer,
    LiveService,
    OrdinaryService,
    Remark,
)
from proxyfeed.notation import BITS

# Why a server is out is for whoever took it out to say: putting it in again unseen, or taking the
# fallback out, would send marked users to what is dead.
_ASK_THE_KEEPER = "journalctl " + " ".join(f"--unit {name}" for name in KEEPERS)


def remarks_on_marks(
    set_name: str, wanted: Iterable[FwmarkService], table: Iterable[LiveService]
) -> Iterator[Remark]:
    """
    One remark for each service that is as it should be, or one for each thing that is not.
    """
    table = tuple(table)
    for service in wanted:
        live = service_of(table, service.mark, service.family)
        yield from _Judge(set_name, service).judge(live)


def remarks_on_ordinary(
    set_name: str, wanted: Iterable[OrdinaryService], table: Iterable[LiveService]
) -> Iterator[Remark]:
    """
    Warn of a virtual service that is there for marked users alone.
    """
    known = {(one.protocol, one.address, one.port) for one in table}
    for service in wanted:
        if (service.protocol, service.address, service.port) not in known:
            place = endpoint(service.family, service.address, service.port)
            what = (
                f"{service.protocol} {place} is no virtual service: "
                "whoever is not marked meets none there"
            )
            hint = f"proxyfeed lvs render {set_name}"
            yield Remark(f"set {set_name}", Grade.WARNING, what, hint)


class _Judge:
    """
    Speaks about the service of one mark and family.
    """

    def __init__(self, set_name: str, wanted: FwmarkService) -> None:
        self._subject = f"set {set_name}"
        self._hint = f"proxyfeed lvs apply {set_name}"
        self._name = f"the IPv{wanted.family} service of mark {wanted.mark:#x}"
        self._wanted = wanted

    def judge(self, live: LiveService | None) -> Iterator[Remark]:
        if live is None:
            yield self._broken(
                "does not exist: marked packets meet the services of everybody else, which spread "
                "the addresses of one user over the servers"
            )
            return
        found = [*self._of_service(live), *self._of_servers(live)]
        yield from found or [self._ok(f"is as it should be: {_summary(live)}")]

    def _of_service(self, live: LiveService) -> Iterator[Remark]:
        wanted = self._wanted
        if not live.persistence:
            yield self._broken("is not persistent: each connection may go to another server")
        else:
            yield from self._of_persistence(live)
        if live.scheduler != wanted.scheduler:
            what = f"is scheduled by {live.scheduler}, and not by {wanted.scheduler}"
            if wanted.scheduler == "fo":
                what += ": the mark does not stay on the server that the split gives it"
            yield self._warning(what)
        if live.odd:
            yield self._warning(f"has options that proxyfeed never writes: {' '.join(live.odd)}")

    def _of_persistence(self, live: LiveService) -> Iterator[Remark]:
        wanted = self._wanted
        lengths = f"/{live.granularity}, and not by /{wanted.granularity}"
        if live.granularity > wanted.granularity:
            yield self._broken(
                f"lets clients share a template by {lengths}: a user who comes from another "
                "address meets another server"
            )
        elif live.granularity < wanted.granularity:
            yield self._warning(
                f"lets clients share a template by {lengths}: more of them than you want are on "
                "one server"
            )
        if live.persistence != wanted.persistence:
            what = f"is persistent for {live.persistence} s, and not for {wanted.persistence} s"
            if live.persistence < wanted.persistence:
                what += ": who is away for longer may meet another server"
            yield self._warning(what)

    def _of_servers(self, live: LiveService) -> Iterator[Remark]:
        if not any(server.weight > 0 for server in live.servers):
            yield self._broken("has no server of a weight above 0: marked users get no answer")
        by_address = {server.address: server for server in live.servers}
        wanted = {one.server.address: one for one in self._wanted.destinations}
        for address, destination in wanted.items():
            server = by_address.get(address)
            if server is None:
                yield self._warning(
                    f"lacks the server {address}: right while a check has taken it out, and wrong "
                    f"if it is alive; {self._hint} puts it in",
                    _ASK_THE_KEEPER,
                )
            else:
                yield from self._of_server(destination, server)
        yield from self._of_foreign(one for one in live.servers if one.address not in wanted)
        for address, count in Counter(server.address for server in live.servers).items():
            if count > 1:
                yield self._warning(f"has the server {address} {count} times, by several ports")

    def _of_server(self, destination: Destination, server: LiveServer) -> Iterator[Remark]:
        wanted = self._wanted.forwarding
        if server.forwarding is not wanted:
            yield self._broken(
                f"sends to {server.address} by {server.forwarding}, and not by {wanted}: who is "
                "sent there may get no answer"
            )
        if server.weight != destination.weight:
            why = ": it gets nobody new" if server.weight == 0 else ""
            yield self._warning(
                f"gives {server.address} the weight {server.weight}, and not "
                f"{destination.weight}{why}"
            )

    def _of_foreign(self, servers: Iterable[LiveServer]) -> Iterator[Remark]:
        fallback = self._wanted.fallback
        for server in sorted(servers, key=lambda one: one.address):
            if fallback and server.address == fallback.address:
                yield self._warning(
                    f"uses the fallback {server.address}: right while no server is alive",
                    _ASK_THE_KEEPER,
                )
            else:
                yield self._warning(f"has a server of another hand: {server.address}")

    def _ok(self, what: str) -> Remark:
        return Remark(self._subject, Grade.OK, f"{self._name} {what}")

    def _warning(self, what: str, hint: str = "") -> Remark:
        return Remark(self._subject, Grade.WARNING, f"{self._name} {what}", hint or self._hint)

    def _broken(self, what: str) -> Remark:
        what = f"{self._name} {what}"
        code = KernelError.exit_code
        return Remark(self._subject, Grade.BROKEN, what, self._hint, "chain", code)


def _summary(live: LiveService) -> str:
    """
    ``wlc, persistent for 3600 s by /0, 192.0.2.11 weight 1, 192.0.2.12 weight 2``.
    """
    servers = ", ".join(f"{one.address} weight {one.weight}" for one in live.servers)
    shared = "" if live.granularity == BITS[live.family] else f" by /{live.granularity}"
    return f"{live.scheduler}, persistent for {live.persistence} s{shared}, {servers}"
