"""What a sound configuration comes to: defaults, paths, names."""

import dataclasses
import os
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.config.model import Limits
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.reply import Language
from rorpost_gateway.retry import Schedule
from rorpost_gateway.smtp.settings import TlsMode
from rorpost_gateway.smtp_client.base import TlsMode as RelayTlsMode

MEBIBYTE = 1024 * 1024


def test_defaults(files: Any) -> None:
    config = files.load()
    root = files.folder.resolve()
    assert config.timezone == ZoneInfo("Europe/Stockholm")
    assert config.language is Language.SV
    assert config.state_dir == root.parent / "state"
    assert config.policies == root.parent / "policies"
    assert config.queue_url == f"sqlite:{root.parent}/state/queue.db"
    assert config.decision_log.dir == root.parent / "state" / "decisions"
    assert config.decision_log.signing_key_file == root / "decision-log.key"
    assert config.decision_log.origin == "motala.se/rorpost/gw1"
    assert config.maildir_root == root.parent / "mail"
    assert (config.openpgp.engine, config.openpgp.home) == ("gnupg", root / "gnupg")
    assert config.openpgp.passphrase() is None
    assert config.limits == Limits(
        message_size=35 * MEBIBYTE,
        sealed_size=52 * MEBIBYTE,
        recipients=100,
        connections=1000,
        connections_per_client=50,
        in_flight_bytes=512 * MEBIBYTE,
    )
    assert config.control_socket == root.parent / "state" / "control.socket"
    assert config.kept_policies == root.parent / "state" / "policies"


def test_defaults_of_submission_and_relay(files: Any) -> None:
    config = files.load()
    assert config.submission.tls is TlsMode.STARTTLS
    assert config.submission.clear_text_on_loopback
    assert config.submission.trusted_networks == ()
    hop = config.relay.default
    assert (hop.port, hop.tls, hop.ca, hop.username, hop.connections) == (
        25,
        RelayTlsMode.VERIFY,
        None,
        None,
        4,
    )
    assert hop.max_size_octets == 52 * MEBIBYTE
    assert config.relay.retry == Schedule()
    assert config.relay.routes == {}


def test_paths_are_relative_to_the_file_whatever_the_working_directory(
    files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = "state_dir: var\npolicies: p/all.yaml\nopenpgp: {home: ../keys, passphrase_file: secret}\n"
    more += "delivery: {maildir: {root: /srv/mail}}\nqueue: {url: 'sqlite:q/q.db'}\n"
    more += "decision_log: {dir: log, signing_key_file: k/log.key}\n"
    first = files.load(more=more)
    root = files.folder.resolve()
    assert first.state_dir == root / "var"
    assert first.policies == root / "p" / "all.yaml"
    assert first.openpgp.home == root.parent / "keys"
    assert first.openpgp.passphrase_file == root / "secret"
    assert first.maildir_root == Path("/srv/mail")
    assert first.queue_url == f"sqlite:{root}/q/q.db"
    assert first.decision_log.dir == root / "log"
    assert first.decision_log.signing_key_file == root / "k" / "log.key"
    assert first.submission.certificate == root / "tls" / "cert.pem"
    monkeypatch.chdir("/")
    files.path = Path(os.path.relpath(files.path))
    assert files.load(more=more) == first


def test_the_log_and_the_queue_follow_the_state_folder(files: Any) -> None:
    config = files.load(more="state_dir: /var/lib/rorpost\n")
    assert config.queue_url == "sqlite:/var/lib/rorpost/queue.db"
    assert config.decision_log.dir == Path("/var/lib/rorpost/decisions")


def test_names_are_compared_without_case(files: Any) -> None:
    config = files.load(
        ("gw.motala.se", "GW.Motala.SE"),
        ("[motala.se]", "[Motala.SE, vard.motala.se]"),
        ("default: {host: mx.example.org}", "routes: {Example.ORG: {host: mx.example.org}}"),
    )
    assert config.hostname == "gw.motala.se"
    assert config.domains == {"motala.se", "vard.motala.se"}
    assert config.relay.next_hop("EXAMPLE.org").host == "mx.example.org"
    assert config.relay.next_hop("other.org") is None
    assert [hop.host for hop in config.relay.hops] == ["mx.example.org"]


def test_a_route_goes_before_the_default(files: Any) -> None:
    config = files.load(
        more="  routes: {a.se: {host: mx.a.se, max_size: 65536}}\nlimits: {sealed_size: 70000}\n"
    )
    assert config.relay.next_hop("a.se").max_size_octets == 65536
    assert config.relay.next_hop("b.se").host == "mx.example.org"
    assert config.relay.next_hop("b.se").max_size_octets == 70000
    assert len(config.relay.hops) == 2


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("127.0.0.0/8", TrustedNetwork(network="127.0.0.0/8")),
        ("'::1/128'", TrustedNetwork(network="::1/128")),
        ("192.0.2.16/28", TrustedNetwork(network="192.0.2.16/28")),
        ("192.0.2.9", TrustedNetwork(network="192.0.2.9/32")),
        ("'2001:db8::/64'", TrustedNetwork(network="2001:db8::/64")),
        ("{network: 127.0.0.0/8}", TrustedNetwork(network="127.0.0.0/8")),
        (
            "{network: 192.0.2.0/23, originator_org: Motala.se}",
            TrustedNetwork(network="192.0.2.0/23", originator_org="Motala.se"),
        ),
    ],
)
def test_networks_that_may_be_trusted(files: Any, written: str, expected: TrustedNetwork) -> None:
    """Loopback may be as wide as it is: nobody else stands in it."""
    config = files.load(("auth: {users: users.yaml}", f"trusted_networks: [{written}]"))
    assert config.submission.trusted_networks == (expected,)
    assert config.submission.users is None


