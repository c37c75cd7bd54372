"""What a module.yaml has a run on this machine read and write."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from statefun_actors.cli.loading import AppError
from statefun_actors.cli.module.application import served_by
from statefun_actors.dispatch import Application
from statefun_actors.settings import Settings

if TYPE_CHECKING:
    from statefun_actors.deploy import KafkaEgress, KafkaIngress, Module, Served


@attrs.frozen(kw_only=True)
class Edges:
    """The edges of a file that are run here; ``warnings`` say where the file and the application differ."""

    ingresses: Sequence[KafkaIngress] = ()
    egresses: Sequence[KafkaEgress] = ()
    warnings: Sequence[str] = ()


def edges_of(module: Module, path: Path, mapped: Collection[str], app: Application, settings: Settings) -> Edges:
    """The edges in *module*, of the file at *path*, without the egresses that are *mapped* to a target already.

    Args:
        module: what the file holds.
        path: as its user wrote it, for warnings and errors.
        mapped: names of egresses.
        app: the application that is run.
        settings: as its user gave them.

    Raises:
        AppError: the file asks for what can't be had here, all of that at once.
        click.UsageError: the Kafka client is not installed.
    """
    from statefun_actors.deploy import differences

    told = served_by(app, settings)
    if problems := [*_only_on_flink(module, mapped), *_not_served(module, told)]:
        raise AppError("\n".join(f"{path}: {problem}" for problem in problems))
    egresses = [egress for egress in module.kafka_egresses if egress.id not in mapped]
    if (module.kafka_ingresses or egresses) and importlib.util.find_spec("confluent_kafka") is None:
        raise click.UsageError(
            f"{path} has Kafka ingresses or egresses, whose client is not installed: "
            'pip install "statefun-actors[kafka]"'
        )
    return Edges(
        ingresses=module.kafka_ingresses,
        egresses=egresses,
        warnings=[f"{path}: {difference}" for difference in differences(module, told)],
    )


def _only_on_flink(module: Module, mapped: Collection[str]) -> Iterator[str]:
    for other in module.others:
        if other.role == "egress" and other.id in mapped:
            continue
        named = f"{other.kind} {other.id}" if other.id else other.kind
        instead = "leave it out" if other.role != "egress" else f"map its records: --egress {other.id}=FILE.jsonl"
        yield f"line {other.place.line}: {named} runs on Flink only; here, Kafka's do: {instead}"


def _not_served(module: Module, told: Served) -> Iterator[str]:
    for ingress in module.kafka_ingresses:
        for topic in ingress.topics:
            for target in topic.targets:
                if target not in told.typenames:
                    yield (
                        f"line {ingress.place.line}: {ingress.id}: topic {topic.topic} leads to {target}, which is not "
                        f"served here: its records would wait for ever; served are {', '.join(told.typenames)}"
                    )
