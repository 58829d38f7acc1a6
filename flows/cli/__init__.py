"""The `clockbooks` command: parses, calls a job, prints. Only it knows Typer and Rich."""
