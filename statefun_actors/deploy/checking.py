"""Compares a module.yaml with the application that it deploys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import attrs

from statefun_actors.asking import ANSWERS
from statefun_actors.deploy.components import EagerState, EndpointComponent, Module
from statefun_actors.deploy.durations import write_duration
from statefun_actors.deploy.gateway import is_gateway_topic, lacks_answers
from statefun_actors.deploy.planning import PATHS, eager_states
from statefun_actors.deploy.served import DeployedFunction, Served
from statefun_actors.model import Expiration

_EXPIRES: Final = {
    Expiration.NONE: "never",
    Expiration.AFTER_WRITE: "after-write",
    Expiration.AFTER_CALL: "after-invoke",
}


@attrs.frozen
class Difference:
    """A difference and its consequence. ``line`` is its line in the file; None if the file lacks the entry."""

    line: int | None
    what: str

    def __str__(self) -> str:
        return self.what if self.line is None else f"line {self.line}: {self.what}"


def differences(
    module: Module, served: Served, url: str | None = None, *, own_functions: bool = True
) -> list[Difference]:
    """Every difference between *module* and the application that is *served*.

    Endpoints elsewhere belong to other applications, and are not checked. The application is at the host of *url*;
    without it, at the URLs of the endpoints that serve its functions. Without *own_functions*, the routes of this
    library's own functions are not checked.
    """
    ours = _endpoints_of(module, served, url)
    return [
        *_ignored(module),
        *_routing(module, ours, served),
        *(_own_routing(module, served) if own_functions else ()),
        *_states(module, served),
        *_targets(module, served),
        *_egresses(module, served),
        *_transports(ours, served),
    ]


def _ignored(module: Module) -> Iterator[Difference]:
    for problem in module.ignored:
        known = problem.expected.removeprefix("a key among ")
        yield Difference(problem.place.line, f"StateFun ignores {problem.key}; it reads {known} there")


def _endpoints_of(module: Module, served: Served, url: str | None) -> list[EndpointComponent]:
    """The endpoints at the host of *url*; without it, at the URLs that Flink calls for the application's functions, or
    all if it calls none.
    """
    if url is not None:
        return [each for each in module.endpoints if _host(each.url) == _host(url)]
    urls = {route.url for typename in served.typenames if (route := module.route(typename)) is not None}
    return [each for each in module.endpoints if not urls or each.url in urls]


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _routing(module: Module, ours: list[EndpointComponent], served: Served) -> Iterator[Difference]:
    for typename in served.typenames:
        if module.route(typename) is None:
            yield Difference(None, f"{typename} is served, but has no endpoint: Flink can't deliver to it")
    here = [function.typename for function in (*served.functions, *served.own)]
    for endpoint in ours:
        if any(endpoint.serves(typename) for typename in here):
            continue
        yield Difference(
            endpoint.place.line,
            f"{endpoint.functions} leads to {endpoint.url}, but this application serves no such function",
        )
    for endpoint in ours:
        path = urlsplit(endpoint.url).path
        if path != PATHS[module.format] and path in PATHS.values():
            yield Difference(
                endpoint.place.line,
                f"{endpoint.functions}: {path} does not speak the protocol of format {module.format}; "
                f"write {PATHS[module.format]}",
            )


def _own_routing(module: Module, served: Served) -> Iterator[Difference]:
    for function in served.own_called(gateway=False):
        if module.route(function.typename) is None:
            yield Difference(
                None,
                f"{function.typename} is called by {served.calls_own}, but has no endpoint: Flink can't "
                "deliver asks and recurring messages",
            )


# --- states


def _states(module: Module, served: Served) -> Iterator[Difference]:
    if module.format == "3.x":  # the endpoint declares them itself
        return
    for function in (*served.functions, *served.own_called(gateway=False)):
        endpoint = module.route(function.typename)
        if endpoint is not None:
            yield from _listed(module, endpoint, function)


def _listed(module: Module, endpoint: EndpointComponent, function: DeployedFunction) -> Iterator[Difference]:
    line, name = endpoint.place.line, function.typename
    listed = {state.name: state for state in endpoint.states or ()}
    for state in eager_states(function, module.format):
        there = listed.pop(state.name, None)
        if there is None:
            yield Difference(line, f"{name}: state {state.name!r} is missing in states:; its batches fail")
        elif there != state:
            yield Difference(
                line, f"{name}: state {state.name!r} expires {_expiry(there)}, its class says {_expiry(state)}"
            )
    for state_name in listed:
        yield Difference(line, f"{name}: state {state_name!r} is in states:, but is no longer declared")
    if module.format == "1.0":
        for spec in function.states:
            if spec.ttl_ms:
                yield Difference(
                    line,
                    f"{name}: state {spec.name!r} never expires: format 1.0 has no expiration; use format 2.0 "
                    "(StateFun 2.2)",
                )


def _expiry(state: EagerState) -> str:
    if not state.ttl_ms:
        return "never"
    return f"{_EXPIRES[state.expiration]} {write_duration(timedelta(milliseconds=state.ttl_ms))}"


# --- ingresses and egresses


def _targets(module: Module, served: Served) -> Iterator[Difference]:
    functions = {function.typename: function for function in served.functions}
    for ingress in module.kafka_ingresses:
        for topic in ingress.topics:
            for target in topic.targets:
                function = functions.get(target)
                if function is None:
                    if module.route(target) is None:
                        yield Difference(
                            ingress.place.line,
                            f"{ingress.id}: topic {topic.topic} leads to {target}, which has no endpoint",
                        )
                elif not is_gateway_topic(topic) and not function.takes(topic.value_type):
                    yield Difference(
                        ingress.place.line,
                        f"{ingress.id}: topic {topic.topic} holds {topic.value_type}, which {target} does not take; "
                        f"it takes {', '.join(function.types)}",
                    )


def _egresses(module: Module, served: Served) -> Iterator[Difference]:
    places = {egress.id: egress.place for egress in module.kafka_egresses}
    places |= {other.id: other.place for other in module.others if other.role == "egress" and other.id is not None}
    if lacks_answers(module):
        yield Difference(
            None,
            f"{ANSWERS} is the egress of a gateway's answers, but is not defined: Flink fails the job at the first "
            "record",
        )
    for name, why in served.all_egresses.items():
        if name not in places:
            yield Difference(
                None, f"{name} is an egress of {why}, but is not defined: Flink fails the job at the first record"
            )
    for name, why in served.bare_egresses.items():
        if name in module.record_egresses:
            yield Difference(
                places[name].line,
                f"{name} takes records only, but {why} are sent bare (as_value=True): Flink fails the job",
            )


# --- the transport of requests


def _transports(ours: list[EndpointComponent], served: Served) -> Iterator[Difference]:
    for endpoint in ours:
        line, transport = endpoint.place.line, endpoint.transport
        payload = transport.payload_max_bytes
        if payload is not None and payload < served.body_limit:
            yield Difference(
                line,
                f"{endpoint.functions}: payload_max_bytes is {payload}, less than the body limit of "
                f"{served.body_limit}: Flink can't send a batch that the endpoint would read",
            )
        elif payload is not None and payload > served.body_limit:
            yield Difference(
                line,
                f"{endpoint.functions}: payload_max_bytes is {payload}, more than the body limit of "
                f"{served.body_limit}: the endpoint refuses a batch that Flink sends, which fails the job",
            )
        calls_handlers = any(endpoint.serves(typename) for typename in served.typenames)
        if calls_handlers and served.longest is not None and transport.call_timeout <= served.longest[0]:
            seconds, name = served.longest
            yield Difference(
                line,
                f"{endpoint.functions}: Flink waits {write_duration(transport.call_timeout)} for a reply, and {name} "
                f"may take {write_duration(seconds)}: raise the call timeout, or lower the handler's",
            )
