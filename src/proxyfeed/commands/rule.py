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
from proxyfeed.firewall.rule import wanted_rule
from proxyfeed.model import Outcome, Problem, RuleLines, RuleResult, SetSpec


def rule(config: Config, doors: Doors, action: str, names: tuple[str, ...]) -> Outcome:
    """
    Do *action*, one of show, install and remove, to the rules of the named sets or of all.
    """
    rules, problems = [], []
    warnings = []
    for spec in chosen_sets(config, names):
        # Asked for by name, the rule is looked at also where `rule = false` leaves it alone.
        own = replace(spec, install_rule=True)
        try:
            if action == "install":
                install_rules(doors.firewall, own)
            elif action == "remove":
                remove_rules(doors.firewall, own)
                if spec.install_rule:
                    warnings.append(
                        f"set {spec.name}: the next apply installs the rule again; "
                        "to leave it out, write rule = false"
                    )
            rules.append(_lines(doors, own))
        except ProxyfeedError as exc:
            problems.append(to_problem(exc, f"set {spec.name}"))
    missing = [_missing(one) for one in rules if action == "show" and one.present != one.wanted]
    return Outcome("rule", RuleResult(action, tuple(rules)), (*problems, *missing), tuple(warnings))


def _lines(doors: Doors, spec: SetSpec) -> RuleLines:
    live = doors.firewall.read(spec)
    return RuleLines(
        set=spec.name,
        wanted=tuple(wanted_rule(spec, family) for family in spec.families),
        present=tuple(line for lines in live.rules.values() for line in lines),
    )


def _missing(lines: RuleLines) -> Problem:
    return Problem(
        "drift",
        5,
        f"set {lines.set}: the kernel does not hold the MARK rule as it should be",
        f"proxyfeed rule install {lines.set}",
        f"set {lines.set}",
    )
