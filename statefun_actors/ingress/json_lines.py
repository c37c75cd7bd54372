"""A line of JSON that is a message: ``{"to": "ns/name/id", "type": "typename", "value": …, "after": "5s"}``.

The fast path assumes a valid line. If it fails, the line is parsed again by code that finds the fault.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from statefun_actors.address import Address, parse_address
from statefun_actors.dispatch import Application
from statefun_actors.errors import (
    InternalMessageError,
    InvalidAddressError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.ingress.encoders import MessageEncoders, NoJsonFormError, UnclearTypeError
from statefun_actors.ingress.message import IngressMessage
from statefun_actors.ingress.repeated_keys import RepeatedKeyError, clearly_once, once
from statefun_actors.ingress.written_delay import delay_of
from statefun_actors.text import describe
from statefun_actors.types import json_fault
from statefun_actors.units import DURATION_FORM

BOM: Final = b"\xef\xbb\xbf"
"""A byte order mark, with which a line may begin."""
_LONGEST_SHOWN: Final = 80
_KEYS: Final = ("to", "type", "value", "after")


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    to: str
    value: Any
    type: str | None = None


class BadLine(Exception):
    """A line is not a message. Its text is the fault, on one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(" ".join(reason.split()))


class Lines:
    """Reads lines for one application. A line has at most ``settings.body_limit`` bytes."""

    def __init__(self, app: Application) -> None:
        self._encoders = MessageEncoders(app)
        self._known = self._encoders.known
        self.longest = app.settings.body_limit

    def message(self, line: bytes) -> IngressMessage | None:
        """The message in *line*, None if it is white space.

        Any line may begin with a byte order mark, since files that begin with one may have been concatenated.

        Raises:
            BadLine: it is not a message.
        """
        if len(line) <= self.longest:
            if not line or line.isspace():
                return None
            if (message := _quick(line, self._known)) is not None:
                return message
        return self._careful(line)

    def _careful(self, line: bytes) -> IngressMessage | None:
        line = line.removeprefix(BOM)
        if len(line) > self.longest:
            raise BadLine(f"expected a line of at most {self.longest:,} bytes, got a longer one")
        if not line.strip():
            return None
        obj = _parsed(line)
        missing = [key for key in ("to", "value") if key not in obj]
        if missing:
            raise BadLine(f'expected the keys "to" and "value", got none called "{missing[0]}"')
        if unknown := [key for key in obj if key not in _KEYS]:
            known = ", ".join(f'"{key}"' for key in _KEYS)
            raise BadLine(f"expected no keys but {known}, got {_shown(unknown[0])}")
        typename = obj.get("type")
        if not isinstance(typename, str | None):
            raise BadLine(f"expected a typename as string, got {_shown(typename)} - at `$.type`")
        delay = _delay(obj["after"]) if "after" in obj else 0
        try:
            address = parse_address(obj["to"])
        except InvalidAddressError:
            raise BadLine(f'expected "<namespace>/<name>/<id>", got {_shown(obj["to"])} - at `$.to`') from None
        try:
            return IngressMessage(
                address, self._encoders.encoder(address.typename, typename).typed(obj["value"]), delay
            )
        except UnknownFunctionTypeError as error:
            if error.reserved:
                raise BadLine(str(error)) from None
            served = ", ".join(error.served) or "none"
            raise BadLine(
                f"expected a function type that is served ({served}), got {_shown(error.typename)} - at `$.to`"
            ) from None
        except UnhandledMessageError as error:
            taken = ", ".join(error.accepted) or "none"
            raise BadLine(
                f"expected a type that {error.target} takes ({taken}), got {_shown(error.got)} - at `$.type`"
            ) from None
        except UnclearTypeError as error:
            raise BadLine(
                f'expected the key "type", since {error.target} takes {" and ".join(error.taken)}; got none'
            ) from None
        except InternalMessageError as error:
            raise BadLine(str(error)) from error
        except NoJsonFormError as error:
            raise BadLine(str(error)) from None
        except ValueMismatchError as error:
            where = error.path.replace("$", "$.value", 1)
            raise BadLine(f"expected {error.expected}, got {error.got} - at `{where}`") from None
        except Exception as error:
            raise BadLine(f"the value can't be read: {describe(error)}") from error


_decode: Final = msgspec.json.Decoder(_Line).decode


def _quick(line: bytes, encoders: Any) -> IngressMessage | None:
    """The message in *line*; None if the line needs the slow path."""
    try:
        parsed = _decode(line)
        to, typename = parsed.to, parsed.type
        slash = to.find("/", to.find("/") + 1)
        encoder = encoders[to[:slash], typename]
        id = to[slash + 1 :]
        if slash < 0 or not id or not clearly_once(parsed, line):
            return None
        return IngressMessage(tuple.__new__(Address, (encoder.target, id)), encoder.typed(parsed.value))
    except Exception:
        return None


def _parsed(line: bytes) -> dict[str, Any]:
    """The object in *line*.

    Raises:
        BadLine: it is not an object.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        raise BadLine(f"expected UTF-8, got the byte 0x{line[error.start]:02x} after {error.start} others") from None
    try:
        obj = json.loads(text, object_pairs_hook=once)
        msgspec.json.decode(line)
    except RepeatedKeyError as error:
        raise BadLine(str(error)) from None
    except json.JSONDecodeError as error:
        raise BadLine(f"expected JSON, got {_cut(text.strip())} ({error.msg} at column {error.colno})") from None
    except msgspec.MsgspecError as error:
        raise BadLine(f"expected JSON, got {_cut(text.strip())} ({json_fault(line, error)})") from None
    except (ValueError, RecursionError) as error:
        raise BadLine(f"expected JSON, got {_cut(text.strip())} ({error})") from None
    if not isinstance(obj, dict):
        raise BadLine(f'expected an object, as {{"to": "ns/name/id", "value": …}}, got {_shown(obj)}')
    return obj


def _delay(after: object) -> int:
    """*after* in milliseconds."""
    try:
        return delay_of(after)
    except ValueError:
        raise BadLine(f"expected {DURATION_FORM}, got {_shown(after)} - at `$.after`") from None


def _shown(obj: object) -> str:
    return _cut(json.dumps(obj, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
