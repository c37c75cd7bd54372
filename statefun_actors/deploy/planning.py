"""Plans a module.yaml for an application: its functions, and the wanted topics and egresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

import attrs

from statefun_actors.asking import ANSWERS, REPLY
from statefun_actors.deploy.components import (
    ASYNC,
    OKHTTP,
    Component,
    EagerState,
    EndpointComponent,
    Format,
    KafkaEgress,
    KafkaIngress,
    Module,
    Topic,
    Transport,
)
from statefun_actors.deploy.endpoints import is_url, transport_options
from statefun_actors.deploy.gateway import gateway_topics
from statefun_actors.deploy.served import DeployedFunction, Served
from statefun_actors.deploy.topic_names import for_a_topic, topic_clashes, topic_names
from statefun_actors.errors import DefinitionError

PATHS: Final[Mapping[Format, str]] = {"3.x": "/statefun", "1.0": "/statefun/v2", "2.0": "/statefun/v2"}
"""The path of each format's protocol in ``statefun-actors serve``."""

_MARGIN: Final = timedelta(seconds=5)
_MINUTE: Final = timedelta(minutes=1)
_TRANSACTION_TIMEOUT: Final = timedelta(minutes=15)
"""A broker's default maximum."""
_BROKERS: Final = re.compile(r"[^\s,]+:\d+(\s*,\s*[^\s,]+:\d+)*")


@attrs.frozen
class WantedTopic:
    """A topic to read. ``type`` may be omitted if its targets take one type of message."""

    topic: str
    targets: Sequence[str]
    type: str | None = None


@attrs.frozen(kw_only=True)
class Wanted:
    """Options of a module.yaml that its application does not determine.

    Args:
        url: URL of the application. Without a path, it gets the path of the format's protocol in ``serve``.
        kafka: brokers, ``host:port``; without them, the file has no topics and no egresses.
        name: name of the application. Flink and stores keep the positions in topics under it; under another name,
            topics are read from the start.
        group: Kafka's consumer group.
        topics: topics to read; None = one for each function type and type of message, see
            :func:`~.topic_names.topic_names`.
        egresses: egresses in addition to those found in the application.
        delivery: guarantee of the egresses.
        per_function: one endpoint for each function type; otherwise for each namespace. 2.x always has the former.
        call_timeout: None = longer than the longest timeout of a handler, and at least a minute.
        transport: further keys of ``transport:``, such as ``pool_size``.
        own_functions: whether this library's own functions are routed here if the application calls them, or a
            gateway does. One application of a job must route them.
        gateway: whether a gateway can be in front of the application: adds its topics and its egress.
    """

    url: str
    format: Format = "3.x"
    kafka: str | None = None
    name: str = "statefun-actors"
    group: str = "statefun-actors"
    topics: Sequence[WantedTopic] | None = ()
    egresses: Sequence[str] = ()
    delivery: Literal["exactly-once", "at-least-once", "none"] = "exactly-once"
    per_function: bool = False
    max_batch: int = 1000
    call_timeout: timedelta | None = None
    transport: Mapping[str, str] = attrs.field(factory=dict)
    own_functions: bool = True
    gateway: bool = False


def planned_module(served: Served, wanted: Wanted) -> Module:
    """The module.yaml for *served*.

    Raises:
        DefinitionError: *wanted* doesn't fit this application; with all reasons.
    """
    problems = [*_mistakes(wanted), *_inexpressible(served, wanted.format)]
    components: list[Component] = [] if problems else list(_endpoints(served, wanted))
    topics = _topics(served, wanted, problems)
    requests = _gateway_topics(served, wanted) if wanted.gateway else []
    problems += topic_clashes(topic.topic for topic in (*topics, *requests))
    if wanted.kafka is None:
        problems += ["gateway: where are its brokers? Give --kafka HOST:PORT"] if wanted.gateway else []
        problems += [f"topic {topic.topic}: where are its brokers? Give --kafka HOST:PORT" for topic in topics]
    elif not problems:
        if topics:
            components.append(_ingress(wanted, wanted.kafka, "messages", topics))
        if wanted.gateway:
            # Answers are at-least-once: others would come only with Flink's next checkpoint.
            components += [
                _ingress(wanted, wanted.kafka, "requests", requests),
                KafkaEgress(id=ANSWERS, address=wanted.kafka, delivery="at-least-once"),
            ]
        timeout = _TRANSACTION_TIMEOUT if wanted.delivery == "exactly-once" else None
        components += [
            KafkaEgress(id=name, address=wanted.kafka, delivery=wanted.delivery, transaction_timeout=timeout)
            for name in sorted({*served.all_egresses, *wanted.egresses})
        ]
    if problems:
        raise DefinitionError("module.yaml", problems)
    return Module(components=components, format=wanted.format)


