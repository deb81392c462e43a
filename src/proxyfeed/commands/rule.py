"""
``rule``: show, install or remove the MARK rule.
"""

from __future__ import annotations

from dataclasses import replace

from proxyfeed.commands.desired import chosen_sets
from proxyfeed.commands.doors import Doors, to_problem
from proxyfeed.config import Config
from proxyfeed.converge import install_rules, remove_rules
from proxyfeed.errors import ProxyfeedError
from proxyfeed.firewall.layout import wanted_rule
from proxyfeed.model import Live, Outcome, Problem, RuleLines, RuleResult, SetSpec


def rule(config: Config, doors: Doors, action: str, names: tuple[str, ...]) -> Outcome:
    """
    Do *action*, one of show, install and remove, to the rules of the named sets or of all.
    """
    rules, problems = [], []
    warnings = []
    kept_by_hand = set()
    for spec in _chosen(config, action, names):
        if not spec.install_rule:
            kept_by_hand.add(spec.name)
        # Asked for by name, the rule is looked at also where `rule = false` leaves it alone.
        own = replace(spec, install_rule=True)
        try:
            if action == "install":
                install_rules(doors.firewall, own)
            elif action == "remove":
                remove_rules(doors.firewall, own)
                if spec.install_rule and spec.name in config.sets:
                    warnings.append(
                        f"set {spec.name}: the next apply installs the rule again; "
                        "to leave it out, write rule = false"
                    )
            rules.append(_lines(doors, own))
        except ProxyfeedError as exc:
            problems.append(to_problem(exc, f"set {spec.name}"))
    missing = [
        _missing(one)
        for one in rules
        if action == "show" and one.present != one.wanted and one.set not in kept_by_hand
    ]
    return Outcome("rule", RuleResult(action, tuple(rules)), (*problems, *missing), tuple(warnings))


def _chosen(config: Config, action: str, names: tuple[str, ...]) -> tuple[SetSpec, ...]:
    """
    The configured sets; to remove its rules also one that was taken out of the configuration.
    """
    gone = [name for name in names if action == "remove" and name not in config.sets]
    known = tuple(name for name in names if name not in gone)
    chosen = chosen_sets(config, known) if known or not gone else ()
    return (*chosen, *(SetSpec(name, (), mark=1) for name in gone))


def _lines(doors: Doors, spec: SetSpec) -> RuleLines:
    live = doors.firewall.read(spec)
    former = live.former or Live()
    present = (live.rules, live.strays, former.rules, former.strays)
    return RuleLines(
        set=spec.name,
        wanted=tuple(wanted_rule(spec, family) for family in spec.families if spec.feeds),
        present=tuple(line for rules in present for lines in rules.values() for line in lines),
    )


def _missing(lines: RuleLines) -> Problem:
    return Problem(
        "drift",
        5,
        f"set {lines.set}: the kernel does not hold the MARK rule as it should be",
        f"proxyfeed rule install {lines.set}",
        f"set {lines.set}",
    )
