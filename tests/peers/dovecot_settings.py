"""What a Dovecot of the tests is told: its configuration, and its file of users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers.imap_server import PASSWORD

SMALL = "rorpost.liten@motala.se"  # full after QUOTA_OCTETS: refused for good
PATIENT = "rorpost.talig@motala.se"  # full after as much: "try again later"
QUOTA_OCTETS = 20 * 1024
WATCH = "vakt"  # logs in to anybody's mailbox, as `{mailbox}*vakt`
WATCH_PASSWORD = "throw-away-too"
TOKEN_ISSUER = "tokens.motala.se"

_SETTINGS = """\
protocols = imap lmtp
base_dir = {base}/run
state_dir = {base}/state
instance_name = rorpost-test
log_path = {base}/log/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
listen = 127.0.0.1
ssl = yes
ssl_cert = <{base}/etc/server.cert.pem
ssl_key = <{base}/etc/server.key.pem
ssl_min_protocol = TLSv1.2
mail_location = maildir:{mail}/%u
mail_plugins = quota
mail_max_userip_connections = 1000
{capability}auth_mechanisms = plain xoauth2
auth_failure_delay = 0
auth_master_user_separator = *
passdb {{
  driver = passwd-file
  master = yes
  result_success = continue
  args = scheme=PLAIN username_format=%u {base}/etc/masters
}}
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = scheme=PLAIN username_format=%u {base}/etc/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {base}/etc/oauth2.conf
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {base}/etc/users
  default_fields = uid={user} gid={group} home={mail}/%u
}}
namespace inbox {{
  inbox = yes
  mailbox Sent {{
    special_use = \\Sent
  }}
}}
plugin {{
  quota = maildir:mailbox
  quota_grace = 0
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  service_count = 0
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {imap}
    ssl = yes
  }}
}}
service lmtp {{
  user = {user}
  unix_listener lmtp {{
    path = {base}/lmtp
    mode = 0666
  }}
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
"""

_OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={base}/etc/keys/
issuers = {issuer}
username_attribute = sub
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it runs, as whom, and on which ports of 127.0.0.1."""

    base: Path
    mail: Path
    user: str
    group: str
    lmtp_port: int
    imap_port: int
    starttls_port: int
    capability: str = ""  # what IMAP claims to be able to; empty: what it is

    def settings(self) -> str:
        return _SETTINGS.format(
            base=self.base,
            mail=self.mail,
            user=self.user,
            group=self.group,
            lmtp=self.lmtp_port,
            imap=self.imap_port,
            starttls=self.starttls_port,
            capability=f"imap_capability = {self.capability}\n" if self.capability else "",
        )


def write_users(folder: Path, mailboxes: Sequence[str], quotas: Mapping[str, int], token_key: str) -> None:
    """Files of the folder `etc`: logins, the master, and by which key tokens are checked (base64)."""
    small = {SMALL: QUOTA_OCTETS, PATIENT: QUOTA_OCTETS, **quotas}
    lines = []
    for address in mailboxes:
        more = f"userdb_quota_rule=*:bytes={small[address]}" if address in small else ""
        if address == PATIENT:
            more += " userdb_quota_full_tempfail=yes"
        lines.append(f"{address}:{{PLAIN}}{PASSWORD}::::::{more}\n")
    (folder / "users").write_text("".join(lines))
    (folder / "masters").write_text(f"{WATCH}:{{PLAIN}}{WATCH_PASSWORD}\n")
    (folder / "oauth2.conf").write_text(_OAUTH2.format(base=folder.parent, issuer=TOKEN_ISSUER))
    key = folder / "keys" / "default" / "HS256" / "default"
    key.parent.mkdir(parents=True)
    key.write_text(token_key)