def _mistakes(wanted: Wanted) -> Iterator[str]:
    """Options that Flink would refuse or silently ignore."""
    if not is_url(wanted.url):
        yield f"url: expected a URL such as http://host:8000, got {wanted.url!r}"
    if wanted.gateway and wanted.format != "3.x":
        yield f"gateway: it needs format 3.x, not {wanted.format}"
    if wanted.kafka is not None and not _BROKERS.fullmatch(wanted.kafka):
        yield f"brokers: expected HOST:PORT, or several with commas between them, got {wanted.kafka!r}"
    kind = wanted.transport.get("type", ASYNC)
    if wanted.format == "3.x" and kind not in (ASYNC, OKHTTP):
        yield f"transport type: expected {ASYNC} or {OKHTTP}, got {kind!r}"
    taken = list(transport_options(wanted.format, kind))
    if wanted.format == "3.x":
        taken += ["type", "payload_max_bytes"] if kind == ASYNC else ["type"]
    for key, value in wanted.transport.items():
        if key not in taken:
            yield (
                f"transport {key}: a file of format {wanted.format} has no such key there; "
                f"it has {', '.join(taken) or 'none'}"
                + ("; set the timeout of a call by --call-timeout" if key.rpartition(".")[2] == "call" else "")
            )
        elif key == "payload_max_bytes" and not value.isdecimal():
            yield f"transport {key}: expected a number of bytes, got {value!r}"


def _inexpressible(served: Served, format: Format) -> Iterator[str]:
    """Options of the application that a file of *format* can't express."""
    for function in served.functions if format == "1.0" else ():
        if function.expires:
            yield (
                f"{function.typename}: format 1.0 has no expire_after_call=, so its entities would never "
                "expire; give --format 2.0 (StateFun 2.2) or 3.x"
            )


def functions_elsewhere(module: Module, served: Served) -> frozenset[str]:
    """The functions in *module*, ``ns/name`` or ``ns/*``, of the endpoints that serve none of *served*."""
    here = _routes_of(module, served)
    return frozenset(each.functions for each in module.endpoints if not any(each is other for other in here))


def _routes_of(module: Module, served: Served) -> list[EndpointComponent | None]:
    return [module.route(function.typename) for function in (*served.functions, *served.own)]


def local_module(module: Module, served: Served, url: str, kafka: str | None) -> Module:
    """*module* for a cluster on this machine, in format 3.x: endpoints of *served* functions are at *url*, and
    brokers at *kafka*, unless that is None.
    """
    path = PATHS["3.x"]
    here = _routes_of(module, served)
    components: list[Component] = []
    for component in module.components:
        match component:
            case EndpointComponent():
                ours = any(component is each for each in here)
                components.append(attrs.evolve(component, states=None, url=url + path if ours else component.url))
            case _:
                components.append(component)
    local = attrs.evolve(module, components=components, format="3.x")
    return local if kafka is None else local.with_brokers(kafka)


