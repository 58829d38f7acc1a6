"""The main job: read, judge, send, record, settle. Knows no Prefect."""
