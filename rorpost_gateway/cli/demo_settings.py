"""What to type into a mail client, for `rorpost demo --keep`."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.demo import names
from rorpost_gateway.demo.running import Gateway, Running

_PARTNER = {names.MOTALA.folder: names.BRINKEN, names.REGION.folder: names.HOME_CARE}
_HOST = "127.0.0.1"


def print_settings(both: Running, console: Console) -> None:
    """A table for each organisation, then what they share. The password is the demo's own."""
    for gateway in both.gateways:
        _print_table(f"A mail client at {gateway.house.organisation.name}", _rows(gateway), console)
    shared = [
        ("authority to trust", str(both.world.ca)),
        ("password", f"{names.PASSWORD}, of every login and mailbox here"),
        *(
            (f"logs of {each.house.organisation.name}", f"{each.house.log}, {each.house.operator_log}")
            for each in both.gateways
        ),
    ]
    _print_table("For both", shared, console)
    console.print("Both gateways run until Ctrl-C; then all of this is gone.", style="bold")


def _rows(gateway: Gateway) -> list[tuple[str, str]]:
    organisation = gateway.house.organisation
    mailboxes = names.mailboxes(organisation)
    login = next(iter(organisation.logins))
    port = gateway.listening.submission[1]
    return [
        ("e-mail address", mailboxes[0]),
        *_incoming(gateway, mailboxes[0]),
        ("outgoing, SMTP", f"{_HOST}, port {port}, STARTTLS, user {login}"),
        ("write to", _PARTNER[organisation.folder]),
        ("other mailboxes", ", ".join(mailboxes[1:])),
    ]


def _incoming(gateway: Gateway, mailbox: str) -> list[tuple[str, str]]:
    if gateway.store is None:
        return [
            ("mailboxes", f"Maildirs in {gateway.house.mail}"),
            ("", "(with Debian's dovecot-imapd and dovecot-lmtpd installed: over IMAP)"),
        ]
    return [("incoming, IMAP", f"{_HOST}, port {gateway.store.imap_port}, SSL/TLS, user {mailbox}")]


def _print_table(title: str, rows: list[tuple[str, str]], console: Console) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for setting, value in rows:
        table.add_row(setting, Text(value))
    console.print(table)
