"""Reads Clockify's rows as entries: instants, local days, running timers."""
