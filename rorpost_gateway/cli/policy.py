"""`rorpost policy`: questions to the policy, answered by the daemon's own code."""

from rorpost_gateway.cli.lazy import LazyGroup

policy = LazyGroup(
    "policy",
    {
        "explain": ("rorpost_gateway.cli.explain", "explain"),
        "test": ("rorpost_gateway.cli.cases", "test_"),
    },
    help_text="Ask the policy.",
)
