"""
What somebody or something else has changed in the kernel since the last application.
"""

from __future__ import annotations

from proxyfeed.firewall.layout import ADDRESS_KINDS, MARKED_KINDS
from proxyfeed.model import Action, Application, Applied, Plan, RulePlan, SetSpec
from proxyfeed.prefixes import PrefixSet


def layout_of(plan: Plan) -> str:
    """
    The kernel objects that a plan is about: ``proxyfeed_aol_4 rule4``.

    Recorded with each application: where it differs, the configuration has changed.
    """
    sets = [planned.name for planned in plan.sets if planned.action is not Action.REMOVE]
    rules = [f"rule{planned.family}" for planned in plan.rules if planned.wanted]
    return " ".join([*sets, *rules])


def drift_of(spec: SetSpec, last: Application | None, applied: Applied) -> str:
    """
    The change in words, "" for none, or for one that the configuration has made.
    """
    return describe_drift(spec, last, applied.plan, applied.before)


def describe_drift(spec: SetSpec, last: Application | None, plan: Plan, held: PrefixSet) -> str:
    """
    As `drift_of`, for a plan that is not carried out; *held* is what the kernel holds.
    """
    if last is None or plan.is_nothing or layout_of(plan) != last.layout:
        return ""
    if plan.is_from_nothing:
        return "it was not in the kernel, as after a reboot"
    found = []
    if held.digest != last.digest:
        found.append(
            f"it held {held.family(4).addresses:,} IPv4 and {held.family(6).addresses:,} IPv6 "
            "addresses, changed by another hand since it was applied at "
            f"{last.at:%Y-%m-%d %H:%M} UTC"
        )
    found += [f"the IPv{one.family} MARK rule was gone" for one in plan.rules if _is_gone(one)]
    if last.spec == spec:
        # With other settings these would be the news, and not the drift.
        found += [
            f"the IPv{one.family} MARK rule was another"
            for one in plan.rules
            if not (one.is_nothing or _is_gone(one))
        ]
        found += [
            f"{one.name}: {one.why}"
            for one in plan.sets
            if one.action is not Action.NOTHING and one.type not in ADDRESS_KINDS | MARKED_KINDS
        ]
    return "; ".join([*found, *(f"its table held a foreign {one}" for one in plan.odd)])


def _is_gone(rule: RulePlan) -> bool:
    return bool(rule.wanted) and not rule.present
