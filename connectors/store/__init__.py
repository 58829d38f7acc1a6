"""The only SQL. One module for each table or two: ledger, runs, tokens, plans, links, connections.

What a live run holds is in `ledger` and `runs`, what a dead one left in `claims_in_doubt`.
"""
