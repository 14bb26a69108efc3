"""What a careless or hostile partner brings to Motala's gateway, and what it has to hear. Data, no I/O."""

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.scenes import (
    ATTACHED_PROGRAM,
    BODY,
    PROGRAM,
    QUOTED_OUTSIDER,
    Again,
    Form,
    Letter,
    Play,
)

_FORGED = "yes; channel=vad-som-helst; sending-user=chefen@motala.se; signed-by=0; decision=0"
_MANY_PARTS = f"{BODY}\r\n" + "--x\r\n\r\n\r\n" * 1001 + "--x--"

ACCEPTED: tuple[Letter, ...] = (
    Letter(
        want=Reason.OK,
        story="A partner with plain gpg; its forged X-Rorpost-Verified is removed",
        fields={"X-Rorpost-Verified": _FORGED},
    ),
    Letter(
        want=Reason.OK,
        story="Lyckorna lists nobody at Motala's: its own word is taken",
        sender=names.LYCKORNA,
        signed_by=names.LYCKORNA,
        fields={"X-Rorpost-Sending-User": names.OLLE},
    ),
)

AT_THE_DOOR: tuple[Letter, ...] = (
    Letter(
        want=Reason.CLIENT_NOT_ALLOWED,
        story="A machine in no allowed network",
        play=Play.FROM_ELSEWHERE,
    ),
    Letter(want=Reason.TLS_REQUIRED, story="A partner that does not encrypt", play=Play.WITHOUT_TLS),
    Letter(
        want=Reason.SENDER_NOT_A_MAILBOX,
        story="Somebody outside in the name of Motala's own mailbox",
        sender=names.ASSISTANCE,
    ),
    Letter(
        want=Reason.RECIPIENT_NOT_A_MAILBOX,
        story="To a person at Motala",
        recipient=names.ANNA,
    ),
    Letter(
        want=Reason.PAIR_NOT_ALLOWED,
        story="The office answers on a one-way channel",
        sender=names.OFFICE,
        signed_by=names.OFFICE,
    ),
    Letter(
        want=Reason.CHANNEL_NOT_VALID,
        story="Over a channel that has ended",
        sender=names.CLOSED,
        signed_by=names.CLOSED,
    ),
    Letter(
        want=Reason.MESSAGE_TOO_LARGE, story="A message that says it is too large", play=Play.SIZE_TOO_LARGE
    ),
    Letter(
        want=Reason.TOO_MANY_RECIPIENTS, story="More recipients than are allowed", play=Play.MANY_RECIPIENTS
    ),
)

THE_SEAL: tuple[Letter, ...] = (
    Letter(want=Reason.NOT_ENCRYPTED, story="In clear text", form=Form.CLEAR),
    Letter(want=Reason.NOT_ENCRYPTED, story="OpenPGP inside the text, not PGP/MIME", form=Form.INLINE),
    Letter(
        want=Reason.DECRYPTION_FAILED,
        story="Sealed to somebody else's key",
        sealed_to=names.LYCKORNA,
    ),
    Letter(want=Reason.SIGNATURE_MISSING, story="Sealed, but not signed", signed_by=None),
    Letter(
        want=Reason.SIGNATURE_INVALID,
        story="Signed with a stolen key that is revoked",
        sender=names.KEY_REVOKED,
        signed_by=names.KEY_REVOKED,
    ),
    Letter(
        want=Reason.SIGNER_MISMATCH,
        story="Signed with another mailbox's key",
        signed_by=names.LYCKORNA,
    ),
    Letter(
        want=Reason.HEADERS_NOT_PROTECTED,
        story="Header fields that no signature covers",
        protected=False,
    ),
    Letter(
        want=Reason.TOO_OLD,
        story="Signed three weeks ago",
        days_old=21,
    ),
    Letter(
        want=Reason.REPLAYED,
        story="The first message's signed content in a new seal",
        again=Again.SEALED_ANEW,
    ),
    Letter(
        want=Reason.HIDDEN_RECIPIENT,
        story="The same, sealed anew to another mailbox",
        again=Again.SEALED_ANEW,
        recipient=names.ASSISTANCE,
        sealed_to=names.ASSISTANCE,
    ),
    Letter(
        want=Reason.DUPLICATE,
        story="The first message once more, octet for octet",
        again=Again.SAME,
    ),
)

THE_MESSAGE: tuple[Letter, ...] = (
    Letter(
        want=Reason.USER_NOT_DECLARED,
        story="Nobody is named as the sending user",
        fields={"X-Rorpost-Sending-User": None},
    ),
    Letter(
        want=Reason.USER_MISMATCH,
        story="One field names Maria, another names Nils",
        fields={"Sender": names.NILS},
    ),
    Letter(
        want=Reason.USER_NOT_AUTHORISED,
        story="Olle is not on the list of Brinken's people",
        fields={"X-Rorpost-Sending-User": names.OLLE},
    ),
    Letter(
        want=Reason.USER_NOT_VALID,
        story="Nils's authorisation has ended",
        fields={"X-Rorpost-Sending-User": names.NILS},
    ),
    Letter(
        want=Reason.AUTHOR_MISMATCH,
        story="Another author under the seal than outside",
        fields={"From": names.LYCKORNA},
    ),
    Letter(
        want=Reason.URGENT, story="Marked urgent: the telephone is for that", fields={"Importance": "high"}
    ),
    Letter(
        want=Reason.OUTSIDE_QUOTES,
        story="A relative's mail, passed on as it was answered",
        body=QUOTED_OUTSIDER,
    ),
    Letter(
        want=Reason.ATTACHMENT_NOT_ALLOWED,
        story="A program that calls itself a PDF",
        sender=names.HOSPITAL,
        signed_by=names.HOSPITAL,
        fields={"X-Rorpost-Legal-Basis": "samtycke", **ATTACHED_PROGRAM},
        body=PROGRAM,
    ),
    Letter(
        want=Reason.LEGAL_BASIS_MISSING,
        story="From the hospital, without a legal basis",
        sender=names.HOSPITAL,
        signed_by=names.HOSPITAL,
    ),
    Letter(want=Reason.MESSAGE_MALFORMED, story="Two sealed blocks in one message", form=Form.TWO_BLOCKS),
    Letter(
        want=Reason.MESSAGE_TOO_COMPLEX,
        story="1,001 parts under the seal",
        fields={"Content-Type": 'multipart/mixed; boundary="x"'},
        body=_MANY_PARTS,
    ),
    Letter(
        want=Reason.MAIL_LOOP,
        story="A message that has been here before",
        outside={
            "Received": f"from mx.example.org by {names.MOTALA.hostname} id 1; Sun, 1 Nov 2026 08:00:00 +0100"
        },
    ),
)

INBOUND: tuple[Letter, ...] = (*ACCEPTED, *AT_THE_DOOR, *THE_SEAL, *THE_MESSAGE)
