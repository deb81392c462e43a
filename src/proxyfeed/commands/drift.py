"""
What somebody or something else has changed in the kernel since the last application.
"""

from __future__ import annotations

from proxyfeed.model import Action, Application, Applied, Plan
from proxyfeed.prefixes import PrefixSet


def layout_of(plan: Plan) -> str:
    """
    The kernel objects that a plan is about: ``proxyfeed_aol_4 rule4``.

    Recorded with each application: where it differs, the configuration has changed.
    """
    sets = [planned.name for planned in plan.sets if planned.action is not Action.REMOVE]
    rules = [f"rule{planned.family}" for planned in plan.rules if planned.wanted]
    return " ".join([*sets, *rules])


def drift_of(last: Application | None, applied: Applied) -> str:
    """
    The change in words, "" for none, or for one that the configuration has made.
    """
    return describe_drift(last, applied.plan, applied.before)


def describe_drift(last: Application | None, plan: Plan, held: PrefixSet) -> str:
    """
    As `drift_of`, for a plan that is not carried out; *held* is what the kernel holds.
    """
    if last is None or plan.is_nothing or layout_of(plan) != last.layout:
        return ""
    if all(planned.action is Action.CREATE for planned in plan.sets):
        return "it was not in the kernel, as after a reboot"
    found = []
    if held.digest != last.digest:
        found.append(
            f"it held {held.family(4).addresses:,} IPv4 and {held.family(6).addresses:,} IPv6 "
            "addresses, changed by another hand since it was applied at "
            f"{last.at:%Y-%m-%d %H:%M} UTC"
        )
    found += [
        f"the IPv{rule.family} MARK rule was gone"
        for rule in plan.rules
        if rule.wanted and not rule.present
    ]
    return "; ".join(found)
