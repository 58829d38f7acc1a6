"""A plan waits for a person; exactly what they approve goes. For the flows and cli."""
