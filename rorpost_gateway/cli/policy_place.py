"""What OLD and NEW of `rorpost policy diff` stand for: a file, a folder, or a revision of git."""

from collections.abc import Sequence
from pathlib import Path

from rorpost_gateway.cli.git_revision import policy_at
from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.config import Config
from rorpost_gateway.policy.model import Policy


def load_places(config: Config, names: Sequence[str]) -> list[Policy]:
    """The policy of each name. A path that exists is meant before a revision of the same name.

    A revision is looked for in the repository of the other name's path, if that is one, else in the
    repository of the configured policy. Raises DocumentInvalid, RevisionUnreadable.
    """
    paths = [_path_of(name, config) for name in names]
    place = next((path for path in paths if path is not None), config.policies)
    return [_load(config, name, path, place) for name, path in zip(names, paths, strict=True)]


def _path_of(name: str, config: Config) -> Path | None:
    """The file or folder of this name; a folder that the configured policy lies in stands for that policy."""
    path = Path(name)
    if not path.exists():
        return None
    return config.policies if path.resolve() in config.policies.resolve().parents else path


def _load(config: Config, name: str, path: Path | None, place: Path) -> Policy:
    if path is not None:
        return load_policy_of(config, path)
    with policy_at(name, place) as written:
        return load_policy_of(config, written, shown_as=f"{name}:{place.resolve().name}")
