"""`python -m tests.golden.policy_errors` prints every broken policy of this folder as a person sees it.

`--write` keeps what is printed as what is expected; read the difference before it is committed.
"""

import sys

from tests.golden.policy_errors.rendering import FOLDER, broken_policies, rendered


def main(arguments: list[str]) -> None:
    for name in broken_policies():
        text = rendered(name)
        if "--write" in arguments:
            (FOLDER / name / "expected.txt").write_text(text, encoding="utf-8")
        sys.stdout.write(f"{'=' * 8} {name} {'=' * (90 - len(name))}\n\n{text}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
