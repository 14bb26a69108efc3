"""Sessions with somebody's IMAP server, and nothing else. aioimaplib lives here only."""
