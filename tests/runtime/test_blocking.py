"""The blocking runtime: its thread, and calls that it refuses."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from statefun_actors import Entity, Runtime, StoreInUseError, handles, persisted
from tests.client.bank import Account, Deposit, Deposited

_HELD: list[Runtime] = []


class Nosy(Entity, typename="test/nosy"):
    """Calls the runtime that runs it."""

    seen: int = persisted(default=0)

    @handles
    def call(self, message: str) -> str:
        try:
            _HELD[0].tell(Account.at("ada"), Deposit(cents=1))
        except RuntimeError as error:
            return str(error)
        return "no error"


def test_calls_from_many_threads_are_one_history(tmp_path: Path) -> None:
    with Runtime(Account, store=tmp_path / "bank.db") as runtime, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: runtime.ask(Account.deposit, "ada", Deposit(cents=1)).balance, range(100)))

        assert sorted(found) == list(range(1, 101))
        assert runtime.state(Account.at("ada")).balance == 100
        assert runtime.exists(Account.at("ada"))
        assert not runtime.exists(Account.at("bob"))
        assert runtime.entities(Account) == [Account.at("ada")]
        assert runtime.dead_letters == []


def test_a_call_on_the_engines_own_thread_raises_instead_of_waiting_for_itself() -> None:
    with Runtime(Account, Nosy) as runtime:
        _HELD[:] = [runtime]
        reported = runtime.ask(Nosy.at("n"), "call", str)

    assert reported == (
        "a blocking call on the engine's own thread would wait for itself: in a handler use self.send(...), "
        "or self.reply(...)"
    )


def test_it_works_where_an_event_loop_runs_as_in_a_notebook() -> None:
    async def cell() -> Deposited:
        with Runtime(Account) as runtime:
            return runtime.ask(Account.deposit, "ada", Deposit(cents=2))

    assert asyncio.run(cell()) == Deposited(2)


def test_a_store_in_use_is_an_error_of_the_with_statement(tmp_path: Path) -> None:
    with (
        Runtime(Account, store=tmp_path / "bank.db"),
        pytest.raises(StoreInUseError),
        Runtime(Account, store=tmp_path / "bank.db"),
    ):
        pass


def test_an_exception_in_the_block_loses_nothing_and_ends_the_thread(tmp_path: Path) -> None:
    def broken() -> None:
        with Runtime(Account, store=tmp_path / "bank.db") as runtime:
            runtime.tell(Account.at("ada"), Deposit(cents=5))
            raise LookupError("bug")

    with pytest.raises(LookupError, match="bug"):
        broken()
    assert not [thread for thread in threading.enumerate() if thread.name == "statefun-actors runtime"]
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(6)


def test_outside_its_block_it_says_how_to_use_it() -> None:
    with pytest.raises(RuntimeError, match=r"^this runtime does not run: call it inside `with Runtime\("):
        Runtime(Account).tell(Account.at("ada"), Deposit(cents=1))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # forking is what is tested
def test_a_forked_child_gets_an_error_since_the_engine_is_its_parents(tmp_path: Path) -> None:
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        runtime.tell(Account.at("ada"), Deposit(cents=5))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:  # no test's code may run on in it
            try:
                runtime.tell(Account.at("ada"), Deposit(cents=1))
                os.write(write, b"no error")
            except RuntimeError as error:
                os.write(write, str(error).encode())
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read) as reported:
            text = reported.read()
        os.waitpid(child, 0)

        assert text.startswith(f"this runtime runs in process {os.getpid()}, from which this one was forked")
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(6)
