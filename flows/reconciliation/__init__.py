"""After the send: what has changed since, repaired or taken back."""
