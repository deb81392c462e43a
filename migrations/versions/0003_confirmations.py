"""
What a set was applied by, and what waits for confirmation with the way back from it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("applications", sa.Column("spec", sa.Text(), nullable=True))
    op.create_table(
        "confirmations",
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("set_name", sa.String(64), nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.Column("boot", sa.String(64), nullable=False),
        sa.Column("due", sa.Float(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("feed", sa.String(64), nullable=True),
        sa.Column("pin", sa.Text(), nullable=True),
        sa.Column("was_reverted", sa.Boolean(), nullable=False),
        sa.Column("timer", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.CheckConstraint("stage IN ('pending', 'reverted')", name=op.f("ck_confirmations_stage")),
        sa.PrimaryKeyConstraint("host", "set_name", name=op.f("pk_confirmations")),
    )
