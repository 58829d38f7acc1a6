"""Is this the same work? Asked of the ledger and of the books."""