def _endpoints(served: Served, wanted: Wanted) -> list[EndpointComponent]:
    url = wanted.url
    if urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + PATHS[wanted.format]
    transport = _transport(served, wanted)
    own = served.own_called(gateway=wanted.gateway) if wanted.own_functions else ()
    functions = [*served.functions, *own]
    if wanted.format == "3.x" and not wanted.per_function:
        namespaces = sorted({function.typename.rpartition("/")[0] for function in functions})
        return [
            EndpointComponent(functions=f"{name}/*", url=url, max_batch=wanted.max_batch, transport=transport)
            for name in namespaces
        ]
    return [
        EndpointComponent(
            functions=function.typename,
            url=url,
            max_batch=wanted.max_batch,
            transport=transport,
            states=None if wanted.format == "3.x" else eager_states(function, wanted.format),
        )
        for function in functions
    ]


def eager_states(function: DeployedFunction, format: Format) -> list[EagerState]:
    """The states of *function* as a file of *format*, one of 2.x, lists them."""
    if format == "1.0":  # it has no expiration
        return [EagerState(name=spec.name) for spec in function.states]
    return [EagerState(name=spec.name, expiration=spec.expiration, ttl_ms=spec.ttl_ms) for spec in function.states]


def call_timeout_for(served: Served) -> timedelta:
    """Flink's timeout of a call, in whole minutes: longer than the longest handler."""
    if served.longest is None:
        return _MINUTE
    return max(_MINUTE, -(-(served.longest[0] + _MARGIN) // _MINUTE) * _MINUTE)


def _transport(served: Served, wanted: Wanted) -> Transport:
    call = wanted.call_timeout or call_timeout_for(served)
    if wanted.format != "3.x":
        return Transport(type=OKHTTP, call_timeout=call, payload_max_bytes=None, options=wanted.transport)
    options = dict(wanted.transport)
    kind = options.pop("type", ASYNC)
    payload = served.body_limit if kind == ASYNC else None
    if "payload_max_bytes" in options:
        payload = int(options.pop("payload_max_bytes"))
    return Transport(type=kind, call_timeout=call, payload_max_bytes=payload, options=options)


def _topics(served: Served, wanted: Wanted, problems: list[str]) -> list[Topic]:
    if wanted.topics is None:
        messages = [(function.typename, type) for function in served.functions for type in function.types]
        return [
            Topic(topic=topic, value_type=type, targets=[function])
            for topic, (function, type) in zip(topic_names(messages), messages, strict=True)
        ]
    by_name = {function.typename: function for function in served.functions}
    topics = []
    for topic in wanted.topics:
        if unknown := [target for target in topic.targets if target not in by_name]:
            there = ", ".join(by_name)
            problems += [f"topic {topic.topic}: nothing here serves {name!r}; served are {there}" for name in unknown]
            continue
        targets = [by_name[target] for target in topic.targets]
        if (type := topic.type or _only_type(topic.topic, targets, problems)) is None:
            continue
        problems += [
            f"topic {topic.topic}: {target.typename} does not take {type!r}; it takes {', '.join(target.types)}"
            for target in targets
            if not target.takes(type)
        ]
        topics.append(Topic(topic=topic.topic, value_type=type, targets=list(topic.targets)))
    return topics


def _only_type(topic: str, targets: Sequence[DeployedFunction], problems: list[str]) -> str | None:
    common = set.intersection(*(set(target.types) for target in targets))
    if len(common) == 1 and not any(target.takes_any for target in targets):
        return common.pop()
    names = " and ".join(target.typename for target in targets)
    choice = f"is it {' or '.join(sorted(common))}?" if common else "name it."
    problems.append(f"topic {topic}: the type of its records is ambiguous for {names}; {choice} Write TOPIC:TYPE=...")
    return None


def _gateway_topics(served: Served, wanted: Wanted) -> list[Topic]:
    functions = [*served.typenames, *([REPLY] if served.calls_own is not None else [])]
    return gateway_topics(wanted.name, functions)


def _ingress(wanted: Wanted, kafka: str, what: str, topics: Sequence[Topic]) -> KafkaIngress:
    id = f"{for_a_topic(wanted.name)}/{what}"
    return KafkaIngress(id=id, address=kafka, group=wanted.group, startup="earliest", topics=list(topics))
