"""Clockify and QuickBooks Online on loopback, with the real ones' rules, and no kinder.

A stand-in is a server with rules, not a mock with expectations: a test asks what it holds
afterwards, never which method was called.
"""
