"""The greeter, as classes and as functions: the same greetings, and the same state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from examples.greeter import greeter, greeter_functions
from statefun_actors import Address, KafkaRecord
from statefun_actors.testing import TestRuntime
from tests.cli.commands import run as run_command

GREETER = Path(__file__).parents[2] / "examples" / "greeter"


@pytest.mark.parametrize(
    ("served", "user"),
    [
        pytest.param([greeter.Hello, greeter.Greeter], greeter.User, id="classes"),
        pytest.param([greeter_functions.functions], greeter_functions.User, id="functions"),
    ],
)
class TestEitherGreeter:
    async def test_hello_world_keeps_no_state(self, served: list[object], user: type[greeter.User]) -> None:
        async with TestRuntime(*served) as runtime:
            for _ in range(2):
                await runtime.tell(Address("example/hello", "ada"), user("Ada"))

            assert runtime.egress("example/greetings") == [KafkaRecord("greetings", b"Hello Ada", "ada")] * 2

    async def test_the_other_one_counts_each_user(self, served: list[object], user: type[greeter.User]) -> None:
        async with TestRuntime(*served) as runtime:
            for name in ("Ada", "Ada", "Bob", "Ada", "Ada"):
                await runtime.tell(Address("example/count", name.lower()), user(name))

            assert [record.value.decode() for record in runtime.egress("example/greetings")] == [
                "Hello Ada",
                "Hello again!",
                "Hello Bob",
                "Third time's the charm",
                "Hello for the 4th time",
            ]


def test_functions_go_on_with_what_the_classes_have_counted(tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    again.write_bytes((GREETER / "users.jsonl").read_bytes())

    run(tmp_path, "greeter.py", GREETER / "users.jsonl")
    run(tmp_path, "greeter_functions.py", again)

    records = [json.loads(line) for line in (tmp_path / "greetings.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [record["value"] for record in records if record["key"] == "ada"] == [
        "Hello Ada",
        "Hello Ada",
        "Hello again!",
        "Third time's the charm",
        "Hello Ada",
        "Hello for the 4th time",
        "Hello for the 5th time",
        "Hello for the 6th time",
    ]


def run(folder: Path, file: str, users: Path) -> None:
    what = ["run", str(GREETER / file), "--input", str(users), "--until-idle", "--quiet"]
    where = ["--store", "greeter.db", "--egress", "example/greetings=greetings.jsonl"]
    done = run_command(*what, *where, folder=folder)
    assert done.returncode == 0, done.stderr
