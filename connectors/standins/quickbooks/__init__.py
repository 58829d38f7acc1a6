"""QuickBooks Online on loopback, for the demo and the tests alone."""
