"""SIGHUP: what operations change is in force with the next message, and a mistake changes nothing."""

import copy
import itertools
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import export_public, gpg, import_key, subkeys
from tests.peers.submitting import Heard, make_message, submit

HomeCopy = Callable[[Path], Path]


def without_anna(gateway: Scenario) -> dict[str, Any]:
    policy = copy.deepcopy(gateway.policy)
    users = policy["mailboxes"][world.HOME_CARE]["users"]
    users[:] = [user for user in users if user["user"] != world.ANNA]
    return policy


def test_who_is_removed_is_refused_on_an_open_session(scenario: MakeScenario) -> None:
    gateway = scenario()
    with gateway.connect() as client:
        assert submit(client, make_message(message_id="<1@klient>")).accepted
        gateway.set_policy(without_anna(gateway))
        assert gateway.reload()
        assert submit(client, make_message(message_id="<2@klient>")).reason == "user-not-authorised"
        gateway.set_policy(gateway.policy)
        assert gateway.reload()
        assert submit(client, make_message(message_id="<3@klient>")).accepted
    gateway.wait_until_relayed(2)
    first, second, third = gateway.decisions()
    assert first["policy"] == third["policy"] != second["policy"]
    loaded = gateway.lines_of("policy")
    assert [line["revision"] for line in loaded] == [first["policy"], second["policy"], first["policy"]]
    assert (loaded[1]["counts"]["users_gained"], loaded[1]["counts"]["users_lost"]) == (0, 1)
    kept = {path.stem for path in (gateway.state / "policies").glob("*.json")}
    assert kept == {first["policy"], second["policy"]}


def test_a_transaction_keeps_the_policy_it_began_with(scenario: MakeScenario) -> None:
    gateway = scenario()
    with gateway.connect() as client:
        assert client.envelope(world.HOME_CARE, (world.BRINKEN,)).code == 250
        gateway.set_policy(without_anna(gateway))
        assert gateway.reload()
        client.begin_data()
        client.send_message_octets(make_message())
        assert client.answer().reason == "ok"
        assert submit(client, make_message(message_id="<2@klient>")).reason == "user-not-authorised"
    gateway.wait_until_relayed(1)


def test_a_broken_policy_changes_nothing_and_says_where(scenario: MakeScenario) -> None:
    gateway = scenario()
    assert gateway.submit().accepted
    gateway.set_policy("mailboxes:\n  rorpost.a@motala.se:\n    nam: Fel\nchannels: []\n")
    assert not gateway.reload()
    event = gateway.running.wait_for_event("reload-refused")
    assert "policy.yaml:3:5: unknown key" in event["why"]
    assert gateway.submit(body="Hej igen").accepted
    gateway.wait_until_relayed(2)
    assert {line["policy"] for line in gateway.decisions()} == {event["in_force"]}
    gateway.set_policy(without_anna(gateway))
    assert gateway.reload()
    assert gateway.submit(body="Hej en gang till").reason == "user-not-authorised"


def test_a_new_key_is_used(scenario: MakeScenario, home_copy: HomeCopy, prepared_keys: Any) -> None:
    home = home_copy(prepared_keys.sender_home)
    gpg(home, "--delete-keys", prepared_keys.two_user_ids)
    gateway = scenario(home=home)
    refused = gateway.submit(recipients=(world.LYCKORNA,))
    assert (refused.step, refused.reason) == ("RCPT", "key-missing")
    import_key(home, export_public(prepared_keys.receiver_home, prepared_keys.two_user_ids))
    assert gateway.reload()
    assert gateway.submit(recipients=(world.LYCKORNA,)).accepted
    gateway.wait_until_relayed(1)
    [encryption_key] = subkeys(prepared_keys.receiver_home, prepared_keys.two_user_ids)
    packets = gpg(prepared_keys.receiver_home, "--list-packets", stdin=gateway.next_hop.arrivals[0].sealed)
    assert encryption_key[-16:].encode() in packets


def test_a_removed_login_is_refused_at_once(scenario: MakeScenario) -> None:
    gateway = scenario()
    users = gateway.folder / "users.yaml"
    kept = users.read_text(encoding="utf-8")
    entry = re.search(r'(?ms)^"?anna"?:\n.*?(?=^\S)', kept)
    assert entry is not None
    secret = b64encode(f"\0anna\0{world.PASSWORD}".encode()).decode()
    with gateway.connect() as logged_in, gateway.connect(login=None) as client:
        users.write_text(kept.replace(entry[0], ""), encoding="utf-8")
        assert gateway.reload()
        code, text = client.docmd("AUTH", f"PLAIN {secret}")
        assert (code, text.startswith(b"5.7.8 [login-failed]")) == (535, True)
        heard = submit(logged_in, make_message(message_id="<1@klient>"))
        assert (heard.code, heard.reason) == (530, "login-required")
        users.write_text(kept, encoding="utf-8")
        assert gateway.reload()
        assert submit(logged_in, make_message(message_id="<2@klient>")).accepted
    gateway.wait_until_relayed(1)


def test_a_changed_folder_is_read_by_itself(scenario: MakeScenario) -> None:
    gateway = scenario(config={"policy_reload": "watch", "policy_quiet": "0s"})
    with gateway.connect() as client:
        assert submit(client, make_message(message_id="<1@klient>")).accepted
        gateway.set_policy(without_anna(gateway))
        gateway.running.wait_for_event("reloaded")
        assert submit(client, make_message(message_id="<2@klient>")).reason == "user-not-authorised"
        gateway.set_policy("mailboxes: [")
        gateway.running.wait_for_event("reload-refused")
        assert submit(client, make_message(message_id="<3@klient>")).reason == "user-not-authorised"
    gateway.wait_until_relayed(1)


def test_under_load_no_session_is_dropped_and_each_message_has_one_revision(scenario: MakeScenario) -> None:
    """Four clients send to two mailboxes each, while every other reload takes the person away."""
    gateway = scenario()
    both = (world.BRINKEN, world.LYCKORNA)
    ended = threading.Event()
    heard: list[tuple[str, Heard]] = []

    def send(name: int) -> None:
        with gateway.connect() as client:
            for number in itertools.count():
                message_id = f"<{number}.{name}@klient>"
                octets = make_message(message_id=message_id, recipients=both, body=message_id)
                heard.append((message_id, submit(client, octets, recipients=both)))
                if ended.is_set():
                    return

    with ThreadPoolExecutor(max_workers=4) as pool:
        clients = [pool.submit(send, name) for name in range(4)]
        try:
            for policy in (without_anna(gateway), gateway.policy) * 3:
                gateway.set_policy(policy)
                assert gateway.reload()
        finally:
            ended.set()
        for each in clients:
            each.result(timeout=60)
    assert {one.reason for _, one in heard} == {"ok", "user-not-authorised"}
    with_anna, without, *_ = [line["revision"] for line in gateway.lines_of("policy")]
    decided = {"ok": with_anna, "user-not-authorised": without}
    for message_id, one in heard:
        lines = gateway.decisions(message_id=message_id)
        assert [(line["reason"], line["policy"]) for line in lines] == [
            (one.reason, decided[str(one.reason)])
        ] * 2
    gateway.wait_until_relayed(2 * sum(one.accepted for _, one in heard))
