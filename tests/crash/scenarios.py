"""
What is killed, from which start, and what the kernel may hold then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.crash.kernels import FOISTED, TAKEN, other_than
from tests.crash.stage import LIST, SOME_SERVICES, Stage

Prefixes = frozenset[str]

# Every second /24 and /48, so that no two of them join.
FIRST = frozenset(
    [f"20.0.{number}.0/24" for number in range(0, 60, 2)]
    + [f"2a02:26f7:{number:x}::/48" for number in range(1, 31, 2)]
)
# A small difference in each family is a delta, and a large one a swap.
NEAR = FIRST - {"20.0.0.0/24", "2a02:26f7:1::/48"} | {"20.1.0.0/24", "2a02:26f8::/48"}
FAR = frozenset(
    [f"20.2.{number}.0/24" for number in range(0, 100, 2)]
    + [f"2a02:26f9:{number:x}::/48" for number in range(1, 101, 2)]
)
MEDDLED = FIRST - {TAKEN} | {FOISTED}
# IPv4 by a delta, IPv6 by a swap.
MIXED = frozenset({one for one in NEAR if ":" not in one} | {one for one in FAR if ":" in one})
SERVICES = frozenset({"192.0.2.80,tcp:80", "2001:db8::80,tcp:80"})
MORE_SERVICES = SERVICES | {"192.0.2.80,tcp:443"}
HELD, FAILED = 4, 3
MISTAKE = 2


@dataclass(frozen=True, slots=True)
class Mending:
    """
    A command that is typed after the kill, and the codes that it may exit with.
    """

    arguments: tuple[str, ...]
    codes: tuple[int, ...] = (0,)


@dataclass(frozen=True, slots=True)
class Scenario:
    """
    *command* is killed on a director as *prepare* leaves it.

    The kernel holds *old* before (None: nothing at all) and *new* after, and *settled* once it is
    mended, which is *new* unless another is given. What is *old* is in the other backend if the
    command *moves* the set.
    """

    command: tuple[str, ...]
    prepare: Callable[[Stage], None]
    old: Prefixes | None
    new: Prefixes | None
    code: int = 0
    services: tuple[Prefixes, Prefixes] = (SERVICES, SERVICES)
    mending: tuple[Mending, ...] = ()
    settled: Prefixes | None = None
    moves: bool = False

    @property
    def all_mending(self) -> tuple[Mending, ...]:
        return self.mending or (Mending(self.command, (self.code,)),)


def _first_update(stage: Stage) -> None:
    stage.publish(FIRST)


def _one_version(stage: Stage) -> None:
    stage.publish(FIRST)
    stage.run("update")


def _then(prefixes: Prefixes) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        _one_version(stage)
        stage.publish(prefixes)

    return prepare


def _mixed(stage: Stage) -> None:
    _then(MIXED)(stage)
    stage.configure(services=(*SOME_SERVICES, "192.0.2.80:443"), mark=2)


def _absurd(stage: Stage) -> None:
    _one_version(stage)
    stage.configure(limits="")
    stage.publish(FAR)


def _held(stage: Stage) -> None:
    _absurd(stage)
    stage.run("update", code=HELD)


def _approved(stage: Stage) -> None:
    _held(stage)
    stage.run("approve", "2")


def _no_list(stage: Stage) -> None:
    _one_version(stage)
    stage.withdraw()


def _page(stage: Stage) -> None:
    _one_version(stage)
    (stage.machine.folder / LIST).write_text("<html><h1>502 Bad Gateway</h1></html>\n")


def _two_versions(stage: Stage) -> None:
    _then(FAR)(stage)
    stage.run("update")


def _pinned(stage: Stage) -> None:
    _two_versions(stage)
    stage.run("rollback", "1")
    stage.publish(NEAR)


def _rebooted(stage: Stage) -> None:
    _one_version(stage)
    stage.kernel.forget()


def _meddled(stage: Stage) -> None:
    _one_version(stage)
    for command in stage.backend.meddling.strip().splitlines():
        stage.machine.namespace.run(*command.split())


def _moving(stage: Stage) -> None:
    stage.configure(backend=other_than(stage.backend))
    _one_version(stage)
    stage.configure()
    stage.publish(FAR)


# Approved or not, the operator finds out by typing it again.
_APPROVE = Mending(("approve", "2"), (0, MISTAKE))
_APPLY = Mending(("apply",))
# What is written to the kernel, and how, is the backend's; the rest of a run is the same for both.
WRITING = (
    *("a first update", "an update with a delta", "an update of all at once"),
    *("an update that moves the set", "an apply after a reboot", "an apply after a meddler"),
)

SCENARIOS = {
    "a first update": Scenario(("update",), _first_update, None, FIRST),
    "an update with a delta": Scenario(("update",), _then(NEAR), FIRST, NEAR),
    "an update with a swap": Scenario(("update",), _then(FAR), FIRST, FAR),
    "an update of all at once": Scenario(
        ("update",), _mixed, FIRST, MIXED, services=(SERVICES, MORE_SERVICES)
    ),
    "an update that is held": Scenario(("update",), _absurd, FIRST, FIRST, HELD),
    "an update without a list": Scenario(("update",), _no_list, FIRST, FIRST, FAILED),
    "an update with a page": Scenario(("update",), _page, FIRST, FIRST, FAILED),
    "an update under a pin": Scenario(("update",), _pinned, FIRST, FIRST),
    "a rollback": Scenario(
        ("rollback", "1"), _two_versions, FAR, FIRST, mending=(_APPLY, Mending(("rollback", "1")))
    ),
    "an apply after a reboot": Scenario(("apply",), _rebooted, None, FIRST),
    "an apply after a meddler": Scenario(("apply",), _meddled, MEDDLED, FIRST),
    "an approval": Scenario(
        ("approve", "2"), _held, FIRST, FIRST, mending=(_APPROVE, _APPLY), settled=FAR
    ),
    "an update that moves the set": Scenario(("update",), _moving, FIRST, FAR, moves=True),
    "an apply of what was approved": Scenario(("apply",), _approved, FIRST, FAR),
}
