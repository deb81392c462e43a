"""
Directors that take a list from a page on loopback, and the page from night to night.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.inputs import relay_nights, relay_rows
from tests.bench.processes import Job
from tests.bench.setting import PROGRAM, Setting
from tests.e2e.machine import CONFIGURATION, Machine
from tests.e2e.pages import LIST, page
from tests.e2e.servers import PAGE, SITE_PORT, Site, versioned

# The feed as it is known by name, but from here, and as often as we like.
_RELAY = f"""\
database = "sqlite:///proxyfeed.db"

[feeds.icloud-private-relay]
url = "http://127.0.0.1:{SITE_PORT}{PAGE}"
min_interval = "0s"

[sets.relay]
feeds = ["icloud-private-relay"]
mark = 1
virtual = ["192.0.2.80:80", "192.0.2.80:443", "[2001:db8::80]:80"]
"""
# The form of Apple's entity tags, time and size; each page is an hour younger than the last.
_FIRST_STAMP, _HOUR = 0x66BA1234, 3600


class Feed:
    """
    A *machine* and the site that it asks; *nights* are two pages that follow each other for ever.
    """

    def __init__(self, machine: Machine, site: Site, nights: tuple[bytes, bytes]) -> None:
        self.machine = machine
        self._site = site
        self._nights = nights
        self._number = 0
        self.next_night()

    def next_night(self) -> None:
        self._number += 1
        body = self._nights[self._number % 2]
        etag = f'"{_FIRST_STAMP + self._number * _HOUR:x}-{len(body):x}"'
        self._site.pages[PAGE] = versioned(body, etag)

    def job(self, *arguments: str) -> Job:
        return self.program(PROGRAM, *arguments)

    def program(self, *argv: str) -> Job:
        machine = self.machine
        return Job(argv, machine.folder, machine.environment, inside=machine.namespace.argv)


@contextmanager
def aol_feed(setting: Setting) -> Iterator[Feed]:
    """
    AOL's page of 2007: 21 rows.
    """
    with setting.machine() as machine, Site(machine.namespace) as site:
        machine.configure(CONFIGURATION)
        yield Feed(machine, site, (page(LIST), page((*LIST, "198.81.12.0/23"))))


@contextmanager
def relay_feed(setting: Setting) -> Iterator[Feed]:
    """
    The list of iCloud Private Relay.
    """
    rows = relay_rows()
    with setting.machine() as machine, Site(machine.namespace) as site:
        machine.configure(_RELAY)
        yield Feed(machine, site, relay_nights(rows[:: 20 if setting.is_quick else 1]))
