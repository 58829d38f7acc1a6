"""The only SQL: ledger, runs, tokens, plans, links, connections, one table or two a module."""
