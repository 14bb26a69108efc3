"""The signing key: its text forms, its modes, and what is refused."""

import base64
import hashlib
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from rorpost_gateway.decision_log.signing import create, load, load_or_create, restarted_origin
from rorpost_gateway.errors import ConfigurationInvalid

ORIGIN = "motala.se/rorpost/gw1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decision-log.key"


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "å", "a\n", "x" * 201])
def test_an_origin_that_a_signed_note_cannot_carry_is_refused(path: Path, origin: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        load_or_create(path, origin)
    assert not path.exists()


def test_a_key_is_never_replaced(path: Path) -> None:
    vkey = load_or_create(path, ORIGIN).vkey
    with pytest.raises(ConfigurationInvalid, match="already"):
        create(path, ORIGIN)
    assert load_or_create(path, ORIGIN).vkey == vkey
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["decision-log.key", "decision-log.vkey"]


def test_only_its_owner_can_read_it_whatever_the_umask(path: Path) -> None:
    old = os.umask(0)
    try:
        create(path, ORIGIN)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.with_name("decision-log.vkey").stat().st_mode & 0o777 == 0o644


def test_a_key_that_others_may_read_is_refused(path: Path) -> None:
    create(path, ORIGIN)
    path.chmod(0o640)
    with pytest.raises(ConfigurationInvalid, match="0600"):
        load(path, ORIGIN)


def test_the_text_forms_are_those_of_a_signed_note(path: Path) -> None:
    made = create(path, ORIGIN)
    name, key_id, encoded = made.vkey.split("+", 2)
    public = base64.b64decode(encoded, validate=True)
    assert (name, public[0], len(public)) == (ORIGIN, 1, 33)
    assert key_id == hashlib.sha256(ORIGIN.encode() + b"\n" + public).hexdigest()[:8]
    private, key, name, private_id, encoded = path.read_text().rstrip("\n").split("+", 4)
    assert (private, key, name, private_id) == ("PRIVATE", "KEY", ORIGIN, key_id)
    assert base64.b64decode(encoded, validate=True)[0] == 1
    signature = made.key.sign(b"note\n")
    Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature, b"note\n")
    assert path.with_name("decision-log.vkey").read_text() == f"{made.vkey}\n"


def test_the_example_of_the_note_package() -> None:
    """The key of its documentation, https://pkg.go.dev/golang.org/x/mod/sumdb/note."""
    text = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
    key = Path(os.devnull).parent  # only named in errors
    from rorpost_gateway.decision_log.signing import _parse

    assert _parse(key, text.encode()).vkey == (
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    )


def test_another_origin_is_refused(path: Path) -> None:
    create(path, ORIGIN)
    with pytest.raises(ConfigurationInvalid, match="not for"):
        load(path, "motala.se/rorpost/gw2")


def test_what_killed_processes_left_of_their_drafts_is_taken_away(path: Path) -> None:
    gone, own, running = 2**22 + 1, os.getpid(), 1
    for number in (gone, own, running, 10**30):
        for name in ("decision-log.key", "decision-log.vkey"):
            path.with_name(f".{name}.{number}").write_text("a draft")
    path.with_name(".decision-log.key.mine").write_text("not a draft")
    load_or_create(path, ORIGIN)
    assert sorted(entry.name for entry in path.parent.iterdir() if entry.name.startswith(".")) == [
        ".decision-log.key.1",
        ".decision-log.key.mine",
        ".decision-log.vkey.1",
    ]


def test_the_key_of_a_log_begun_anew_is_the_same_configurations(path: Path) -> None:
    create(path, restarted_origin(ORIGIN, "20260506T120000Z"))
    assert load(path, ORIGIN).origin == f"{ORIGIN}/restarted-20260506T120000Z"
    for other in ("motala.se/rorpost/gw", f"{ORIGIN}/restarted-20260506T120000Z/x", "motala.se/rorpost/gw2"):
        with pytest.raises(ConfigurationInvalid, match="not for"):
            load(path, other)


def test_a_missing_verifier_key_is_written_again(path: Path) -> None:
    vkey = load_or_create(path, ORIGIN).vkey
    path.with_name("decision-log.vkey").unlink()
    load(path, ORIGIN)
    assert path.with_name("decision-log.vkey").read_text() == f"{vkey}\n"


def test_a_verifier_key_of_another_key_is_refused(path: Path) -> None:
    create(path, ORIGIN)
    path.with_name("decision-log.vkey").write_text("somebody+00000000+AAAA\n")
    with pytest.raises(ConfigurationInvalid, match="not the verifier key"):
        load(path, ORIGIN)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: b"",
        lambda text: b"\xff\xfe\x00",
        lambda text: text[:-6] + b"\n",
        lambda text: text.replace(b"PRIVATE", b"PUBLIC!"),
        lambda text: text.replace(b"/gw1+", b"/gw1+0"),
        lambda text: text + text,
        lambda text: b"PRIVATE+KEY+" * 1000,
    ],
)
def test_a_text_that_is_no_key_is_refused_without_repeating_it(path: Path, damage: object) -> None:
    create(path, ORIGIN)
    text = path.read_bytes()
    path.write_bytes(damage(text))  # type: ignore[operator]
    with pytest.raises(ConfigurationInvalid) as caught:
        load(path, ORIGIN)
    assert text.split(b"+", 4)[-1].strip().decode() not in str(caught.value)


def test_the_private_key_is_not_in_its_repr(path: Path) -> None:
    made = create(path, ORIGIN)
    assert path.read_text().split("+", 4)[-1].strip() not in repr(made)
