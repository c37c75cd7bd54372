"""An ingress that is a file of JSON lines: ``{"to": "ns/name/id", "type": "typename", "value": …, "after": "PT5S"}``.

The quick way through a line takes for granted that all is well; whatever goes wrong on it, the line is read again with
care, by the code that can say what is wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import attrs
import msgspec

from statefun_actors.definition import delay_ms
from statefun_actors.dispatch import Application, describe_error
from statefun_actors.embedded.engine import Engine
from statefun_actors.embedded.ingress import Ingress, NoJsonFormError, UnclearTypeError
from statefun_actors.embedded.jsonlines.errors import BadLineError, InputError
from statefun_actors.embedded.jsonlines.reader import LineReader, Place
from statefun_actors.errors import (
    InvalidAddressError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.model import Address, TypedValue, parse_address
from statefun_actors.types import JSON_TYPENAME

BAD_LINES: Final = "statefun-actors/bad-lines"
"""The egress of lines that are no messages: ``{"file", "line", "reason", "text"}``, ``text_base64`` if not UTF-8."""

_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_SHOWN: Final = 80
_LONGEST_KEPT: Final = 1_000
_KEYS: Final = ("to", "type", "value", "after")


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    to: str
    value: Any
    type: str | None = None


class _Letter(NamedTuple):
    target: Address
    value: TypedValue
    delay_ms: int


@attrs.frozen
class _Position:
    """What is committed with an epoch. ``messages`` and ``skipped``: how many of the lines were which."""

    place: Place = attrs.field(factory=Place)
    messages: int = 0
    skipped: int = 0


class JsonLinesSource:
    """Reads the file *path*, plain or gzip, once through.

    A line that is no message stops it: what stands before is read, :attr:`error` says why it stopped, and
    *on_stopped* is called. With *skip_bad_lines* such a line goes to the egress :data:`BAD_LINES` instead.
    Lines of white space are passed over.
    A line has at most ``settings.body_limit`` bytes.
    """

    def __init__(
        self,
        path: Path,
        app: Application,
        *,
        skip_bad_lines: bool = False,
        on_stopped: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self.exhausted = False
        self.error: InputError | None = None
        """Why it stopped before the end."""
        self.messages = self.skipped = 0
        """Lines that became messages, and that were skipped as bad, since the file was first read."""
        self._ingress = Ingress(app)
        self._lanes = self._ingress.known
        self._longest = app.settings.body_limit
        self._skip = skip_bad_lines
        self._on_stopped = on_stopped
        self._reader: LineReader | None = None

    @property
    def line(self) -> int:
        """The number of the last line read."""
        return self._reader.line if self._reader is not None else 0

    @property
    def bytes_read(self) -> int:
        """Bytes of the file, of :attr:`bytes_total`, that have been read, about."""
        return self._reader.raw_offset if self._reader is not None else 0

    @property
    def bytes_total(self) -> int:
        return self._reader.size if self._reader is not None else 0

    def resume(self, position: str | None) -> None:
        """Go on after *position*.

        Raises:
            InputChangedError: the file has changed before that.
            InputUnreadableError: it can't be read.
        """
        self.close()
        at = msgspec.json.decode(position, type=_Position) if position is not None else None
        self._reader = LineReader(self.path, at.place if at is not None else None, self._longest)
        self.messages, self.skipped = (at.messages, at.skipped) if at is not None else (0, 0)
        self.exhausted, self.error = False, None

    def read(self, most: int, engine: Engine) -> str | None:
        reader = self._reader
        assert reader is not None
        try:
            lines = reader.peek(most)
        except InputError as error:
            self._stop(error)
            return None
        if not lines:
            self.exhausted = True
            return None
        lanes, longest, submit = self._lanes, self._longest, engine.submit
        passed, bad = 0, None
        try:
            for line in lines:
                letter = _quick(line, lanes) if len(line) <= longest else None
                if letter is None:
                    letter = self._careful(line, reader.line + passed + 1)
                if letter is not None:
                    submit(letter[0], letter[1], delay_ms=letter[2])
                    self.messages += 1
                passed += 1
        except _BadLine as found:
            bad = found
        if passed:
            reader.advance(passed)
        if bad is not None and self._past(bad, lines[passed], engine):
            passed += 1
        if not passed:
            return None
        place = reader.place
        return (
            f'{{"place":{{"offset":{place.offset},"line":{place.line},"check":{place.check},'
            f'"unended":{"true" if place.unended else "false"}}},"messages":{self.messages},"skipped":{self.skipped}}}'
        )

    def close(self) -> None:
        """Let go of the file. Safe to call twice."""
        if self._reader is not None:
            self._reader.close()

    def _past(self, bad: _BadLine, line: bytes, engine: Engine) -> bool:
        """Skip the bad line that comes next, if bad lines are skipped; else stop before it."""
        assert self._reader is not None
        number = self._reader.line + 1
        if not self._skip:
            self._stop(BadLineError(str(self.path), number, str(bad)))
            return False
        try:
            self._reader.advance(1)
        except InputError as error:
            self._stop(error)
            return False
        engine.emit(BAD_LINES, TypedValue(JSON_TYPENAME, self._kept(line, number, str(bad))))
        self.skipped += 1
        return True

    def _stop(self, error: InputError) -> None:
        self.error, self.exhausted = error, True
        if self._on_stopped is not None:
            self._on_stopped()

    def _careful(self, line: bytes, number: int) -> _Letter | None:
        """The message in *line*, None if it is empty.

        Raises:
            _BadLine: it holds no message.
        """
        if number == 1 and line.startswith(_BOM):
            line = line[len(_BOM) :]
        if len(line) > self._longest:
            raise _BadLine(f"expected a line of at most {self._longest:,} bytes, got a longer one")
        if not line.strip():
            return None
        obj = _parsed(line)
        missing = [key for key in ("to", "value") if key not in obj]
        if missing:
            raise _BadLine(f'expected the keys "to" and "value", got none called "{missing[0]}"')
        if unknown := [key for key in obj if key not in _KEYS]:
            known = ", ".join(f'"{key}"' for key in _KEYS)
            raise _BadLine(f"expected no keys but {known}, got {_shown(unknown[0])}")
        typename = obj.get("type")
        if not isinstance(typename, str | None):
            raise _BadLine(f"expected a typename as string, got {_shown(typename)} - at `$.type`")
        delay = _delay(obj["after"]) if "after" in obj else 0
        try:
            address = parse_address(obj["to"])
        except InvalidAddressError:
            raise _BadLine(f'expected "<namespace>/<name>/<id>", got {_shown(obj["to"])} - at `$.to`') from None
        try:
            return _Letter(address, self._ingress.lane(address.typename, typename).typed(obj["value"]), delay)
        except UnknownFunctionTypeError as error:
            served = ", ".join(error.served) or "none"
            raise _BadLine(
                f"expected a function type that is served ({served}), got {_shown(error.typename)} - at `$.to`"
            ) from None
        except UnhandledMessageError as error:
            taken = ", ".join(error.taken) or "none"
            raise _BadLine(
                f"expected a type that {error.target} takes ({taken}), got {_shown(error.came)} - at `$.type`"
            ) from None
        except UnclearTypeError as error:
            raise _BadLine(
                f'expected the key "type", since {error.target} takes {" and ".join(error.taken)}; got none'
            ) from None
        except NoJsonFormError as error:
            raise _BadLine(str(error)) from None
        except ValueMismatchError as error:
            where = error.path.replace("$", "$.value", 1)
            raise _BadLine(f"expected {error.expected}, got {error.got} - at `{where}`") from None
        except Exception as error:
            raise _BadLine(f"the value can't be read: {type(error).__name__}: {describe_error(error)}") from error

    def _kept(self, line: bytes, number: int, reason: str) -> bytes:
        record: dict[str, object] = {"file": str(self.path), "line": number, "reason": reason}
        cut = len(line) > self._longest
        try:
            record["text"] = line[:_LONGEST_KEPT].decode(errors="ignore") if cut else line.decode()
        except UnicodeDecodeError:
            record["text_base64"] = base64.b64encode(line).decode()
        if cut:
            record["cut"] = True
        return msgspec.json.encode(record)


class _BadLine(Exception):
    """What is wrong with a line, on one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(" ".join(reason.split()))


