"""
The way of a packet past our MARK rule, as the rules of others leave it. Pure.
"""

from __future__ import annotations

from proxyfeed.firewall import mangle, ruleset
from proxyfeed.firewall.nft import HOOK
from proxyfeed.firewall.rule import comment
from proxyfeed.model import Backend, MarkWay, SetSpec

_MANGLE = -150


def way_of(spec: SetSpec, family: int, chains: mangle.Chains, others: ruleset.Ruleset) -> MarkWay:
    """
    Look at both, whichever of them has our rule: each marks after the other has.
    """
    ours = comment(spec.name)
    if spec.backend is Backend.NFTABLES:
        priority = HOOK[2]
        packets = ruleset.packets_of(others, spec.name, family)
        shadows = tuple(mangle.dropping(chains))
        changed = tuple(mangle.overwriting_input(chains, spec.marks, spec.mask))
    else:
        priority = _MANGLE
        packets = mangle.packets_of(chains, ours)
        shadows = tuple(mangle.shadowing(chains, ours))
        changed = tuple(mangle.overwriting(chains, ours, spec.marks, spec.mask))
    return MarkWay(
        family=family,
        packets=packets,
        shadowing=(*shadows, *ruleset.dropping(others, family, priority)),
        overwriting=(
            *changed,
            *ruleset.overwriting(others, family, priority, spec.marks, spec.mask),
        ),
    )
