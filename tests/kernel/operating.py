"""
An operator at a director of the tests: commands as they are typed, with a real database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.kernel.namespaces import SYSTEM_PATH, Namespace
from tests.kernel.product import AOL_2007, MARK, RELAYS, firewall_in

from proxyfeed.commands.apply import apply
from proxyfeed.commands.diff import diff
from proxyfeed.commands.doors import Doors
from proxyfeed.commands.rule import rule
from proxyfeed.commands.status import status
from proxyfeed.config import Config, parse
from proxyfeed.model import (
    Attempt,
    Backend,
    FetchOutcome,
    Outcome,
    Problem,
    Reading,
    Status,
    StatusResult,
)
from proxyfeed.prefixes import PrefixSet
from proxyfeed.report.standing import status_lines
from proxyfeed.sources import read, take_in
from proxyfeed.store import Store, connect, create_or_upgrade

CONTENT = PrefixSet.parse(AOL_2007 + RELAYS)
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
SETTINGS: dict[str, dict[str, dict[str, object]]] = {
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

    def __init__(
        self,
        namespace: Namespace,
        database: Path,
        path: str = SYSTEM_PATH,
        backend: Backend = Backend.IPSET,
    ) -> None:
        self.store = Store(connect(f"sqlite:///{database}"), host="director")
        self._folder = database.parent
        self.configure(backend)
        self._doors = Doors(
            store=self.store,
            firewall=firewall_in(namespace, path),
            take_in=partial(take_in, fetch=lambda *_: (), read=read),
            send=lambda targets, events: (),
            now=NOW,
            host="director",
            who="root",
        )

    def configure(self, backend: Backend) -> None:
        """
        Write another backend into the configuration.
        """
        aol = {**SETTINGS["sets"]["aol"], "backend": str(backend)}
        settings = {**SETTINGS, "sets": {"aol": aol}}
        self._config: Config = parse(settings, "the tests", self._folder, self._folder)

    def apply(self, *, dry_run: bool = False) -> Outcome:
        return apply(self._config, self._doors, (), dry_run=dry_run)

    def diff(self) -> Outcome:
        return diff(self._config, self._doors, ())

    def status(self) -> tuple[int, str]:
        """
        The exit code, and all that is printed.
        """
        outcome = status(self._config, self._doors)
        assert isinstance(outcome.result, StatusResult)
        told = [problem.message for problem in outcome.problems]
        return outcome.exit_code, "\n".join([*told, *status_lines(outcome.result)])

    def problems(self) -> tuple[Problem, ...]:
        """
        What `status` finds.
        """
        return status(self._config, self._doors).problems

    def rule(self, action: str) -> Outcome:
        return rule(self._config, self._doors, action, ())
