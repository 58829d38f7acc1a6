"""Connecting, disconnecting, configuring and checking a connection. Knows no Prefect."""
