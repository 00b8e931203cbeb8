"""Accounts by the people themselves: one address each, mails, mailed links, factors."""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "secure_flask_0002"
down_revision = "secure_flask_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _extend_users()
    op.create_table(
        "account_steps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("email_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(36), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("mailed", sa.Boolean(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        _user("account_steps"),
        sa.PrimaryKeyConstraint("id", name="pk_account_steps"),
        sa.UniqueConstraint("secret_hash", name="uq_account_steps_secret_hash"),
    )
    _index("account_steps", "user_id", "email_index", "expires")
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("email_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("email_index", sa.LargeBinary(36), nullable=True),
        sa.Column("mailbox_hash", sa.LargeBinary(32), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("arguments", sa.LargeBinary(), nullable=False),
        sa.Column("notice_hash", sa.String(64), nullable=True),
        sa.Column("notices", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=True),
        sa.Column("was_mailed", sa.Boolean(), nullable=False),
        _user("outgoing_mails"),
        sa.PrimaryKeyConstraint("id", name="pk_outgoing_mails"),
        sa.UniqueConstraint("notice_hash", name="uq_outgoing_mails_notice_hash"),
    )
    _index("outgoing_mails", "email_index", "mailbox_hash", "user_id", "created", "due", "sent")
    op.create_table(
        "former_addresses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("email_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        _user("former_addresses"),
        sa.PrimaryKeyConstraint("id", name="pk_former_addresses"),
    )
    _index("former_addresses", "user_id", "expires")
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(32), nullable=False),
        _user("recovery_codes"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name="pk_recovery_codes"),
    )
    op.create_table(
        "wrong_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("network_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        _user("wrong_codes"),
        sa.PrimaryKeyConstraint("user_id", "network_hash", name="pk_wrong_codes"),
    )
    op.create_table(
        "login_places",
        sa.Column("place_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        _user("login_places"),
        sa.PrimaryKeyConstraint("place_hash", name="pk_login_places"),
    )
    _index("login_places", "user_id", "expires")
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("last_used", sa.BigInteger(), nullable=False),
        _user("passkeys"),
        sa.PrimaryKeyConstraint("id", name="pk_passkeys"),
        sa.UniqueConstraint("credential_id", name="uq_passkeys_credential_id"),
        sa.UniqueConstraint("user_id", "name", name="uq_passkeys_user_id"),
    )


def downgrade() -> None:
    tables = ("passkeys", "login_places", "wrong_codes", "recovery_codes", "outgoing_mails")
    for table in (*tables, "former_addresses", "account_steps"):
        op.drop_table(table)
    with op.batch_alter_table("users") as users:
        users.drop_index("ix_users_email_index")
        users.create_index("ix_users_email_index", ["email_index"])
        users.drop_constraint("uq_users_folded_name", type_="unique")
        for column in ("has_logged_in", "totp_last_step", "totp_secret_encrypted", "folded_name"):
            users.drop_column(column)


def _extend_users() -> None:
    with op.batch_alter_table("users") as users:
        users.add_column(sa.Column("folded_name", sa.String(600), nullable=True))
        users.add_column(sa.Column("totp_secret_encrypted", sa.LargeBinary(), nullable=True))
        users.add_column(sa.Column("totp_last_step", sa.BigInteger(), nullable=True))
        # The rows of a project that takes accounts up get the default.
        logged_in: sa.Column[bool] = sa.Column(
            "has_logged_in", sa.Boolean(), nullable=False, server_default=sa.false()
        )
        users.add_column(logged_in)
    _fold_names()
    with op.batch_alter_table("users") as users:
        users.create_unique_constraint("uq_users_folded_name", ["folded_name"])
        users.drop_index("ix_users_email_index")
        users.create_index("ix_users_email_index", ["email_index"], unique=True)


def _fold_names() -> None:
    """Stop where two users would have one name or one address, and name them."""
    table = sa.table("users", sa.column("id"), sa.column("name"), sa.column("folded_name"))
    rows = op.get_bind().execute(sa.select(table.c.id, table.c.name)).all()
    known: dict[str, str] = {}
    changes = []
    for user_id, name in rows:
        text = unicodedata.normalize("NFKC", name).strip()
        folded = unicodedata.normalize("NFKC", text.casefold())
        if folded in known:
            raise ValueError(f"Two users have one name: {known[folded]!r} and {name!r}")
        known[folded] = name
        changes.append({"user": user_id, "folded": folded})
    if changes:
        of_user = sa.update(table).where(table.c.id == sa.bindparam("user"))
        op.get_bind().execute(of_user.values(folded_name=sa.bindparam("folded")), changes)


def _user(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_user_id_users"
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(f"ix_{table}_{column}", table, [column])
