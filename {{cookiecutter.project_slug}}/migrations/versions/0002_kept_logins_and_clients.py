"""Logins that users keep, and the client of each login."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("grants") as grants:
        grants.add_column(
            sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        # Encrypted: browser, system and shortened address.
        grants.add_column(sa.Column("client", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("grants") as grants:
        grants.alter_column("kept", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("grants") as grants:
        grants.drop_column("client")
        grants.drop_column("kept")
