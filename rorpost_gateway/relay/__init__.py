"""The relay: sealed copies from the queue to their next hops, and what became of them."""
