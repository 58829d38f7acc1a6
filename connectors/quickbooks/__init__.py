"""QuickBooks Online: its API, its batches, its faults. Knows no database."""
