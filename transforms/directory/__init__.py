"""Who in Clockify is who in QuickBooks: matches, near misses, changes, what is missing where."""
