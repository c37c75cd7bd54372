"""The workload on Restate. Runs in a virtual environment that has its SDK, and without statefun_actors."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

restate = import_module("restate")
KEPT = {"journal_retention": timedelta(0), "idempotency_retention": timedelta(0)}
"""As little as it can be told to keep of what is done: it is faster so."""
counter = restate.VirtualObject("Counter", **KEPT)
relay = restate.VirtualObject("Relay", **KEPT)


@counter.handler()  # type: ignore[untyped-decorator]
async def add(context: Any, n: int) -> int:
    total: int = (await context.get("n") or 0) + n
    context.set("n", total)
    return total


@relay.handler()  # type: ignore[untyped-decorator]
async def forward(context: Any, n: int) -> None:
    context.object_send(add, context.key(), n)


app = restate.app([counter, relay])
