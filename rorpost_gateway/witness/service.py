"""The witness as a server: add-checkpoint over HTTP, one request at a time.

There is no login: who may have what cosigned is decided by the log's signature alone.

c2sp.org/tlog-witness, "HTTP Interface".
"""

import asyncio
import ssl
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import structlog

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer
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

    return HttpServer(
        listen,
        {},
        takers={PATH: add_checkpoint},
        limits=HttpLimits(body_octets=BODY_OCTETS),
        tls=tls,
        name="witness",
    )


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and newer with that certificate. Raises ConfigurationInvalid."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationInvalid(f"{certificate}, {key}: {error.strerror or 'not usable'}") from error
    return context
