"""`rorpost policy diff`: files, folders and git revisions, and the text that a reviewer reads."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.cli.git_revision import RevisionUnreadable, policy_at
from rorpost_gateway.cli.markdown import code, escaped
from tests.peers import gateway_world as world


@pytest.fixture
def changed(here: Any) -> Any:
    """The folder of the configured policy, copied and then changed."""

    def change(**changes: Any) -> Path:
        folder: Path = here.folder / "before"
        shutil.copytree(here.folder / "policies", folder)
        here.write("policies/policy.yaml", world.as_yaml(world.merged(here.policy, changes)))
        return folder

    return change


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=A", "-c", "user.email=a@x.se", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(here: Any) -> Path:
    """The folder of the configuration as a repository with one commit."""
    git(here.folder, "init", "--quiet", "--initial-branch=main")
    git(here.folder, "add", "policies")
    git(here.folder, "commit", "--quiet", "-m", "first")
    return here.folder


# --- refused first ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nowhere", "HEAD~7", "--upload-pack=x", "-x", "HEAD:policies"])
def test_what_is_neither_a_path_nor_a_revision(rorpost: Any, here: Any, repository: Path, name: str) -> None:
    ended = rorpost("policy", "diff", "--", name, config=here.path)
    assert (ended.code, ended.out) == (1, "")
    assert re.search(r"neither a file or folder nor a revision", ended.err)
    assert "Traceback" not in ended.err


def test_a_revision_outside_any_repository(rorpost: Any, here: Any) -> None:
    ended = rorpost("policy", "diff", "HEAD", config=here.path)
    assert (ended.code, ended.out) == (1, "")
    assert "git: fatal: not a git repository" in ended.err


def test_a_broken_policy_is_shown_by_its_revision(rorpost: Any, here: Any, repository: Path) -> None:
    here.write("policies/policy.yaml", "rules: {urgent: perhaps}\n")
    git(repository, "commit", "--quiet", "-am", "broken")
    ended = rorpost("policy", "diff", "HEAD~1", "HEAD", config=here.path)
    assert (ended.code, ended.out) == (78, "")
    assert ended.err.startswith("HEAD:policies/policy.yaml:1:17: rules.urgent must be one of")


def test_a_revision_without_the_policy(rorpost: Any, here: Any, repository: Path) -> None:
    git(repository, "rm", "--quiet", "--cached", "policies/policy.yaml")
    git(repository, "commit", "--quiet", "-m", "gone")
    ended = rorpost("policy", "diff", "HEAD", config=here.path)
    assert ended.code == 1
    assert "there is no policy at 'policies' in 'HEAD'" in ended.err


def test_a_link_in_a_revision_is_not_followed(repository: Path) -> None:
    (repository / "policies" / "extra.yaml").symlink_to("/etc/passwd")
    git(repository, "add", "policies")
    git(repository, "commit", "--quiet", "-m", "link")
    with (
        pytest.raises(RevisionUnreadable, match=r"'extra\.yaml' in 'HEAD' is no ordinary file"),
        policy_at("HEAD", repository / "policies"),
    ):
        pass


def test_nothing_of_the_environment_chooses_another_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with policy_at("HEAD", repository / "policies") as folder:
        assert [file.name for file in folder.iterdir()] == ["policy.yaml"]
    assert not folder.exists()


def test_no_filter_of_the_repository_runs(repository: Path) -> None:
    (repository / ".gitattributes").write_text("*.yaml diff=evil filter=evil\n")
    git(repository, "config", "diff.evil.textconv", f"touch {repository}/ran; cat")
    git(repository, "config", "filter.evil.smudge", f"touch {repository}/ran; cat")
    git(repository, "config", "core.fsmonitor", f"touch {repository}/ran")
    with policy_at("main", repository / "policies") as folder:
        assert (folder / "policy.yaml").read_bytes() == (repository / "policies/policy.yaml").read_bytes()
    assert not (repository / "ran").exists()


# --- what is compared ---------------------------------------------------------------------------


def test_two_folders(rorpost: Any, here: Any, changed: Any) -> None:
    before = changed(rules={"urgent": "allow"})
    ended = rorpost("policy", "diff", before, here.folder / "policies", config=here.path)
    assert (ended.code, ended.err) == (0, "")
    assert "**1 looser** (⚠), **0 stricter**." in ended.out
    assert "- ⚠ **looser** `urgent`: `reject` → `allow`, the policy's own, in every channel\n" in ended.out


def test_a_folder_and_the_configured_policy(rorpost: Any, here: Any, changed: Any) -> None:
    ended = rorpost("policy", "diff", changed(channels=here.policy["channels"][1:]), config=here.path)
    assert ended.code == 0
    assert "## Who may no longer write to whom" in ended.out
    assert f"`{world.HOME_CARE}` (Hemsjukvården, Motala) → `{world.BRINKEN}`" in ended.out
    assert "- gone: `hemsjukvarden-region`" in ended.out


def test_nothing_differs(rorpost: Any, here: Any) -> None:
    ended = rorpost("policy", "diff", here.folder / "policies", config=here.path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.endswith("\nNothing differs.\n")


def test_only_how_it_is_written_differs(rorpost: Any, here: Any, changed: Any) -> None:
    ended = rorpost("policy", "diff", changed(rules={"urgent": "reject"}), config=here.path)
    assert ended.out.endswith("Only how it is written differs; it means the same.\n")


@pytest.mark.parametrize("new", [(), (".",), ("policies",)])
def test_a_revision_and_the_working_tree(
    rorpost: Any, here: Any, repository: Path, monkeypatch: pytest.MonkeyPatch, new: tuple[str, ...]
) -> None:
    monkeypatch.chdir(repository)
    here.write(
        "policies/policy.yaml", world.as_yaml(world.merged(here.policy, {"rules": {"urgent": "allow"}}))
    )
    ended = rorpost("policy", "diff", "HEAD", *new, "--json", config=here.path)
    assert (ended.code, ended.err) == (0, "")
    said = json.loads(ended.out)
    assert (said["looser"], said["stricter"]) == (1, 0)
    assert [(one["key"], one["effect"], one["every_channel"]) for one in said["rules"]] == [
        ("urgent", "looser", True)
    ]


def test_two_revisions_and_one_file(rorpost: Any, here: Any, repository: Path) -> None:
    here.configure(policies="policies/policy.yaml")
    here.write(
        "policies/policy.yaml", world.as_yaml(world.merged(here.policy, {"rules": {"urgent": "allow"}}))
    )
    git(repository, "commit", "--quiet", "-am", "second")
    here.write("policies/policy.yaml", "no policy: at all\n")
    ended = rorpost("policy", "diff", "main~1", "main", config=here.path)
    assert (ended.code, ended.err) == (0, "")
    assert "`reject` → `allow`" in ended.out


# --- the text -------------------------------------------------------------------------------------


def test_no_name_pretends_to_be_a_line_of_the_text(rorpost: Any, here: Any, changed: Any) -> None:
    evil = "A](x) **0 looser** <b>\x1b[2J`"
    before = changed(mailboxes={world.HOME_CARE: {"name": evil}}, channels=here.policy["channels"][1:])
    ended = rorpost("policy", "diff", before, config=here.path)
    assert ended.code == 0, ended.err
    assert "\x1b" not in ended.out
    assert r"A\]\(x\) \*\*0 looser\*\* \<b\>" in ended.out
    assert r"→ `` A](x) **0 looser** <b>\u001b[2J` ``" in ended.out


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("``a`", "``` ``a` ```"), ("", "`  `")],
)
def test_code_keeps_what_it_holds(text: str, shown: str) -> None:
    assert code(text) == shown


def test_a_line_stays_one_line() -> None:
    assert escaped("a\n# b\u202e") == r"a\\u000a\# b\\u202e"
