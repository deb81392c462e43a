"""
What belongs to one host: what it wrote to its kernel, and what it told whom.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from proxyfeed.model import AlertKind, AlertState, Application, Delivery
from proxyfeed.store.schema import applications, deliveries, told
from proxyfeed.store.specs import read_spec, write_spec


def write_application(connection: Connection, application: Application) -> None:
    connection.execute(
        insert(applications).values(
            host=application.host,
            set_name=application.set_name,
            action=application.action,
            versions=json.dumps(application.versions),
            at=application.at,
            by=application.by,
            seconds=application.seconds,
            digest=application.digest,
            layout=application.layout,
            spec=write_spec(application.spec) if application.spec else None,
        )
    )


def read_last_application(connection: Connection, host: str, set_name: str) -> Application | None:
    query = (
        select(applications)
        .where(applications.c.host == host, applications.c.set_name == set_name)
        .order_by(applications.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Application(
        host=row.host,
        set_name=row.set_name,
        action=row.action,
        versions=tuple(json.loads(row.versions)),
        at=row.at,
        by=row.by,
        seconds=row.seconds,
        digest=row.digest,
        layout=row.layout,
        spec=read_spec(row.spec) if row.spec else None,
    )


def read_told(connection: Connection, host: str) -> tuple[AlertState, ...]:
    query = select(told).where(told.c.host == host).order_by(told.c.kind, told.c.subject)
    return tuple(
        AlertState(AlertKind(row.kind), row.subject, row.key, row.since, row.sent_at)
        for row in connection.execute(query)
    )


def replace_told(connection: Connection, host: str, states: Sequence[AlertState]) -> None:
    connection.execute(delete(told).where(told.c.host == host))
    # Of two troubles of one kind that a subject has at once, one is remembered.
    for state in {(one.kind, one.subject): one for one in states}.values():
        connection.execute(
            insert(told).values(
                host=host,
                kind=state.kind,
                subject=state.subject,
                key=state.key,
                since=state.since,
                sent_at=state.sent_at,
            )
        )


def read_deliveries(connection: Connection, host: str) -> tuple[Delivery, ...]:
    query = select(deliveries).where(deliveries.c.host == host).order_by(deliveries.c.target)
    return tuple(Delivery(row.target, row.at, row.error) for row in connection.execute(query))


def write_deliveries(connection: Connection, host: str, sent: Sequence[Delivery]) -> None:
    """
    Note each delivery in the place of the last one to the same target.
    """
    for delivery in sent:
        last = (deliveries.c.host == host) & (deliveries.c.target == delivery.target)
        connection.execute(delete(deliveries).where(last))
        connection.execute(
            insert(deliveries).values(
                host=host, target=delivery.target, at=delivery.at, error=delivery.error
            )
        )
