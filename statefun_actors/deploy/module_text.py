"""Writes the text of a module.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import assert_never

import yaml

from statefun_actors.deploy.components import (
    OKHTTP,
    Component,
    EagerState,
    EndpointComponent,
    FromDate,
    KafkaEgress,
    KafkaIngress,
    Module,
    OtherComponent,
    SpecificOffsets,
    Startup,
    Transport,
)
from statefun_actors.deploy.durations import write_duration
from statefun_actors.model import Expiration

_EXPIRE = {Expiration.AFTER_WRITE: "after-write", Expiration.AFTER_CALL: "after-invoke"}


def write_module(module: Module) -> str:
    """The text of *module*, from which :func:`parse_module` reads the same module."""
    if module.format == "3.x":
        return write_documents([_document(component) for component in module.components])
    return write_documents([_old_document(module)])


def write_documents(documents: Iterable[object]) -> str:
    """The YAML text of *documents*."""
    return "---\n".join(
        yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000) for document in documents
    )


class _Dumper(yaml.SafeDumper):
    """Indents lists below their keys, and writes long texts line by line, as people do; without aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        if "\n" in data:
            return self.represent_scalar("tag:yaml.org,2002:str", data, style="|")
        return super().represent_str(data)


_Dumper.add_representer(str, _Dumper.represent_str)


def _scalar(text: str) -> object:
    """*text*, or a number or a boolean with the same text."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    return value if isinstance(value, bool | int) and str(value).lower() == text else text


def _document(component: Component) -> dict[str, object]:
    match component:
        case EndpointComponent():
            return {"kind": "io.statefun.endpoints.v2/http", "spec": _endpoint(component)}
        case KafkaIngress():
            return {
                "kind": "io.statefun.kafka.v1/ingress",
                "spec": {"id": component.id, **_kafka_ingress(component, "valueType")},
            }
        case KafkaEgress():
            return {
                "kind": "io.statefun.kafka.v1/egress",
                "spec": {"id": component.id, **_kafka_egress(component, old=False)},
            }
        case OtherComponent():
            return {"kind": component.kind, "spec": dict(component.spec)}
        case _:
            assert_never(component)


def _endpoint(endpoint: EndpointComponent) -> dict[str, object]:
    return {
        "functions": endpoint.functions,
        "urlPathTemplate": endpoint.url,
        "maxNumBatchRequests": endpoint.max_batch,
        "transport": _transport(endpoint.transport),
    }


def _transport(transport: Transport) -> dict[str, object]:
    written: dict[str, object] = {"type": transport.type}
    call = write_duration(transport.call_timeout)
    timeouts: dict[str, object] = {}
    if transport.type == OKHTTP:
        timeouts["call"] = call
    else:
        written["call"] = call
    if transport.payload_max_bytes is not None:
        written["payload_max_bytes"] = transport.payload_max_bytes
    for key, value in transport.options.items():
        if key.startswith("timeouts."):
            timeouts[key.removeprefix("timeouts.")] = _scalar(value)
        else:
            written[key] = _scalar(value)
    return {**written, **({"timeouts": timeouts} if timeouts else {})}


def _kafka_ingress(ingress: KafkaIngress, value_type: str) -> dict[str, object]:
    return {
        "address": ingress.address,
        **({} if ingress.group is None else {"consumerGroupId": ingress.group}),
        "startupPosition": _startup(ingress.startup),
        **({} if ingress.reset == "latest" else {"autoOffsetResetPosition": ingress.reset}),
        **_forwarding(ingress.forward_headers),
        "topics": [
            {
                "topic": topic.topic,
                value_type: topic.value_type,
                "targets": list(topic.targets),
                **_forwarding(topic.forward_headers),
            }
            for topic in ingress.topics
        ],
        **_properties(ingress.properties),
    }


def _forwarding(headers: bool | None) -> dict[str, object]:
    return {} if headers is None else {"forwardHeaders": headers}


def _startup(startup: Startup) -> dict[str, object]:
    match startup:
        case SpecificOffsets(offsets=offsets):
            written = [{f"{topic}/{partition}": offset} for (topic, partition), offset in offsets.items()]
            return {"type": "specific-offsets", "offsets": written}
        case FromDate(date=date):
            return {"type": "date", "date": f"{date.isoformat(' ', 'milliseconds')[:23]} {date:%z}"}
        case _:
            return {"type": startup}


def _kafka_egress(egress: KafkaEgress, *, old: bool) -> dict[str, object]:
    delivery: dict[str, object] = {"type": egress.delivery}
    if egress.transaction_timeout is not None:
        if old:
            delivery["transactionTimeoutMillis"] = round(egress.transaction_timeout.total_seconds() * 1000)
        else:
            delivery["transactionTimeout"] = write_duration(egress.transaction_timeout)
    return {"address": egress.address, "deliverySemantic": delivery, **_properties(egress.properties)}


def _properties(properties: Mapping[str, str]) -> dict[str, object]:
    return {"properties": [{name: _scalar(value)} for name, value in properties.items()]} if properties else {}


# --- 2.x


def _old_document(module: Module) -> dict[str, object]:
    functions, ingresses, egresses = [], [], []
    for component in module.components:
        match component:
            case EndpointComponent():
                functions.append({"function": _old_function(component, states_expire=module.format == "2.0")})
            case KafkaIngress():
                kind, spec = "statefun.kafka.io/routable-protobuf-ingress", _kafka_ingress(component, "typeUrl")
                ingresses.append({"ingress": _connector(kind, component.id, spec)})
            case KafkaEgress():
                kind, spec = "statefun.kafka.io/generic-egress", _kafka_egress(component, old=True)
                egresses.append({"egress": _connector(kind, component.id, spec)})
            case OtherComponent():
                written = _connector(component.kind, component.id, dict(component.spec))
                (ingresses if component.role == "ingress" else egresses).append({component.role or "egress": written})
            case _:
                assert_never(component)
    spec = {
        "functions": functions,
        **({"ingresses": ingresses} if ingresses else {}),
        **({"egresses": egresses} if egresses else {}),
    }
    return {"version": module.format, "module": {"meta": {"type": "remote"}, "spec": spec}}


def _connector(kind: str, id: str | None, spec: Mapping[str, object]) -> dict[str, object]:
    return {"meta": {"type": kind, "id": id}, "spec": spec}


def _old_function(endpoint: EndpointComponent, *, states_expire: bool) -> dict[str, object]:
    return {
        "meta": {"kind": "http", "type": endpoint.functions},
        "spec": {
            "endpoint": endpoint.url,
            "states": _old_states(endpoint.states or (), states_expire=states_expire),
            "maxNumBatchRequests": endpoint.max_batch,
            "timeout": write_duration(endpoint.transport.call_timeout),
            **endpoint.transport.options,
        },
    }


def _old_states(states: Sequence[EagerState], *, states_expire: bool) -> list[Untyped]:
    if not states_expire:
        return [state.name for state in states]
    return [
        {
            "name": state.name,
            **(
                {
                    "expireAfter": write_duration(timedelta(milliseconds=state.ttl_ms)),
                    "expireMode": _EXPIRE[state.expiration],
                }
                if state.expiration in _EXPIRE
                else {}
            ),
        }
        for state in states
    ]
