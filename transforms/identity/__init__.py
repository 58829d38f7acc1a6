"""Whether two things are the same work: `same_work` asks the ledger, `match_books` QuickBooks."""
