"""What both ways share at the SMTP prompt: the parts they stand on, their lines, their refusals."""
