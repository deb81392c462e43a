"""
Prefixes and labels are found by the version that ended them, and what a version dropped is vouched
for by a digest.
"""

import hashlib
from itertools import groupby
from operator import itemgetter

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_index(
        "ix_prefixes_feed_id",
        "prefixes",
        ["feed_id", "family", "until_version", "key", "since_version"],
        unique=False,
    )
    op.create_index(
        "ix_labelled_prefixes_feed_id",
        "labelled_prefixes",
        ["feed_id", "until_version", "label_id", "family", "key", "since_version"],
        unique=False,
    )
    index_what_few_rows_have("versions", "decided_at", "status", "id")
    index_what_few_rows_have("versions", "upstream_stamp", "status", "upstream_stamp")
    index_what_few_rows_have("fetches", "body", "body")
    op.add_column(
        "versions", sa.Column("dropped_digest", sa.String(64), server_default="", nullable=False)
    )
    note_what_was_dropped()


def index_what_few_rows_have(table: str, known: str, *columns: str) -> None:
    is_known = sa.text(f"{known} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{known}",
        table,
        ["feed_id", *columns],
        unique=False,
        sqlite_where=is_known,
        postgresql_where=is_known,
    )


def note_what_was_dropped() -> None:
    """
    The digest of a set of prefixes: SHA-256 over the keys of IPv4, one byte 0xFF, those of IPv6.
    """
    connection = op.get_bind()
    rows = connection.execute(
        sa.text(
            "SELECT until_version, family, key FROM prefixes WHERE until_version IS NOT NULL "
            "ORDER BY until_version, family, key"
        )
    )
    found = []
    for number, ended in groupby(rows, key=itemgetter(0)):
        keys: dict[int, list[bytes]] = {4: [], 6: []}
        for _, family, key in ended:
            keys[family].append(key)
        digest = hashlib.sha256(b"".join(keys[4]) + b"\xff" + b"".join(keys[6])).hexdigest()
        found.append({"digest": digest, "number": number})
    if found:
        note = sa.text("UPDATE versions SET dropped_digest = :digest WHERE id = :number")
        connection.execute(note, found)
