"""A message as it comes out of the seal: everything in it that a mail server might want to mend."""

LONG_LINE_OCTETS = 65_534
BRINKEN = "rorpost.vcbrinken@regionostergotland.se"


def opened_message(recipient: str, marker: str, *, octets: int = 0) -> bytes:
    """8-bit, with CRLF line ends; at least `octets` long.

    Latin-1 labelled as such, every octet that 8BITMIME allows, lines of any length, dots, `From ` at the
    beginning of a line, white space at the end of one, and blank lines at the end of the message.
    """
    every = bytes(octet for octet in range(1, 256) if octet not in b"\r\n")
    head = (
        f"X-Rorpost-Verified: yes; channel=hemsjukvarden-brinken; decision={marker}\r\n"
        f'From: "Anna Berg, Brinken" <{BRINKEN}>\r\n'
        f"To: <{recipient}>\r\n"
        "Date: Wed, 06 May 2026 08:00:00 +0200\r\n"
        f"Message-ID: <{marker}@ws17.regionostergotland.se>\r\n"
        f"References: {' '.join(f'<{n}.{marker}@x.se>' for n in range(60))}\r\n"
        "Subject: =?iso-8859-1?Q?S=E5rv=E5rd?=\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\n"
        "Content-Transfer-Encoding: 8bit\r\n"
        "\r\n"
    )
    text = (
        "Såret läker. Räksmörgås, trailing white space \t \r\n"
        "From the ward\r\n.\r\n..\r\n.dots\r\n>From here\r\n\t\r\n"
    )
    whole = (head + text).encode("latin-1") + every + b"\r\n" + b"\xe5" * LONG_LINE_OCTETS + b"\r\n"
    filling = (octets - len(whole)) // 78 + 1
    return whole + (b"x" * 76 + b"\r\n") * max(0, filling) + b"\r\n\r\n"
