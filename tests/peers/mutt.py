"""The mail client mutt with its own GnuPG home, driven by keys pushed into a terminal that nobody looks at.

Its OpenPGP is what many partners' clients do: multipart/encrypted with the signature
inside, and From, To and Date protected only if it is told to. `Backend` is how it
reaches GnuPG: the gpgme library, or the plain command.
"""

import os
import pty
import select
import shutil
import subprocess
import termios
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import pytest

from tests.peers.authority import Authority

BOUND_SECONDS = 30
_PROGRAM = "mutt"
_ROWS_AND_COLUMNS = (60, 200)
Typing = tuple[tuple[str, str], ...]  # once the screen has said the first, the second is typed


class Backend(Enum):
    GPGME = "yes"
    PLAIN_COMMAND = "no"


_SETTINGS = """\
set from = "{address}"
set realname = "{name}"
set use_from = yes
set envelope_from_address = "{address}"
set use_envelope_from = yes
set hostname = "ws17.lan"
set folder = "{folder}"
set record = ""
set header_cache = ""
set tmpdir = "{folder}/tmp"
set mbox_type = Maildir
set editor = "true"
set autoedit = yes
set edit_headers = yes
set abort_unmodified = no
set confirmappend = no
set confirmcreate = no
set delete = no
set quit = yes
set wait_key = no
set beep = no
set sleep_time = 0
set pipe_decode = yes
set charset = "utf-8"
set crypt_protected_headers_subject = "..."
set send_charset = "us-ascii:utf-8"
set ssl_starttls = yes
set ssl_force_tls = yes
set ssl_verify_host = yes
set ssl_ca_certificates_file = "{ca}"
set certificate_file = "{ca}"
set smtp_authenticators = ""
set crypt_use_gpgme = {gpgme}
set crypt_autosign = yes
set crypt_autoencrypt = yes
set crypt_replysign = no
set pgp_sign_as = "0x{key}"
set pgp_default_key = "0x{key}"
set pgp_use_gpg_agent = yes
set pgp_mime_auto = yes
set pgp_verify_sig = yes
set crypt_protected_headers_write = {protected}
set crypt_protected_headers_read = yes
set pgp_check_gpg_decrypt_status_fd = yes
set pgp_good_sign = "^\\\\[GNUPG:\\\\] GOODSIG"
set pgp_decode_command = "gpg --status-fd=2 --no-verbose --quiet --batch --output - %f"
set pgp_decrypt_command = "gpg --status-fd=2 --no-verbose --quiet --batch --output - %f"
set pgp_verify_command = "gpg --status-fd=2 --no-verbose --quiet --batch --output - --verify %s %f"
set pgp_sign_command = "gpg --batch --quiet --output - --armor --detach-sign --textmode -u %a %f"
set pgp_encrypt_only_command = "pgpewrap gpg --batch --quiet --textmode --output - --encrypt \\
 --armor --always-trust -- -r %r -- %f"
set pgp_encrypt_sign_command = "pgpewrap gpg --batch --quiet --textmode --output - --encrypt --sign \\
 -u %a --armor --always-trust -- -r %r -- %f"
set pgp_list_pubring_command = "gpg --no-verbose --batch --quiet --with-colons --with-fingerprint \\
 --with-fingerprint --list-keys %r"
set pgp_list_secring_command = "gpg --no-verbose --batch --quiet --with-colons --with-fingerprint \\
 --with-fingerprint --list-secret-keys %r"
"""


