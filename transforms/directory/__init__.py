"""Who in Clockify is who in QuickBooks, and what is missing where."""
