"""The state that a run begins with: found, and checked against the application and its brokers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from statefun_actors.cli.extras import has_kafka_client
from statefun_actors.cli.flink.saved_files import KAFKA, MODULE, STATES, read_kafka
from statefun_actors.cli.output import echo

if TYPE_CHECKING:
    from statefun_actors.deploy import Lock, Module, Served, TopicIds

_RECREATED: Final = (
    "\nGive such a topic an ingress of its own in a --module FILE, with an id that the state does not know: it is read "
    "from its start position. Or start without the state."
)


def state_to_start_from(folder: Path, savepoints: Path | None, named: Path | None, *, resume: bool) -> Path | None:
    """The savepoint or checkpoint to resume from, or None. Prints it if the user did not name it.

    Raises:
        SavepointError: no state was found.
    """
    from statefun_actors.cluster import resume_from, savepoint_in

    if resume:
        state = resume_from(folder, savepoints)
        echo(f"Resuming from {state}.", err=True)
        return state.path
    return None if named is None else savepoint_in(named)


def say_what_is_read_again(folder: Path, savepoints: Path | None, module: Module) -> None:
    """Print the consequences of a start without state, if an earlier run of the cluster in *folder* has left one."""
    from statefun_actors.cluster import last_state

    if (kept := last_state(folder, savepoints)) is None:
        return
    again = [ingress.id for ingress in module.kafka_ingresses if ingress.startup == "earliest"]
    what = f", so all records in the topics of {', '.join(again)} are handled again" if again else ""
    echo(f"Starting without state{what}. --resume would resume from {kept}.", err=True)


def states_in(savepoint: Path, declared: Served) -> Lock:
    """The known states in *savepoint*. Ends the command if Flink would refuse to resume from them."""
    from statefun_actors.cli.module.command import read_lock_file
    from statefun_actors.deploy import check_compatible

    states = _next_to(savepoint, STATES)
    if states is None:
        echo(f"Warning: next to {savepoint} is no {STATES}, so it is not checked against the classes.", err=True)
        return {}
    held = read_lock_file(states)
    if refusals := check_compatible(held, declared):
        raise _refused(savepoint, refusals)
    return held


def keep_places(
    savepoint: Path, module: Module, clusters: Mapping[str, str | None], topics: TopicIds
) -> tuple[Mapping[str, str], TopicIds]:
    """End the command if Flink would lose its positions in topics, or fail at transactions, of *savepoint*.

    *clusters* are the ids of the Kafka clusters of *module*, by component, *topics* those of the topics that it reads.
    Return those that were noted with it.
    """
    from statefun_actors.cli.module.command import read
    from statefun_actors.deploy import (
        dropped_topics,
        gone_topics,
        lost_positions,
        other_brokers,
        recreated_topics,
        unknown_clusters,
    )

    if (file := _next_to(savepoint, MODULE)) is None:
        return {}, {}
    before = read(file)
    kafka = _next_to(savepoint, KAFKA)
    clusters_before, topics_before = ({}, {}) if kafka is None else read_kafka(kafka)
    if others := other_brokers(clusters_before, clusters, module):
        lost = [*lost_positions(before, module), *others]
        raise _refused(savepoint, lost, "\nResume with the brokers of that cluster, or start without the state.")
    recreated = recreated_topics(topics_before, topics, module)
    if lost := [*lost_positions(before, module, gone_topics(topics_before, topics)), *recreated]:
        raise _refused(savepoint, lost, _RECREATED if recreated else "")
    for topic in dropped_topics(before, module):
        echo(f"Warning: {topic}", err=True)
    if unchecked := unknown_clusters(clusters_before, clusters, module):
        why = (
            "the brokers did not answer"
            if has_kafka_client()
            else 'the Kafka client is not installed: pip install "statefun-actors[kafka]"'
        )
        echo(
            f"Warning: it was not checked whether {', '.join(unchecked)} have the Kafka clusters of the state: {why}. "
            "With others, records would be skipped, and transactions fail.",
            err=True,
        )
    return clusters_before, topics_before


def _next_to(state: Path, name: str) -> Path | None:
    """The file *name* of a savepoint, or of the run of a checkpoint; None if it is missing."""
    from statefun_actors.cluster import is_checkpoint

    places = [state, *(state.absolute().parents[:2] if is_checkpoint(state) else ())]
    return next((place / name for place in places if (place / name).exists()), None)


def _refused(savepoint: Path, reasons: Iterable[object], instead: str = "") -> click.ClickException:
    text = "".join(f"\n  - {reason}" for reason in reasons) + instead
    return click.ClickException(f"cannot resume from {savepoint}:{text}")
