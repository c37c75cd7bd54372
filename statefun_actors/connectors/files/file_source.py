"""``JsonLinesSource``: a file of JSON lines as an ingress."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import msgspec

from statefun_actors.connectors.files.errors import BadLineError, InputError
from statefun_actors.connectors.files.line_reader import LineOffset, LineReader
from statefun_actors.connectors.files.line_share import LineShare
from statefun_actors.dispatch import Application, MessageSource
from statefun_actors.engine import Inbox
from statefun_actors.ingress import BadLine, Lines
from statefun_actors.model import TypedValue
from statefun_actors.partitions import Partition
from statefun_actors.types import JSON_TYPENAME

BAD_LINES: Final = "statefun-actors/bad-lines"
"""The egress of invalid lines: ``{"file", "line", "reason", "text"}``, ``text_base64`` if not UTF-8."""

_LONGEST_KEPT: Final = 1_000


@attrs.frozen
class _SourcePosition:
    """The committed position. ``messages`` and ``skipped`` are the numbers of valid and of skipped lines."""

    place: LineOffset = attrs.field(factory=LineOffset)
    messages: int = 0
    skipped: int = 0


class JsonLinesSource:
    """Reads the file *path*, plain or gzip, once.

    A line that is not a message stops it: the lines before it are read, :attr:`error` has the reason, and *on_stopped*
    is called. With *skip_bad_lines* such a line goes to the egress :data:`BAD_LINES` instead. Lines of white space are
    ignored. A line has at most ``settings.body_limit`` bytes. With *after*, it is read once that source has ended. With
    *share*, it reads the lines for that partition only.
    """

    kind: MessageSource = "file"
    """The source of its messages, for instruments."""

    def __init__(
        self,
        path: Path,
        app: Application,
        *,
        skip_bad_lines: bool = False,
        on_stopped: Callable[[], None] | None = None,
        after: JsonLinesSource | None = None,
        share: Partition | None = None,
    ) -> None:
        self.path = path
        self.exhausted = False
        self.error: InputError | None = None
        """The reason why it stopped before the end; None if it did not."""
        self.messages = self.skipped = 0
        """The numbers of lines that were messages, and that were skipped, since the first read of the file."""
        self._lines = Lines(app)
        self._skip = skip_bad_lines
        self._served = frozenset((*app.served, *app.renamed))
        self._on_stopped, self._after, self._share = on_stopped, after, share
        self._reader: LineReader | LineShare | None = None

    @property
    def line(self) -> int:
        """The number of lines read."""
        return self._reader.line if self._reader is not None else 0

    @property
    def bytes_read(self) -> int:
        """The approximate number of bytes of the file, of :attr:`bytes_total`, that have been read."""
        return self._reader.raw_offset if self._reader is not None else 0

    @property
    def bytes_total(self) -> int:
        return self._reader.size if self._reader is not None else 0

    def resume(self, position: str | None) -> None:
        """Resume after *position*.

        Raises:
            InputChangedError: the file has changed before *position*.
            InputUnreadableError: it can't be read.
        """
        self.close()
        at = msgspec.json.decode(position, type=_SourcePosition) if position is not None else None
        self._reader = self._opened(at.place if at is not None else None)
        self.messages, self.skipped = (at.messages, at.skipped) if at is not None else (0, 0)
        self.exhausted, self.error = False, None

    def read(self, most: int, inbox: Inbox) -> str | None:
        if self._after is not None and not self._after.exhausted:
            return None
        reader = self._reader
        assert reader is not None
        try:
            lines = reader.peek(most)
        except InputError as error:
            self._stop(error)
            return None
        if not lines:
            self.exhausted = reader.at_end
            inbox.wake()  # another source may wait for this end, or there is more to look at
            return None
        read, submit = self._lines.message, inbox.submit
        passed, bad = 0, None
        try:
            for line in lines:
                message = read(line)
                if message is not None:
                    submit(message.target, message.value, delay_ms=message.delay_ms)
                    self.messages += 1
                passed += 1
        except BadLine as found:
            bad = found
        if passed:
            reader.advance(passed)
        if bad is not None and self._past(bad, lines[passed], inbox):
            passed += 1
        if not passed:
            return None
        return f'{{"place":{reader.place.as_json()},"messages":{self.messages},"skipped":{self.skipped}}}'

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._reader is not None:
            self._reader.close()

    def _opened(self, place: LineOffset | None) -> LineReader | LineShare:
        if self._share is None:
            return LineReader(self.path, place, self._lines.longest)
        return LineShare(self.path, place, self._lines.longest, self._share, None if self._skip else self._served)

    def _past(self, bad: BadLine, line: bytes, inbox: Inbox) -> bool:
        """Skip the invalid next line, if that is allowed, else stop before it. Returns whether it was skipped."""
        assert self._reader is not None
        number = self._reader.next_number
        if not self._skip:
            self._stop(BadLineError(str(self.path), number, str(bad)))
            return False
        try:
            self._reader.advance(1)
        except InputError as error:
            self._stop(error)
            return False
        inbox.emit(BAD_LINES, TypedValue(JSON_TYPENAME, self._kept(line, number, str(bad))))
        self.skipped += 1
        return True

    def _stop(self, error: InputError) -> None:
        self.error, self.exhausted = error, True
        if self._on_stopped is not None:
            self._on_stopped()

    def _kept(self, line: bytes, number: int, reason: str) -> bytes:
        record: dict[str, object] = {"file": str(self.path), "line": number, "reason": reason}
        cut = len(line) > self._lines.longest
        try:
            record["text"] = line[:_LONGEST_KEPT].decode(errors="ignore") if cut else line.decode()
        except UnicodeDecodeError:
            record["text_base64"] = base64.b64encode(line).decode()
        if cut:
            record["cut"] = True
        return msgspec.json.encode(record)
