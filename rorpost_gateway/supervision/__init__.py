"""The watch over our own function mailboxes: are they read by the deadline, and what is left in them?"""
