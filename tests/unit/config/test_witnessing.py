"""`decision_log.witnesses` and `decision_log.timestamps`: what is read, and what is refused at its place."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rorpost_gateway.config import load_config
from rorpost_gateway.witness.key import CosigningKey


def witness_key(name: str, octet: int = 7) -> str:
    return CosigningKey(name=name, key=Ed25519PrivateKey.from_private_bytes(bytes([octet]) * 32)).vkey


VKEY = witness_key("witness.example/w1")
LOG_KEY = "motala.se/rorpost/gw1+0a0b0c0d+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
NINE = ", ".join(f"{{url: 'https://w{n}.example', vkey: {witness_key(f'w{n}')}}}" for n in range(9))


def witnesses(text: str) -> tuple[str, str]:
    return "relay:", f"decision_log: {{witnesses: {text}}}\nrelay:"


def timestamps(text: str) -> tuple[str, str]:
    return "relay:", f"decision_log: {{timestamps: {text}}}\nrelay:"


REFUSED = {
    "no list": (witnesses("¶{}"), "must be a list"),
    "nothing of a witness": (witnesses("[¶{}]"), "key 'url' is missing in decision_log.witnesses[0]"),
    "no key": (witnesses("[¶{url: 'https://w.example'}]"), "key 'vkey' is missing"),
    "a key that is none": (
        witnesses("[{url: 'https://w.example', vkey: ¶abc}]"),
        "is not usable: not a verifier key",
    ),
    "a log's key": (
        witnesses(f"[{{url: 'https://w.example', vkey: ¶{LOG_KEY}}}]"),
        "does not match its own key id",
    ),
    "a key whose name was changed": (
        witnesses(f"[{{url: 'https://w.example', vkey: ¶x{VKEY}}}]"),
        "does not match its own key id",
    ),
    "an unknown key": (
        witnesses(f"[{{url: 'https://w.example', vkey: {VKEY}, ¶key: x}}]"),
        "unknown key 'key' in decision_log.witnesses[0]",
    ),
    "no URL": (
        witnesses(f"[{{url: ¶w.example, vkey: {VKEY}}}]"),
        "is not usable: 'w.example' is no https://",
    ),
    "a URL with a password": (
        witnesses(f"[{{url: ¶'https://me:word@w.example/', vkey: {VKEY}}}]"),
        "no user name",
    ),
    "a URL with a question in it": (
        witnesses(f"[{{url: ¶'https://w.example/a?b=c', vkey: {VKEY}}}]"),
        "must end with its path",
    ),
    "in the clear": (
        witnesses(f"[{{url: ¶'http://w.example/', vkey: {VKEY}}}]"),
        "without TLS only loopback may be",
    ),
    "one twice": (
        witnesses(f"¶[{{url: 'https://a.b', vkey: {VKEY}}}, {{url: 'https://c.d', vkey: {VKEY}}}]"),
        "must not name a witness twice",
    ),
    "nine": (witnesses(f"¶[{NINE}]"), "must name at most 8"),
    "time-stamps by nobody": (
        timestamps("¶{ca: tsa.pem}"),
        "key 'url' is missing in decision_log.timestamps",
    ),
    "time-stamps that cannot be checked": (timestamps("¶{url: 'http://tsa.example'}"), "key 'ca' is missing"),
    "time-stamps by mail": (
        timestamps("{url: ¶'mailto:tsa@tsa.example', ca: tsa.pem}"),
        "is no https:// or http:// URL",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(files: Any, case: str) -> None:
    change, text = REFUSED[case]
    found = files.findings(change)
    assert any(text in finding for finding in found), found


def test_read(files: Any, sound: str) -> None:
    change = (
        "decision_log:\n"
        "  witnesses:\n"
        f"    - {{url: 'https://w.example/rorpost', vkey: {VKEY}, ca: tls/w.pem}}\n"
        f"    - {{url: 'http://127.0.0.1:8420', vkey: {witness_key('w2', 8)}}}\n"
        "  timestamps: {url: 'http://tsa.example/tsr', ca: tls/tsa.pem}\n"
        "relay:"
    )
    files.path.write_text(sound.replace("relay:", change, 1))
    settings = load_config(files.path).decision_log
    first, second = settings.witnesses
    here: Path = files.path.parent
    assert (first.url.authority, first.url.target, first.key.vkey, first.ca) == (
        *("w.example", "/rorpost", VKEY),
        here / "tls" / "w.pem",
    )
    assert (second.url.tls, second.key.name, second.ca) == (False, "w2", None)
    assert settings.timestamps is not None
    assert (settings.timestamps.url.target, settings.timestamps.ca) == ("/tsr", here / "tls" / "tsa.pem")


def test_left_out(files: Any, sound: str) -> None:
    files.path.write_text(sound)
    settings = load_config(files.path).decision_log
    assert (settings.witnesses, settings.timestamps) == ((), None)
