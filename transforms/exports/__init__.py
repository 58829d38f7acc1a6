"""Rows of exported files to entries: formats, dates, durations, names."""
