"""
Labels of prefixes, upstream's own time as a time, and servers that ask to be left alone.
"""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

# On SQLite, columns are added in place: a table made anew would lose its place in sqlite_sequence,
# and with it the promise that no number of a version is used again.


def upgrade() -> None:
    make_stamps_times()
    op.add_column("versions", sa.Column("label", sa.String(64), server_default="", nullable=False))
    op.add_column(
        "versions", sa.Column("labels_digest", sa.String(64), server_default="", nullable=False)
    )
    op.add_column("held_contents", sa.Column("labels", sa.LargeBinary(), nullable=True))
    add_times_of_fetches()
    create_labels()


def make_stamps_times() -> None:
    """
    Turn ``Fri, 06 Feb 2026 20:44:02 GMT`` into ``2026-02-06 20:44:02.000000``, and what is no date
    into none. Nor is one believed that was still to come, or that tells when a file was saved. The
    column stays what it is: SQLite can drop one only from 3.35 on.
    """
    versions = sa.table(
        "versions",
        sa.column("id"),
        sa.column("fetched_at", sa.DateTime()),
        sa.column("upstream_stamp", sa.Text()),
    )
    fetches = sa.table("fetches", sa.column("version_id"), sa.column("url"))
    connection = op.get_bind()
    said = connection.execute(sa.select(versions).where(versions.c.upstream_stamp.is_not(None)))
    of_files = sa.select(fetches.c.version_id).where(fetches.c.url.ilike("file:%"))
    saved = set(connection.execute(of_files).scalars())
    for number, fetched_at, stamp in said.all():
        time = None if number in saved else read_stamp(stamp)
        is_believed = time is not None and time <= fetched_at + timedelta(days=1)
        connection.execute(
            sa.update(versions)
            .where(versions.c.id == number)
            .values(upstream_stamp=f"{time:%Y-%m-%d %H:%M:%S.%f}" if is_believed else None)
        )


def read_stamp(said: str) -> datetime | None:
    """
    Read the date of a header as naive UTC; a date without a zone is UTC, as all of HTTP is.
    """
    try:
        time = parsedate_to_datetime(said)
        return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def add_times_of_fetches() -> None:
    for column in ("stamp", "retry_at"):
        op.add_column("fetches", sa.Column(column, sa.DateTime(), nullable=True))
        known = sa.text(f"{column} IS NOT NULL")
        op.create_index(
            f"ix_fetches_{column}",
            "fetches",
            ["feed_id", column],
            unique=False,
            sqlite_where=known,
            postgresql_where=known,
        )


def create_labels() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_labels_feed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("feed_id", "text"),
    )
    op.create_table(
        "labelled_prefixes",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.Column("family", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("since_version", sa.Integer(), nullable=False),
        sa.Column("until_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["feed_id"], ["feeds.id"], name=op.f("fk_labelled_prefixes_feed_id")
        ),
        sa.ForeignKeyConstraint(
            ["label_id"], ["labels.id"], name=op.f("fk_labelled_prefixes_label_id")
        ),
        sa.ForeignKeyConstraint(
            ["since_version"], ["versions.id"], name=op.f("fk_labelled_prefixes_since_version")
        ),
        sa.ForeignKeyConstraint(
            ["until_version"], ["versions.id"], name=op.f("fk_labelled_prefixes_until_version")
        ),
        sa.PrimaryKeyConstraint(
            "feed_id",
            "label_id",
            "family",
            "key",
            "since_version",
            name=op.f("pk_labelled_prefixes"),
        ),
        sqlite_with_rowid=False,
    )
