"""HOW MUCH, TO WHOM: pure functions from frame to frame, without network, database or clock."""
