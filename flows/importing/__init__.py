"""The job of flows/sending from files. Knows no Prefect."""
