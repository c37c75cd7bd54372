"""Values of was= that are refused, and what has no former names: endpoints and commands for Flink."""

from __future__ import annotations

from typing import Any as Untyped

import pytest
from click.testing import CliRunner

from statefun_actors import RequestReplyHandler
from statefun_actors.cli import main
from statefun_actors.dispatch import Application
from statefun_actors.errors import DefinitionError
from tests.engine.renamed import NEW, OLD, account

# --- mistakes


@pytest.mark.parametrize(
    ("typename", "was", "problem"),
    [
        ("test/a", "test/a", "was='test/a' is the class's own typename; name a former one"),
        ("test/a", ["test/b", "test/b"], "was= repeats a function type; name each once"),
        (
            None,
            "test/b",
            "was= is for a class with a typename; give it one, or move was= to the classes derived from it",
        ),
        ("test/a", "b", "was= is <namespace>/<name>: got 'b'. Write <namespace>/<name>, such as 'bank/account'."),
        ("test/a", 5, "was= is <namespace>/<name>: got 5. Write a string such as 'bank/account'."),
        ("test/a", "io.statefun/b", "was='io.statefun/b': the namespace 'io.statefun' is reserved; choose your own"),
    ],
)
def test_invalid_values_of_was_are_refused(typename: Untyped, was: Untyped, problem: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        account(typename, was)

    assert raised.value.problems == (problem,)


def test_a_former_name_that_is_served_or_claimed_twice_is_refused() -> None:
    with pytest.raises(DefinitionError) as raised:
        Application(NEW, OLD)
    assert raised.value.problems == (
        "bank/account has was='old/account', which is served, too; drop was=, or stop serving 'old/account'",
    )
    with pytest.raises(DefinitionError) as raised:
        Application(NEW, account("test/other", "old/account"))
    assert raised.value.problems == (
        "bank/account and test/other both have was='old/account'; its state can only move to one of them",
    )


FLINK = (
    "bank/account has was='old/account', and Flink can't move state to another function type: keep "
    "typename='old/account' and drop was=, or run it on the embedded engine"
)


def test_an_endpoint_for_flink_refuses_was() -> None:
    with pytest.raises(DefinitionError) as raised:
        RequestReplyHandler(NEW)

    assert raised.value.problems == (FLINK,)


@pytest.mark.parametrize("command", [("module", "--url", "http://x"), ("serve", "--bind", "127.0.0.1:0")])
def test_the_commands_for_flink_refuse_it(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(main, [command[0], f"{__file__}:NEW", *command[1:]])

    assert (result.exit_code, result.stderr) == (2, f"Error: this application: {FLINK}\n")
