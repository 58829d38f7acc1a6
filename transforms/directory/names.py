"""The forms in which names are compared: exactly, without case, and by letters alone."""

import unicodedata

#: What every deleted Clockify user is called (FACTS, Clockify, section 4), so it names nobody.
DELETED_USER = "DeletedUser"

#: What QuickBooks appends to the name of an inactive row (FACTS, QBO, fact 10).
DELETED_SUFFIX = " (deleted)"

#: The prefix of our own ids, for names in a file that Clockify does not know.
OWN_ID = "name:"


def same_form(name: str) -> str:
    """Return a name in the form in which names are compared: NFC, with white space collapsed.

    Examples:
        >>> same_form("Zoe\u0308  Nu\u0301n\u0303ez ") == "Zoë Núñez"
        True
    """
    return " ".join(unicodedata.normalize("NFC", name).split())


def without_case(name: str) -> str:
    """Return a name in the form in which near misses are looked for: case is ignored.

    Folding case can undo NFC, so it is applied again.
    """
    return same_form(same_form(name).casefold())


def without_suffix(name: str) -> str:
    """Return the name that an inactive QuickBooks row had while it was active."""
    return name.removesuffix(DELETED_SUFFIX)


def skeleton(name: str) -> str:
    """Remove what people type differently: case, accents, punctuation and extra spaces.

    Examples:
        >>> skeleton("Nu\u0301n\u0303ez-O\u2019Brien,  INC.")
        'nunez o brien inc'
    """
    bare = unicodedata.normalize("NFKD", without_case(name))
    letters = (letter for letter in bare if not unicodedata.combining(letter))
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())
