"""Endpoints in a module.yaml: in 3.x for many functions; in 2.x for one function, with its states."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from statefun_actors.deploy.components import ASYNC, OKHTTP, EagerState, EndpointComponent, Format, Transport
from statefun_actors.deploy.section import Section
from statefun_actors.model import Expiration

_ASYNC_KEYS: Final = (
    "connect", "pool_ttl", "pool_size", "trust_cacerts", "client_cert", "client_key", "client_key_password",
)  # fmt: skip
_MINUTE: Final = timedelta(minutes=1)
_OKHTTP_TIMEOUTS: Final = ("connect", "read", "write")
_ASYNC_TIMEOUTS: Final = ("connect",)
_OLD_TIMEOUTS: Final = ("connectTimeout", "readTimeout", "writeTimeout")
_URL: Final = "a URL, http, https or http+unix"
_SCHEMES: Final = ("http", "https", "http+unix", "https+unix")
_EXPIRE: Final = {"after-write": Expiration.AFTER_WRITE, "after-invoke": Expiration.AFTER_CALL}


def read_endpoint(spec: Section, *, default_transport: str) -> EndpointComponent:
    """Read an endpoint of 3.x."""
    found = EndpointComponent(
        functions=spec.typename("functions", "<namespace>/* or"),
        url=spec.required("urlPathTemplate", _URL, _url, ""),
        max_batch=spec.whole("maxNumBatchRequests", 1000),
        transport=_transport(spec.optional_section("transport"), default_transport),
        place=spec.place,
    )
    if "*" in found.functions.removesuffix("/*"):
        spec.problem("functions", "<namespace>/* or <namespace>/<name>")
    if found.functions.endswith("/*") and "{function.name}" not in found.url and "{" in found.url:
        spec.problem("urlPathTemplate", "no braces but those of {function.name}")
    spec.done()
    return found


def _transport(section: Section | None, default: str) -> Transport:
    if section is None:
        return _of_type(default, _MINUTE, {}, None)
    kind = section.text("type", default=default)
    is_async = kind != OKHTTP
    timeouts = section.optional_section("timeouts")
    call = _MINUTE
    further: dict[str, str] = {}
    if timeouts is not None:
        call = timeouts.duration("call", _MINUTE)
        further = _known(timeouts, _ASYNC_TIMEOUTS if is_async else _OKHTTP_TIMEOUTS, "timeouts.")
    payload = None
    if is_async:
        call = section.duration("call", call)
        payload = section.whole("payload_max_bytes", None)
    further |= _known(section, _ASYNC_KEYS if is_async else (), "")
    return _of_type(kind, call, further, payload)


def _known(section: Section, keys: Sequence[str], prefix: str) -> dict[str, str]:
    """The values of *keys*, which are all keys of the section."""
    found = {f"{prefix}{key}": section.text(key) for key in keys if key in section}
    section.done(keys)
    return found


def _of_type(kind: str, call: timedelta, further: dict[str, str], payload: int | None) -> Transport:
    if kind == ASYNC and payload is None:
        return Transport(type=kind, call_timeout=call, options=further)
    return Transport(type=kind, call_timeout=call, options=further, payload_max_bytes=payload)


def read_function(function: Section, *, states_expire: bool) -> EndpointComponent | None:
    """Read an endpoint of 2.x. With *states_expire*, its states may have an expiration."""
    meta, spec = function.section("meta"), function.section("spec")
    kind = meta.one_of("kind", Literal["http", "grpc"], "http")
    functions = meta.typename("type", "a function type")
    meta.done()
    function.done()
    if kind == "grpc":
        meta.problem("kind", "http, the one kind that is served here")
        return None
    found = EndpointComponent(
        functions=functions,
        url=spec.required("endpoint", _URL, _url, ""),
        max_batch=spec.whole("maxNumBatchRequests", 1000),
        transport=Transport(
            type=OKHTTP,
            call_timeout=spec.duration("timeout", _MINUTE),
            payload_max_bytes=None,
            options=_timeouts(spec) if states_expire else {},
        ),
        states=[_state(item, states_expire=states_expire, spec=spec) for item in spec.items("states")],
        place=function.place,
    )
    spec.done()
    return found


def _timeouts(spec: Section) -> dict[str, str]:
    found = {key: spec.text(key, "a duration", default="") for key in _OLD_TIMEOUTS}
    return {key: value for key, value in found.items() if value}


def _state(item: Section | str, *, states_expire: bool, spec: Section) -> EagerState:
    if isinstance(item, str):
        if states_expire:
            spec.problem("states", "a list of mappings, each with a name", repr(item))
        return EagerState(name=item)
    if not states_expire:
        spec.problem("states", 'a list of names; expireAfter takes version "2.0"', "a list of mappings")
    name = item.text("name", "the name of a state")
    ttl = item.duration("expireAfter", timedelta())
    mode = item.parsed("expireMode", f"one of {', '.join(_EXPIRE)}", _expiration, Expiration.AFTER_CALL)
    item.done()
    if not ttl:
        return EagerState(name=name)
    return EagerState(name=name, expiration=mode, ttl_ms=ttl // timedelta(milliseconds=1))


def _expiration(text: str) -> Expiration:
    try:
        return _EXPIRE[text]
    except KeyError:
        raise ValueError(text) from None


def transport_options(format: Format, kind: str) -> Sequence[str]:
    """The other keys of a transport of *kind* in a file of *format*, besides its type, limit and call timeout."""
    if format != "3.x":
        return _OLD_TIMEOUTS if format == "2.0" else ()
    if kind == OKHTTP:
        return [f"timeouts.{key}" for key in _OKHTTP_TIMEOUTS]
    return [*_ASYNC_KEYS, *(f"timeouts.{key}" for key in _ASYNC_TIMEOUTS)]


def is_url(text: str) -> bool:
    """Whether *text* is a URL that Flink can call."""
    try:
        parts = urlsplit(text)
        _ = parts.port  # checked by being read
    except ValueError:  # a port that is none, or half an IPv6 address
        return False
    return parts.scheme in _SCHEMES and bool(parts.netloc or parts.scheme.endswith("+unix"))


def _url(text: str) -> str:
    if not is_url(text):
        raise ValueError(text)
    return text
