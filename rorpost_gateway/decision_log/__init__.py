"""The decision log: an append-only chain of lines, durable before the reply they concern."""
