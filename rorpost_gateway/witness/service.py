"""The witness as a server: add-checkpoint over HTTP, and what it holds, for whoever wants to compare.

There is no login: who may have what cosigned is decided by the log's signature alone.

c2sp.org/tlog-witness, "HTTP Interface".
"""

import asyncio
import hashlib
import ssl
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path

import structlog

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer, error
from rorpost_gateway.http.server import HttpLimits, HttpServer
from rorpost_gateway.witness.request import BODY_OCTETS, PATH
from rorpost_gateway.witness.witness import Judge

log = structlog.get_logger()


def make_server(
    judge: Judge, *, listen: str, tls: ssl.SSLContext | None, now: Callable[[], float]
) -> HttpServer:
    """Nothing is bound yet. `listen` is IP:PORT; `now` tells seconds since the epoch."""

    async def add_checkpoint(body: bytes) -> Answer:
        ruling = await asyncio.to_thread(judge.add_checkpoint, body, at=int(now()))
        about = {"origin": ruling.stated.origin, "size": ruling.stated.size} if ruling.stated else {}
        if ruling.refusal is not None:
            log.critical("log-inconsistent", found=ruling.refusal.value, **about)
        elif ruling.answer.status == HTTPStatus.OK:
            log.info("cosigned", **about)
        else:
            log.warning("not-cosigned", status=ruling.answer.status, **about)
        return ruling.answer

    async def checkpoint(origin: str) -> Answer:
        held = judge.newest(origin, at=int(now()))
        return error(404) if held is None else Answer(body=held)

    pages = {monitoring_path(origin): partial(checkpoint, origin) for origin in judge.sizes()}
    return HttpServer(
        listen,
        pages,
        takers={PATH: add_checkpoint},
        limits=HttpLimits(body_octets=BODY_OCTETS),
        tls=tls,
        name="witness",
    )


def monitoring_path(origin: str) -> str:
    """Where the newest checkpoint of a log is served (c2sp.org/tlog-witness 1.1.0, the monitoring prefix)."""
    return f"/{hashlib.sha256(origin.encode('utf-8')).hexdigest()}/checkpoint"


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and newer with that certificate. Raises ConfigurationInvalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationInvalid(f"{certificate}, {key}: {error.strerror or 'not usable'}") from error
    return context
