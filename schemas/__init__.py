"""WHAT: the frames between the steps, the tables of the database, and the words for states."""
