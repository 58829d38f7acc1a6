"""The files that a plan was made of, as they stand in its row."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class PlanFile:
    """A file that a plan was made of: its whole path, and the SHA-256 of its bytes, in hex."""

    path: str
    sha256: str


def as_text(files: Sequence[PlanFile]) -> str | None:
    """Return files as the JSON of `plans.files`; `None` for none."""
    return json.dumps([asdict(one) for one in files]) if files else None


def from_text(text: str | None) -> tuple[PlanFile, ...]:
    """Return the files that `as_text` wrote."""
    return tuple(PlanFile(**one) for one in json.loads(text or "[]"))
