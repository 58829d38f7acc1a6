"""How far a load has come, for whoever shows it."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Progress:
    """Callbacks on how far a load has come; by default they do nothing.

    Attributes:
        begun: Called with the number of entries to load.
        moved: Called with the number of entries of each batch that was answered.
    """

    begun: Callable[[int], None] = field(default=lambda _: None)
    moved: Callable[[int], None] = field(default=lambda _: None)
