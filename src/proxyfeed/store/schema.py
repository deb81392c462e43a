"""
The tables. What changes here changes by a migration; a test holds the two against each other.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from proxyfeed.store.columns import UtcDateTime, UtcText

# The newest migration; `connect` compares it with one query, so that Alembic stays unimported.
REVISION = "0005"


def _index_of_known(table: str, known: str, *columns: str) -> Index:
    # PostgreSQL's words for it stand in the migration: here they would import its dialect, 30 ms.
    is_known = text(f"{known} IS NOT NULL")
    return Index(f"ix_{table}_{known}", "feed_id", *columns, sqlite_where=is_known)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

feeds = Table(
    "feeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
)

# Numbers rise over all feeds and are never used again: `rollback 42` needs no second word.
versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feed_id", ForeignKey("feeds.id"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("fetched_at", UtcDateTime, nullable=False),
    Column("upstream_stamp", UtcText),
    Column("prefixes", Integer, nullable=False),
    # Decimal text: an IPv6 count passes every integer that databases have.
    Column("addresses_ipv4", String(10), nullable=False),
    Column("addresses_ipv6", String(39), nullable=False),
    # What its labels say, such as "country", and their digest; both empty for a feed without any.
    Column("label", String(64), nullable=False, server_default=text("''")),
    Column("labels_digest", String(64), nullable=False, server_default=text("''")),
    Column("findings", Text, nullable=False, server_default="[]"),
    Column("accepted_at", UtcDateTime),
    Column("decided_at", UtcDateTime),
    Column("decided_by", String(64)),
    Column("reason", Text),
    # Of an accepted one, the digest of the prefixes that ended with it; none before schema 0005.
    Column("dropped_digest", String(64)),
    CheckConstraint("status IN ('accepted', 'held', 'rejected')", name="status"),
    Index("ix_versions_feed_id", "feed_id", "status", "id"),
    # Few rows have these, and where a feed stands is asked every night.
    _index_of_known("versions", "decided_at", "status", "id"),
    _index_of_known("versions", "upstream_stamp", "status", "upstream_stamp"),
    sqlite_autoincrement=True,
)

# A row lives from its version to before the one that dropped it, so a version costs its change.
# The key is the network address (4 or 16 bytes) and one byte of length: its order is address order.
# By the index the newest version is read without a look at what ended before it: 300,000 prefixes
# after 100 nights with 1 % changed in 0.23 s instead of 0.34 s.
prefixes = Table(
    "prefixes",
    metadata,
    Column("feed_id", ForeignKey("feeds.id"), primary_key=True),
    Column("family", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, primary_key=True),
    Column("since_version", ForeignKey("versions.id"), primary_key=True),
    Column("until_version", ForeignKey("versions.id")),
    Index("ix_prefixes_feed_id", "feed_id", "family", "until_version", "key", "since_version"),
    sqlite_with_rowid=False,
)

# Rows without a label stand under the empty text.
labels = Table(
    "labels",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feed_id", ForeignKey("feeds.id"), nullable=False),
    Column("text", Text, nullable=False),
    UniqueConstraint("feed_id", "text"),
)

# The parts of a content that carry a label, with lives like those of `prefixes`.
labelled_prefixes = Table(
    "labelled_prefixes",
    metadata,
    Column("feed_id", ForeignKey("feeds.id"), primary_key=True),
    Column("label_id", ForeignKey("labels.id"), primary_key=True),
    Column("family", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", LargeBinary, primary_key=True),
    Column("since_version", ForeignKey("versions.id"), primary_key=True),
    Column("until_version", ForeignKey("versions.id")),
    Index(
        "ix_labelled_prefixes_feed_id",
        *("feed_id", "until_version", "label_id", "family", "key", "since_version"),
    ),
    sqlite_with_rowid=False,
)

# Which label of a set with a split got which mark, as {"DE": 11, ...}, with the newest of the
# versions that it was computed from.
allotments = Table(
    "allotments",
    metadata,
    Column("set_name", String(64), primary_key=True),
    Column("version_id", ForeignKey("versions.id"), primary_key=True, autoincrement=False),
    Column("marks", Text, nullable=False),
)

# Whole contents of what stands outside the chain of accepted versions: held and rejected ones.
held_contents = Table(
    "held_contents",
    metadata,
    Column("version_id", ForeignKey("versions.id"), primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
    Column("labels", LargeBinary),
)

bodies = Table(
    "bodies",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
)

fetches = Table(
    "fetches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feed_id", ForeignKey("feeds.id"), nullable=False),
    Column("host", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("url", Text, nullable=False),
    # SHA-256 of the whole URL: the column above is without its secrets.
    Column("url_digest", String(64), nullable=False),
    # What the body was read by; other rules make the old validators worthless.
    Column("reader", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("status", SmallInteger),
    Column("size", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("detail", Text, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("version_id", ForeignKey("versions.id")),
    Column("body", ForeignKey("bodies.sha256")),
    # Upstream's own time of what was read, and when the server may be asked again.
    Column("stamp", UtcDateTime),
    Column("retry_at", UtcDateTime),
    Index("ix_fetches_feed_id", "feed_id", "id"),
    Index("ix_fetches_version_id", "version_id"),
    _index_of_known("fetches", "stamp", "stamp"),
    _index_of_known("fetches", "retry_at", "retry_at"),
    _index_of_known("fetches", "body", "body"),
)

pins = Table(
    "pins",
    metadata,
    Column("feed_id", ForeignKey("feeds.id"), primary_key=True, autoincrement=False),
    Column("version_id", ForeignKey("versions.id"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(64), nullable=False),
    Column("reason", Text),
)

applications = Table(
    "applications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("set_name", String(64), nullable=False),
    Column("action", String(16), nullable=False),
    Column("versions", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("by", String(64), nullable=False),
    Column("seconds", Float, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("layout", Text, nullable=False),
    # The `SetSpec` that it was made by; rows of before schema 0003 have none.
    Column("spec", Text),
    Index("ix_applications_host", "host", "set_name", "id"),
)

# What was applied and waits to be confirmed, or was taken back: the way back, whole.
confirmations = Table(
    "confirmations",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("set_name", String(64), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("action", String(16), nullable=False),
    Column("stage", String(16), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    # The same moment as seconds of CLOCK_BOOTTIME in the boot of that name.
    Column("boot", String(64), nullable=False),
    Column("due", Float, nullable=False),
    Column("by", String(64), nullable=False),
    Column("versions", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("spec", Text, nullable=False),
    # Of a rollback: the feed, and the pin that it had before.
    Column("feed", String(64)),
    Column("pin", Text),
    Column("was_reverted", Boolean, nullable=False),
    Column("timer", Text, nullable=False, server_default=text("''")),
    CheckConstraint("stage IN ('pending', 'reverted')", name="stage"),
)

told = Table(
    "told",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("subject", String(96), primary_key=True),
    Column("key", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("target", String(255), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("error", Text, nullable=False, server_default=text("''")),
)
