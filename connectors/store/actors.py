"""Actors: who acted, apart from the history, so that a name can be replaced without breaking it."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from connectors.database import changing
from schemas.tables import (
    actors,
    drift,
    links,
    list_copies,
    plan_entries,
    plans,
    unlinked,
    verdicts,
)
from schemas.words import ActorKind, Kind

#: Who somebody is: how they are known, and their name.
ACTOR = (actors.c.kind, actors.c.name)


@dataclass(frozen=True)
class Actor:
    """Who runs something, and how that is known."""

    kind: ActorKind
    name: str

    def commitment(self, salt: str) -> str:
        """Return what the history has in place of the name: the SHA-256 of salt, kind and name."""
        return hashlib.sha256(f"{salt} {self.kind} {self.name}".encode()).hexdigest()

    def known_in(self, connection: sa.Connection) -> str:
        """Return the actor's id, within a transaction; one who is new is added.

        The salt keeps anybody from guessing the name once it was replaced.
        """
        same = sa.and_(actors.c.kind == self.kind, actors.c.name == self.name)
        same = sa.and_(same, actors.c.pseudonym.is_(False))
        found: str | None = connection.scalar(sa.select(actors.c.id).where(same).limit(1))
        if found is None:
            salt = secrets.token_hex(16)
            found = self.commitment(salt)
            values = {"id": found, "salt": salt, "pseudonym": False, **asdict(self)}
            connection.execute(actors.insert().values(values))
        return found


#: Where the database has people's names, other than among the actors.
_NAMES = (
    plans.c.decided_by, plans.c.verified_by, plan_entries.c.user, verdicts.c.user,
    links.c.clockify_name, links.c.qbo_name, unlinked.c.clockify_name,
)  # fmt: skip


def pseudonymize(engine: sa.Engine, name: str) -> tuple[str, dict[str, int]]:
    """Replace a name by a new pseudonym, wherever a person has it, for good.

    The actors keep their ids, and lose the salt, without which nobody can guess the name.

    Returns:
        The pseudonym, and in how many rows of which columns it stands now.
    """
    pseudonym, replaced = f"person {secrets.token_hex(4)}", {}
    forgotten = {"name": pseudonym, "salt": "", "pseudonym": True}
    with changing(engine) as connection:
        mine = actors.update().where(actors.c.name == name).values(forgotten)
        replaced["actors.name"] = connection.execute(mine).rowcount
        for column in _NAMES:
            named = column == name
            if "kind" in column.table.c:  # projects have names too
                named = sa.and_(named, column.table.c.kind == Kind.USER)
            change = sa.update(column.table).where(named).values({column.name: pseudonym})
            replaced[f"{column.table.name}.{column.name}"] = connection.execute(change).rowcount
        replaced["drift.differs"] = _replace_in_drift(connection, name, pseudonym)
        connection.execute(list_copies.delete())  # the next sync reads whole lists
    return pseudonym, {where: rows for where, rows in replaced.items() if rows}


def _replace_in_drift(connection: sa.Connection, name: str, pseudonym: str) -> int:
    """Replace a name where differences say whose an entry is, by side; return in how many rows."""
    named = drift.c.differs.contains(json.dumps(name), autoescape=True)
    found = connection.execute(sa.select(drift.c.id, drift.c.differs).where(named)).all()
    count = 0
    for id_, text in found:
        differs = json.loads(text)
        users = differs.get("user", {})
        if name in users.values():
            count += 1
            theirs = {side: pseudonym if one == name else one for side, one in users.items()}
            changed = json.dumps(differs | {"user": theirs})
            connection.execute(drift.update().where(drift.c.id == id_).values(differs=changed))
    return count
