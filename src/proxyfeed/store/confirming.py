"""
What waits for confirmation on this host, and what was taken back.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from proxyfeed.errors import StoreError
from proxyfeed.marked import MarkedSet
from proxyfeed.model import Application, Confirmation, Pin, Stage, Uptime
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import hosts
from proxyfeed.store import versions as chain
from proxyfeed.store.contents import pack, unpack
from proxyfeed.store.schema import confirmations
from proxyfeed.store.specs import read_spec, write_spec

Transaction = Callable[[], AbstractContextManager[Connection]]


class Confirmations:
    """
    A part of `Store`, in its transactions: each method is one.
    """

    def __init__(self, reading: Transaction, writing: Transaction, *, host: str) -> None:
        self._reading = reading
        self._writing = writing
        self._of_host = confirmations.c.host == host

    def all(self) -> tuple[Confirmation, ...]:
        """
        Raises:
            StoreError: a way back is not what was recorded: no kernel set must be made of it.
        """
        query = select(confirmations).where(self._of_host).order_by(confirmations.c.set_name)
        with self._reading() as connection:
            return tuple(_to_confirmation(row) for row in connection.execute(query))

    def replace(self, set_names: Iterable[str], ways_back: Iterable[Confirmation]) -> None:
        """
        Forget what is known of these sets, and record *ways_back* instead.
        """
        with self._writing() as connection:
            for name in set_names:
                self._delete(connection, name)
            for one in ways_back:
                connection.execute(insert(confirmations).values(_to_row(one)))

    def forget(self, set_names: Iterable[str]) -> None:
        self.replace(set_names, ())

    def note_timer(self, token: str, timer: str) -> None:
        mine = self._of_host & (confirmations.c.token == token)
        with self._writing() as connection:
            connection.execute(update(confirmations).where(mine).values(timer=timer))

    def taken_back(
        self, one: Confirmation, application: Application | None, *, stays_away: bool
    ) -> None:
        """
        Record that the kernel holds the old content again, and restore the pin of before.

        *application* is how it was written, if it was. With *stays_away* all this is remembered,
        or the nightly update would undo it.
        """
        with self._writing() as connection:
            if application:
                hosts.write_application(connection, application)
            _restore_pin(connection, one)
            self._delete(connection, one.set_name)
            if stays_away:
                kept = replace(one, stage=Stage.REVERTED, was_reverted=True)
                connection.execute(insert(confirmations).values(_to_row(kept)))

    def _delete(self, connection: Connection, set_name: str) -> None:
        of_set = self._of_host & (confirmations.c.set_name == set_name)
        connection.execute(delete(confirmations).where(of_set))


def _restore_pin(connection: Connection, one: Confirmation) -> None:
    """
    Put the pin of before in the place of the one that was set; one that came later stays.
    """
    number = chain.feed_id(connection, one.feed) if one.feed else None
    if one.feed is None or number is None:
        return
    pin = chain.read_pin(connection, number, one.feed)
    if pin is None or (pin.at, pin.by) != (one.at, one.by):
        return
    chain.drop_pin(connection, number)
    if one.pin:
        chain.write_pin(connection, one.pin)


def _to_row(one: Confirmation) -> dict[str, Any]:
    return {
        "host": one.host,
        "set_name": one.set_name,
        "token": one.token,
        "action": one.action,
        "stage": one.stage,
        "at": one.at,
        "until": one.until,
        "boot": one.due.boot,
        "due": one.due.seconds,
        "by": one.by,
        "versions": json.dumps(one.versions),
        "content": zlib.compress(_pack_content(one.content).encode()),
        "digest": one.content.digest,
        "spec": write_spec(one.spec),
        "feed": one.feed,
        "pin": _pin_to_text(one.pin) if one.pin else None,
        "was_reverted": one.was_reverted,
        "timer": one.timer,
    }


def _to_confirmation(row: Row[Any]) -> Confirmation:
    content = _unpack_content(zlib.decompress(row.content).decode())
    if content.digest != row.digest:
        raise StoreError(
            f"what set {row.set_name} held before does not read back as it was recorded: the "
            "database is damaged",
            hint="restore it from a backup, or see what the kernel holds: proxyfeed diff",
        )
    return Confirmation(
        host=row.host,
        set_name=row.set_name,
        token=row.token,
        action=row.action,
        stage=Stage(row.stage),
        at=row.at,
        until=row.until,
        due=Uptime(row.boot, row.due),
        by=row.by,
        versions=tuple(json.loads(row.versions)),
        content=content,
        spec=read_spec(row.spec),
        feed=row.feed,
        pin=_text_to_pin(row.pin) if row.pin else None,
        was_reverted=row.was_reverted,
        timer=row.timer,
    )


def _pack_content(content: PrefixSet) -> str:
    """
    Write a set as `pack` does, one with marks as a line for each: ``11=1400000018/2a00...20``.
    """
    if not isinstance(content, MarkedSet):
        return pack(content)
    return "".join(f"{mark}={pack(part)}\n" for mark, part in content.marks)


def _unpack_content(text: str) -> PrefixSet:
    if text and "=" not in text:
        return unpack(text)
    parts = (line.split("=") for line in text.splitlines())
    return MarkedSet.of({int(mark): unpack(part) for mark, part in parts})


def _pin_to_text(pin: Pin) -> str:
    return json.dumps([pin.feed, pin.version, pin.at.isoformat(), pin.by, pin.reason])


def _text_to_pin(text: str) -> Pin:
    feed, version, at, by, reason = json.loads(text)
    return Pin(feed, version, datetime.fromisoformat(at), by, reason)
