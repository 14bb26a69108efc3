"""Which verbs `rorpost audit` has."""

from rorpost_gateway.cli.lazy import LazyGroup

# verb → where it stands; imported only when it is used
_VERBS = {
    "check-proof": ("rorpost_gateway.cli.audit.proofs", "check_proof"),
    "consistency": ("rorpost_gateway.cli.audit.proofs", "consistency"),
    "export-tlog": ("rorpost_gateway.cli.audit.export", "export_tlog"),
    "follow": ("rorpost_gateway.cli.audit.follow", "follow"),
    "new-key": ("rorpost_gateway.cli.audit.upkeep", "new_key"),
    "prove": ("rorpost_gateway.cli.audit.proofs", "prove"),
    "purge": ("rorpost_gateway.cli.audit.upkeep", "purge"),
    "report": ("rorpost_gateway.cli.audit.report", "report"),
    "restart": ("rorpost_gateway.cli.audit.upkeep", "restart"),
    "search": ("rorpost_gateway.cli.audit.search", "search"),
    "verify": ("rorpost_gateway.cli.audit.verify", "verify"),
    "witness": ("rorpost_gateway.cli.audit.witness", "witness"),
}

audit = LazyGroup(
    "audit", _VERBS, help_text="The decision log: what it says, whether it is whole, and whose it is."
)
