"""
Versions and pins: rows to values, the chain of accepted versions, and decisions on held ones.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from proxyfeed.errors import OperatorMistake
from proxyfeed.model import Finding, Labels, Pin, Reading, Severity, Status, Version
from proxyfeed.prefixes import PrefixSet
from proxyfeed.store import contents, labelled
from proxyfeed.store.proven import Proven
from proxyfeed.store.schema import feeds, pins, versions


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
        label=row.label,
        labels_digest=row.labels_digest,
        findings=tuple(findings),
        accepted_at=row.accepted_at,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
    )


def make_version(
    connection: Connection, number: int, reading: Reading, now: datetime, proven: Proven
) -> int:
    """
    Number the content of *reading*, and keep it in the chain or, if it is held, beside it.
    """
    assert reading.content is not None and reading.status is not None  # noqa: S101, PT018
    version = _insert_version(connection, number, reading, reading.content, now)
    if reading.status is Status.ACCEPTED:
        _enter_chain(connection, number, version, reading.content, reading.labels, proven)
    else:
        contents.write_held(connection, version, reading.content, reading.labels)
    return version


def approve(
    connection: Connection,
    version: Version,
    proven: Proven,
    *,
    by: str,
    reason: str | None,
    now: datetime,
) -> None:
    """
    Bring a held version into the chain.

    Raises:
        OperatorMistake: another run accepted a newer one meanwhile; the chain only grows.
    """
    number = ensure_feed(connection, version.feed)
    accepted = select_versions().where(
        versions.c.feed_id == number,
        versions.c.status == Status.ACCEPTED,
        versions.c.id >= version.id,
    )
    newer = first_version(connection, accepted.order_by(versions.c.id.desc()))
    if newer:
        raise _accepted_meanwhile(version, newer.id)
    content = proven.content(connection, version)
    labels = proven.labels(connection, version)
    decide(connection, version, Status.ACCEPTED, by=by, reason=reason, now=now)
    contents.drop_held(connection, version.id)
    _enter_chain(connection, number, version.id, content, labels, proven)


def decide(
    connection: Connection,
    version: Version,
    status: Status,
    *,
    by: str,
    reason: str | None,
    now: datetime,
) -> None:
    """
    Raises:
        OperatorMistake: it was accepted meanwhile, and what is accepted stays so.
    """
    decided = connection.execute(
        update(versions)
        .where(versions.c.id == version.id, versions.c.status != Status.ACCEPTED)
        .values(
            status=status,
            accepted_at=now if status is Status.ACCEPTED else None,
            decided_at=now,
            decided_by=by,
            reason=reason,
        )
    )
    if not decided.rowcount:
        raise _accepted_meanwhile(version, version.id)


def read_before(connection: Connection, number: int, version: int) -> Version | None:
    """
    The version that was the newest accepted one of its feed, *number*, when *version* came.
    """
    query = select_versions().where(
        versions.c.feed_id == number,
        versions.c.status == Status.ACCEPTED,
        versions.c.id < version,
    )
    return first_version(connection, query.order_by(versions.c.id.desc()))


def _accepted_meanwhile(version: Version, number: int) -> OperatorMistake:
    return OperatorMistake(
        f"version {version.id} of feed {version.feed} can no longer be decided on: "
        f"version {number} was accepted meanwhile",
        hint="proxyfeed history",
    )


def _insert_version(
    connection: Connection, number: int, reading: Reading, content: PrefixSet, now: datetime
) -> int:
    made = connection.execute(
        insert(versions).values(
            feed_id=number,
            digest=content.digest,
            status=reading.status,
            fetched_at=now,
            upstream_stamp=reading.stamp,
            prefixes=len(content),
            addresses_ipv4=str(content.family(4).addresses),
            addresses_ipv6=str(content.family(6).addresses),
            label=reading.labels.name,
            labels_digest=reading.labels.digest,
            findings=json.dumps([asdict(finding) for finding in reading.findings]),
            accepted_at=now if reading.status is Status.ACCEPTED else None,
        )
    ).inserted_primary_key
    assert made is not None  # noqa: S101 - an insert of one row always has one
    return int(made[0])


def _enter_chain(
    connection: Connection,
    number: int,
    version: int,
    content: PrefixSet,
    labels: Labels,
    proven: Proven,
) -> None:
    """
    Make *version* the newest accepted one; held versions older than it are overtaken.
    """
    before = read_before(connection, number, version)
    old = proven.content(connection, before) if before else PrefixSet()
    old_labels = proven.labels(connection, before) if before else Labels()
    contents.write_accepted(connection, number, version, old=old, new=content)
    labelled.write_accepted(connection, number, version, old=old_labels, new=labels)
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


def write_pin(connection: Connection, pin: Pin) -> None:
    number = ensure_feed(connection, pin.feed)
    drop_pin(connection, number)
    connection.execute(
        insert(pins).values(
            feed_id=number, version_id=pin.version, at=pin.at, by=pin.by, reason=pin.reason
        )
    )


def drop_pin(connection: Connection, number: int) -> None:
    connection.execute(delete(pins).where(pins.c.feed_id == number))


def first_version(connection: Connection, query: Select[Any]) -> Version | None:
    row = connection.execute(query.limit(1)).first()
    return to_version(row) if row else None
