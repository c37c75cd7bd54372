"""Server-sent events: an open page is notified when something has changed, at most once a second.

Each event is a response of its own, sent when something has changed. The browser then connects again after the pause
that the response gives, with the last version that it has seen. So a server that stops has no endless responses to cut
off, and a change between two connections is not missed.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Final

from statefun_actors.http import OnDone, Response

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether something has changed; also the pause of browsers."""
LONGEST_SECONDS: Final = 25.0
"""For which a connection waits; proxies close those on which nothing happens for longer."""
_HEADERS: Final = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))


class Changes:
    """Notifies open pages of changes. Nothing is looked at while no page waits.

    Args:
        fingerprint: returns a value that differs whenever something that pages show has changed.
    """

    def __init__(self, fingerprint: Callable[[], object]) -> None:
        self._fingerprint = fingerprint
        self._seen: object = None
        self._number = 0
        self._life = secrets.token_hex(4)
        """Random: the versions of an earlier process, which have the same numbers, must differ."""
        self._waiting: dict[PendingChange, tuple[str, float]] = {}
        """Each with the version that its page shows, and the time of the event loop at which it has waited enough."""
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def version(self) -> str:
        """The version of what is shown: another text after each change."""
        found = self._fingerprint()
        if found != self._seen:
            self._seen = found
            self._number += 1
        return f"{self._life}-{self._number}"

    def after(self, version: str) -> Response | PendingChange:
        """The response for a page that shows *version*."""
        if self._ended or version != self.version():
            return self._event()
        pending = PendingChange(self)
        loop = asyncio.get_running_loop()
        self._waiting[pending] = (version, loop.time() + LONGEST_SECONDS)
        if self._timer is None:
            self._timer = loop.call_later(LOOK_SECONDS, self._look)
        return pending

    def end(self) -> None:
        """The server stops: respond to all that wait."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for pending in list(self._waiting):
            self._respond(pending)

    def forget(self, pending: PendingChange) -> None:
        """Its connection is closed."""
        self._waiting.pop(pending, None)

    def _look(self) -> None:
        self._timer = None
        version = self.version()  # which another page may have seen already
        loop = asyncio.get_running_loop()
        for pending, (shown, until) in list(self._waiting.items()):
            if shown != version or until <= loop.time():
                self._respond(pending)
        if self._waiting:
            self._timer = loop.call_later(LOOK_SECONDS, self._look)

    def _respond(self, pending: PendingChange) -> None:
        self._waiting.pop(pending, None)
        pending.end(self._event())

    def _event(self) -> Response:
        pause = int(LOOK_SECONDS * 1000)
        body = f"retry: {pause}\nid: {self.version()}\nevent: changed\ndata: {self.version()}\n\n"
        return Response(200, body.encode(), b"text/event-stream", _HEADERS)


class PendingChange:
    """The response for a page that waits for a change."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._callback: OnDone | None = None

    def on_done(self, callback: OnDone) -> None:
        self._callback = callback

    def cancel(self) -> None:
        self._changes.forget(self)
        self.end(None)

    def end(self, response: Response | None) -> None:
        """Give *response*, unless one has been given."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(response)
