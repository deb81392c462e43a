"""
Prefixes and labels are found by the version that ended them, and what a version dropped is vouched
for by a digest: of a version from before, the content that it was in vouches for it.
"""

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
    op.add_column("versions", sa.Column("dropped_digest", sa.String(64)))


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
