"""
``alert test``: one message to every target, now.
"""

from __future__ import annotations

from proxyfeed.commands.doors import Doors
from proxyfeed.config import Config
from proxyfeed.errors import OperatorMistake
from proxyfeed.model import AlertKind, AlertTestResult, Event, Outcome, Problem


def send_test(config: Config, doors: Doors) -> Outcome:
    """
    Raises:
        OperatorMistake: no target is configured.
    """
    if not config.alerts.to:
        raise OperatorMistake(
            f"{config.origin} names no target for alerts", hint='write `to = ["..."]` in [alerts]'
        )
    event = Event(AlertKind.TEST, "alerts", "", "a test", "Alerts of proxyfeed arrive here.")
    deliveries = doors.send(config.alerts.to, [event])
    doors.store.remember_alerts(doors.store.told(), deliveries)
    problems = tuple(
        Problem("alert", 2, f"the alert to {one.target} failed: {one.error}", "mend [alerts]")
        for one in deliveries
        if one.error
    )
    return Outcome("alert", AlertTestResult(deliveries), problems)
