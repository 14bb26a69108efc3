"""What partners put into mailboxes: fetched over IMAP and handed to the way in."""
