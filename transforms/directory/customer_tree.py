"""QuickBooks' tree of customers, and what each level becomes in Clockify.

It is up to five levels deep (FACTS, QBO, 5.1).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from transforms.directory.names import without_suffix

#: How many levels there may be under the top; deeper ones are refused (code 6180).
DEEPEST = 4

#: What joins the names of a path, as in FullyQualifiedName; no name may hold it.
COLON = ":"


@dataclass(frozen=True)
class Customer:
    """A customer, with its place in the tree.

    Attributes:
        qbo_id: QuickBooks' id.
        name: DisplayName, without the suffix of the inactive.
        path: The names from the top to this one, joined by colons.
        parent_id: The customer above; `None` at the top.
        parent_name: Its name; empty at the top.
        level: 0 at the top.
        active: Whether it may be linked and billed.
    """

    qbo_id: str
    name: str
    path: str
    parent_id: str | None
    parent_name: str
    level: int
    active: bool

    @property
    def parent_path(self) -> str:
        """The path of the customer above; empty at the top."""
        return self.path.rpartition(COLON)[0]


class Tree:
    """All customers of a company, by id, with the sub-customers of each."""

    def __init__(self, customers: pd.DataFrame) -> None:
        """Build the tree from *customers* (`Customers`), in any order."""
        self._rows = {row.qbo_id: row for row in customers.itertuples(index=False)}
        self.by_id = {id_: self._placed(id_) for id_ in self._rows}
        self._below: dict[str, list[Customer]] = {}
        for customer in self:
            if customer.parent_id is not None and customer.active:
                self._below.setdefault(customer.parent_id, []).append(customer)

    def __iter__(self) -> Iterator[Customer]:
        """Yield all customers by path, so parents come before their sub-customers."""
        return iter(sorted(self.by_id.values(), key=lambda found: (found.path, found.qbo_id)))

    def below(self, qbo_id: str) -> list[Customer]:
        """Return the active customers directly below one."""
        return self._below.get(qbo_id, [])

    def is_client(self, customer: Customer) -> bool:
        """Whether a customer becomes a client in Clockify.

        With `is_project`, this is the table of what each level becomes:

            top level, without sub-customers    project
            top level, with sub-customers       client
            sub-customer with sub-customers     client, and project under its parent's client
            sub-customer without                project under its parent's client
        """
        return bool(self.below(customer.qbo_id))

    def is_project(self, customer: Customer) -> bool:
        """Whether a customer becomes a project in Clockify; see `is_client`."""
        return customer.level > 0 or not self.is_client(customer)

    def _placed(self, id_: str) -> Customer:
        row = self._rows[id_]
        names = self._path(id_)
        return Customer(
            qbo_id=id_,
            name=names[-1],
            path=COLON.join(names),
            parent_id=row.parent_id if isinstance(row.parent_id, str) else None,
            parent_name=names[-2] if len(names) > 1 else "",
            level=len(names) - 1,
            active=bool(row.active),
        )

    def _path(self, id_: str) -> list[str]:
        """Return the names from the top; those of missing parents come from the full name.

        The full name of a sub-customer includes the suffix of inactive parents (5.3), so the
        parents' own names are used where they are known. A circle of parents ends where it closes.
        """
        names: list[str] = []
        seen: set[str] = set()
        above: str | None = id_
        while above is not None and above not in seen and above in self._rows:
            row = self._rows[above]
            names.append(without_suffix(row.name))
            seen.add(above)
            above = row.parent_id if isinstance(row.parent_id, str) else None
            if above is not None and above not in self._rows and isinstance(row.full_name, str):
                names += [without_suffix(name) for name in row.full_name.split(COLON)[-2::-1]]
        return names[::-1]
