"""One RFC 3161 time-stamp: the question to an authority, and whether its answer is one.

The answer counts if it was granted, carries the hash and the nonce of the question, and is
signed by a certificate for time-stamping (critical extended key usage) that leads to one of
the configured authorities and was valid at the time stated. The package rfc3161-client is
used here only. No I/O.

RFC 3161, sections 2.2 to 2.4; RFC 5652 (CMS).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from rorpost_gateway.errors import ConfigurationInvalid, GatewayError

Roots = tuple[x509.Certificate, ...]
QUESTION_TYPE = "application/timestamp-query"
ANSWER_TYPE = "application/timestamp-reply"


class TimestampInvalid(GatewayError):
    """What an authority answered is no time-stamp of what was asked about."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A TimeStampReq in DER over the SHA-256 of some data, with a random nonce; it asks for certificates."""

    octets: bytes = field(repr=False)
    nonce: int
    digest: bytes


def read_roots(pem: bytes) -> Roots:
    """The certificates of authorities in a PEM file. Raises ConfigurationInvalid."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise ConfigurationInvalid("no certificate in PEM form") from error


def make_question(data: bytes) -> Question:
    """`data` is what the stamp is to be of; at least one octet."""
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    nonce = request.nonce
    if nonce is None:
        raise TimestampInvalid("no nonce could be made")
    return Question(octets=request.as_bytes(), nonce=nonce, digest=hashlib.sha256(data).digest())


def check_answer(question: Question, answer: bytes, roots: Roots) -> datetime:
    """The time (UTC) that the authority states. Raises TimestampInvalid."""
    try:
        response = decode_timestamp_response(answer)
        if response.status != 0:
            raise TimestampInvalid(f"the authority has not granted it (status {response.status})")
        verifier = VerifierBuilder(roots=list(roots), nonce=question.nonce).build()
        verifier.verify(response, question.digest)
        return response.tst_info.gen_time.astimezone(UTC)
    except VerificationError as error:
        raise TimestampInvalid(f"not a time-stamp of what was asked: {error}") from error
    except (ValueError, TypeError) as error:
        raise TimestampInvalid("not a time-stamp at all") from error


def time_of(answer: bytes) -> datetime | None:
    """The time (UTC) in an answer that was checked when it came; None where it cannot be read."""
    try:
        return decode_timestamp_response(answer).tst_info.gen_time.astimezone(UTC)
    except (ValueError, TypeError):
        return None
