"""WHEN: the only layer that knows Prefect, the clock and the environment."""
