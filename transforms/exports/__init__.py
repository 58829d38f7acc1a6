"""Reads rows of exported files as entries: formats, dates, durations, names."""
