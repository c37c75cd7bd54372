"""``PartitionTask``: what all processes of ``run --partitions`` share."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from socket import socket

import attrs

from statefun_actors.cli.logs import LogOptions
from statefun_actors.cli.run.inputs import topics_name
from statefun_actors.cli.run.options import RunOptions
from statefun_actors.cli.run.partition_run import PartitionRun
from statefun_actors.connectors.files import BAD_LINES
from statefun_actors.http import Listener
from statefun_actors.settings import Settings


@attrs.frozen(kw_only=True)
class PartitionTask:
    """What all partitions share; it is pickled."""

    app: str
    path: tuple[str, ...]
    """``sys.path`` of the supervisor, which has loaded the app."""
    settings: Settings
    logs: LogOptions
    metrics: bool
    options: RunOptions
    """Without listeners, whose sockets each process gets by itself."""
    names: Sequence[str]
    """The names of the listeners."""
    renamed: Mapping[str, str]
    """The current function types of the app that the supervisor has loaded, by former ones: what decides, with the
    number of partitions, where entities are."""

    @classmethod
    def of(
        cls,
        app: str,
        settings: Settings,
        logs: LogOptions,
        options: RunOptions,
        *,
        metrics: bool,
        renamed: Mapping[str, str],
    ) -> PartitionTask:
        """What the command line asks for; *options* are those of the whole run."""
        return cls(
            app=app,
            renamed=dict(renamed),
            path=tuple(sys.path),
            settings=settings,
            logs=logs,
            metrics=metrics,
            options=attrs.evolve(options, listeners=(), quiet=True),
            names=[listener.name for listener in options.listeners],
        )

    @property
    def store(self) -> Path:
        """The folder of all partitions."""
        assert self.options.store is not None
        return self.options.store

    @property
    def egresses(self) -> frozenset[str]:
        """The egresses that have a target."""
        bad_lines = () if self.options.skip_bad_lines is None else (BAD_LINES,)
        return frozenset((*self.options.egress, *(egress.id for egress, _ in self.options.kafka_egresses), *bad_lines))

    @property
    def with_topics(self) -> bool:
        """Whether topics are read."""
        return bool(self.options.kafka_ingresses)

    def of_one(self, partition: PartitionRun, sockets: Sequence[socket]) -> RunOptions:
        """The options of one partition, which listens at *sockets*."""
        options, here = self.options, partition.neighbours
        return attrs.evolve(
            options,
            egress={name: target for name, target in options.egress.items() if here.writes(name)},
            kafka_ingresses=[ingress for ingress in options.kafka_ingresses if here.reads(topics_name(ingress))],
            kafka_egresses=[each for each in options.kafka_egresses if here.writes(each[0].id)],
            listeners=[Listener(name, [sock]) for name, sock in zip(self.names, sockets, strict=True)],
            partition=partition,
        )
