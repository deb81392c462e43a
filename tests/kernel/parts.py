"""
What the kernel tests need of this machine, and the choice between the variants of iptables.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from tests.kernel.namespaces import SYSTEM_PATH, Namespace, NamespaceError

SO_RCVMARK = 75  # <asm-generic/socket.h>, since Linux 5.19; Python does not name it

IPTABLES_PROGRAMS = tuple(
    f"{program}{suffix}"
    for program in ("iptables", "ip6tables")
    for suffix in ("", "-restore", "-save")
)
_DEBIAN_PACKAGES = {
    "ipset": "ipset",
    "iptables": "iptables",
    "ip6tables": "iptables",
    "nft": "nftables",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
}
_USER_NAMESPACES = (
    "run as root, or let users make namespaces: sysctl -w user.max_user_namespaces=15000, and"
    " kernel.unprivileged_userns_clone=1 or kernel.apparmor_restrict_unprivileged_userns=0 where"
    " those exist"
)
# Tried in this order in one namespace; a rule needs the set before it.
_KERNEL_FEATURES = {
    "ip_set_hash_net": "ipset create probe4 hash:net",
    "ip_set_hash_net for IPv6": "ipset create probe6 hash:net family inet6",
    "nf_tables": "nft add table inet probe",
    "veth": "ip link add name probe0 type veth peer name probe1",
    "xt_set and xt_mark": (
        "iptables -t mangle -A PREROUTING -m set --match-set probe4 src -j MARK --set-mark 1"
    ),
    "xt_set and xt_mark for IPv6": (
        "ip6tables -t mangle -A PREROUTING -m set --match-set probe6 src -j MARK --set-mark 1"
    ),
}


def missing_parts(path: str = SYSTEM_PATH) -> list[str]:
    """
    Say what these tests lack here, each in words with what would help; programs are sought in
    *path*.
    """
    missing = [
        f"{program} is not installed (Debian package {package})"
        for program, package in _DEBIAN_PACKAGES.items()
        if shutil.which(program, path=path) is None
    ]
    if missing:
        return missing
    try:
        namespace = Namespace()
    except NamespaceError as exc:
        return [f"{exc}; {_USER_NAMESPACES}"]
    with namespace:
        return [*_missing_features(namespace)]


def _missing_features(namespace: Namespace) -> list[str]:
    missing = []
    for feature, command in _KERNEL_FEATURES.items():
        tried = namespace.run(*command.split(), check=False)
        if tried.returncode:
            said = tried.stderr.strip()
            missing.append(f"the kernel has no {feature}: {command!r} says {said!r}")
    try:
        raw = (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP)
        namespace.open_socket(*raw, option=SO_RCVMARK).close()
    except OSError as exc:
        missing.append(f"no socket can be asked for packet marks (SO_RCVMARK, Linux 5.19): {exc}")
    return missing


def missing_variant(variant: str) -> list[str]:
    """
    Say what *variant* of iptables, nft or legacy, lacks on a machine where no other part does.
    """
    programs = [f"{family}-{variant}" for family in ("iptables", "ip6tables")]
    missing = [
        f"{program} is not installed (Debian package iptables)"
        for program in programs
        if shutil.which(program, path=SYSTEM_PATH) is None
    ]
    if missing:
        return missing
    with Namespace() as namespace:
        tried = [namespace.run(each, "-t", "mangle", "-S", check=False) for each in programs]
    return [
        f"the kernel does not serve {program}: {done.stderr.strip()}"
        for program, done in zip(programs, tried, strict=True)
        if done.returncode
    ]


def link_variant(variant: str, directory: Path) -> Path:
    """
    Make *directory* one to put first in PATH, where every iptables program is that of *variant*.
    """
    directory.mkdir()
    for name in IPTABLES_PROGRAMS:
        # iptables-save of the variant legacy is iptables-legacy-save.
        family, dash, suffix = name.partition("-")
        program = shutil.which(f"{family}-{variant}{dash}{suffix}", path=SYSTEM_PATH)
        assert program is not None, f"the variant {variant} has no program for {name}"
        (directory / name).symlink_to(program)
    return directory


def skip_or_fail(missing: Sequence[str], environ: Mapping[str, str] = os.environ) -> None:
    """
    Skip the running test if anything is *missing*; under PROXYFEED_TESTS_MUST_RUN=1 fail it.
    """
    if not missing:
        return
    reason = "; ".join(missing)
    if environ.get("PROXYFEED_TESTS_MUST_RUN") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
