"""
Decide which messages go out now: given what was told before, and returning what to remember.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from proxyfeed.model import AlertKind, AlertState, Event

_EVENTS = {AlertKind.CHANGED, AlertKind.MENDED, AlertKind.RECOVERED, AlertKind.TEST}
LASTING = frozenset(AlertKind) - _EVENTS - {AlertKind.ACCEPTED}
# Whoever approved a held version, or lifted a pin, knows that it is over.
_END_IS_TOLD = LASTING - {AlertKind.HELD, AlertKind.PINNED}


def due(
    events: Sequence[Event],
    told: Sequence[AlertState],
    now: datetime,
    repeat_after: timedelta,
    healthy: Collection[str],
) -> tuple[tuple[Event, ...], tuple[AlertState, ...]]:
    """
    Decide which messages go out in this run, and what the next run has to remember.

    A change or a test is always sent and never remembered; that a version was accepted is sent
    once, and remembered until the next is. A lasting trouble is sent when it is
    new, when its key is new, or when its last message is *repeat_after* old or older: a
    *repeat_after* of zero tells it in every run. A state whose subject is in *healthy*, because
    this run looked at it, and whose trouble did not recur is forgotten, with one message for each
    subject. A state whose subject nobody looked at stays as it is.
    """
    messages: list[Event] = []
    states: dict[tuple[AlertKind, str, str], AlertState] = {}
    for event in events:
        if event.kind in _EVENTS:
            messages.append(event)
        elif (event.kind, event.subject, event.key) not in states:
            state, is_news = _follow(event, told, now, repeat_after)
            states[event.kind, event.subject, event.key] = state
            messages += [event] if is_news else []
    recurring = {(kind, subject) for kind, subject, _ in states}
    over: dict[str, list[AlertState]] = {}
    for state in told:
        if (state.kind, state.subject) in recurring:
            continue
        if state.subject not in healthy or state.kind not in LASTING:
            states[state.kind, state.subject, state.key] = state
        elif state.kind in _END_IS_TOLD:
            over.setdefault(state.subject, []).append(state)
    messages += [_recovered(subject, ended, now) for subject, ended in over.items()]
    return tuple(messages), tuple(states.values())


def _follow(
    event: Event, told: Sequence[AlertState], now: datetime, repeat_after: timedelta
) -> tuple[AlertState, bool]:
    """
    The state to remember for a lasting *event*, and whether it is to be told now.
    """
    before = [s for s in told if (s.kind, s.subject) == (event.kind, event.subject)]
    same = [s for s in before if s.key == event.key]
    if same and event.kind not in LASTING:
        return same[0], False
    for state in same:
        # A clock that was set back leaves messages from the future: those count as long ago.
        if timedelta(0) <= now - state.sent_at < repeat_after:
            return state, False
    since = min((s.since for s in same or before), default=now)
    return AlertState(event.kind, event.subject, event.key, min(since, now), now), True


def _recovered(subject: str, ended: Sequence[AlertState], now: datetime) -> Event:
    begun: dict[AlertKind, datetime] = {}
    for state in ended:
        begun[state.kind] = min(state.since, begun.get(state.kind, state.since))
    kinds = ", ".join(begun)
    lines = [
        f"{kind} since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC, over after {_span(now - since)}"
        for kind, since in begun.items()
    ]
    title = f"{subject} recovered ({kinds})"
    return Event(AlertKind.RECOVERED, subject, kinds, title, "\n".join(lines))


def _span(time: timedelta) -> str:
    """
    Print a span of time in its two largest units, such as ``3 d 4 h``.
    """
    hours, minutes = divmod(max(0, time // timedelta(minutes=1)), 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
