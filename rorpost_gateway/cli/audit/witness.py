"""`rorpost audit witness`: a witness, run by somebody else than those who run the log."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import click

from rorpost_gateway import event_loop, operator_log
from rorpost_gateway.audit.signatures import ED25519, KeyFault, VerifierKey, parse_vkey
from rorpost_gateway.cli.audit.source import read_vkey
from rorpost_gateway.config.reading import LISTEN, is_loopback
from rorpost_gateway.http.server import HttpServer
from rorpost_gateway.witness.key import CosigningKey, create_key, load_key
from rorpost_gateway.witness.service import make_server, server_context
from rorpost_gateway.witness.state import WitnessState
from rorpost_gateway.witness.witness import Judge

KEY_NAME = "witness.key"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--log-vkey",
    "log_vkeys",
    metavar="KEY",
    multiple=True,
    required=True,
    help="Verifier key of a log to witness, or a file with it; one for each log, and for each key of a log.",
)
@click.option(
    "--listen",
    metavar="IP:PORT",
    default="127.0.0.1:8420",
    show_default=True,
    help="Where gateways ask; anywhere but loopback needs TLS.",
)
@click.option("--name", help="Of the witness, such as witness.example/motala; needed once, to make its key.")
@click.option("--certificate", type=click.Path(path_type=Path), help="For TLS: the chain, PEM.")
@click.option("--key", type=click.Path(path_type=Path), help="For TLS: the certificate's private key, PEM.")
def witness(
    *,
    folder: Path,
    log_vkeys: tuple[str, ...],
    listen: str,
    name: str | None,
    certificate: Path | None,
    key: Path | None,
) -> None:
    """Cosign the checkpoints of a log as long as each continues the last; keep what it signed in FOLDER.

    Its own verifier key is printed first, for `decision_log.witnesses` of the log.
    It runs until SIGTERM. A log that takes a new key needs a restart with both.
    """
    tls = _tls(listen, certificate, key)
    logs = [_log_key(text) for text in log_vkeys]
    operator_log.configure(as_json=None, level="info")
    state = WitnessState(folder)
    state.make()
    state.lock()
    try:
        own = _own_key(folder / KEY_NAME, name)
        judge = Judge(key=own, logs=logs, state=state)
        context = server_context(*tls) if tls is not None else None
        click.echo(own.vkey)
        sys.exit(event_loop.run(_serve(make_server(judge, listen=listen, tls=context, now=time.time))))
    finally:
        state.close()


def _tls(listen: str, certificate: Path | None, key: Path | None) -> tuple[Path, Path] | None:
    match = LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        raise click.BadParameter("is not IP:PORT", param_hint="--listen")
    if certificate is not None and key is not None:
        return certificate, key
    if certificate is not None or key is not None:
        raise click.UsageError("--certificate and --key go together")
    if not is_loopback(match["host"]):
        raise click.UsageError("without --certificate and --key only loopback may be listened on")
    return None


def _log_key(text: str) -> VerifierKey:
    try:
        key = parse_vkey(read_vkey(text))
    except KeyFault as fault:
        raise click.BadParameter(str(fault), param_hint="--log-vkey") from None
    if key.kind != ED25519:
        raise click.BadParameter("not the key of a log", param_hint="--log-vkey")
    return key


def _own_key(path: Path, name: str | None) -> CosigningKey:
    if not path.exists():
        if name is None:
            raise click.UsageError("a new witness needs a --name")
        return create_key(path, name)
    own = load_key(path)
    if name is not None and own.name != name:
        raise click.UsageError(f"the witness in {path.parent} is called {own.name}")
    return own


async def _serve(server: HttpServer) -> int:
    loop, ending = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    await server.start()
    try:
        host, port = server.address or ("", 0)
        click.echo(f"ready, listening on {host}:{port}", err=True)
        await ending.wait()
    finally:
        await server.close()
    return 0
