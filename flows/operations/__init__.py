"""Running on Prefect: server and page, deployments, notifications, recovery, run lock."""
