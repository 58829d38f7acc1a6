"""How an older database becomes the one of `schemas/tables.py`, one step a file."""
