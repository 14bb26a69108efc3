"""The words of every reply: one row a reason, in the order in which rules are tried."""

from dataclasses import dataclass

from rorpost_gateway.decision import Reason


@dataclass(frozen=True, kw_only=True)
class Row:
    """Code, enhanced status, and what to do, in each language. `{queue_id}` is filled in."""

    code: int
    enhanced: str
    sv: str
    en: str


ROWS: dict[Reason, Row] = {
    Reason.OK: Row(code=250, enhanced="2.0.0", sv="queued as {queue_id}", en="queued as {queue_id}"),
    Reason.DUPLICATE: Row(
        code=250,
        enhanced="2.0.0",
        sv="redan mottaget, skickas inte igen: queued as {queue_id}",
        en="already taken, not sent twice: queued as {queue_id}",
    ),
    Reason.TLS_REQUIRED: Row(
        code=530,
        enhanced="5.7.0",
        sv="Anslutningen måste krypteras först (STARTTLS). Be IT slå på kryptering för kontot.",
        en="Encrypt the connection first (STARTTLS). Ask IT to turn on encryption for the account.",
    ),
    Reason.LOGIN_REQUIRED: Row(
        code=530,
        enhanced="5.7.0",
        sv="Inloggning krävs. Be IT slå på autentisering för utgående server.",
        en="Log in first. Ask IT to turn on authentication for the outgoing server.",
    ),
    Reason.LOGIN_FAILED: Row(
        code=535,
        enhanced="5.7.8",
        sv="Fel användarnamn eller lösenord.",
        en="Wrong user name or password.",
    ),
    Reason.CLIENT_NOT_ALLOWED: Row(
        code=550,
        enhanced="5.7.1",
        sv="Den här servern får inte lämna post här. Be mottagarens IT lägga till nätet.",
        en="This server may not bring mail here. Ask the recipient's IT to add its network.",
    ),
    Reason.SENDER_NOT_A_MAILBOX: Row(
        code=550,
        enhanced="5.7.1",
        sv="Avsändaren är ingen rörpostbrevlåda här. Välj funktionsbrevlådan (rorpost.enhet@...) i fältet Från.",
        en="The sender is no rorpost mailbox here. Choose the function mailbox (rorpost.unit@...) in the From box.",
    ),
    Reason.RECIPIENT_NOT_A_MAILBOX: Row(
        code=550,
        enhanced="5.1.1",
        sv="Mottagaren är ingen känd rörpostbrevlåda. Kontrollera adressen eller ring enheten.",
        en="The recipient is no known rorpost mailbox. Check the address or phone the unit.",
    ),
    Reason.PAIR_NOT_ALLOWED: Row(
        code=550,
        enhanced="5.7.1",
        sv="Brevlådorna har ingen kanal till varandra. Be din chef begära en, eller ring enheten.",
        en="There is no channel between these mailboxes. Ask your manager for one, or phone the unit.",
    ),
    Reason.CHANNEL_NOT_VALID: Row(
        code=550,
        enhanced="5.7.1",
        sv="Kanalen mellan brevlådorna gäller inte i dag. Be din chef förnya den, eller ring enheten.",
        en="The channel between these mailboxes is not in force today. Ask your manager to renew it, or phone the unit.",
    ),
    Reason.KEY_MISSING: Row(
        code=550,
        enhanced="5.7.5",
        sv="Krypteringsnyckel saknas, meddelandet har inte skickats. Ring enheten och kontakta IT.",
        en="An encryption key is missing; the message was not sent. Phone the unit and tell IT.",
    ),
    Reason.KEY_EXPIRED: Row(
        code=550,
        enhanced="5.7.5",
        sv="En krypteringsnyckel har gått ut, meddelandet har inte skickats. Ring enheten och kontakta IT.",
        en="An encryption key has expired; the message was not sent. Phone the unit and tell IT.",
    ),
    Reason.KEY_REVOKED: Row(
        code=550,
        enhanced="5.7.5",
        sv="En krypteringsnyckel är återkallad, meddelandet har inte skickats. Ring enheten och kontakta IT.",
        en="An encryption key is revoked; the message was not sent. Phone the unit and tell IT.",
    ),
    Reason.KEY_UNUSABLE: Row(
        code=550,
        enhanced="5.7.5",
        sv="En krypteringsnyckel kan inte användas, meddelandet har inte skickats. Ring enheten och kontakta IT.",
        en="An encryption key cannot be used; the message was not sent. Phone the unit and tell IT.",
    ),
    Reason.USER_NOT_DECLARED: Row(
        code=550,
        enhanced="5.7.1",
        sv="Det framgår inte vilken person som skickar. Skicka för funktionsbrevlådans räkning, med eget namn.",
        en="It is not stated which person sends this. Send on behalf of the function mailbox, under your own name.",
    ),
    Reason.USER_MISMATCH: Row(
        code=550,
        enhanced="5.7.1",
        sv="Den angivna avsändaren är inte den som är inloggad. Logga in som dig själv och skicka igen.",
        en="The stated sending user is not the one who is logged in. Log in as yourself and send again.",
    ),
    Reason.USER_NOT_AUTHORISED: Row(
        code=550,
        enhanced="5.7.1",
        sv="Du har inte behörighet till brevlådan. Be ansvarig chef begära den.",
        en="You are not authorised for this mailbox. Ask the manager responsible to request it.",
    ),
    Reason.USER_NOT_VALID: Row(
        code=550,
        enhanced="5.7.1",
        sv="Din behörighet till brevlådan gäller inte i dag. Be ansvarig chef förnya den.",
        en="Your authorisation for this mailbox is not in force today. Ask the manager responsible to renew it.",
    ),
    Reason.AUTHOR_MISMATCH: Row(
        code=550,
        enhanced="5.7.1",
        sv="Fältet Från ska vara funktionsbrevlådan och ingen annan. Välj den i Från och skicka igen.",
        en="From must be the function mailbox and nothing else. Choose it in the From box and send again.",
    ),
    Reason.HIDDEN_RECIPIENT: Row(
        code=550,
        enhanced="5.7.1",
        sv="Hemliga kopior är inte tillåtna. Skriv alla mottagare i Till eller Kopia.",
        en="Blind copies are not allowed. Put every recipient in To or Cc.",
    ),
    Reason.OUTSIDE_RECIPIENT: Row(
        code=550,
        enhanced="5.7.1",
        sv="En adress i Till, Kopia, Svara till eller kvittens är ingen rörpostbrevlåda. Ta bort den och skicka igen.",
        en="An address in To, Cc, Reply-To or a receipt request is no rorpost mailbox. Remove it and send again.",
    ),
    Reason.URGENT: Row(
        code=550,
        enhanced="5.7.1",
        sv="Akuta ärenden tas per telefon, inte här. Ring i stället.",
        en="Urgent matters go by telephone, not here. Please phone.",
    ),
    Reason.IDENTITY_NUMBER_IN_SUBJECT: Row(
        code=550,
        enhanced="5.7.1",
        sv="Ämnesraden innehåller ett personnummer. Flytta det till texten och skicka igen.",
        en="The subject holds a personal identity number. Move it into the text and send again.",
    ),
    Reason.IDENTITY_NUMBER_IN_ATTACHMENT_NAME: Row(
        code=550,
        enhanced="5.7.1",
        sv="En bilaga har ett personnummer i filnamnet. Byt namn på filen och skicka igen.",
        en="The name of an attachment holds a personal identity number. Rename the file and send again.",
    ),
    Reason.OUTSIDE_QUOTES: Row(
        code=550,
        enhanced="5.7.1",
        sv="Meddelandet citerar post utifrån. Skriv ett nytt meddelande utan citat.",
        en="The message quotes correspondence from outside. Write a new message without quoting.",
    ),
    Reason.ATTACHMENT_NOT_ALLOWED: Row(
        code=550,
        enhanced="5.7.1",
        sv="En bilaga är inte tillåten i kanalen. Ta bort den och skicka igen.",
        en="An attachment is not allowed on this channel. Remove it and send again.",
    ),
    Reason.LEGAL_BASIS_MISSING: Row(
        code=550,
        enhanced="5.7.1",
        sv="Kanalen kräver att rättslig grund anges. Välj grund och skicka igen.",
        en="This channel requires a legal basis. State one and send again.",
    ),
    Reason.MESSAGE_TOO_LARGE: Row(
        code=552,
        enhanced="5.3.4",
        sv="Meddelandet är för stort. Ta bort eller dela upp bilagor och skicka igen.",
        en="The message is too large. Remove or split attachments and send again.",
    ),
    Reason.MESSAGE_MALFORMED: Row(
        code=550,
        enhanced="5.6.0",
        sv="Meddelandet är felaktigt uppbyggt och kan inte läsas säkert. Skriv ett nytt eller kontakta IT.",
        en="The message is malformed and cannot be read safely. Write a new one or tell IT.",
    ),
    Reason.MAIL_LOOP: Row(
        code=554,
        enhanced="5.4.6",
        sv="Meddelandet går runt eller är redan krypterat. Skriv ett nytt eller kontakta IT.",
        en="The message goes in circles or is sealed already. Write a new one or tell IT.",
    ),
    Reason.NOT_ENCRYPTED: Row(
        code=550, enhanced="5.7.5", sv="Meddelandet är inte krypterat.", en="The message is not encrypted."
    ),
    Reason.DECRYPTION_FAILED: Row(
        code=550,
        enhanced="5.7.5",
        sv="Meddelandet kan inte dekrypteras.",
        en="The message cannot be decrypted.",
    ),
    Reason.SIGNATURE_MISSING: Row(
        code=550, enhanced="5.7.5", sv="Meddelandet är inte signerat.", en="The message is not signed."
    ),
    Reason.SIGNATURE_INVALID: Row(
        code=550, enhanced="5.7.5", sv="Signaturen är ogiltig.", en="The signature is not valid."
    ),
    Reason.SIGNER_MISMATCH: Row(
        code=550,
        enhanced="5.7.5",
        sv="Signaturen är inte avsändarens.",
        en="The signature is not the sender's.",
    ),
    Reason.HEADERS_NOT_PROTECTED: Row(
        code=550,
        enhanced="5.7.5",
        sv="Brevhuvudet är inte skyddat av signaturen.",
        en="The header fields are not protected by the signature.",
    ),
    Reason.REPLAYED: Row(
        code=550,
        enhanced="5.7.1",
        sv="Samma signerade innehåll har redan kommit i ett annat kuvert.",
        en="The same signed content already came in another envelope.",
    ),
    Reason.TOO_OLD: Row(
        code=550, enhanced="5.7.1", sv="Signaturen är för gammal.", en="The signature is too old."
    ),
    Reason.TOO_MANY_RECIPIENTS: Row(
        code=452,
        enhanced="4.5.3",
        sv="För många mottagare i ett meddelande. Skicka i flera omgångar.",
        en="Too many recipients in one message. Send it in several rounds.",
    ),
    Reason.TOO_MANY_CONNECTIONS: Row(
        code=421,
        enhanced="4.7.0",
        sv="För många anslutningar just nu. Försök igen om en stund.",
        en="Too many connections just now. Try again in a moment.",
    ),
    Reason.SHUTTING_DOWN: Row(
        code=421,
        enhanced="4.3.2",
        sv="Tjänsten startas om. Försök igen om en stund.",
        en="The service is restarting. Try again in a moment.",
    ),
    Reason.MESSAGE_TOO_COMPLEX: Row(
        code=550,
        enhanced="5.6.0",
        sv="Meddelandet har för många eller för djupt kapslade delar. Skicka bilagorna för sig.",
        en="The message has too many or too deeply nested parts. Send the attachments separately.",
    ),
    Reason.GATEWAY_FAULT: Row(
        code=451,
        enhanced="4.3.0",
        sv="Tillfälligt fel, meddelandet är inte skickat. Försök igen om en stund.",
        en="Temporary fault; the message was not sent. Try again in a moment.",
    ),
    Reason.GATEWAY_FULL: Row(
        code=452,
        enhanced="4.3.1",
        sv="Tillfälligt fullt, meddelandet är inte skickat. Försök igen om en stund.",
        en="Temporarily full; the message was not sent. Try again in a moment.",
    ),
}
