"""The SMTP server: sessions and listeners. aiosmtpd lives here only."""
