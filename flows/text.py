"""Text for people: hours, terminal-safe words, notes on standard error."""

import sys
import unicodedata

from connectors.masking import hide_known
from schemas.words import Reason

#: Options that send an entry in spite of its reason; surfaces spell them in their own way.
OVERRIDES = {str(Reason.QBO_REFUSED): "retry_refused"}


def clean(words: str) -> str:
    """Take secrets out of a text, and what could steer a terminal.

    That is control characters and direction marks. Headings of ours need none of it.
    """
    return "".join(
        "�"
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and letter not in "\n\t\u200d"
        else letter
        for letter in hide_known(words)
    )


def hours(minutes: int | None) -> str:
    """Write minutes as people do; a running timer has none."""
    if minutes is None:
        return "…"
    return f"{minutes // 60:,} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def tell_aside(words: str) -> None:
    """Tell a person something beside a command's own words: on standard error."""
    sys.stderr.write(clean(f"Note: {words}\n"))


def typed(option: str) -> str:
    """Return an option as the command line takes it, for a message in a terminal."""
    return f"--{option.replace('_', '-')}"
