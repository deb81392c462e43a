"""
What the settings of a kernel mean for virtual services: on the director, and on a real server.

The facts are from ipvs-sysctl.rst and ip-sysctl.rst of the kernel's documentation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from proxyfeed.errors import KernelError
from proxyfeed.lvs.sysctls import Sysctls
from proxyfeed.model import Forwarding, Grade, Remark, VirtualService

DIRECTOR, REAL_SERVER = "director", "real server"
_STRICT = 1
_VS = "net.ipv4.vs."
_FORWARDS = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_TUNNELS = {4: ("tunl0", "ipip"), 6: ("ip6tnl0", "ip6_tunnel")}
# What each is for, where it is 0.
_WANTED_ON = {
    f"{_VS}expire_nodest_conn": "connections to a server that was taken out hang until they time "
    "out, and are not ended at once",
    f"{_VS}expire_quiescent_template": "of a server whose weight is set to 0, as ldirectord does "
    "with quiescent=yes, marked users are still sent to it",
}


def remarks_on_director(
    sysctls: Sysctls, ways: Collection[tuple[Forwarding, int]]
) -> Iterator[Remark]:
    """
    Judge the settings of this machine as that which forwards in all these *ways*, each with the
    address family that goes it.
    """
    yield from _of_ipvs(sysctls)
    for way, family in sorted(ways):
        if way is Forwarding.MASQUERADE:
            yield _of_masquerading(sysctls, _FORWARDS[family])
    yield from _of_reverse_paths(sysctls)


def remarks_on_real_server(
    sysctls: Sysctls,
    ways: Collection[Forwarding],
    virtual: Iterable[VirtualService],
    addresses: Collection[tuple[str, str, int]],
) -> Iterator[Remark]:
    """
    Judge this machine as a real server that gets packets for the addresses of *virtual*.

    *addresses* are those of this machine: interface, address, prefix length.
    """
    if ways == {Forwarding.MASQUERADE}:
        what = "nothing is needed with nat, but that the way back leads over the director"
        yield Remark(REAL_SERVER, Grade.NOTE, what, "ip route")
        return
    for family, address in sorted({(one.family, one.address) for one in virtual}):
        yield _of_own_address(family, address, addresses)
    yield from _of_arp(sysctls, virtual)
    if Forwarding.TUNNEL in ways:
        for family in sorted({one.family for one in virtual}):
            yield from _of_tunnel(sysctls, family)


def _of_tunnel(sysctls: Sysctls, family: int) -> Iterator[Remark]:
    """
    The interface by which packets of the director come out; IPv6 has no rp_filter.
    """
    name, module = _TUNNELS[family]
    strict = dict(sysctls.strictest("rp_filter")).get(name)
    if strict is None:
        what = f"there is no {name}, by which packets of the director come out of their tunnel"
        yield _broken(REAL_SERVER, what, f"modprobe {module} && ip link set {name} up")
    elif family == 4 and strict == _STRICT:
        what = f"rp_filter is strict on {name}: what comes by the tunnel is dropped"
        yield _broken(REAL_SERVER, what, f"sysctl -w net.ipv4.conf.{name}.rp_filter=2")


def _of_ipvs(sysctls: Sysctls) -> Iterator[Remark]:
    for name, breaks in _WANTED_ON.items():
        value = sysctls.number(name)
        if value is None:
            what = f"{name} is not there: the module ip_vs is not loaded"
            yield Remark(DIRECTOR, Grade.WARNING, what, "modprobe ip_vs")
        elif value == 0:
            yield Remark(DIRECTOR, Grade.WARNING, f"{name} is 0: {breaks}", f"sysctl -w {name}=1")
        else:
            yield Remark(DIRECTOR, Grade.OK, f"{name} is {value}")
    tracks = sysctls.number(f"{_VS}conntrack")
    if tracks is not None:
        why = "rules by the state of connections see those of IPVS" if tracks else "as is usual"
        yield Remark(DIRECTOR, Grade.NOTE, f"{_VS}conntrack is {tracks}: {why}")


def _of_masquerading(sysctls: Sysctls, name: str) -> Remark:
    if sysctls.number(name):
        return Remark(DIRECTOR, Grade.OK, f"{name} is on")
    what = f"{name} is 0: with forwarding by nat no answer gets back to a client"
    return _broken(DIRECTOR, what, f"sysctl -w {name}=1")


def _of_reverse_paths(sysctls: Sysctls) -> Iterator[Remark]:
    """
    With a single interface the way back is always that on which a packet came.
    """
    found = [one for one in sysctls.strictest("rp_filter") if one[0] != "lo"]
    strict = [interface for interface, value in found if value == _STRICT]
    if strict and len(found) > 1:
        what = (
            f"rp_filter is strict on {', '.join(strict)}: a client whose way back leads over "
            "another interface is dropped after it is marked, and before it meets a service"
        )
        hint = "sysctl -w " + " ".join(f"net/ipv4/conf/{one}/rp_filter=2" for one in strict)
        yield Remark(DIRECTOR, Grade.WARNING, what, hint)
    elif found:
        yield Remark(DIRECTOR, Grade.OK, "rp_filter drops no client by its way back")


def _of_own_address(
    family: int, address: str, addresses: Collection[tuple[str, str, int]]
) -> Remark:
    longest = {4: 32, 6: 128}[family]
    there = [(name, length) for name, one, length in addresses if one == address]
    if not there:
        what = f"{address} is no address of this machine: what the director sends is not for it"
        return _broken(REAL_SERVER, what, f"ip address add {address}/{longest} dev lo")
    for name, length in there:
        if name == "lo" and length < longest:
            what = f"{address}/{length} is on lo: its whole network is taken for this machine"
            hint = f"ip address add {address}/{longest} dev lo; ip address del {address}/{length} "
            return _broken(REAL_SERVER, what, f"{hint}dev lo")
    return Remark(REAL_SERVER, Grade.OK, f"{address} is on {there[0][0]}")


def _of_arp(sysctls: Sysctls, virtual: Iterable[VirtualService]) -> Iterator[Remark]:
    """
    IPv6 needs none of it: a neighbour is answered for addresses of the very interface only.
    """
    if not any(one.family == 4 for one in virtual):
        return
    for name, least, breaks in (
        (
            "arp_ignore",
            1,
            "it answers for the virtual address itself, and takes it from the director",
        ),
        ("arp_announce", 2, "it tells others that the virtual address is here"),
    ):
        found = [one for one in sysctls.strictest(name) if one[0] != "lo"]
        loose = [interface for interface, value in found if value < least]
        if loose:
            what = f"{name} is below {least} on {', '.join(loose)}: {breaks}"
            yield _broken(REAL_SERVER, what, f"sysctl -w net.ipv4.conf.all.{name}={least}")
        else:
            yield Remark(REAL_SERVER, Grade.OK, f"{name} is {least} or more everywhere")


def _broken(subject: str, what: str, hint: str) -> Remark:
    return Remark(subject, Grade.BROKEN, what, hint, "sysctl", KernelError.exit_code)
