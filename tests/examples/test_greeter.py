"""The greeter, as functions and as classes: the same greetings."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from statefun_actors import Address
from statefun_actors.testing import TestRuntime

GREETER = Path(__file__).parents[2] / "examples" / "greeter"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, GREETER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["greeter", "greeter_functions"])
async def test_it_counts_how_often_it_has_seen_a_name(name: str) -> None:
    module = load(name)
    served = [module.functions] if name == "greeter_functions" else [module.Hello, module.Greeter]
    async with TestRuntime(*served) as runtime:
        for _ in range(2):
            await runtime.tell(Address("example/hello", "world"), "Ada")
        reply = await runtime.ask(Address("example/greeter", "Ada"), "Ada", str)

        assert [record.value.decode() for record in runtime.egress("example/greets")] == [
            "Hello Ada!",
            "Hello Ada for the 2th time!",
            "Hello Ada for the 3th time!",
        ]
        assert reply == "Hello Ada for the 3th time!"
