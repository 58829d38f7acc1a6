"""Clockify's rows to entries: instants, local days, running timers."""
