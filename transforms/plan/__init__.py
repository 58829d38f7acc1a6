"""What would be sent, to whom, and why not: judgment, rounding, reasons, bodies."""
