"""
A set as ipsets and one iptables rule per address family.

Make before break: a small change goes in as one stream that adds before it deletes; anything else
is filled into temporary sets, read back, and swapped in, both families together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress

from proxyfeed.command import Runner
from proxyfeed.errors import CommandFailed, NoRights, NotProven, Unequipped
from proxyfeed.firewall.ipset import (
    OWN_PREFIX,
    Ipset,
    commit_lines,
    fill_lines,
    marked_set,
    net_set,
    owner_of,
    service_set,
    temporary,
)
from proxyfeed.firewall.layout import compare
from proxyfeed.firewall.members import to_entries
from proxyfeed.firewall.rule import Rules, looks_at
from proxyfeed.model import Action, Live, Plan, RulePlan, SetPlan
from proxyfeed.prefixes import FAMILIES

_NAMES = (net_set, marked_set, service_set)
_ASIDE = (Action.CREATE, Action.REPLACE)


class ByIpset:
    """
    The ipsets and the mangle tables of this network namespace.
    """

    def __init__(self, runner: Runner) -> None:
        self.ipset = Ipset(runner)
        self.rules = Rules(runner)

    def read(self, set_name: str, families: Iterable[int], *, has_rule: bool) -> Live:
        """
        Look at all that is there of one set, in *families* and wherever else a set of ours is.
        """
        names = set(self.ipset.names())
        own = {f: {name(set_name, f) for name in _NAMES} for f in FAMILIES}
        sets = [name for f in FAMILIES for name in sorted(own[f] & names)]
        aside = {f: set(map(temporary, own[f])) for f in FAMILIES}
        looked = [f for f in FAMILIES if f in families or (own[f] | aside[f]) & names]
        ruled = looked if has_rule else []
        return Live(
            sets={name: self.ipset.read(name) for name in sets},
            temporaries=tuple(name for f in FAMILIES for name in sorted(aside[f] & names)),
            rules={family: self.rules.read(set_name, family) for family in ruled},
            strays={family: self.rules.read_strays(set_name, family) for family in ruled},
        )

    def read_former(self, set_name: str) -> Live | None:
        """
        What is there of a set that another backend serves now, None for nothing.

        A rule cannot be without its set, so no set means no rule.
        """
        if set_name not in map(owner_of, self._own_names()):
            return None
        live = self.read(set_name, (), has_rule=True)
        # A name such as proxyfeed_aol_saved is of another hand, and goes by no backend.
        return live if live.sets or live.temporaries else None

    def orphans(self, set_names: Collection[str]) -> tuple[str, ...]:
        """
        The ipsets of ours that belong to none of *set_names*.
        """
        return tuple(sorted(name for name in self._own_names() if owner_of(name) not in set_names))

    def write(self, plan: Plan) -> None:
        ruled = {planned.family for planned in plan.rules}
        retyped = [planned for planned in plan.sets if planned.action is Action.RETYPE]
        for planned in retyped:
            self._retype(planned, plan.set_name if planned.family in ruled else None)
        left_over = set(plan.temporaries) - {temporary(planned.name) for planned in retyped}
        # What a rule looks at cannot be destroyed before the rule is changed.
        rules = [line for planned in plan.rules for line in planned.present]
        in_use = {name for name in left_over if any(looks_at(line, name) for line in rules)}
        self._clean(left_over - in_use)
        aside = [planned for planned in plan.sets if planned.action in _ASIDE]
        for planned in aside:
            self._fill(temporary(planned.name), planned)
        commit = list(commit_lines(plan.sets))
        if commit:
            self.ipset.restore(commit)
        self.set_rules(plan.set_name, [rule for rule in plan.rules if not rule.is_nothing])
        self._clean([temporary(p.name) for p in aside if p.action is Action.REPLACE])
        self._clean(in_use)
        self._remove([p.name for p in plan.sets if p.action is Action.REMOVE])

    def set_rules(self, set_name: str, rules: Iterable[RulePlan]) -> None:
        for planned in rules:
            # Read anew: mending a set of the wrong type has changed the rule on its way.
            present = self.rules.read(set_name, planned.family)
            if present != ((planned.wanted,) if planned.wanted else ()):
                self.rules.change(planned.family, present, planned.wanted)
            if planned.stray:
                self.rules.remove_strays(planned.family, planned.stray)

    def retire(self, set_name: str, former: Live) -> None:
        """
        Take out what is left of a set that another backend serves now: first what marks.
        """
        gone = [RulePlan(f, rules, None, former.strays[f]) for f, rules in former.rules.items()]
        self.set_rules(set_name, gone)
        for name in (*former.temporaries, *former.sets):
            self._remove([name])

    def _own_names(self) -> tuple[str, ...]:
        """
        The ipsets of ours. Where ipset cannot be, there are none.
        """
        try:
            names = self.ipset.names()
        except NoRights:
            raise
        except Unequipped:
            return ()  # the tool is not installed, or the kernel was built without it
        return tuple(name for name in names if name.startswith(OWN_PREFIX))

    def _fill(self, name: str, planned: SetPlan) -> None:
        """
        Make a set that nothing looks at yet, and prove it before anything does.
        """
        self.ipset.restore(fill_lines(name, planned))
        entries = frozenset(to_entries(planned.family, planned.target))
        if not compare(self.ipset.read(name), entries).is_nothing:
            raise NotProven(f"{name} was filled and reads back otherwise")

    def _retype(self, planned: SetPlan, set_name: str | None) -> None:
        """
        Put a set of the right type in the place of one that has our name and the wrong type.

        The kernel swaps only what is alike, so the rule looks at the temporary set in the meantime,
        and no packet passes unmarked. A run that ended in between left the rule there: it is
        resumed.
        """
        aside = temporary(planned.name)
        names = self.ipset.names()
        if not self._pointing(set_name, planned.family, aside):
            self._clean([name for name in names if name == aside])
            self._fill(aside, planned)
        self._repoint(set_name, planned.family, planned.name, aside)
        self._clean([name for name in names if name == planned.name])
        self._fill(planned.name, planned)
        self._repoint(set_name, planned.family, aside, planned.name)
        self._clean([aside])

    def _pointing(self, set_name: str | None, family: int, target: str) -> tuple[str, ...]:
        if set_name is None:
            return ()
        return tuple(rule for rule in self.rules.read(set_name, family) if looks_at(rule, target))

    def _repoint(self, set_name: str | None, family: int, old: str, new: str) -> None:
        rules = self._pointing(set_name, family, old)
        if rules:
            # Of several the last has had the last word on the mark.
            self.rules.change(family, rules, rules[-1].replace(f" {old} ", f" {new} "))

    def _remove(self, names: Iterable[str]) -> None:
        """
        Destroy what is no longer served. What a rule of another hand looks at stays, with all after
        it, and `status` goes on naming it: that is no reason to keep new content out.
        """
        with suppress(CommandFailed):
            for name in names:
                self.ipset.destroy(name)

    def _clean(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self.ipset.destroy(name)
