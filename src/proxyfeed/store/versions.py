"""
Versions and pins: rows to values, and where a feed stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from proxyfeed.model import FeedState, Finding, Pin, Severity, Status, Version
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import contents, fetched
from proxyfeed.store.schema import feeds, pins, versions

_BASELINE_AGE = timedelta(days=30)


def feed_id(connection: Connection, name: str) -> int | None:
    return connection.execute(select(feeds.c.id).where(feeds.c.name == name)).scalar()


def ensure_feed(connection: Connection, name: str) -> int:
    known = feed_id(connection, name)
    if known is not None:
        return known
    made = connection.execute(insert(feeds).values(name=name)).inserted_primary_key
    assert made is not None  # noqa: S101 - an insert of one row always has one
    return int(made[0])


def select_versions() -> Select[Any]:
    return select(versions, feeds.c.name).join(feeds)


def to_version(row: Row[Any]) -> Version:
    findings = (
        Finding(found["rule"], Severity(found["severity"]), found["what"])
        for found in json.loads(row.findings)
    )
    return Version(
        id=row.id,
        feed=row.name,
        digest=row.digest,
        status=Status(row.status),
        fetched_at=row.fetched_at,
        upstream_stamp=row.upstream_stamp,
        prefixes=row.prefixes,
        addresses_ipv4=int(row.addresses_ipv4),
        addresses_ipv6=int(row.addresses_ipv6),
        findings=tuple(findings),
        accepted_at=row.accepted_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )


def read_state(connection: Connection, name: str, now: datetime) -> FeedState:
    number = feed_id(connection, name)
    if number is None:
        return FeedState(name)
    of_feed = select_versions().where(versions.c.feed_id == number).order_by(versions.c.id.desc())
    accepted = of_feed.where(versions.c.status == Status.ACCEPTED)
    latest = _first(connection, accepted)
    newer = of_feed.where(versions.c.id > (latest.id if latest else 0))
    pin = read_pin(connection, number, name)
    last, last_good, validated = fetched.read_newest(connection, number, name, latest)
    return FeedState(
        feed=name,
        latest=latest,
        active=_first(connection, of_feed.where(versions.c.id == pin.version)) if pin else latest,
        pin=pin,
        waiting=tuple(
            to_version(row)
            for row in connection.execute(newer.where(versions.c.status == Status.HELD))
        ),
        refused=tuple(
            to_version(row)
            for row in connection.execute(newer.where(versions.c.status == Status.REJECTED))
        ),
        baseline=_baseline(connection, accepted, now),
        last=last,
        last_good=last_good,
        validated=validated,
    )


def _baseline(connection: Connection, accepted: Select[Any], now: datetime) -> Version | None:
    """
    What was accepted 30 days ago, so that 9 % a night is seen as the bleed that it is.

    A younger feed is held against its first version; an operator's approval since then is a new
    beginning, or each night after it would be held again.
    """
    old = _first(connection, accepted.where(versions.c.accepted_at <= now - _BASELINE_AGE))
    approved = _first(connection, accepted.where(versions.c.decided_at.is_not(None)))
    first = _first(connection, accepted.order_by(None).order_by(versions.c.id))
    known = [version for version in (old, approved) if version]
    return max(known, key=lambda version: version.id) if known else first


def insert_version(
    connection: Connection,
    number: int,
    content: PrefixSet,
    status: Status,
    *,
    findings: Iterable[Finding],
    stamp: str | None,
    now: datetime,
) -> int:
    made = connection.execute(
        insert(versions).values(
            feed_id=number,
            digest=content.digest,
            status=status,
            fetched_at=now,
            upstream_stamp=stamp,
            prefixes=len(content),
            addresses_ipv4=str(content.family(4).addresses),
            addresses_ipv6=str(content.family(6).addresses),
            findings=json.dumps([asdict(finding) for finding in findings]),
            accepted_at=now if status is Status.ACCEPTED else None,
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 - an insert of one row always has one
    return int(made[0])


def enter_chain(connection: Connection, number: int, version: int, content: PrefixSet) -> None:
    """
    Make *version* the newest accepted one; held versions older than it are overtaken.
    """
    # Until its own rows are written, it holds what the version before it left.
    old = contents.read_accepted(connection, number, version)
    contents.write_accepted(connection, number, version, old, content)
    connection.execute(
        update(versions)
        .where(
            versions.c.feed_id == number,
            versions.c.status == Status.HELD,
            versions.c.id < version,
        )
        .values(status=Status.REJECTED, reason=f"overtaken by version {version}")
    )


def read_pin(connection: Connection, number: int, name: str) -> Pin | None:
    row = connection.execute(select(pins).where(pins.c.feed_id == number)).first()
    return Pin(name, row.version_id, row.at, row.by, row.reason) if row else None


def _first(connection: Connection, query: Select[Any]) -> Version | None:
    row = connection.execute(query.limit(1)).first()
    return to_version(row) if row else None
