"""How long a session and a message may take in all, however busy they look. Pure; time is handed in.

Each single wait has a bound of its own. These are for who stays under every one of them: a
command every few minutes and never a message, or a message that comes an octet at a time.
RFC 5321, section 4.5.3.2 asks for five minutes of patience with one command or one piece of a
message; nobody is given less than that here.
"""

from collections.abc import Callable

from rorpost_gateway.smtp.settings import ListenerSettings

Now = Callable[[], float]  # seconds that only go forward


class TooSlow(Exception):
    """The time for all of it is over."""


class SessionPace:
    """The time until the first message, and from one message to the next."""

    def __init__(self, settings: ListenerSettings, now: Now) -> None:
        self._settings = settings
        self._now = now
        self._since = now()

    def message_answered(self) -> None:
        """The client has done what a session is for; its time begins anew."""
        self._since = self._now()

    def seconds_left(self, *, known: bool) -> float:
        """For the next command. `known` says that the client has logged in, or need not.

        Raises TooSlow where nothing is left.
        """
        settings = self._settings
        allowed = settings.session_timeout_seconds if known else settings.login_timeout_seconds
        return _left(self._since + allowed - self._now())


class DataPace:
    """The time for one message: some to begin with, and more with every octet that has come."""

    def __init__(self, settings: ListenerSettings, now: Now) -> None:
        self._settings = settings
        self._now = now
        self._since = now()

    def seconds_left(self, octets: int) -> float:
        """Until more than `octets` must have come. Raises TooSlow where that is now."""
        earned = octets / self._settings.data_octets_per_second
        return _left(self._since + self._settings.data_grace_seconds + earned - self._now())


def _left(seconds: float) -> float:
    if seconds <= 0:
        raise TooSlow
    return seconds
