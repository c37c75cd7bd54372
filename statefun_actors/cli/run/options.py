"""The options of a run, and the store and the services that they ask for."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from statefun_actors.assembly import Service
from statefun_actors.assembly.control import ControlService
from statefun_actors.connectors import Target
from statefun_actors.store import MEMORY, Store, open_store

if TYPE_CHECKING:
    from statefun_actors.cli.run.partition_run import PartitionRun
    from statefun_actors.connectors.partitions import LinkSource
    from statefun_actors.console import ConsoleMode
    from statefun_actors.deploy import KafkaEgress, KafkaIngress
    from statefun_actors.http import Listener


@attrs.frozen(kw_only=True)
class RunOptions:
    """The options of a run. Paths are as the user wrote them."""

    inputs: Sequence[Path] = ()
    until_idle: bool = False
    fire_timers: bool = False
    store: Path | None = None
    """None = in memory."""
    in_memory: bool = False
    """Whether *store* is a folder in memory, which is removed when the run ends."""
    cache_bytes: int
    history: int = 0
    """Messages that are kept of each entity."""
    egress: Mapping[str, Target]
    egress_backlog: int
    kafka_ingresses: Sequence[KafkaIngress] = ()
    kafka_egresses: Sequence[tuple[KafkaEgress, Sequence[str]]] = ()
    """Each with the topics of its records, as far as they are known."""
    strict: bool = False
    """Refuse to start if changed classes would lose stored data."""
    after_move: bool = False
    """Start although the store was moved to a Flink job."""
    skip_bad_lines: Path | None = None
    quiet: bool = False
    listeners: Sequence[Listener] = ()
    """The listeners of the HTTP ingress."""
    token: str | None = None
    """Its bearer token."""
    console: ConsoleMode = "full"
    """Whether the listeners serve the console, and whether it can change something."""
    partition: PartitionRun | None = None
    """The partition to run; *store* is then the folder of all. None: there are no partitions."""


def opened_store(options: RunOptions) -> Store:
    """The store of the run. Raises StoreError: it can't be opened."""
    if options.partition is not None:
        return options.partition.open_store()
    return open_store(MEMORY if options.store is None else options.store)


def services_of(options: RunOptions, store: Store, links: Iterable[LinkSource]) -> list[Service]:
    """What gives access to the engine. *links*: the sources of what other partitions hand over."""
    services: list[Service] = [ControlService(store)]
    if not options.listeners:
        return services if options.partition is None else [*services, *options.partition.services(links, None)]
    from statefun_actors.assembly.ingress import HttpService, console_of_partitions

    forwarding = pages_by = None
    if options.partition is not None:
        here, mode = options.partition.neighbours, options.console
        pages = functools.partial(console_of_partitions, store=here.store, token=options.token, mode=mode)
        services += options.partition.services(links, None if mode == "off" else pages)
        forwarding, pages_by = here.forwarding, here.pages_by()
    services.append(
        HttpService(
            options.listeners,
            options.token,
            own_loop=True,
            console=options.console,
            forwarding=forwarding,
            pages_by=pages_by,
        )
    )
    return services
