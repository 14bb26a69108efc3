r"""Plays an SMTP dialogue, written as text, against a real listener.

A dialogue is a `.dialog` file, read line by line:

    # a comment
    @listener starttls     how to connect: starttls, implicit or off; what follows is for whoever starts it
    C: EHLO client         what the client sends (CRLF is added)
    S: 250-gw.motala.se    the next line of the server, exactly; … stands for any text
    S~ 250 .*              the same as a regular expression
    @ehlo [NAME]           EHLO, and its whole reply read past
    @starttls              STARTTLS, its 220, the handshake, and EHLO again
    @tls                   only the handshake
    @login NAME            AUTH PLAIN with ${password.NAME}, and 235
    @send-raw TEXT         octets, with \r \n \0 \xNN \\ escapes and no line end added
    @data                  the lines up to @end, dot-stuffed, then the final dot
    @data FILE             the octets of a file beside the dialogue, the same way
    @sealed [WORDS]        what `play` was given to make of the words, the same way
    @repeat N … @end       the steps between, N times; ${i} counts from 1
    @half-close            send nothing more, go on listening
    @reset                 go away with a TCP RST
    @connect               a new connection in place of the old one
    @expect-close          the server closes and says nothing more

`${name}` is a variable, `${repeat A 300}` a run of text, `${base64 TEXT}` base64 of
escaped text. Other directives are handed to the `checks` that `play` was given.
"""

import base64
import re
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.dialogs.wire import Closed, Wire

Check = Callable[[str], Awaitable[None]]  # gets the directive's argument; raises AssertionError
Make = Callable[[str], bytes]  # gets the words of @sealed; makes a message
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|(.))")
_PLAIN_ESCAPES = {b"r": b"\r", b"n": b"\n", b"0": b"\0", b"t": b"\t", b"\\": b"\\"}
_CONTEXT_LINES = 8


class DialogMismatch(AssertionError):
    """The server said something else; the text names file, line, what was expected and what came."""


@dataclass(frozen=True)
class Step:
    number: int  # of its line, from 1
    kind: str  # "C", "S", "S~" or a directive with its @
    text: str
    block: "tuple[Step, ...]" = ()


@dataclass(frozen=True)
class Dialog:
    path: Path
    listener: str
    steps: tuple[Step, ...]


def read_dialog(path: Path) -> Dialog:
    lines = iter(enumerate(path.read_text(encoding="utf-8").splitlines(), start=1))
    steps = tuple(_steps(lines, path))
    kinds = [step.text for step in steps if step.kind == "@listener"]
    if len(kinds) != 1:
        raise ValueError(f"{path}: one @listener line is needed")
    return Dialog(path, kinds[0], tuple(step for step in steps if step.kind != "@listener"))


def _steps(lines: Iterator[tuple[int, str]], path: Path, *, inside: bool = False) -> Iterator[Step]:
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        if line.strip() == "@end" and inside:
            return
        yield _step(number, line, lines, path)
    if inside:
        raise ValueError(f"{path}: @end is missing")


def _step(number: int, line: str, lines: Iterator[tuple[int, str]], path: Path) -> Step:
    if line.startswith("@"):
        kind, _, text = line.partition(" ")
        if kind == "@repeat":
            return Step(number, kind, text.strip(), tuple(_steps(lines, path, inside=True)))
        if kind == "@data" and not text.strip():
            return Step(number, kind, "", tuple(_literal(lines, path)))
        return Step(number, kind, text.strip() if kind != "@send-raw" else text)
    kind, text = line[:2], line[3:]
    if kind not in {"C:", "S:", "S~"}:
        raise ValueError(f"{path}:{number}: neither C:, S:, S~ nor a directive")
    return Step(number, kind.rstrip(":"), text)


def _literal(lines: Iterator[tuple[int, str]], path: Path) -> Iterator[Step]:
    for number, line in lines:
        if line == "@end":
            return
        yield Step(number, "line", line)
    raise ValueError(f"{path}: @end is missing")


