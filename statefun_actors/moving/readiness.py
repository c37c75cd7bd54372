"""Refuses a store that the engine should still do something for: what Flink would lose, or do at the wrong time."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.moving.stopped import MoveStoppedError


def refuse_unfinished(egress: Mapping[str, int], paused: Mapping[str, int]) -> None:
    """Refuse to move a store with unfinished work.

    Args:
        egress: the number of records of each egress that no target has taken, unless they may stay behind.
        paused: by what is paused, the number of messages that wait for it, or are to come to it.

    Raises:
        MoveStoppedError: it has some. Nothing was moved.
    """
    if egress:
        raise MoveStoppedError(
            f"egress records wait that no target has taken: {_listed(egress)}. Nothing was moved",
            advice="Run the engine with targets for them until they are written, or leave them in the store with "
            "--leave-egress.",
        )
    if paused:
        raise MoveStoppedError(
            f"messages wait for what is paused, or will come to it: {_listed(paused)}. Flink knows no pauses, so the "
            "job would handle them. Nothing was moved",
            advice="Resume it first, with `statefun-actors resume`, then run the command again.",
        )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in sorted(counts.items()))
