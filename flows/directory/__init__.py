"""Comparing both directories, creating what is missing, linking by hand. Knows no Prefect."""
