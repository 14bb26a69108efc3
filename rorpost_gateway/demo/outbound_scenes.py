"""What people submit to their own gateway, and what it has to answer. Data, no I/O."""

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.scenes import ATTACHED_PROGRAM, PROGRAM, QUOTED_OUTSIDER, Play, Scene


def _bare_line_feed(octets: bytes) -> bytes:
    return octets[:-2] + b"\n.\nsmuggled\r\n"


def _many_parts(octets: bytes) -> bytes:
    return octets + b"--x\r\n\r\n\r\n" * 1001 + b"--x--\r\n"


def _back(want: Reason, story: str, *recipients: str, **more: object) -> Scene:
    """A scene in which the Region writes to Motala."""
    given: dict[str, object] = {"sender": names.BRINKEN, **more}
    return Scene(
        want=want,
        story=story,
        at=names.REGION,
        login="maria",
        recipients=recipients or (names.HOME_CARE,),
        **given,  # type: ignore[arg-type]
    )


ACCEPTED: tuple[Scene, ...] = (
    Scene(want=Reason.OK, story="Home care writes to the health centre Brinken"),
    _back(Reason.OK, "Brinken answers home care"),
    Scene(
        want=Reason.OK,
        story="To two units at once: two copies, each sealed to one",
        recipients=(names.BRINKEN, names.LYCKORNA),
    ),
    _back(Reason.OK, "Brinken to two units at once", names.HOME_CARE, names.ASSISTANCE),
    Scene(
        want=Reason.OK,
        story="Outlook's form: Anna on behalf of the mailbox",
        fields={"X-Rorpost-Sending-User": None, "Sender": names.ANNA},
    ),
    _back(
        Reason.OK,
        "Outlook's form at the Region: Maria on behalf",
        fields={"X-Rorpost-Sending-User": None, "Sender": names.MARIA},
    ),
    Scene(
        want=Reason.OK,
        story="To the hospital, with its legal basis",
        recipients=(names.HOSPITAL,),
        fields={"X-Rorpost-Legal-Basis": "samtycke"},
    ),
    _back(
        Reason.OK,
        "The hospital answers, with its legal basis",
        sender=names.HOSPITAL,
        fields={"X-Rorpost-Legal-Basis": "menprovning"},
    ),
    Scene(
        want=Reason.OK,
        story="Inside Motala: home care to the assistance unit",
        recipients=(names.ASSISTANCE,),
    ),
)

AT_THE_DOOR: tuple[Scene, ...] = (
    Scene(
        want=Reason.TLS_REQUIRED, story="A client that does not encrypt its connection", play=Play.WITHOUT_TLS
    ),
    Scene(want=Reason.LOGIN_REQUIRED, story="A client that does not log in", play=Play.WITHOUT_LOGIN),
    Scene(want=Reason.LOGIN_FAILED, story="A wrong password", play=Play.WRONG_PASSWORD),
    Scene(want=Reason.SENDER_NOT_A_MAILBOX, story="Anna from her own address", sender=names.ANNA),
    Scene(
        want=Reason.RECIPIENT_NOT_A_MAILBOX,
        story="To an ordinary address",
        recipients=("patient@example.org",),
    ),
    Scene(want=Reason.PAIR_NOT_ALLOWED, story="To a unit without a channel", recipients=(names.NO_CHANNEL,)),
    _back(Reason.PAIR_NOT_ALLOWED, "The Region's office may be written to, not write", sender=names.OFFICE),
    Scene(want=Reason.CHANNEL_NOT_VALID, story="Over a channel that has ended", recipients=(names.CLOSED,)),
    Scene(want=Reason.KEY_MISSING, story="To a unit whose key is not here", recipients=(names.KEY_MISSING,)),
    Scene(want=Reason.KEY_EXPIRED, story="To a unit whose key has expired", recipients=(names.KEY_EXPIRED,)),
    Scene(want=Reason.KEY_REVOKED, story="To a unit whose key is revoked", recipients=(names.KEY_REVOKED,)),
    Scene(
        want=Reason.KEY_UNUSABLE, story="To a unit whose key cannot encrypt", recipients=(names.KEY_UNUSABLE,)
    ),
)

