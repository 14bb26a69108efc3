"""`rorpost check`, finding by finding: what it is about, where, and how bad."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config import Config
from rorpost_gateway.daemon.check import Found, Weight, check
from rorpost_gateway.policy.load import load_policy
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import add_subkey, generate, stop_agent
from tests.peers.sink import Script, Sink

GOOD = (world.HOME_CARE, world.BRINKEN, world.LYCKORNA)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    it = Sink(Script())
    await it.start()
    yield it
    await it.stop()


@pytest.fixture
def sound(files: Any, authority: Authority) -> Any:
    """Files with which nothing is wrong: keys all there, own files private."""
    files.write_policy(good_policy(files))
    shutil.copy(authority.key, files.folder / "key.pem")
    (files.folder / "key.pem").chmod(0o600)
    files.data = world.merged(files.data, {"submission": {"tls": {"key": "key.pem"}}})
    return files


def good_policy(files: Any, **boxes: Any) -> dict[str, Any]:
    mailboxes = {name: files.policy["mailboxes"][name] for name in GOOD} | boxes
    channel = {"name": "alla", "from": world.HOME_CARE, "to": [world.BRINKEN, world.LYCKORNA]}
    return files.policy | {"mailboxes": mailboxes, "channels": [channel]}


async def look(
    files: Any, *, at: datetime | None = None, with_next_hops: bool = False, **config: Any
) -> list[Found]:
    read: Config = files.config(**config)
    policy = load_policy(read.policies, own_domains=read.domains, timezone=read.timezone)
    async with asyncio.timeout(30):
        return await check(read, policy, at=at or datetime.now(tz=UTC), with_next_hops=with_next_hops)


def only(found: list[Found], weight: Weight, place: object, text: str) -> None:
    (one,) = found
    assert (one.weight, one.place) == (weight, str(place)), one
    assert text in one.text


async def test_nothing_is_wrong(sound: Any) -> None:
    assert await look(sound) == []


# Logins


async def test_a_users_file_that_is_wrong(sound: Any) -> None:
    sound.write_private("users.yaml", "anna:\n  password: klartext\n  address: anna@motala.se\n")
    found = await look(sound)
    only(found, Weight.ERROR, f"{sound.folder}/users.yaml:2:13", "argon2id")
    assert "klartext" not in found[0].text


async def test_a_users_file_that_is_missing(sound: Any) -> None:
    (sound.folder / "users.yaml").unlink()
    only(await look(sound), Weight.ERROR, f"{sound.folder}/users.yaml:1:1", "cannot be read")


async def test_a_users_file_without_logins(sound: Any) -> None:
    sound.write_private("users.yaml", "# none yet\n")
    only(await look(sound), Weight.WARNING, sound.folder / "users.yaml", "holds no login yet")


# Certificate


def issued(files: Any, authority: Authority, *names: str, **issue: Any) -> dict[str, Any]:
    certificate = authority.ca.issue_cert(*names, **issue)
    path = files.folder / "issued.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    path.chmod(0o600)
    return {"submission": {"tls": {"certificate": "issued.pem", "key": "issued.pem"}}}


async def test_a_certificate_for_another_name(sound: Any, authority: Authority) -> None:
    config = issued(sound, authority, "mail.motala.se", "example.org")
    only(await look(sound, **config), Weight.WARNING, sound.folder / "issued.pem", "is not for gw.motala.se")


@pytest.mark.parametrize("name", ["gw.motala.se", "*.motala.se"])
async def test_a_certificate_for_the_name(sound: Any, authority: Authority, name: str) -> None:
    assert await look(sound, **issued(sound, authority, name)) == []


@pytest.mark.parametrize(
    ("days", "weight", "text"),
    [(400, None, ""), (20, Weight.WARNING, "expires 20"), (-2, Weight.ERROR, "expired 20")],
)
async def test_a_certificate_that_ends(
    sound: Any, authority: Authority, days: int, weight: Weight | None, text: str
) -> None:
    ends = datetime.now(tz=UTC) + timedelta(days=days)
    found = await look(sound, **issued(sound, authority, "gw.motala.se", not_after=ends))
    if weight is None:
        assert found == []
    else:
        only(found, weight, sound.folder / "issued.pem", text)


async def test_a_certificate_that_is_not_valid_yet(sound: Any, authority: Authority) -> None:
    config = issued(sound, authority, "gw.motala.se")
    found = await look(sound, at=datetime(1999, 12, 31, tzinfo=UTC), **config)
    assert any(one.place.endswith("issued.pem") and "is not valid before" in one.text for one in found)


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
async def test_a_certificate_that_is_none(sound: Any, text: str) -> None:
    sound.write_private("issued.pem", text)
    config = {"submission": {"tls": {"certificate": "issued.pem"}}}
    only(await look(sound, **config), Weight.ERROR, sound.folder / "issued.pem", "cannot be used")


async def test_a_certificate_that_is_missing(sound: Any) -> None:
    config = {"submission": {"tls": {"certificate": "missing.pem"}}}
    only(await look(sound, **config), Weight.ERROR, sound.folder / "missing.pem", "No such file")


async def test_without_tls_no_certificate_is_asked_for(sound: Any) -> None:
    config = {"submission": {"tls": {"mode": "off", "certificate": None, "key": None, "on_loopback": None}}}
    assert await look(sound, **config) == []


# Files


@pytest.mark.parametrize("name", ["users.yaml", "key.pem", "secret", "relay.password"])
async def test_a_secret_that_others_may_read(sound: Any, name: str) -> None:
    sound.write_private("secret", "x")
    sound.write_private("relay.password", "x")
    (sound.folder / name).chmod(0o640)
    hop = {"tls": {"mode": "encrypt"}, "username": "gw1", "password_file": "relay.password"}
    config = {"relay": {"default": hop}, "openpgp": {"passphrase_file": "secret"}}
    only(
        await look(sound, **config),
        Weight.ERROR,
        sound.folder / name,
        "holds a secret and has mode 0640; chmod 600",
    )


async def test_a_passphrase_file_that_is_missing(sound: Any) -> None:
    found = await look(sound, openpgp={"passphrase_file": "missing"})
    only(found, Weight.ERROR, sound.folder / "missing", "cannot be read: No such file")


@pytest.mark.parametrize("name", ["state", "state/decisions", "mail"])
async def test_a_folder_that_others_may_write(sound: Any, name: str) -> None:
    folder = sound.folder / name
    folder.mkdir(parents=True)
    folder.chmod(0o770)
    only(await look(sound), Weight.ERROR, folder, "others may write here")


async def test_a_signing_key_that_is_none(sound: Any) -> None:
    sound.write_private("decision-log.key", "hemligt-ord")
    found = await look(sound)
    only(found, Weight.ERROR, sound.folder / "decision-log.key", "not a signing key")
    assert "hemligt-ord" not in found[0].text


async def test_a_state_folder_with_too_long_a_path(sound: Any) -> None:
    found = await look(sound, state_dir="s" * 100)
    only(found, Weight.ERROR, sound.folder / "rorpost.yaml", "control socket")


async def test_a_log_folder_whose_parent_is_missing_is_made_with_the_state_folder(sound: Any) -> None:
    assert await look(sound, state_dir="a/b/c") == []


# Routes


async def test_no_route_to_a_domain(sound: Any) -> None:
    elsewhere = {"rorpost.enhet@example.org": {"key": sound.keys.receiver}}
    sound.write_policy(good_policy(sound, **elsewhere))
    route = {world.THEIRS: {"host": "127.0.0.1", "tls": {"mode": "off"}}}
    (found,) = await look(sound, relay={"default": None, "routes": route})
    assert found.weight is Weight.ERROR
    assert found.place.startswith(f"{sound.folder}/policies/policy.yaml:")
    assert found.text == "rorpost.enhet@example.org: no route leads to its domain, and there is no default"


async def test_two_of_our_own_units_need_no_route(sound: Any) -> None:
    """What one writes to the other is opened here, and laid into its mailbox."""
    units = {world.HOME_CARE: sound.policy["mailboxes"][world.HOME_CARE], "rorpost.rehab@motala.se": {}}
    channel = {"name": "inom", "between": list(units)}
    sound.write_policy(sound.policy | {"mailboxes": units, "channels": [channel]})
    assert not [one for one in await look(sound) if "inom" in one.text]


async def test_a_password_of_a_route_that_cannot_be_read(sound: Any) -> None:
    """One finding, also where the next hops are to be asked, and not the end of the check."""
    hop = {"tls": {"mode": "encrypt"}, "username": "gw1", "password_file": "missing"}
    (sound.folder / "users.yaml").chmod(0o644)
    found = await look(sound, with_next_hops=True, relay={"default": hop})
    texts = [one.text for one in found]
    assert any("cannot be read" in text for text in texts)
    assert any("chmod 600" in text for text in texts)


# Keys


async def test_keys_by_their_state(sound: Any) -> None:
    states = {
        "revoked_primary": "key-revoked",
        "revoked_subkey": "key-revoked",
        "expired_primary": "key-expired",
        "expired_subkey": "key-expired",
        "sign_only": "key-unusable",
    }
    boxes = {
        f"rorpost.{name.replace('_', '-')}@{world.THEIRS}": {"key": getattr(sound.keys, name)}
        for name in states
    }
    boxes[f"rorpost.missing@{world.THEIRS}"] = {"key": "0" * 40}
    boxes[world.KEYLESS] = {"name": "Utan nyckel"}
    sound.write_policy(good_policy(sound, **boxes))
    found = {(one.text.partition(":")[0], one.text.partition(": ")[2]) for one in await look(sound)}
    wanted = {
        (box, f"no key to encrypt with ({state})") for box, state in zip(boxes, states.values(), strict=False)
    }
    wanted |= {
        (f"rorpost.missing@{world.THEIRS}", "no key to encrypt with (key-missing)"),
        (world.KEYLESS, "no key to encrypt with (key-missing)"),
        (world.KEYLESS, "no key to sign with (key-missing)"),
    }
    assert found == wanted


async def test_a_key_stands_where_its_pin_is_written(sound: Any) -> None:
    boxes = {f"rorpost.missing@{world.THEIRS}": {"key": [sound.keys.receiver, "0" * 40]}}
    sound.write_policy(good_policy(sound, **boxes))
    (found,) = await look(sound)
    file, line, column = found.place.rsplit(":", 2)
    text = Path(file).read_text().splitlines()[int(line) - 1]
    assert text[int(column) - 1 :].strip("'\"- ").startswith("0" * 40)


async def test_a_key_that_ends_soon(sound: Any) -> None:
    found = await look(sound, at=datetime.now(tz=UTC) + timedelta(days=710))
    about = [one for one in found if "its key to" in one.text]
    assert {one.weight for one in about} == {Weight.WARNING}
    assert {one.text.partition(":")[0] for one in about} == set(GOOD)
    assert all(" with expires 20" in one.text for one in about)


@pytest.mark.parametrize("address", [world.BRINKEN, world.HOME_CARE])
async def test_a_mailbox_whose_pins_have_all_run_out(sound: Any, address: str) -> None:
    """The gateway refuses such a mailbox, though a key with its user id lies there."""
    box = dict(sound.policy["mailboxes"][address])
    key = sound.keys.sender if address == world.HOME_CARE else sound.keys.receiver
    box["key"] = [{"fingerprint": key, "accept_until": date(2026, 1, 1)}]
    sound.write_policy(good_policy(sound, **{address: box}))
    found = [one for one in await look(sound) if one.text.startswith(address)]
    assert found
    assert {one.weight for one in found} == {Weight.ERROR}
    assert all("key-expired" in one.text for one in found)


async def test_a_home_that_others_may_read(sound: Any, home_copy: Callable[[Path], Path]) -> None:
    home = home_copy(sound.keys.sender_home)
    home.chmod(0o755)
    only(await look(sound, openpgp={"home": str(home)}), Weight.ERROR, home, "must be 0700")


async def test_a_home_that_is_missing(sound: Any) -> None:
    found = await look(sound, openpgp={"home": "missing"})
    only(found, Weight.ERROR, sound.folder / "missing", "is not there; make it")


async def test_without_gpg(sound: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    only(await look(sound), Weight.ERROR, "gpg", "gpg is not installed")


async def test_a_passphrase_that_does_not_open_the_key(sound: Any, new_home: Callable[[], Path]) -> None:
    home = new_home()
    generate(home, world.HOME_CARE, passphrase="right")
    sound.write_policy({**good_policy(sound), "mailboxes": {world.HOME_CARE: {}}, "channels": []})
    sound.write_private("secret", "right\n")
    config = {"openpgp": {"home": str(home), "passphrase_file": "secret"}}
    assert await look(sound, **config) == []
    stop_agent(home)  # it remembers a passphrase
    sound.write_private("secret", "hemligt-ord\n")
    (found,) = await look(sound, **config)
    assert found.weight is Weight.ERROR
    assert "passphrase" in found.text
    assert "hemligt-ord" not in found.text


# Next hops


async def test_a_next_hop_that_lets_us_in(sound: Any, sink: Sink) -> None:
    hop = {"host": "127.0.0.1", "port": sink.port, "tls": {"mode": "off"}}
    assert await look(sound, with_next_hops=True, relay={"default": hop}) == []
    assert sink.verbs == ["EHLO", "QUIT"]


async def test_a_next_hop_that_is_down(sound: Any) -> None:
    hop = {"host": "127.0.0.1", "port": 1, "tls": {"mode": "off"}}
    found = await look(sound, with_next_hops=True, relay={"default": hop})
    only(found, Weight.WARNING, "next hop 127.0.0.1:1 (default)", "refused the connection")


async def test_a_next_hop_without_the_tls_it_should_have(sound: Any, sink: Sink) -> None:
    hop = {"host": "127.0.0.1", "port": sink.port, "tls": {"mode": "verify"}}
    found = await look(sound, with_next_hops=True, relay={"default": hop})
    only(found, Weight.WARNING, f"next hop 127.0.0.1:{sink.port} (default)", "STARTTLS")


async def test_authorities_that_cannot_be_read(sound: Any) -> None:
    hop = {"host": "127.0.0.1", "port": 1, "tls": {"mode": "verify", "ca": "missing.pem"}}
    found = await look(sound, with_next_hops=True, relay={"default": hop})
    only(found, Weight.WARNING, "next hop 127.0.0.1:1 (default)", "certificate authorities cannot be used")


async def test_each_route_is_asked(sound: Any) -> None:
    off = {"host": "127.0.0.1", "port": 1, "tls": {"mode": "off"}}
    found = await look(
        sound, with_next_hops=True, relay={"default": off, "routes": {"a.se": off, "b.se": off}}
    )
    assert [one.place.partition("(")[2] for one in found] == ["a.se)", "b.se)", "default)"]


# The engine


async def test_sequoia_with_sound_keys_finds_nothing(sound: Any) -> None:
    assert await look(sound, openpgp={"engine": "sequoia"}) == []


async def test_keys_that_sequoia_cannot_use(sound: Any, home_copy: Callable[[Path], Path]) -> None:
    """gpg can: neither key is a finding with the other engine."""
    home = home_copy(sound.keys.sender_home)
    ours = generate(home, world.HOME_CARE, expires="1y")
    signing = add_subkey(home, ours, "brainpoolP256r1/ecdsa", "sign")
    config = {"openpgp": {"home": str(home), "engine": "sequoia"}}
    found = await look(sound, **config)
    assert {one.place for one in found} == {str(home)}
    assert signing in found[0].text
    assert await look(sound, openpgp={"home": str(home)}) == []


async def test_a_partner_whose_key_sequoia_cannot_encrypt_to(
    sound: Any, home_copy: Callable[[Path], Path]
) -> None:
    home = home_copy(sound.keys.sender_home)
    theirs = generate(home, f"rorpost.ny@{world.THEIRS}", encrypts=False)
    add_subkey(home, theirs, "brainpoolP256r1", "encr")
    sound.write_policy(good_policy(sound, **{f"rorpost.ny@{world.THEIRS}": {"key": theirs}}))
    assert await look(sound, openpgp={"home": str(home)}) == []
    (found,) = await look(sound, openpgp={"home": str(home), "engine": "sequoia"})
    assert (found.weight, "sequoia cannot encrypt to its key" in found.text) == (Weight.ERROR, True)
