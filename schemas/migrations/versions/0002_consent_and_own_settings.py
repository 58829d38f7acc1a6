"""How long a consent lives, who refreshes it, what is to be revoked, and own settings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """How long a consent lives, who refreshes it, what is to be revoked, and own settings."""
    with op.batch_alter_table(
        "secrets",
        table_kwargs={"comment": "None for a connection that was disconnected."},
    ) as secrets:
        secrets.add_column(
            sa.Column(
                "consent_expires_at",
                sa.DateTime(timezone=True),
                comment="UTC; the end that no refresh puts off. Null when Intuit did not say.",
            )
        )
        secrets.add_column(
            sa.Column(
                "consent_ended_at",
                sa.DateTime(timezone=True),
                comment="UTC; when Intuit refused the refresh token for good."
                " Null while it does not.",
            )
        )
        secrets.add_column(
            sa.Column(
                "refresher",
                sa.String(length=36),
                comment="Who is asking Intuit; null when nobody is.",
            )
        )
        secrets.add_column(
            sa.Column(
                "refresher_until",
                sa.DateTime(timezone=True),
                comment="UTC; past it, whoever was asking counts as dead.",
            )
        )
        secrets.create_table_comment("None for a connection that was disconnected.")
    op.create_table(
        "own_settings",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("name", sa.String(length=50), nullable=False, comment="As in `Settings`."),
        sa.Column("value", sa.Text(), nullable=False, comment="As text, as in the environment."),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_own_settings_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "name", name=op.f("pk_own_settings")),
        comment="What one connection has otherwise than the environment says for all.",
    )
    op.create_table(
        "revocations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("refresh_token", sa.Text(), nullable=False, comment="Encrypted."),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; when somebody disconnected.",
        ),
        sa.Column(
            "tried_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null before the first try.",
        ),
        sa.Column(
            "problem",
            sa.Text(),
            nullable=True,
            comment="Why the last try failed; null before the first.",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_revocations_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revocations")),
        comment="Tokens that Intuit has still to be told to revoke.",
    )
    op.create_index(
        op.f("ix_revocations_connection_id"), "revocations", ["connection_id"], unique=False
    )
