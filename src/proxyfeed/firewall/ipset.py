"""
Kernel sets, read by ``ipset save`` and written by ``ipset restore``.

``restore`` is a stream, not a transaction: it stops at the first bad line, and what came before
stays. So whatever must not be seen half-done is filled aside and swapped in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proxyfeed.command import Runner
from proxyfeed.errors import BadPrefix, CommandFailed
from proxyfeed.model import Action, LiveSet, MarkedKey, Member, SetPlan
from proxyfeed.notation import key_to_text, read_prefix

OWN_PREFIX = "proxyfeed_"
NET = "hash:net"
# Each entry has the mark that its packets get.
MARKED = "hash:net skbinfo"
SERVICE = "hash:ip,port"
_FAMILY_WORD = {4: "inet", 6: "inet6"}
_ALL_BITS = 0xFFFFFFFF
_LEAST_ENTRIES = 65_536
_LEAST_HASH = 1_024


def net_set(name: str, family: int) -> str:
    """
    The kernel's name for the addresses of a set: ``proxyfeed_aol_4``.
    """
    return f"{OWN_PREFIX}{name}_{family}"


def marked_set(name: str, family: int) -> str:
    """
    The kernel's name for the addresses of a set with a split: ``proxyfeed_relay_m4``.

    Another name than without: when a set is split, or no longer, the one stays until the rule looks
    at the other.
    """
    return f"{OWN_PREFIX}{name}_m{family}"


def service_set(name: str, family: int) -> str:
    """
    The kernel's name for the virtual services of a set: ``proxyfeed_aol_v4``.
    """
    return f"{OWN_PREFIX}{name}_v{family}"


def temporary(name: str) -> str:
    return f"{name}_new"


def owner_of(name: str) -> str:
    """
    The set that a kernel set of ours belongs to: ``aol`` for ``proxyfeed_aol_v4_new``.
    """
    return name.removeprefix(OWN_PREFIX).partition("_")[0]


class Ipset:
    """
    The ipsets of this network namespace.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def names(self) -> tuple[str, ...]:
        return tuple(self._runner.run(["ipset", "list", "-n"]).split())

    def read(self, name: str) -> LiveSet:
        """
        Raises:
            CommandFailed: the set does not exist, or could not be read.
        """
        # Never `save -s`: sorting is quadratic, 224 s for 100,000 entries.
        return parse_save(self._runner.run(["ipset", "save", name]), name)

    def restore(self, lines: Iterable[str]) -> None:
        self._runner.run(["ipset", "restore"], "".join(f"{line}\n" for line in lines))

    def destroy(self, name: str) -> None:
        self._runner.run(["ipset", "destroy", name])


def parse_save(text: str, name: str) -> LiveSet:
    """
    Read what ``ipset save NAME`` prints.

    ::

        create proxyfeed_aol_4 hash:net family inet hashsize 1024 maxelem 65536 bucketsize 12
        add proxyfeed_aol_4 64.12.96.0/19
        add proxyfeed_aol_4 192.0.2.1
        add proxyfeed_relay_m4 64.12.96.0/19 skbmark 0xb/0xffff
    """
    lines = iter(text.splitlines())
    header = next(lines, "").split()
    if len(header) < 5 or header[:2] != ["create", name]:
        raise CommandFailed(f"ipset save {name} printed something else than that set")
    is_marked = "skbinfo" in header
    kind = f"{header[2]} skbinfo" if is_marked else header[2]
    words = [word for word in header[3:] if word != "skbinfo"]
    options = dict(zip(words[::2], words[1::2], strict=False))
    family = 6 if options.get("family") == "inet6" else 4
    known = [text.removeprefix(f"add {name} ") for text in lines]
    members: frozenset[Member] = frozenset(known)
    odd: tuple[str, ...] = ()
    if kind in (NET, MARKED):
        members, odd = _read_members(family, known, is_marked=is_marked)
    return LiveSet(
        name=name,
        type=kind,
        family=family,
        max_entries=int(options.get("maxelem", "0")),
        members=members,
        odd=odd,
    )


def _read_members(
    family: int, texts: list[str], *, is_marked: bool
) -> tuple[frozenset[Member], tuple[str, ...]]:
    read = _marked_keys if is_marked else _keys
    members: list[Member] = []
    odd = []
    for text in texts:
        try:
            members += read(family, text)
        except (BadPrefix, ValueError):
            odd.append(text)  # for example "10.1.0.0/16 nomatch"
    return frozenset(members), tuple(odd)


def _keys(family: int, text: str) -> list[int]:
    written = read_prefix(text)
    if written.family != family:
        raise ValueError(text)
    return written.keys


def _marked_keys(family: int, text: str) -> list[MarkedKey]:
    """
    Read ``64.12.96.0/19 skbmark 0xb/0xffff``; a mask of all bits is not printed.
    """
    prefix, word, written = text.split(" ")
    mark, _, mask = written.partition("/")
    if word != "skbmark":
        raise ValueError(text)
    bits = int(mask, 16) if mask else _ALL_BITS
    return [MarkedKey(key, int(mark, 16), bits) for key in _keys(family, prefix)]


def fill_lines(name: str, plan: SetPlan) -> Iterator[str]:
    """
    Make a set of *name* that holds the target of *plan*, with head-room to grow.
    """
    count = len(plan.target)
    entries = max(_LEAST_ENTRIES, _power_of_two(2 * count))
    size = max(_LEAST_HASH, _power_of_two(count // 2))
    # Without the option that forgives an existing set: it would hide one of another type.
    kind, *extension = plan.type.split()
    words = [
        *("create", name, kind, "family", _FAMILY_WORD[plan.family]),
        *("hashsize", str(size), "maxelem", str(entries), *extension),
    ]
    yield " ".join(words)
    yield from _member_lines("add", name, plan, in_order(plan.target))


def commit_lines(plans: Sequence[SetPlan]) -> Iterator[str]:
    """
    Bring in what was filled aside, and the small changes: all that adds before all that deletes.
    """
    for plan in plans:
        if plan.action is Action.DELTA:
            yield from _member_lines("add", plan.name, plan, plan.add)
    for plan in plans:
        if plan.action is Action.REPLACE:
            yield f"swap {temporary(plan.name)} {plan.name}"
        elif plan.action is Action.CREATE:
            yield f"rename {temporary(plan.name)} {plan.name}"
    for plan in plans:
        if plan.action is Action.DELTA:
            yield from _member_lines("del", plan.name, plan, plan.delete)


def in_order(members: Iterable[Member]) -> tuple[Member, ...]:
    return tuple(sorted(members, key=_order))


def _order(member: Member) -> tuple[bool, Member]:
    return isinstance(member, str), member


def fits(count: int, live: LiveSet) -> bool:
    return count <= live.max_entries


def member_text(family: int, member: Member) -> str:
    match member:
        case MarkedKey(key, mark, mask):
            return f"{key_to_text(family, key)} skbmark {mark:#x}/{mask:#x}"
        case int():
            return key_to_text(family, member)
    return member


def _member_lines(verb: str, name: str, plan: SetPlan, members: Iterable[Member]) -> Iterator[str]:
    for member in members:
        yield f"{verb} {name} {member_text(plan.family, member)}"


def _power_of_two(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()