@dataclass
class _Player:
    dialog: Dialog
    host: str
    port: int
    context: ssl.SSLContext | None
    variables: dict[str, str]
    checks: Mapping[str, Check]
    make: Make | None
    wire: Wire
    transcript: list[str] = field(default_factory=list)

    async def play(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            try:
                await self._perform(step)
            except (Closed, TimeoutError, OSError, AssertionError) as error:
                if isinstance(error, DialogMismatch):
                    raise
                what = {Closed: "the connection was closed", TimeoutError: "nothing came"}.get(type(error))
                raise self._mismatch(step, f"{step.kind} {step.text}", what or str(error)) from error

    async def _perform(self, step: Step) -> None:
        text = self._expand(step.text)
        name = step.kind.removeprefix("@").replace("-", "_")
        if step.kind == "C":
            await self._send(text.encode("utf-8") + b"\r\n")
        elif step.kind in {"S", "S~"}:
            await self._expect(step, text)
        elif step.kind == "@repeat":
            for i in range(1, int(text) + 1):
                self.variables["i"] = str(i)
                await self.play(step.block)
        elif step.kind == "@data":
            await self._data(step, text)
        elif method := getattr(self, f"_do_{name}", None):
            await method(text)
        elif step.kind[1:] in self.checks:
            await self.checks[step.kind[1:]](text)
        else:
            raise AssertionError(f"unknown directive {step.kind}")

    async def _send(self, octets: bytes) -> None:
        self.transcript.append(f"C: {octets[:200]!r}")
        await self.wire.send(octets)

    async def _line(self) -> str:
        line = (await self.wire.line()).decode("latin-1")
        self.transcript.append(f"S: {line}")
        return line

    async def _expect(self, step: Step, text: str) -> None:
        pattern = text if step.kind == "S~" else ".*".join(re.escape(part) for part in text.split("…"))
        line = await self._line()
        if not re.fullmatch(pattern, line):
            raise self._mismatch(step, text, line)

    async def _reply(self, wanted: str) -> None:
        line = await self._line()
        while line[3:4] == "-":
            line = await self._line()
        assert line.startswith(wanted), f"wanted {wanted}, got {line}"

    async def _data(self, step: Step, file: str) -> None:
        if file:
            octets = (self.dialog.path.parent / file).read_bytes()
        else:
            octets = "".join(self._expand(line.text) + "\r\n" for line in step.block).encode("utf-8")
        await self._send_data(octets)

    async def _do_sealed(self, words: str) -> None:
        assert self.make is not None, "nothing was given that makes messages"
        await self._send_data(self.make(words))

    async def _send_data(self, octets: bytes) -> None:
        stuffed = (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:]
        await self._send(stuffed + (b"" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n") + b".\r\n")

    async def _do_ehlo(self, name: str) -> None:
        await self._send(f"EHLO {name or 'client.example'}\r\n".encode())
        await self._reply("250 ")

    async def _do_starttls(self, name: str) -> None:
        await self._send(b"STARTTLS\r\n")
        await self._reply("220 ")
        await self._do_tls("")
        await self._do_ehlo(name)

    async def _do_tls(self, _: str) -> None:
        assert self.context is not None, "no TLS context was given"
        await self.wire.start_tls(self.context)

    async def _do_login(self, name: str) -> None:
        secret = base64.b64encode(f"\0{name}\0{self.variables[f'password.{name}']}".encode()).decode()
        await self._send(f"AUTH PLAIN {secret}\r\n".encode())
        await self._reply("235 ")

    async def _do_send_raw(self, text: str) -> None:
        await self._send(unescape(text))

    async def _do_half_close(self, _: str) -> None:
        self.wire.half_close()

    async def _do_reset(self, _: str) -> None:
        self.wire.reset()

    async def _do_connect(self, _: str) -> None:
        self.wire.close()
        self.wire = await _connect(self.dialog, self.host, self.port, self.context)

    async def _do_expect_close(self, _: str) -> None:
        rest = await self.wire.expect_closed()
        assert not rest, f"before closing, the server still said {rest!r}"

    def _expand(self, text: str) -> str:
        return _VARIABLE.sub(self._value, text)

    def _value(self, match: re.Match[str]) -> str:
        word, _, rest = match[1].partition(" ")
        if word == "repeat":
            piece, _, times = rest.rpartition(" ")
            return piece * int(times)
        if word == "base64":
            return base64.b64encode(unescape(rest)).decode()
        return self.variables[match[1]]

    def _mismatch(self, step: Step, expected: str, got: str) -> DialogMismatch:
        before = "\n  ".join(self.transcript[-_CONTEXT_LINES:])
        where = f"{self.dialog.path.name}:{step.number}"
        return DialogMismatch(f"{where}\nexpected: {expected}\n     got: {got}\nbefore:\n  {before}")


def unescape(text: str) -> bytes:
    def octet(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)]) if match[1] else _PLAIN_ESCAPES[match[2]]

    return _ESCAPE.sub(octet, text.encode("utf-8"))


async def _connect(dialog: Dialog, host: str, port: int, context: ssl.SSLContext | None) -> Wire:
    wire = await Wire.connect(host, port)
    if dialog.listener.startswith("implicit"):
        assert context is not None
        await wire.start_tls(context)
    return wire


async def play(
    dialog: Dialog,
    *,
    host: str,
    port: int,
    context: ssl.SSLContext | None = None,
    variables: Mapping[str, str] | None = None,
    checks: Mapping[str, Check] | None = None,
    make: Make | None = None,
) -> list[str]:
    """Play a dialogue; return what was said. Raises DialogMismatch."""
    wire = await _connect(dialog, host, port, context)
    player = _Player(dialog, host, port, context, dict(variables or {}), checks or {}, make, wire)
    try:
        await player.play(dialog.steps)
    finally:
        player.wire.close()
    return player.transcript
