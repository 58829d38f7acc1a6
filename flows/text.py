"""Text for people: hours, terminal-safe text, notes on standard error."""

import sys
import unicodedata
from collections.abc import Sequence

from connectors.masking import hide_known
from schemas.words import Reason

#: Options that send an entry in spite of its reason; surfaces spell them in their own way.
OVERRIDES = {str(Reason.QBO_REFUSED): "retry_refused"}


def clean(words: str) -> str:
    """Remove secrets from a text, and what could steer a terminal: control and direction marks."""
    return "".join(
        "�"
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and letter not in "\n\t\u200d"
        else letter
        for letter in hide_known(words)
    )


def hours(minutes: int | None) -> str:
    """Return minutes as people write them; a running timer has none."""
    if minutes is None:
        return "…"
    return f"{minutes // 60:,} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def named(names: Sequence[str], most: int) -> str:
    """Name the first of some things, and count the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def tell_aside(words: str) -> None:
    """Print a note on standard error, beside a command's own report."""
    sys.stderr.write(clean(f"Note: {words}\n"))


def typed(option: str) -> str:
    """Return an option as the command line takes it, for a message in a terminal."""
    return f"--{option.replace('_', '-')}"