@dataclass(frozen=True, kw_only=True)
class Mutt:
    """A client of `address` with the key `key` in `home`; `folder` is its own."""

    address: str
    name: str
    key: str
    home: Path
    folder: Path
    authority: Authority
    backend: Backend
    protects_headers: bool = False

    def send(self, place: tuple[str, int], recipient: str, *, subject: str, body: str, more: str = "") -> str:
        """One message, signed and encrypted, straight to a server, over verified TLS; what the screen said.

        `more` are further settings. Where the server refuses, the message is given up.
        """
        text = self.folder / "body"
        text.write_text(body, encoding="utf-8")
        url = f'set smtp_url = "smtp://localhost:{place[1]}/"\n{more}\n'
        # Sent, mutt ends; refused, it is back in its menu: quit, and do not keep the message.
        typing = (("-- Attachments", "y"), ("SMTP session failed", "qn"))
        return self._run(url, "-s", subject, "-i", str(text), "--", recipient, typing=typing)

    def read(self, octets: bytes) -> str:
        """What mutt shows of a message in its mailbox, piped on in clear text."""
        shown = self.folder / "shown"
        self._on_the_one_message(octets, f"<pipe-message>cat > {shown}<enter>")
        return shown.read_text(encoding="utf-8")

    def says(self, octets: bytes, word: str) -> str:
        """What the screen said when the message was on it, which `word` stands near the end of."""
        return self._on_the_one_message(octets, "<display-message>", typing=((word, "qx"),))

    def decrypted(self, octets: bytes) -> bytes:
        """The message as mutt saves it decrypted: a file of a Maildir."""
        saved = self.folder / "saved"
        self._on_the_one_message(octets, f"<decrypt-copy>{saved}<enter>")
        [file] = [*(saved / "new").iterdir(), *(saved / "cur").iterdir()]
        copied = file.read_bytes()
        shutil.rmtree(saved)
        return copied

    def _on_the_one_message(self, octets: bytes, keys: str, *, typing: Typing = ()) -> str:
        box = self.folder / "box"
        for part in ("new", "cur", "tmp"):
            (box / part).mkdir(parents=True, exist_ok=True)
        (box / "cur" / "one:2,S").write_bytes(octets.replace(b"\r\n", b"\n"))
        pushed = keys if typing else f"{keys}<exit>"
        return self._run("", "-R", "-f", str(box), "-e", f"push '{pushed}'", typing=typing)

    def _run(self, more: str, *arguments: str, typing: Typing = ()) -> str:
        (self.folder / "tmp").mkdir(exist_ok=True)
        settings = _SETTINGS.format(
            address=self.address,
            name=self.name,
            folder=self.folder,
            ca=self.authority.ca_file,
            gpgme=self.backend.value,
            key=self.key,
            protected="yes" if self.protects_headers else "no",
        )
        rc = self.folder / "muttrc"
        rc.write_text(settings + more, encoding="utf-8")
        environment = {
            "HOME": str(self.folder),
            "GNUPGHOME": str(self.home),
            "PATH": f"{os.environ['PATH']}:/usr/lib/mutt",
            "TERM": "vt100",
            "LC_ALL": "C.UTF-8",
        }
        code, screen = _in_terminal([_PROGRAM, "-n", "-F", str(rc), *arguments], environment, typing)
        assert code is not None, f"mutt did not end:\n{screen}"
        return screen


def _in_terminal(command: list[str], environment: dict[str, str], typing: Typing) -> tuple[int | None, str]:
    """Run to the end in a terminal; the exit code (None: not in time) and what the screen said."""
    to_type = list(typing)
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, _ROWS_AND_COLUMNS)
    screen = bytearray()
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    deadline = time.monotonic() + BOUND_SECONDS
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], deadline - time.monotonic())[0]:
                with suppress(OSError):  # EIO: the other end is closed
                    if octets := os.read(ours, 65536):
                        screen += octets
                        if to_type and to_type[0][0].encode() in screen:
                            os.write(ours, to_type.pop(0)[1].encode())
                        continue
                break
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        code = None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
    return code, screen.decode("utf-8", "replace")


def require_mutt() -> None:
    """Skip by hand, fail in CI, where mutt is not installed: `.ci/packages test` installs it."""
    if shutil.which(_PROGRAM) is None:
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("needs the Debian package mutt")


@pytest.fixture(params=list(Backend), ids=lambda backend: str(backend.name).lower())
def mutt_backend(request: pytest.FixtureRequest) -> Backend:
    require_mutt()
    return Backend(request.param)
