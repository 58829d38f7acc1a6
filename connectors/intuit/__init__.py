"""OAuth 2 with Intuit (RFC 6749): tokens, a person's consent, the local callback server."""
