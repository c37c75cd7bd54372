"""Notebooks: cells with a running event loop, one after the other, as IPython runs them."""

from __future__ import annotations

import ast
import asyncio
import inspect
from typing import Any

import pytest

ASYNC = [
    "from statefun_actors import AsyncRuntime\nfrom tests.client.bank import Account, Deposit",
    "runtime = await AsyncRuntime(Account).__aenter__()",
    "first = await runtime.ask(Account.deposit, 'ada', Deposit(cents=5))",
    "second = await runtime.ask(Account.deposit, 'ada', Deposit(cents=6))\nstored = runtime.state(Account.at('ada'))",
    "await runtime.__aexit__(None, None, None)",
]
ASYNC_WITH = [
    ASYNC[0],
    "async with AsyncRuntime(Account) as runtime:\n"
    "    first = await runtime.ask(Account.deposit, 'ada', Deposit(cents=5))\n"
    "    second = await runtime.ask(Account.deposit, 'ada', Deposit(cents=6))\n"
    "    stored = runtime.state(Account.at('ada'))",
]
BLOCKING = [
    "from statefun_actors import Runtime\nfrom tests.client.bank import Account, Deposit",
    "runtime = Runtime(Account).__enter__()",
    "first = runtime.ask(Account.deposit, 'ada', Deposit(cents=5))",
    "second = runtime.ask(Account.deposit, 'ada', Deposit(cents=6))\nstored = runtime.state(Account.at('ada'))",
    "runtime.__exit__(None, None, None)",
]


@pytest.mark.parametrize("cells", [ASYNC, ASYNC_WITH, BLOCKING], ids=["AsyncRuntime", "async with", "Runtime"])
def test_cells_with_a_running_event_loop_use_a_runtime(cells: list[str]) -> None:
    names: dict[str, Any] = {}

    async def notebook() -> None:
        for cell in cells:
            code = compile(cell, "a cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            ran = eval(code, names)
            if inspect.isawaitable(ran):
                await ran

    asyncio.run(notebook())

    assert (names["first"].balance, names["second"].balance, names["stored"].balance) == (5, 11, 11)
