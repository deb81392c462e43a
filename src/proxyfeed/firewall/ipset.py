"""
Kernel sets, read by ``ipset save`` and written by ``ipset restore``.

``restore`` is a stream, not a transaction: it stops at the first bad line, and what came before
stays. So whatever must not be seen half-done is filled aside and swapped in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from proxyfeed.command import Runner
from proxyfeed.errors import CommandFailed
from proxyfeed.firewall.members import by_kind, in_order
from proxyfeed.model import Action, LiveSet, Member, SetPlan
from proxyfeed.notation import keys_to_text

OWN_PREFIX = "proxyfeed_"
NET = "hash:net"
# Each entry has the mark that its packets get.
MARKED = "hash:net skbinfo"
SERVICE = "hash:ip,port"
_FAMILY_WORD = {4: "inet", 6: "inet6"}
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
        self._runner.run(["ipset", "restore"], "\n".join([*lines, ""]))

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
    # They stay text, in 0.3 s for 1,000,000; only what differs is read, for all would take 1.5 s.
    first, *entries = text.removesuffix("\n").split(f"\nadd {name} ")
    header = first.split()
    if len(header) < 5 or header[:2] != ["create", name] or "\n" in first:
        raise CommandFailed(f"ipset save {name} printed something else than that set")
    kind = f"{header[2]} skbinfo" if "skbinfo" in header else header[2]
    words = [word for word in header[3:] if word != "skbinfo"]
    options = dict(zip(words[::2], words[1::2], strict=False))
    return LiveSet(
        name=name,
        type=kind,
        family=6 if options.get("family") == "inet6" else 4,
        max_entries=int(options.get("maxelem", "0")),
        entries=frozenset(entries),
    )


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


def fits(count: int, live: LiveSet) -> bool:
    return count <= live.max_entries


def member_texts(family: int, members: Collection[Member]) -> list[str]:
    """
    Print members as ``add`` and ``del`` take them.
    """
    kinds = by_kind(members)
    prefixes = keys_to_text(family, [one.key for one in kinds.marked])
    marked = [
        f"{prefix} skbmark {one.mark:#x}/{one.mask:#x}"
        for prefix, one in zip(prefixes, kinds.marked, strict=True)
    ]
    return [*keys_to_text(family, kinds.keys), *marked, *kinds.texts]


def _member_lines(verb: str, name: str, plan: SetPlan, members: Collection[Member]) -> list[str]:
    return [f"{verb} {name} {text}" for text in member_texts(plan.family, members)]


def _power_of_two(count: int) -> int:
    return 1 << max(count - 1, 0).bit_length()
