"""gpgmail: a recipient's address went through a shell's `eval`."""

import pytest

from tests.peers import gateway_world as world
from tests.peers.submitting import make_message, submit
from tests.peers.whole_gateway import MakeGateway

COMMANDS = (
    "$(touch${IFS}{mark})",
    "`touch${IFS}{mark}`",
    "x;touch${IFS}{mark}",
    "x|touch${IFS}{mark}",
    "--{mark}",
)
QUOTED = '"rorpost.vcbrinken;touch {mark}"'


def test_no_address_is_a_command(whole_gateway: MakeGateway) -> None:
    gateway = whole_gateway()
    gateway.start()
    mark = gateway.folder / "mark"
    texts = [text.replace("{mark}", str(mark)) for text in (*COMMANDS, QUOTED)]
    with gateway.connect() as client:
        for text in texts:
            code, _ = client.docmd("MAIL", f"FROM:<{text}@motala.se>")
            assert code >= 500
            heard = client.envelope(world.HOME_CARE, (f"{text}@regionostergotland.se",))
            assert heard.refused
            client.rset()
            heard = submit(client, make_message(user=f"{text}@motala.se"))
            assert heard.reason in {"user-not-declared", "user-mismatch"}
            heard = submit(client, make_message(From=f"{text}@motala.se"))
            assert heard.reason in {"author-mismatch", "message-malformed"}
    assert not mark.exists()
    assert not gateway.queue_rows()


@pytest.mark.parametrize("name", ["$(touch {mark})", "; touch {mark} #", "--output={mark}"])
def test_no_word_of_a_message_is_one(whole_gateway: MakeGateway, name: str) -> None:
    gateway = whole_gateway()
    gateway.start()
    mark = gateway.folder / "mark"
    word = name.replace("{mark}", str(mark))
    assert gateway.submit(subject=word, body=word, message_id="<$(touch.x)@klient>", X_Word=word).accepted
    gateway.wait_until_relayed(1)
    assert not mark.exists()