@pytest.mark.parametrize("address", ["127.0.0.1:25", "127.9.9.9:0", "'[::1]:465'", "localhost:1587"])
def test_without_tls_on_loopback(files: Any, address: str) -> None:
    config = files.load(
        ('listen: ["127.0.0.1:1587"]', f"listen: [{address}]"),
        ("{mode: starttls, certificate: tls/cert.pem, key: tls/key.pem}", "{mode: off}"),
    )
    assert config.submission.tls is TlsMode.OFF
    assert config.submission.certificate is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "'::1'"])
def test_a_next_hop_on_loopback_may_do_without_tls(files: Any, host: str) -> None:
    config = files.load(("{host: mx.example.org}", f"{{host: {host}, tls: {{mode: off}}}}"))
    assert config.relay.default.tls is RelayTlsMode.OFF


def test_retry_in_every_unit(files: Any) -> None:
    config = files.load(
        more="  retry: {first: 5s, factor: 1.5, longest: 10m, warn_after: 2h, give_up_after: 3d}\n"
    )
    assert dataclasses.astuple(config.relay.retry) == (5, 1.5, 600, 7200, 259_200)


def test_the_passphrase_is_read_when_it_is_needed(files: Any) -> None:
    config = files.load(more="openpgp: {passphrase_file: secret}\n")
    (files.folder / "secret").write_text("Räksmörgås 1 \r\n", encoding="utf-8")
    assert config.openpgp.passphrase() == "Räksmörgås 1 "


def test_null_is_as_if_left_out(files: Any) -> None:
    more = "timezone: null\nqueue: null\nmetrics: null\nsupervision: ~\nopenpgp: {passphrase_file: null}\n"
    assert files.load(more=more) == files.load()


@pytest.mark.parametrize("listen", ["127.0.0.1:9410", "[::1]:9410", "192.0.2.7:9410", "localhost:0"])
def test_metrics(files: Any, listen: str) -> None:
    assert files.load().metrics is None
    assert files.load(more=f'metrics: {{listen: "{listen}"}}\n').metrics.listen == listen


def test_windows_line_ends_and_a_byte_order_mark(files: Any, sound: str) -> None:
    expected = files.load()
    assert files.load_text("\ufeff" + sound.replace("\n", "\r\n")) == expected
