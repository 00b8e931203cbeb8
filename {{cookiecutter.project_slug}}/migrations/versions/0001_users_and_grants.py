"""Users, the grants that a login gives, and what browsers reported."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(150), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        # An e-mail address, encrypted, and the blind index that finds it.
        sa.Column("email_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(36), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_index("ix_users_email_index", "users", ["email_index"])
    op.create_table(
        "grants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("family", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_grants_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_grants"),
        sa.UniqueConstraint("secret_hash", name="uq_grants_secret_hash"),
    )
    op.create_index("ix_grants_user_id", "grants", ["user_id"])
    op.create_index("ix_grants_family", "grants", ["family"])
    op.create_index("ix_grants_expires", "grants", ["expires"])
    op.create_table(
        "csp_violations",
        sa.Column("directive", sa.String(32), nullable=False),
        sa.Column("blocked", sa.String(300), nullable=False),
        sa.Column("page", sa.String(200), nullable=False),
        sa.Column("disposition", sa.String(8), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "directive", "blocked", "page", "disposition", name="pk_csp_violations"
        ),
    )


def downgrade() -> None:
    op.drop_table("csp_violations")
    op.drop_table("grants")
    op.drop_table("users")
