"""Accounts of people who register: further factors, and steps that wait for a mailed link."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DUPLICATES = """
    SELECT name FROM users WHERE email_index IN (
        SELECT email_index FROM users GROUP BY email_index HAVING count(*) > 1
    ) ORDER BY name
"""


def upgrade() -> None:
    duplicates = op.get_bind().execute(sa.text(DUPLICATES)).scalars().all()
    if duplicates:
        raise RuntimeError(
            "These users share an e-mail address, which now identifies one account: "
            f"{', '.join(duplicates)}. Change or remove the address of all but one, and upgrade again."
        )
    # Not in batch mode: SQLite would delete all logins with the old table.
    op.add_column("users", sa.Column("tf_totp_secret_encrypted", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("tf_last_counter", sa.BigInteger(), nullable=True))
    changes = sa.Column("password_changes", sa.Integer(), nullable=False, server_default="0")
    op.add_column("users", changes)
    op.drop_index("ix_users_email_index", "users")
    op.create_index("ix_users_email_index", "users", ["email_index"], unique=True)
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("usage", sa.String(16), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=True),
        sa.Column("extensions", sa.JSON(), nullable=True),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("device_type", sa.String(32), nullable=False),
        sa.Column("lastuse_datetime", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_passkeys_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
        sa.UniqueConstraint("user_id", "name", name="uq_passkeys_user_id"),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_recovery_codes_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name="pk_recovery_codes"),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "trusted_networks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("network_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("last_login", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_trusted_networks_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "network_hash", name="pk_trusted_networks"),
    )
    op.create_table(
        "pending_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(36), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_pending_steps_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_pending_steps"),
        sa.UniqueConstraint("secret_hash", name="uq_pending_steps_secret_hash"),
    )
    op.create_index("ix_pending_steps_email_index", "pending_steps", ["email_index"])
    op.create_index("ix_pending_steps_expires", "pending_steps", ["expires"])
    op.create_index("ix_pending_steps_user_id", "pending_steps", ["user_id"])


def downgrade() -> None:
    op.drop_table("pending_steps")
    op.drop_table("trusted_networks")
    op.drop_table("recovery_codes")
    op.drop_table("passkeys")
    op.drop_index("ix_users_email_index", "users")
    op.create_index("ix_users_email_index", "users", ["email_index"])
    op.drop_column("users", "password_changes")
    op.drop_column("users", "tf_last_counter")
    op.drop_column("users", "tf_totp_secret_encrypted")
