"""
Which label got which mark, for sets that are split.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "allotments",
        sa.Column("set_name", sa.String(64), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["versions.id"], name=op.f("fk_allotments_version_id")
        ),
        sa.PrimaryKeyConstraint("set_name", "version_id", name=op.f("pk_allotments")),
    )
