"""Pay types: what rules give of them, and which id each has for each employee."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant, one_of

revision = "0021"
down_revision = "0020"

_GIVEN = ("item", "class", "location", "pay_type")


def upgrade() -> None:
    """No time had a pay type before, unless QuickBooks or a person gave it one."""
    op.create_table(
        "pay_types",
        connection_id(primary_key=True),
        sa.Column("qbo_person_id", sa.String(20), primary_key=True),
        sa.Column("origin", one_of("origin", "learned", "by_hand"), primary_key=True),
        sa.Column("pay_type_id", sa.String(100), primary_key=True),
        sa.Column("name", sa.Text),
    )
    op.add_column("connections", instant("pay_types_as_of", nullable=True))
    _allow_pay_types()


def _allow_pay_types() -> None:
    allowed = sa.column("gives").in_([sa.literal_column(f"'{word}'") for word in _GIVEN])
    name = op.f("ck_rules_gives")
    copied = sa.CheckConstraint(allowed, name=name)
    with op.batch_alter_table("rules", table_args=(copied,)) as rules:  # SQLite copies it
        rules.drop_constraint(name, type_="check")
    if op.get_bind().dialect.name != "sqlite":
        op.create_check_constraint(name, "rules", allowed)
