"""Actors: who acted, apart from the history, so that a name can be replaced without breaking it."""

import hashlib
import secrets
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from schemas.tables import actors
from schemas.words import ActorKind

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
