"""The log as others can check it: one Merkle tree over all lines, its hash tiles, signed checkpoints."""
