"""Takes time that QuickBooks holds already into the ledger, before the first send."""
