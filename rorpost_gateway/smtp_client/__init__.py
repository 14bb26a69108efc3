"""The SMTP client: one copy to one next hop. aiosmtplib lives here only."""
