"""Which verbs `rorpost audit` has."""

from rorpost_gateway.cli.lazy import LazyGroup

# verb → where it stands; imported only when it is used
_VERBS = {
    "new-key": ("rorpost_gateway.cli.audit.key", "new_key"),
    "verify": ("rorpost_gateway.cli.audit.verify", "verify"),
}

audit = LazyGroup(
    "audit", _VERBS, help_text="The decision log: what it says, whether it is whole, and whose it is."
)
