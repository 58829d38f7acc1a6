"""Clockify: reads a workspace and its detailed report, and creates what is missing there."""
