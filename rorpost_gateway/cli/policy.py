"""`rorpost policy`: questions to the policy, answered by the daemon's own code."""

from rorpost_gateway.cli.lazy import LazyGroup

policy = LazyGroup(
    "policy",
    {
        "diff": ("rorpost_gateway.cli.policy_diff", "diff"),
        "explain": ("rorpost_gateway.cli.explain", "explain"),
        "matrix": ("rorpost_gateway.cli.policy_matrix", "matrix_"),
        "replies": ("rorpost_gateway.cli.replies", "replies"),
        "schema": ("rorpost_gateway.cli.policy_schema", "schema"),
        "test": ("rorpost_gateway.cli.cases", "test_"),
    },
    help_text="Ask the policy.",
)
