"""Whether Clockify, the ledger and QuickBooks agree, and what a repair would write."""
