"""Puts beside each entry whom it is linked to, or why it is not: once for each id, not each row."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.words import Kind, LedgerState
from transforms.entries.arrow import TEXT, cells, coded, spelled


@dataclass(frozen=True)
class Partners:
    """What is known of the users, or of the projects, of some entries.

    Attributes:
        codes: For each entry the place of its id in the lists below; -1 where it has none.
        qbo_kind: Kind of the partner of each id; `None` without one.
        qbo_id: Id of the partner.
        problem: Why there is none; `None` where no sync has told.
        candidates: Who it may be.
    """

    codes: np.ndarray
    qbo_kind: list[str | None]
    qbo_id: list[str | None]
    problem: list[str | None]
    candidates: list[str | None]

    @classmethod
    def of(
        cls, ids: pd.Series, kind: Kind, links: pd.DataFrame, unlinked: pd.DataFrame
    ) -> "Partners":
        """Look *ids* of one kind up in `Links` and `Unlinked`."""
        codes, distinct = coded(cells(ids))
        linked = links[links["kind"] == kind]
        lost = unlinked[unlinked["kind"] == kind]
        return cls(
            codes,
            *(
                _looked_up(distinct, frame, name)
                for frame, name in (
                    (linked, "qbo_kind"),
                    (linked, "qbo_id"),
                    (lost, "problem"),
                    (lost, "candidates"),
                )
            ),
        )

    def spell(self, values: list[str | None]) -> pa.Array:
        """Give each entry's value of one of the lists above."""
        return spelled(self.codes, [*values, None])

    @property
    def present(self) -> np.ndarray:
        """Whether each entry has an id at all."""
        return self.codes >= 0

    @property
    def linked(self) -> np.ndarray:
        """Whether each entry's id has a partner."""
        return _each(self.codes, [id_ is not None for id_ in self.qbo_id])

    @property
    def ambiguous(self) -> np.ndarray:
        """Whether each entry's id may be any of several."""
        return _each(self.codes, [why == "ambiguous" for why in self.problem])


def _each(codes: np.ndarray, flags: list[bool]) -> np.ndarray:
    found: np.ndarray = np.array([*flags, False])[codes]  # the code of none is -1: the last
    return found


def _looked_up(ids: list[str], frame: pd.DataFrame, name: str) -> list[str | None]:
    by_id: Mapping[str, str | None] = dict(
        zip(frame["clockify_id"].tolist(), cells(frame[name]).to_pylist(), strict=True)
    )
    return [by_id.get(id_) for id_ in ids]


@dataclass(frozen=True)
class Held:
    """What the ledger holds of some entries.

    Attributes:
        sent: Whether QuickBooks has confirmed each.
        sending: Whether each was handed over, without an answer yet.
        time_activity_id: QuickBooks' id of what was sent.
    """

    sent: np.ndarray
    sending: np.ndarray
    time_activity_id: pa.Array

    @classmethod
    def of(cls, entry_ids: pd.Series, held: pd.DataFrame) -> "Held":
        """Look entries up in `entry_id`, `state`, `time_activity_id` of the ledger."""
        if held.empty:
            none = np.zeros(len(entry_ids), dtype=bool)
            return cls(none, none, pa.nulls(len(entry_ids), TEXT))
        row = pc.index_in(cells(entry_ids), value_set=cells(held["entry_id"]))
        state = cells(held["state"]).take(row)
        sent = pc.fill_null(pc.equal(state, str(LedgerState.SENT)), False)
        sending = pc.fill_null(pc.equal(state, str(LedgerState.SENDING)), False)
        activity = cells(held["time_activity_id"]).take(row)
        return cls(
            sent.to_numpy(zero_copy_only=False),
            sending.to_numpy(zero_copy_only=False),
            pc.if_else(sent, activity, pa.scalar(None, TEXT)),
        )