THE_PERSON: tuple[Scene, ...] = (
    Scene(
        want=Reason.USER_NOT_DECLARED,
        story="Nobody is named as the sending user",
        fields={"X-Rorpost-Sending-User": None},
    ),
    Scene(
        want=Reason.USER_MISMATCH,
        story="Anna is logged in, Bo is named",
        fields={"X-Rorpost-Sending-User": names.BO},
    ),
    Scene(want=Reason.USER_NOT_AUTHORISED, story="Carin is not authorised for the mailbox", login="carin"),
    Scene(want=Reason.USER_NOT_VALID, story="Bo's authorisation has ended", login="bo"),
    Scene(
        want=Reason.AUTHOR_MISMATCH,
        story="From names the person, not the mailbox",
        fields={"From": names.ANNA},
    ),
)

THE_MESSAGE: tuple[Scene, ...] = (
    Scene(
        want=Reason.HIDDEN_RECIPIENT,
        story="A blind copy",
        recipients=(names.BRINKEN, names.LYCKORNA),
        fields={"To": names.BRINKEN},
    ),
    Scene(want=Reason.OUTSIDE_RECIPIENT, story="A relative in Cc", fields={"Cc": "anhorig@example.org"}),
    Scene(
        want=Reason.URGENT, story="Marked urgent: the telephone is for that", fields={"Importance": "high"}
    ),
    Scene(
        want=Reason.IDENTITY_NUMBER_IN_SUBJECT,
        story="A personal identity number in the subject",
        fields={"Subject": "Patient 19121212-1212"},
    ),
    Scene(
        want=Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME,
        story="A personal identity number in the name of a file",
        fields={"Content-Disposition": 'attachment; filename="remiss_19121212-1212.txt"'},
    ),
    Scene(
        want=Reason.OUTSIDE_QUOTES,
        story="A relative's mail, passed on as it was answered",
        body=QUOTED_OUTSIDER,
    ),
    Scene(
        want=Reason.ATTACHMENT_NOT_ALLOWED,
        story="A program that calls itself a PDF",
        recipients=(names.HOSPITAL,),
        fields={"X-Rorpost-Legal-Basis": "samtycke", **ATTACHED_PROGRAM},
        body=PROGRAM,
    ),
    Scene(
        want=Reason.LEGAL_BASIS_MISSING,
        story="To the hospital, without a legal basis",
        recipients=(names.HOSPITAL,),
    ),
    Scene(
        want=Reason.MESSAGE_TOO_LARGE, story="A message that says it is too large", play=Play.SIZE_TOO_LARGE
    ),
    Scene(
        want=Reason.MESSAGE_MALFORMED,
        story="A second message smuggled in behind a bare line feed",
        finish=_bare_line_feed,
    ),
    Scene(
        want=Reason.MAIL_LOOP,
        story="A message that is sealed already",
        fields={"Content-Type": 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="x"'},
    ),
    Scene(
        want=Reason.MESSAGE_TOO_COMPLEX,
        story="A message of 1,001 parts",
        fields={"Content-Type": 'multipart/mixed; boundary="x"'},
        finish=_many_parts,
    ),
)

THE_GATEWAY: tuple[Scene, ...] = (
    Scene(
        want=Reason.TOO_MANY_RECIPIENTS, story="More recipients than are allowed", play=Play.MANY_RECIPIENTS
    ),
    Scene(want=Reason.TOO_MANY_CONNECTIONS, story="More connections than are allowed", play=Play.CROWD),
    Scene(
        want=Reason.GATEWAY_FULL,
        story="More in flight than memory is set aside for",
        play=Play.FULL,
        fields={"Importance": "high"},
    ),
    Scene(want=Reason.GATEWAY_FAULT, story="A private key that has gone missing", sender=names.BROKEN),
    Scene(
        want=Reason.DUPLICATE,
        story="The first message once more: Outlook did not hear the answer",
        repeats_first=True,
    ),
)

LAST = Scene(want=Reason.SHUTTING_DOWN, story="The gateway is being stopped", play=Play.SHUT_DOWN)

OUTBOUND: tuple[Scene, ...] = (
    *ACCEPTED,
    *AT_THE_DOOR,
    *THE_PERSON,
    *THE_MESSAGE,
    *THE_GATEWAY,
)
