"""`rorpost policy schema`: the JSON Schema of policy and case files, for editors."""

import json

import click

from rorpost_gateway.policy.schema import cases_schema, policy_schema


@click.command()
@click.option("--cases", "of_cases", is_flag=True, help="That of tests/*.yaml instead.")
@click.option("--json", "as_json", is_flag=True, help="It is JSON in any case.")
def schema(*, of_cases: bool, as_json: bool) -> None:  # noqa: ARG001 - every verb takes --json
    """Print the JSON Schema (2020-12) of a policy file.

    An editor with YAML support completes and underlines by it, where a file begins with

    # yaml-language-server: $schema=schema/policy.json
    """
    click.echo(schema_text(of_cases=of_cases), nl=False)


def schema_text(*, of_cases: bool) -> str:
    """As it stands in policies/schema."""
    made = cases_schema() if of_cases else policy_schema()
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"
