"""The workload on Restate. Runs in a virtual environment that has its SDK, and without statefun_actors."""

from __future__ import annotations

from importlib import import_module
from typing import Any

restate = import_module("restate")
counter = restate.VirtualObject("Counter")
relay = restate.VirtualObject("Relay")


@counter.handler()  # type: ignore[untyped-decorator]
async def add(context: Any, n: int) -> int:
    total: int = (await context.get("n") or 0) + n
    context.set("n", total)
    return total


@relay.handler()  # type: ignore[untyped-decorator]
async def forward(context: Any, n: int) -> None:
    context.object_send(add, context.key(), n)


app = restate.app([counter, relay])
