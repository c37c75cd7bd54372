"""Kafka ingresses and egresses of a module.yaml, for a run on this machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from statefun_actors.cli.extras import has_kafka_client
from statefun_actors.cli.loading import AppError
from statefun_actors.cli.module.requirements import served_by
from statefun_actors.dispatch import Application
from statefun_actors.settings import Settings

if TYPE_CHECKING:
    from statefun_actors.deploy import KafkaEgress, KafkaIngress, Module, Served


@attrs.frozen(kw_only=True)
class Edges:
    """The Kafka ingresses and egresses of a file; ``warnings`` are its differences to the application.

    With each egress are the topics that the source of the application names.
    """

    ingresses: Sequence[KafkaIngress] = ()
    egresses: Sequence[tuple[KafkaEgress, Sequence[str]]] = ()
    warnings: Sequence[str] = ()


def edges_of(module: Module, path: Path, mapped: Collection[str], app: Application, settings: Settings) -> Edges:
    """The Kafka ingresses and egresses in *module*, read from *path*, without the egresses in *mapped*.

    Those of a gateway are left out: a run has the gateway's routes itself.

    Args:
        module: the parsed file.
        path: its path, for warnings and errors.
        mapped: egresses that have a target already.
        app: the application.
        settings: the settings of the application.

    Raises:
        AppError: the file has components that only Flink can run, or unserved targets; with all of them.
        click.UsageError: the Kafka client is not installed.
    """
    from statefun_actors.deploy import differences, without_gateway

    module = without_gateway(module)
    declared = served_by(app, settings)
    if problems := [*_only_on_flink(module, mapped), *_not_served(module, declared)]:
        raise AppError("\n".join(f"{path}: {problem}" for problem in problems))
    egresses = [egress for egress in module.kafka_egresses if egress.id not in mapped]
    if (module.kafka_ingresses or egresses) and not has_kafka_client():
        raise click.UsageError(
            f"{path} has Kafka ingresses or egresses, whose client is not installed: "
            'pip install "statefun-actors[kafka]"'
        )
    return Edges(
        ingresses=module.kafka_ingresses,
        egresses=[(egress, declared.topics.get(egress.id, ())) for egress in egresses],
        warnings=[f"{path}: {difference}" for difference in differences(module, declared)],
    )


def _only_on_flink(module: Module, mapped: Collection[str]) -> Iterator[str]:
    for other in module.others:
        if other.role == "egress" and other.id in mapped:
            continue
        named = f"{other.kind} {other.id}" if other.id else other.kind
        instead = "omit it" if other.role != "egress" else f"map its records: --egress {other.id}=FILE.jsonl"
        yield f"line {other.place.line}: {named} runs on Flink only; here, Kafka's do: {instead}"


def _not_served(module: Module, declared: Served) -> Iterator[str]:
    for ingress in module.kafka_ingresses:
        for topic in ingress.topics:
            for target in topic.targets:
                if target not in declared.typenames:
                    yield (
                        f"line {ingress.place.line}: {ingress.id}: topic {topic.topic} leads to {target}, which is not "
                        f"served here: its records would wait forever; served are {', '.join(declared.typenames)}"
                    )
