"""
The one MARK rule per family in mangle PREROUTING, known by its comment, ``proxyfeed:aol``.
"""

from __future__ import annotations

from collections.abc import Iterable

from proxyfeed.command import Runner
from proxyfeed.errors import CommandFailed, NoRights, ToolMissing
from proxyfeed.firewall.ipset import marked_set, net_set, service_set
from proxyfeed.model import SetSpec

_PROGRAM = {4: "iptables", 6: "ip6tables"}
_OTHER = {"nft": "legacy", "legacy": "nft"}
# The names of the legacy tables that are loaded; asking iptables-legacy would load them.
_LEGACY_TABLES = {4: "/proc/net/ip_tables_names", 6: "/proc/net/ip6_tables_names"}
_LOCK_SECONDS = "10"
# What iptables-nft says on a kernel that was built without nf_tables, where no rule can be.
_NO_NFT = "Failed to initialize nft: Protocol not supported"


def comment(set_name: str) -> str:
    return f"proxyfeed:{set_name}"


def wanted_rule(spec: SetSpec, family: int) -> str:
    """
    The rule that should stand in mangle PREROUTING, as ``iptables -S`` prints it.

    Any number of virtual services is matched by one set of address,port. With a split each entry
    brings its own mark (``--map-mark`` in iptables-extensions(8)); the set is matched as well, so
    that the rule's counter counts what is marked.
    """
    *services, addresses = rule_sets(spec, family)
    words = ["-A", "PREROUTING"]
    for name in services:
        words += ["-m", "set", "--match-set", name, "dst,dst"]
    words += ["-m", "set", "--match-set", addresses, "src"]
    words += ["-m", "comment", "--comment", comment(spec.name)]
    if spec.split:
        words += ["-j", "SET", "--map-set", addresses, "src", "--map-mark"]
    else:
        words += ["-j", "MARK", "--set-xmark", f"{spec.mark:#x}/{spec.mask:#x}"]
    return " ".join(words)


def rule_sets(spec: SetSpec, family: int) -> tuple[str, ...]:
    """
    The ipsets that the rule of one family looks at.
    """
    has_services = any(service.family == family for service in spec.virtual)
    services = (service_set(spec.name, family),) if has_services else ()
    addresses = marked_set if spec.split else net_set
    return (*services, addresses(spec.name, family))


def looks_at(rule: str, set_name: str) -> bool:
    """
    Whether a rule, as ``iptables -S`` prints it, matches the ipset of this kernel name.
    """
    return f" --match-set {set_name} " in rule


class Rules:
    """
    The mangle tables of this network namespace.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._variant: str | None = None

    def variant(self) -> str:
        """
        What ``iptables`` is on this host: ``nft`` or ``legacy``.

        Raises:
            CommandFailed: ip6tables is of the other kind, and the two must never be mixed.
        """
        if self._variant is None:
            kinds = {family: self._kind(_PROGRAM[family]) for family in _PROGRAM}
            if kinds[4] != kinds[6]:
                raise CommandFailed(
                    f"iptables is of the kind {kinds[4]} and ip6tables of the kind {kinds[6]}",
                    hint=f"update-alternatives --set ip6tables /usr/sbin/ip6tables-{kinds[4]}",
                )
            self._variant = kinds[4]
        return self._variant

    def read(self, set_name: str, family: int) -> tuple[str, ...]:
        """
        Our rules of this set in the tables that the host uses.
        """
        return self._own(_PROGRAM[family], set_name)

    def read_strays(self, set_name: str, family: int) -> tuple[str, ...]:
        """
        Our rules of this set in the tables of the other variant, if it is installed and in use.
        """
        other = _OTHER[self.variant()]
        if other == "legacy" and "mangle" not in self._legacy_tables(family):
            return ()
        try:
            return self._own(f"{_PROGRAM[family]}-{other}", set_name)
        except ToolMissing:
            return ()
        except CommandFailed as exc:
            if _NO_NFT in exc.message:
                return ()
            raise

    def listing(self, family: int) -> str:
        """
        The whole mangle table that the host uses, with its counters.
        """
        return self._runner.run([_PROGRAM[family], "-w", _LOCK_SECONDS, "-t", "mangle", "-S", "-v"])

    def listing_if_any(self, family: int) -> str:
        """
        The same, for who has no rule there: nothing where iptables cannot be, or has no such table.
        """
        try:
            if self.variant() == "legacy" and "mangle" not in self._legacy_tables(family):
                return ""
            return self.listing(family)
        except ToolMissing:
            return ""
        except CommandFailed as exc:
            if _NO_NFT in exc.message:
                return ""
            raise

    def change(self, family: int, remove: Iterable[str], add: str | None) -> None:
        """
        Put *add* in and take *remove* out, in one transaction; all else stays where it is.
        """
        self._restore(f"{_PROGRAM[family]}-restore", remove, add)

    def remove_strays(self, family: int, remove: Iterable[str]) -> None:
        other = _OTHER[self.variant()]
        self._restore(f"{_PROGRAM[family]}-{other}-restore", remove, None)

    def _restore(self, program: str, remove: Iterable[str], add: str | None) -> None:
        lines = ["*mangle", *([add] if add else [])]
        lines += [line.replace("-A ", "-D ", 1) for line in remove]
        script = "".join(f"{line}\n" for line in [*lines, "COMMIT"])
        self._runner.run([program, "--noflush", "-w", _LOCK_SECONDS], script)

    def _own(self, program: str, set_name: str) -> tuple[str, ...]:
        listing = self._runner.run(
            [program, "-w", _LOCK_SECONDS, "-t", "mangle", "-S", "PREROUTING"]
        )
        # Some versions print the comment in quotes. Foreign rules are not taken apart.
        own = comment(set_name)
        lines = (line.replace(f'"{own}"', own) for line in listing.splitlines())
        return tuple(line for line in lines if f" --comment {own} " in line)

    def _kind(self, program: str) -> str:
        printed = self._runner.run([program, "--version"])  # "iptables v1.8.9 (nf_tables)"
        return "nft" if "nf_tables" in printed else "legacy"

    def _legacy_tables(self, family: int) -> list[str]:
        try:
            return self._runner.run(["cat", _LEGACY_TABLES[family]]).split()
        except CommandFailed as exc:
            if "No such file" in exc.message:
                return []  # the module is not even loaded
            raise
        except NoRights:
            # The host's root can read it. Who cannot is in a user namespace, made by `unshare -rn`
            # or the like, and its tables are as old as that.
            return []
