"""What Prefect's page shows of plans and results. For the flows and the review."""
