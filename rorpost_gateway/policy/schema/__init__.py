"""JSON Schema of policy files and of their cases, for editors that complete and underline.

Patterns, lengths and words are those of the readers; which keys there are is compared with what the
readers ask for by a test. A schema sees one file at a time, and less than the reader: what passes it may
still be refused by `rorpost check`, and `key: null`, which the reader takes for a key that is left out,
is underlined. JSON Schema 2020-12.
"""

from rorpost_gateway.policy.schema.cases import cases_schema
from rorpost_gateway.policy.schema.files import policy_schema

__all__ = ["cases_schema", "policy_schema"]
