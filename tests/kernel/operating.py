"""
An operator at a director of the tests: commands as they are typed, with a real database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import AOL_2007, MARK, RELAYS, firewall_in

from proxyfeed.commands.apply import apply
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.rule import rule
from proxyfeed.commands.status import status
from proxyfeed.config import Config, parse
from proxyfeed.model import Attempt, FetchOutcome, Outcome, Reading, Status, StatusResult
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.standing import status_lines
from proxyfeed.store import Store, connect, create_or_upgrade

CONTENT = PrefixSet.parse(AOL_2007 + RELAYS)
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
SETTINGS = {
    "feeds": {"aol": {"url": "https://aol.example/proxies.html", "format": "html"}},
    "sets": {
        "aol": {
            "feeds": ["aol"],
            "mark": MARK,
            "virtual": ["192.0.2.80:80/udp", "192.0.2.80:443", "[2001:db8::80]:80/udp"],
        }
    },
}


def fill_database(path: Path) -> None:
    """
    Make a database in which one version of one feed has been accepted.
    """
    store = Store(create_or_upgrade(f"sqlite:///{path}"), host="director")
    url = "https://aol.example/proxies.html"
    attempt = Attempt(url, FetchOutcome.NEW, status=200, size=1, seconds=0.1)
    store.record([Reading("aol", (attempt,), url, "", CONTENT, Status.ACCEPTED)], NOW)
    store.close()


class Operator:
    """
    Somebody who types commands on a director.
    """

    def __init__(self, namespace: Namespace, database: Path, path: str = SYSTEM_PATH) -> None:
        self.store = Store(connect(f"sqlite:///{database}"), host="director")
        self._config: Config = parse(SETTINGS, "the tests", database.parent, database.parent)
        self._doors = Doors(
            store=self.store,
            firewall=firewall_in(namespace, path),
            fetch=lambda url, limits, validators: (),
            send=lambda targets, events: (),
            now=NOW,
            host="director",
            who="root",
        )

    def apply(self) -> Outcome:
        return apply(self._config, self._doors, (), dry_run=False)

    def status(self) -> tuple[int, str]:
        """
        The exit code, and all that is printed.
        """
        outcome = status(self._config, self._doors)
        assert isinstance(outcome.result, StatusResult)
        told = [problem.message for problem in outcome.problems]
        return outcome.exit_code, "\n".join([*told, *status_lines(outcome.result)])

    def rule(self, action: str) -> Outcome:
        return rule(self._config, self._doors, action, ())
