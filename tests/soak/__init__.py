"""A soak: many small messages through the real daemon, and its memory while they go."""
