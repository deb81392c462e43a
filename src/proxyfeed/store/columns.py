"""
Times, as they stand in columns.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, Text, TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """
    An aware time, kept as naive UTC because SQLite has no other.
    """

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


class UtcText(TypeDecorator[datetime]):
    """
    The same in a column of text, ``2026-02-06 20:44:02.000000``, whose order is that of time.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> str | None:
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if value else None

    def process_result_value(self, value: str | None, _dialect: Dialect) -> datetime | None:
        return datetime.fromisoformat(value).replace(tzinfo=UTC) if value else None
