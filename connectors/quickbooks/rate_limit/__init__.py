"""QuickBooks' quotas: what may be called when. For the client of QuickBooks and the store."""
