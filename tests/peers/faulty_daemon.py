"""The daemon with one inner part that fails: `faulty_daemon.py FILE serve …`.

FILE names the part (nothing: all is well); it is looked at on every call. What is raised
quotes everything the part was given, as foreign exceptions do.
"""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARKER = "VAD-SOM-HELST"
PARTS = {
    "AUTH": ("rorpost_gateway.logins.passwords", "Logins.verify"),
    "MAIL": ("rorpost_gateway.outbound.receiver", "judge_sender"),
    "MAIL grammar": ("rorpost_gateway.smtp.grammar", "parse_mail"),
    "RCPT": ("rorpost_gateway.outbound.judging", "evaluate"),
    "parse": ("rorpost_gateway.outbound.submitted", "parse_message"),
    "facts": ("rorpost_gateway.outbound.submitted", "read_facts"),
    "rules": ("rorpost_gateway.outbound.judging", "evaluate_all"),
    "duplicates": ("rorpost_gateway.queue.sqlite", "SqliteQueue.find_duplicates"),
    "protect": ("rorpost_gateway.outbound.sealing", "protect"),
    "seal": ("rorpost_gateway.openpgp.gnupg", "GnupgEngine.seal"),
    "wrap": ("rorpost_gateway.outbound.sealing", "wrap"),
    "pending": ("rorpost_gateway.queue.sqlite", "SqliteQueue.insert_pending"),
    "log": ("rorpost_gateway.decision_log.writer", "LogWriter.append"),
    "ready": ("rorpost_gateway.queue.sqlite", "SqliteQueue.make_ready"),
    "reply": ("rorpost_gateway.outbound.transaction", "reply_for"),
    "judge again": ("rorpost_gateway.daemon.relaying", "judge_again"),
    "send": ("rorpost_gateway.smtp_client.connection", "SmtpClient.send"),
}


def _failing(name: str, part: Callable[..., Any], switch: Path) -> Callable[..., Any]:
    def perhaps(arguments: object) -> None:
        if switch.read_text() == name:
            raise RuntimeError(f"{MARKER} {arguments!r}")

    @functools.wraps(part)
    def plain(*arguments: Any, **named: Any) -> Any:
        perhaps((arguments, named))
        return part(*arguments, **named)

    @functools.wraps(part)
    async def waiting(*arguments: Any, **named: Any) -> Any:
        perhaps((arguments, named))
        return await part(*arguments, **named)

    return waiting if inspect.iscoroutinefunction(part) else plain


def install(switch: Path) -> None:
    for name, (module, path) in PARTS.items():
        owner: Any = importlib.import_module(module)
        *classes, attribute = path.split(".")
        for each in classes:
            owner = getattr(owner, each)
        setattr(owner, attribute, _failing(name, getattr(owner, attribute), switch))


if __name__ == "__main__":
    from rorpost_gateway.cli import main

    install(Path(sys.argv.pop(1)))
    main()
