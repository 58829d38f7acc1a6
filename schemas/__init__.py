"""WHAT: the frames between the steps, the database, and what may be wrong with them."""
