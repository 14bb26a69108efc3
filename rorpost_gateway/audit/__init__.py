"""The auditor's side of the decision log: reads a folder as evidence, and trusts nobody who wrote it.

Imports nothing of the writer's room: one mistake must not be made on both sides.
"""
