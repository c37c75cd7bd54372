"""Parses a module.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import yaml

from statefun_actors.deploy.components import (
    ASYNC,
    KINESIS_EGRESS,
    OKHTTP,
    Component,
    EndpointComponent,
    Format,
    Module,
    OtherComponent,
)
from statefun_actors.deploy.documents import documents, read_documents
from statefun_actors.deploy.endpoints import read_endpoint, read_function
from statefun_actors.deploy.errors import ModuleFileError, Problem, YamlPosition
from statefun_actors.deploy.kafka import read_egress, read_ingress
from statefun_actors.deploy.section import Findings, Section

_ENDPOINTS: Final = {"io.statefun.endpoints.v1/http": OKHTTP, "io.statefun.endpoints.v2/http": ASYNC}
"""The default transport of an endpoint, by kind."""
_KAFKA_INGRESS: Final = "io.statefun.kafka.v1/ingress"
_KAFKA_EGRESS: Final = "io.statefun.kafka.v1/egress"
_PASSED_ON: Final = ("io.statefun.kinesis.v1/ingress", KINESIS_EGRESS)
_KINDS: Final = (*_ENDPOINTS, _KAFKA_INGRESS, _KAFKA_EGRESS, *_PASSED_ON)

_OLD_KAFKA_INGRESS: Final = "statefun.kafka.io/routable-protobuf-ingress"
_OLD_KAFKA_EGRESS: Final = "statefun.kafka.io/generic-egress"


def read_module(path: Path) -> Module:
    """Read the module.yaml at *path*.

    Raises:
        ModuleFileError: it is invalid; with all problems, each with document, line and key.
        OSError: it can't be read.
    """
    return _module(read_documents(path), str(path))


def parse_module(text: str, name: str = "module.yaml") -> Module:
    """Parse the *text* of a module.yaml; *name* is its name in errors.

    Raises:
        ModuleFileError: it is invalid; with all problems, each with document, line and key.
    """
    return _module(documents(text, name), name)


def _module(nodes: Sequence[yaml.Node], name: str) -> Module:
    findings = Findings()
    problems = findings.problems
    sections = [Section(node, number, "", findings) for number, node in enumerate(nodes, 1)]
    components: list[Component] = []
    format: Format = "3.x"
    if len(sections) == 1 and "module" in sections[0]:
        format, components = _old_module(sections[0])
    else:
        components = [component for section in sections if (component := _component(section)) is not None]
        if not sections:
            problems.append(Problem(YamlPosition(1, 1), "", "documents with kind: and spec:", "an empty file"))
    problems += _twice(components)
    if problems:  # an unknown key may be a misspelt one whose value is missing
        raise ModuleFileError(name, problems + findings.ignored)
    return Module(components=components, format=format, name=name, ignored=findings.ignored)


# --- 3.x


def _component(document: Section) -> Component | None:
    kind = document.required("kind", "<namespace>/<name>", str, "")
    spec = document.section("spec")
    document.done()
    if kind in _ENDPOINTS:
        return read_endpoint(spec, default_transport=_ENDPOINTS[kind])
    if kind == _KAFKA_INGRESS:
        return read_ingress(spec.typename("id", "an ingress"), spec)
    if kind == _KAFKA_EGRESS:
        return read_egress(spec.typename("id", "an egress"), spec)
    if kind.startswith(("io.statefun.endpoints.", "io.statefun.kafka.", "io.statefun.kinesis.")) and (
        kind not in _PASSED_ON
    ):
        document.problem("kind", f"one of {', '.join(_KINDS)}")
        return None
    return _other(kind, spec.plain(), document)


def _other(kind: str, spec: dict[str, object], document: Section) -> OtherComponent:
    role: Literal["ingress", "egress"] | None = None
    if kind.endswith("ingress"):
        role = "ingress"
    elif kind.endswith("egress"):
        role = "egress"
    id = spec.get("id")
    return OtherComponent(kind=kind, role=role, id=id if isinstance(id, str) else None, spec=spec, place=document.place)


# --- 2.x


def _old_module(document: Section) -> tuple[Format, list[Component]]:
    format: Format = document.one_of("version", Literal["1.0", "2.0"], "1.0")
    if "version" not in document:
        document.problem("version", '"1.0" or "2.0"')
    module = document.section("module")
    document.done()
    meta, spec = module.section("meta"), module.section("spec")
    module.done()
    meta.one_of("type", Literal["remote"], "remote")
    meta.done()
    components: list[Component] = []
    for function in spec.sections("functions"):
        read = read_function(function.section("function"), states_expire=format == "2.0")
        function.done()
        components += [read] if read is not None else []
    components += _old_connectors(spec, "ingress", "ingresses")
    components += _old_connectors(spec, "egress", "egresses")
    spec.done()
    return format, components


def _old_connectors(spec: Section, role: Literal["ingress", "egress"], key: str) -> Iterator[Component]:
    for item in spec.sections(key):
        connector = item.section(role)
        item.done()
        meta, inner = connector.section("meta"), connector.section("spec")
        connector.done()
        kind, id = meta.typename("type", "a kind"), meta.typename("id", f"an {role}")
        meta.done()
        if kind == _OLD_KAFKA_INGRESS:
            yield read_ingress(id, inner, old=True)
        elif kind == _OLD_KAFKA_EGRESS:
            yield read_egress(id, inner)
        else:
            yield OtherComponent(kind=kind, role=role, id=id, spec=inner.plain(), place=connector.place)


# --- both


def _twice(components: list[Component]) -> Iterator[Problem]:
    seen: set[tuple[str, str]] = set()
    for component in components:
        if isinstance(component, EndpointComponent):
            what, id = "function", component.functions
        else:
            what = "egress" if "egress" in type(component).__name__.lower() else "ingress"
            what = getattr(component, "role", None) or what
            id = component.id or ""
        if id and (what, id) in seen:
            yield Problem(component.place, "", f"each {what} once", f"{id} again")
        seen.add((what, id))