_decode: Final = msgspec.json.Decoder(_Line).decode
_encode: Final = msgspec.json.Encoder().encode


def _quick(line: bytes, lanes: Any) -> _Letter | tuple[Address, TypedValue, int] | None:
    """The message in *line*, None if that takes a closer look."""
    try:
        parsed = _decode(line)
        to, typename = parsed.to, parsed.type
        slash = to.find("/", to.find("/") + 1)
        lane = lanes[to[:slash], typename]
        id = to[slash + 1 :]
        # A key that comes twice is lost in parsing, and its colon with it.
        if slash < 0 or not id or _encode(parsed).count(b":") != line.count(b":"):
            return None
        return tuple.__new__(Address, (lane.target, id)), lane.typed(parsed.value), 0
    except Exception:
        return None


def _parsed(line: bytes) -> dict[str, Any]:
    """The object in *line*. Only the standard library's parser sees keys that come twice.

    Raises:
        _BadLine: there is none.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise _BadLine(f"expected UTF-8, got the byte 0x{line[error.start]:02x} after {error.start} others") from None
    try:
        obj = json.loads(text, object_pairs_hook=_once)
        msgspec.json.decode(line)
    except json.JSONDecodeError as error:
        raise _BadLine(f"expected JSON, got {_cut(text.strip())} ({error.msg} at column {error.colno})") from None
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise _BadLine(f"expected JSON, got {_cut(text.strip())} ({error})") from None
    if not isinstance(obj, dict):
        raise _BadLine(f'expected an object, as {{"to": "ns/name/id", "value": …}}, got {_shown(obj)}')
    return obj


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    obj: dict[str, Any] = {}
    for key, item in pairs:
        if key in obj:
            raise _BadLine(f"expected each key once, got {_shown(key)} twice in one object")
        obj[key] = item
    return obj


def _delay(after: object) -> int:
    """*after* in milliseconds."""
    try:
        if isinstance(after, str):
            delay = msgspec.convert(after, timedelta)
            if delay >= timedelta(0):
                return delay_ms(delay)
    except msgspec.ValidationError:
        pass
    raise _BadLine(f'expected a duration such as "PT5S" or "P1DT12H", got {_shown(after)} - at `$.after`')


def _shown(obj: object) -> str:
    return _cut(json.dumps(obj, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
