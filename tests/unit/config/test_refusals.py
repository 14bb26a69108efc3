"""What a configuration is refused for: each with its file, line and column, all at once."""

import re
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config import load_config
from rorpost_gateway.errors import ConfigurationInvalid

LISTEN = 'listen: ["127.0.0.1:1587"]'
TLS = "tls: {mode: starttls, certificate: tls/cert.pem, key: tls/key.pem}"
AUTH = "  auth: {users: users.yaml}\n"
DEFAULT = "default: {host: mx.example.org}"


def trusted(text: str) -> tuple[str, str]:
    return AUTH, f"{AUTH}  trusted_networks: {text}\n"


def hop(text: str) -> tuple[str, str]:
    return DEFAULT, f"default: {text}"


REFUSED: dict[str, tuple[tuple[str, str], str]] = {
    # the whole
    "an unknown key": (("node: gw1", "node: gw1\n¶nodes: gw2"), "unknown key 'nodes'"),
    "an unknown key, with what was meant": (
        ("domains: [motala.se]", "domains: [motala.se]\n¶polices: x"),
        "did you mean 'policies'?",
    ),
    "a key twice": (("node: gw1", "node: gw1\n¶node: gw2"), "stands twice"),
    "no node": (("node: gw1\n", "¶"), "key 'node' is missing"),
    "no hostname": (("node: gw1\nhostname: gw.motala.se\n", "¶node: gw1\n"), "key 'hostname' is missing"),
    "no domains": (
        ("node: gw1\nhostname: gw.motala.se\ndomains: [motala.se]\n", "¶node: gw1\nhostname: a.b\n"),
        "'domains'",
    ),
    "empty domains": (("[motala.se]", "¶[]"), "must name at least one domain"),
    "a domain that is none": (("[motala.se]", "[¶motala_se]"), "domains[0] does not look right"),
    "domains that are text": (("[motala.se]", "¶motala.se"), "domains must be a list"),
    "a node with a space": (("gw1", "¶'gw 1'"), "node does not look right"),
    "a node that is a number": (("gw1", "¶1"), "node must be text"),
    "a host name without a dot": (("gw.motala.se", "¶gateway"), "hostname does not look right"),
    "an unknown time zone": (
        ("node: gw1", "node: gw1\ntimezone: ¶Europe/Motala"),
        "no time zone is called that",
    ),
    "a time zone outside the database": (
        ("node: gw1", "node: gw1\ntimezone: ¶../../etc/passwd"),
        "no time zone",
    ),
    "a language": (("node: gw1", "node: gw1\nlanguage: ¶fi"), "must be one of: sv, en"),
    "an empty key": (("node: gw1", "node: gw1\n¶state_dir:"), "has no value"),
    "a path that is a number": (("node: gw1", "node: gw1\npolicies: ¶7"), "policies must be text"),
    # submission
    "an unknown key in a section": (
        (LISTEN, f"{LISTEN}\n  ¶listens: x"),
        "unknown key 'listens' in submission",
    ),
    "an unknown key deep down": ((TLS, TLS.replace("{mode", "{¶modus: x, mode")), "in submission.tls"),
    "nowhere to listen": ((LISTEN, "listen: ¶[]"), "must name at least one IP:PORT"),
    "an address without a port": ((LISTEN, "listen: ¶['127.0.0.1']"), "is not IP:PORT"),
    "a port beyond": ((LISTEN, "listen: ¶['127.0.0.1:65536']"), "is not IP:PORT"),
    "a host name to listen on": ((LISTEN, "listen: ¶['gw.motala.se:25']"), "is not IP:PORT"),
    "IPv6 without brackets": ((LISTEN, "listen: ¶['::1:25']"), "is not IP:PORT"),
    "no TLS section": (
        (f"submission:\n  {LISTEN}\n  {TLS}\n", f"submission:\n  ¶{LISTEN}\n"),
        "'tls' is missing in submission",
    ),
    "no key for the certificate": (
        (TLS, "tls: ¶{certificate: c.pem}"),
        "mode starttls needs `certificate` and `key`",
    ),
    "implicit TLS without a certificate": (
        (TLS, "tls: ¶{mode: implicit, key: k.pem}"),
        "mode implicit needs",
    ),
    "a TLS mode": (
        (TLS, "tls: {mode: ¶on, certificate: c, key: k}"),
        "must be one of: starttls, implicit, off",
    ),
    "no TLS beyond loopback": (
        (f"{LISTEN}\n  {TLS}", "listen: ¶['127.0.0.1:25', '192.0.2.1:25']\n  tls: {mode: off}"),
        "only loopback may be listened on",
    ),
    "no TLS on every address": (
        (f"{LISTEN}\n  {TLS}", "listen: ¶['0.0.0.0:25']\n  tls: {mode: off}"),
        "only loopback",
    ),
    "no TLS on every IPv6 address": (
        (f"{LISTEN}\n  {TLS}", "listen: ¶['[::]:25']\n  tls: {mode: off}"),
        "only loopback",
    ),
    "TLS off and demanded": ((TLS, "tls: {mode: off, on_loopback: ¶required}"), "mode is off"),
    "on_loopback": ((TLS, TLS.replace("}", ", on_loopback: ¶never}")), "must be one of: optional, required"),
    "a kind of logins": (("auth: {users", "auth: {backend: ¶ldap, users"), "must be one of: file"),
    "logins without a file": (("auth: {users: users.yaml}", "auth: ¶{backend: file}"), "'users' is missing"),
    "nobody may submit": (
        (f"submission:\n  {LISTEN}\n  {TLS}\n{AUTH}", f"submission:\n  ¶{LISTEN}\n  {TLS}\n"),
        "lets nobody submit",
    ),
    # trusted networks
    "networks that are text": (trusted("¶192.0.2.0/24"), "must be a list"),
    "no network": (trusted("[¶exchange.example.org]"), "is no network"),
    "a network with host bits": (trusted("[¶192.0.2.1/24]"), "host bits"),
    "a network that is a number": (trusted("[¶7]"), "is no network"),
    "a network that is a list": (trusted("[¶[192.0.2.0/24]]"), "must be a network"),
    "a wide network": (trusted("[¶192.0.2.0/23]"), "is wider than /24"),
    "everybody": (trusted("[¶0.0.0.0/0]"), "is wider than /24"),
    "a wide IPv6 network": (trusted("['¶2001:db8::/63']".replace("'¶", "¶'")), "is wider than /64"),
    "a wide network in long form": (trusted("[¶{network: 192.0.2.0/23}]"), "is wider than /24"),
    "a network without its address": (trusted("[¶{originator_org: motala.se}]"), "'network' is missing"),
    "an unknown key in a network": (trusted("[{network: 192.0.2.0/24, ¶org: x}]"), "unknown key 'org'"),
    # relay
    "nowhere to relay to": (
        (f"relay:\n  {DEFAULT}", "relay:\n  ¶retry: {factor: 3}"),
        "has nowhere to relay to",
    ),
    "no host": (hop("¶{port: 25}"), "'host' is missing in relay.default"),
    "a host that is none": (hop("{host: ¶'a b'}"), "host does not look right"),
    "a host with a port": (hop("{host: ¶'mx.example.org:25'}"), "host does not look right"),
    "a port of nothing": (hop("{host: a.b, port: ¶0}"), "a whole number from 1 to 65535"),
    "a port as text": (hop("{host: a.b, port: ¶'25'}"), "must be a whole number"),
    "a relay's TLS mode": (
        hop("{host: a.b, tls: {mode: ¶starttls}}"),
        "must be one of: verify, encrypt, off",
    ),
    "clear text beyond loopback": (hop("{host: ¶a.b, tls: {mode: off}}"), "is not loopback"),
    "clear text to a private address": (hop("{host: ¶10.0.0.1, tls: {mode: off}}"), "is not loopback"),
    "authorities that nobody asks": (hop("{host: a.b, tls: {mode: encrypt, ca: ¶ca.pem}}"), "mode verify"),
    "a user name alone": (hop("¶{host: a.b, username: gw1}"), "`username` and `password_file` together"),
    "a password alone": (hop("¶{host: a.b, password_file: x}"), "`username` and `password_file` together"),
    "a password in the file": (hop("{host: a.b, ¶password: x}"), "unknown key 'password'"),
    "a login in clear text": (
        hop("{host: 127.0.0.1, tls: {mode: off}, username: ¶a, password_file: b}"),
        "must not be sent in clear text",
    ),
    "too small a next hop": (hop("{host: a.b, max_size: ¶1000}"), "a whole number from 65536"),
    "no connections": (hop("{host: a.b, connections: ¶0}"), "a whole number from 1 to 100"),
    "a route that is text": (
        (DEFAULT, f"{DEFAULT}\n  routes: {{example.org: ¶mx.example.org}}"),
        "must be a mapping",
    ),
    "a route to no domain": (
        (DEFAULT, f"{DEFAULT}\n  routes: {{¶'*': {{host: a.b}}}}"),
        "'*' is no domain name",
    ),
    "a route twice": (
        (DEFAULT, f"{DEFAULT}\n  routes: {{a.se: {{host: a.b}}, ¶A.se: {{host: b.b}}}}"),
        "stands twice",
    ),
    "a fault within a route": (
        (DEFAULT, f"{DEFAULT}\n  routes: {{a.se: {{host: a.b, ¶hots: x}}}}"),
        "in relay.routes.a.se",
    ),
    "a time without a unit": ((DEFAULT, f"{DEFAULT}\n  retry: {{first: ¶30}}"), "a time such as 30s"),
    "no time at all": (
        (DEFAULT, f"{DEFAULT}\n  retry: ¶{{longest: 0s}}"),
        "must give times longer than nothing",
    ),
    "pauses that shrink": ((DEFAULT, f"{DEFAULT}\n  retry: {{factor: ¶0.5}}"), "a number from 1 to 10"),
    # the rest, as far as this version has it
    "a way of delivery": (("relay:", "delivery: {method: ¶pop3}\nrelay:"), "must be one of: maildir"),
    "an engine": (("relay:", "openpgp: {engine: ¶pgpy}\nrelay:"), "must be one of: gnupg, sequoia"),
    "a passphrase in the file": (("relay:", "openpgp: {¶passphrase: x}\nrelay:"), "unknown key 'passphrase'"),
    "another queue": (("relay:", "queue: {url: ¶'postgresql://db/q'}\nrelay:"), "no queue in 'postgresql'"),
    "a queue of no kind": (("relay:", "queue: {url: ¶queue.db}\nrelay:"), "must be sqlite:PATH"),
    "a queue without a path": (("relay:", "queue: {url: ¶'sqlite:'}\nrelay:"), "must be sqlite:PATH"),
    "a queue in memory": (("relay:", "queue: {url: ¶'sqlite::memory:'}\nrelay:"), "in memory"),
    "a witness file in the log's own folder": (
        ("relay:", "decision_log: {dir: log, witness_file: ¶log/w}\nrelay:"),
        "must lie outside",
    ),
    "an origin with a plus": (
        ("relay:", "decision_log: {origin: ¶a+b}\nrelay:"),
        "origin does not look right",
    ),
    "an origin beyond ASCII": (
        ("relay:", "decision_log: {origin: ¶rörpost}\nrelay:"),
        "origin does not look right",
    ),
    "inbound without a place": (
        ("relay:", "inbound: ¶{max_age: 14d}\nrelay:"),
        "inbound takes nothing in; give `smtp` or `imap`",
    ),
    "inbound from nowhere": (
        ("relay:", "inbound: {smtp: ¶{listen: ['127.0.0.1:0'], tls: {mode: off}}}\nrelay:"),
        "must name at least one network",
    ),
    "metrics nowhere": (("relay:", "metrics: ¶{}\nrelay:"), "key 'listen' is missing in metrics"),
    "metrics without a port": (("relay:", "metrics: {listen: ¶127.0.0.1}\nrelay:"), "is not IP:PORT"),
    "metrics at a port that is none": (
        ("relay:", "metrics: {listen: ¶'127.0.0.1:65536'}\nrelay:"),
        "is not IP:PORT",
    ),
    "metrics by name": (("relay:", "metrics: {listen: ¶'gw.motala.se:9410'}\nrelay:"), "is not IP:PORT"),
    "metrics for everybody": (
        ("relay:", "metrics: {listen: ¶'0.0.0.0:9410'}\nrelay:"),
        "must name loopback or one address",
    ),
    "metrics for everybody, IPv6": (
        ("relay:", "metrics: {listen: ¶'[::]:9410'}\nrelay:"),
        "must name loopback or one address",
    ),
    "metrics at two places": (
        ("relay:", "metrics: {listen: ¶['127.0.0.1:9410', '127.0.0.1:9411']}\nrelay:"),
        "must be text",
    ),
    "an unknown key of metrics": (
        ("relay:", "metrics: {listen: '127.0.0.1:9410', ¶tls: {}}\nrelay:"),
        "unknown key 'tls' in metrics",
    ),
    "too small a message": (("relay:", "limits: {message_size: ¶1}\nrelay:"), "a whole number from 65536"),
    "too large a message": (("relay:", "limits: {message_size: ¶4294967296}\nrelay:"), "to 2147483648"),
    "no recipients": (("relay:", "limits: {recipients: ¶0}\nrelay:"), "from 1 to 10000"),
    "no memory": (("relay:", "limits: {in_flight_bytes: ¶1000}\nrelay:"), "from 1048576"),
    "no sealed size": (("relay:", "limits: {sealed_size: ¶none}\nrelay:"), "must be a whole number"),
    "no connection": (("relay:", "limits: {connections: ¶-1}\nrelay:"), "from 1"),
    "an unknown limit": (("relay:", "limits: {¶messages: 7}\nrelay:"), "unknown key 'messages' in limits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(files: Any, case: str) -> None:
    change, text = REFUSED[case]
    found = files.findings(change)
    assert any(text in finding for finding in found), found


@pytest.mark.parametrize(
    "section",
    ["submission", "relay", "delivery", "openpgp", "queue", "decision_log", "limits"],
)
@pytest.mark.parametrize("kind", ["text", "7", "[]", "true"])
def test_a_section_of_another_kind(files: Any, sound: str, section: str, kind: str) -> None:
    text = re.sub(rf"(?ms)^{section}:\n(  .*?\n)+", "", sound) + f"{section}: {kind}\n"
    files.path.write_text(text)
    with pytest.raises(ConfigurationInvalid) as refused:
        load_config(files.path)
    assert f"{section} must be a mapping" in refused.value.public


@pytest.mark.parametrize("section", ["submission", "relay"])
def test_a_missing_section_is_one_finding(files: Any, sound: str, section: str) -> None:
    files.path.write_text(re.sub(rf"(?ms)^{section}:\n(  .*?\n)+", "", sound))
    with pytest.raises(ConfigurationInvalid) as refused:
        load_config(files.path)
    assert refused.value.public == f"{files.path}:1:1: key '{section}' is missing"


def test_all_findings_at_once_in_the_order_of_the_file(files: Any) -> None:
    found = files.findings(
        ("gw1", "¶'gw 1'"),
        (TLS, "tls: {mode: ¶on}"),
        (DEFAULT, "default: {host: a.b, port: ¶0, ¶x: y}"),
        more="limits: {recipients: ¶0}\nmetrics: ¶{}\n",
    )
    lines = [int(finding.split(":")[0]) for finding in found]
    assert lines == sorted(lines)
    assert len(found) >= 6


@pytest.mark.parametrize(
    "octets", [b"", b"# nothing\n", b"[]", b"a: [", b"\xff", b"node: gw1\n--- \nnode: x\n", b"a: &x 1\n"]
)
def test_what_is_no_configuration(files: Any, octets: bytes) -> None:
    files.path.write_bytes(octets)
    with pytest.raises(ConfigurationInvalid) as refused:
        load_config(files.path)
    assert all(line.startswith(f"{files.path}:") for line in refused.value.public.splitlines())


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_what_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationInvalid):
        load_config(tmp_path / name)


def test_no_finding_repeats_a_secret_that_was_misplaced(files: Any) -> None:
    found = files.findings(("relay:", "openpgp: {¶passphrase: hemligt-ord}\nrelay:"))
    assert "hemligt-ord" not in "\n".join(found)
