"""
``lvs render``: the virtual services as a configuration of another program.
"""

from __future__ import annotations

from proxyfeed.commands.desired import chosen_sets
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.lvs.render import FORMATS, Rendered
from proxyfeed.lvs.render import render as render_services
from proxyfeed.lvs.render.sheet import Side

_WHAT_TO_WRITE = 'servers = ["192.0.2.11", "192.0.2.12"]'


def render(config: Config, form: str, names: tuple[str, ...]) -> Rendered:
    """
    Render the services of the named sets, or of all that have real servers.

    Raises:
        OperatorMistake: there is no such format or set, or no real server for it.
    """
    if form not in FORMATS:
        raise OperatorMistake(
            f"there is no format {form!r}; known: {', '.join(FORMATS)}",
            hint="proxyfeed lvs render --format keepalived",
        )
    return render_services(form, sides(config, names))


def sides(config: Config, names: tuple[str, ...]) -> tuple[Side, ...]:
    """
    The chosen sets with their LVS sides: those that were named, or all that have one.

    Raises:
        OperatorMistake: a set that was named has none, or no set at all.
    """
    chosen = chosen_sets(config, names)
    found = tuple((one, config.lvs[one.name]) for one in chosen if one.name in config.lvs)
    without = [spec.name for spec in chosen if spec.name not in config.lvs]
    if without and (names or not found):
        has_none = f"set {without[0]} has no" if names else f"no set of {config.origin} has"
        raise OperatorMistake(
            f"{has_none} real servers to lead its mark to",
            hint=f"write under [sets.{without[0]}.lvs]: {_WHAT_TO_WRITE}",
        )
    return found
