"""
Sets, rules and tables in memory, for the faults that a real kernel does not have on demand.

`FakeKernel` takes the argument lists and the streams that are really sent, and keeps what they make
of it. ``tests/kernel/test_fake_kernel.py`` holds it against the kernel that it stands for.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.fake_nft import Tables, run_nft

from proxyfeed.errors import CommandFailed
from proxyfeed.firewall import Runner

_FAMILY = {"iptables": 4, "ip6tables": 6}
_FAMILY_OPTION = {"inet": 4, "inet6": 6}
_HOST_LENGTH = {4: "/32", 6: "/128"}


@dataclass
class FakeSet:
    """
    One ipset; *members* in the order in which they came, as ``ipset save`` prints them.
    """

    type: str
    family: int
    max_entries: int
    members: list[str] = field(default_factory=list)


@dataclass
class FakeKernel:
    """
    One network namespace of a host where ``iptables`` is iptables-nft.

    *rules* are the mangle PREROUTING rules by variant and family, as ``iptables -S`` prints them
    but without the quotes, *tables* those of nftables, by names such as ``inet proxyfeed_aol``.
    *watch* is shown the kernel after every single change.
    """

    sets: dict[str, FakeSet] = field(default_factory=dict)
    rules: dict[tuple[str, int], list[str]] = field(
        default_factory=lambda: {(v, f): [] for v in ("nft", "legacy") for f in (4, 6)}
    )
    tables: Tables = field(default_factory=dict)
    watch: Callable[[FakeKernel], None] = lambda kernel: None

    def run(self, argv: Sequence[str], lines: Sequence[str]) -> str:
        """
        Carry a command out, as far as it goes, and return what it prints.

        Raises:
            CommandFailed: as the real one does; an ipset stream keeps what came before.
        """
        if argv[0] == "nft":
            return self._nft(argv[1:], lines)
        match list(argv):
            case ["ipset", "restore"]:
                for number, line in enumerate(lines, 1):
                    self._ipset(line.split(), f"Error in line {number}: ")
                return ""
            case ["ipset", "list", "-n"]:
                return "".join(f"{name}\n" for name in self.sets)
            case ["ipset", *words]:
                return self._ipset(words, "")
            case ["cat", path]:
                family = 6 if "ip6" in path else 4
                return "mangle\n" if self.rules["legacy", family] else ""
            case [program, "--version"]:
                return f"{program} v1.8.9 (nf_tables)\n"
            case [program, *_] if "restore" in program:
                self._change_rules(program, lines)
                return ""
            case [program, *_, "-S", "PREROUTING"]:
                printed = ["-P PREROUTING ACCEPT", *self.rules[_table(program)]]
                return "".join(re.sub(r"(proxyfeed:\S+)", r'"\1"', f"{x}\n") for x in printed)
        raise AssertionError(f"the fake kernel does not know {argv}")

    def _nft(self, words: Sequence[str], lines: Sequence[str]) -> str:
        before = self.tables
        self.tables, printed = run_nft(before, words, lines)
        if self.tables != before:
            self.watch(self)
        return printed

    def _ipset(self, words: Sequence[str], where: str) -> str:
        verb, *arguments = words
        carry_out: Callable[..., str | None] = getattr(self, f"_{verb}")
        try:
            printed = carry_out(*arguments)
        except _Refused as exc:
            raise CommandFailed(f"ipset failed: ipset v7.17: {where}{exc}") from None
        self.watch(self)
        return printed or ""

    def _create(self, name: str, kind: str, *options: str) -> None:
        if name in self.sets:
            raise _Refused("Set cannot be created: set with the same name already exists")
        if options[-1] == "skbinfo":
            kind, options = f"{kind} skbinfo", options[:-1]
        given = dict(zip(options[::2], options[1::2], strict=True))
        self.sets[name] = FakeSet(kind, _FAMILY_OPTION[given["family"]], int(given["maxelem"]))

    def _add(self, name: str, *words: str) -> None:
        found, member = self._set(name), " ".join(words)
        if _plain(member, found) in found.members:
            raise _Refused("Element cannot be added to the set: it's already added")
        if len(found.members) >= found.max_entries:
            raise _Refused("Hash is full, cannot add more elements")
        found.members.append(_plain(member, found))

    def _del(self, name: str, member: str) -> None:
        found = self._set(name)
        if _plain(member, found) not in found.members:
            raise _Refused("Element cannot be deleted from the set: it's not added")
        found.members.remove(_plain(member, found))

    def _swap(self, one: str, other: str) -> None:
        kinds = {(each.type, each.family) for each in (self._set(one), self._set(other))}
        if len(kinds) > 1:
            raise _Refused("Sets cannot be swapped: their type does not match")
        self.sets[one], self.sets[other] = self.sets[other], self.sets[one]

    def _rename(self, old: str, new: str) -> None:
        found = self._set(old)
        if new in self.sets or self._is_used(old):
            raise _Refused("Set cannot be renamed")
        del self.sets[old]
        self.sets[new] = found

    def _destroy(self, name: str) -> None:
        self._set(name)
        if self._is_used(name):
            raise _Refused("Set cannot be destroyed: it is in use by a kernel component")
        del self.sets[name]

    def _save(self, name: str) -> str:
        found = self._set(name)
        family = "inet6" if found.family == 6 else "inet"
        kind, *extension = found.type.split()
        header = f"create {name} {kind} family {family} hashsize 1024"
        adds = "".join(f"add {name} {member}\n" for member in found.members)
        options = " ".join([f"maxelem {found.max_entries}", *extension, "bucketsize 12"])
        return f"{header} {options} initval 0x5eed\n{adds}"

    def _set(self, name: str) -> FakeSet:
        if name not in self.sets:
            raise _Refused("The set with the given name does not exist")
        return self.sets[name]

    def _is_used(self, name: str) -> bool:
        return any(f" {name} " in rule for rules in self.rules.values() for rule in rules)

    def _change_rules(self, program: str, lines: Sequence[str]) -> None:
        table = _table(program)
        changed = list(self.rules[table])
        for line in lines:
            named = re.findall(r"--match-set (\S+)", line)
            if line.startswith("-A ") and all(name in self.sets for name in named):
                changed.append(line)
            elif line.startswith("-D ") and "-A " + line[3:] in changed:
                changed.remove("-A " + line[3:])
            elif line not in ("*mangle", "COMMIT"):
                raise CommandFailed(f"{program} failed: line {line!r} failed")
        # One transaction: a stream that is cut off has changed nothing.
        if lines[-1:] == ["COMMIT"]:
            self.rules[table] = changed
            self.watch(self)


class _Refused(Exception):
    pass


def _plain(member: str, found: FakeSet) -> str:
    prefix, *mark = member.split(maxsplit=1)
    # A mask of all bits is not printed.
    mark = [words.removesuffix("/0xffffffff") for words in mark]
    return " ".join([prefix.removesuffix(_HOST_LENGTH[found.family]), *mark])


def _table(program: str) -> tuple[str, int]:
    name, *rest = program.split("-")
    return ("legacy" if "legacy" in rest else "nft"), _FAMILY[name]


@dataclass(frozen=True)
class Command:
    """
    One program that was to be started, and what a fault may do about it.
    """

    kernel: FakeKernel
    argv: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def writes(self) -> bool:
        return bool(self.lines) or "destroy" in self.argv

    def carry_out(self, lines: int | None = None) -> str:
        """
        Do what the program does, or no more than the first *lines* of its stream. Of a script of
        nft, which is one transaction, a part does nothing.
        """
        if self.argv[0] == "nft" and lines is not None and lines < len(self.lines):
            return ""
        return self.kernel.run(self.argv, list(self.lines[:lines]))

    def __str__(self) -> str:
        return " ".join(self.argv)


Fault = Callable[[Command], str]


@dataclass(frozen=True)
class FaultyRunner(Runner):
    """
    Hands each command to the fault that *choose* has for it, by its number from 0 and itself.
    """

    kernel: FakeKernel = field(default_factory=FakeKernel)
    choose: Callable[[int, Command], Fault] = lambda number, command: Command.carry_out
    log: list[Command] = field(default_factory=list)

    def run(self, argv: Sequence[str], script: str | None = None) -> str:
        command = Command(self.kernel, tuple(argv), tuple((script or "").splitlines()))
        self.log.append(command)
        return self.choose(len(self.log) - 1, command)(command)


def copy_of(kernel: FakeKernel) -> FakeKernel:
    return copy.deepcopy(kernel)
