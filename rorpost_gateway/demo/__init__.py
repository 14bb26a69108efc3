"""The demonstration: a real gateway, real messages, every refusal, on loopback only."""
