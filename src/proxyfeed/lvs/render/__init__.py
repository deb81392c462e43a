"""
The virtual services in the words of the tool that is to run them. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from proxyfeed.lvs.render import ipvsadm, keepalived, ldirectord
from proxyfeed.lvs.render.sheet import Rendered, Sheet, Side, fill

__all__ = ["FORMATS", "Rendered", "render"]

FORMATS: Mapping[str, Callable[[Sheet], Rendered]] = MappingProxyType(
    {
        "ipvsadm": ipvsadm.render,
        "keepalived": keepalived.render,
        "ldirectord": ldirectord.render,
    }
)


def render(form: str, sides: Sequence[Side]) -> Rendered:
    """
    Render all services of *sides* as one file of the format *form*, a key of `FORMATS`.

    Raises:
        Inexpressible: that tool cannot do what is configured.
    """
    return FORMATS[form](fill(sides))
