"""The queue: sealed copies, durable, until a next hop has taken them."""
