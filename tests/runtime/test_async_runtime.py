"""The engine in an asyncio program: its life, its reads, and failures."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from statefun_actors import (
    Actors,
    Address,
    AsyncRuntime,
    DeadLetter,
    DefinitionError,
    Entity,
    LossRefusedError,
    NotServedError,
    ReplyTimeoutError,
    StatefulFunctions,
    StoreInUseError,
    TerminalError,
    UnavailableError,
    handles,
    persisted,
)
from tests.client.bank import Account, Deposit, Deposited

ADA = Account.at("ada")


class Counter(Entity, typename="test/counter", on_failure=DeadLetter("test/dead", attempts=1)):
    total: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        if message < 0:
            raise TerminalError("negative")
        self.total += message
        self.send_egress("test/totals", self.total)
        return self.total


def test_messages_are_there_after_the_block_and_in_the_next_one(tmp_path: Path) -> None:
    async def day(cents: int) -> Deposited:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
            await runtime.tell(ADA, Deposit(cents=cents))
            return await runtime.ask(Account.deposit, "ada", Deposit(cents=0))

    assert asyncio.run(day(5)) == Deposited(5)
    assert asyncio.run(day(6)) == Deposited(11)


def test_an_exception_in_the_block_loses_nothing(tmp_path: Path) -> None:
    async def broken() -> None:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
            await runtime.tell(ADA, Deposit(cents=5))
            raise LookupError("a bug of the program")

    async def again() -> Deposited:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
            return await runtime.ask(Account.deposit, "ada", Deposit(cents=1))

    with pytest.raises(LookupError, match="a bug of the program"):
        asyncio.run(broken())
    assert asyncio.run(again()) == Deposited(6)


def test_a_store_in_use_names_the_process_that_runs_it(tmp_path: Path) -> None:
    async def twice() -> None:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db"), AsyncRuntime(Account, store=tmp_path / "bank.db"):
            pass

    with pytest.raises(StoreInUseError, match=rf"in use by .*{os.getpid()}"):
        asyncio.run(twice())


def test_a_strict_runtime_refuses_to_start_where_stored_state_would_be_lost(tmp_path: Path) -> None:
    class Before(Entity, typename="test/strict"):
        total: int = persisted(default=0)

        @handles
        def add(self, message: int) -> int:
            self.total += message
            return self.total

    class After(Entity, typename="test/strict"):
        count: int = persisted(default=0)

        @handles
        def add(self, message: int) -> int:
            self.count += message
            return self.count

    async def add(cls: type[Entity], *, strict: bool) -> int:
        async with AsyncRuntime(cls, store=tmp_path / "store.db", strict=strict) as runtime:
            return await runtime.ask(Address("test/strict", "a"), 5, int)

    asyncio.run(add(Before, strict=True))
    with pytest.raises(LossRefusedError, match="the state 'total' was removed"):
        asyncio.run(add(After, strict=True))
    again = asyncio.run(add(Before, strict=True))  # the store was released, and is as it was
    lossy = asyncio.run(add(After, strict=False))

    assert (again, lossy) == (10, 5)


@pytest.mark.parametrize(("scheme", "durable"), [("sqlite:///", True), ("memory://", False)])
def test_a_store_may_be_named_by_a_url(tmp_path: Path, scheme: str, durable: bool) -> None:
    url = f"{scheme}{tmp_path / 'store.db'}" if durable else scheme

    async def add() -> int:
        async with AsyncRuntime(Counter, store=url) as runtime:
            return await runtime.ask(Counter.add, "a", 5)

    assert [asyncio.run(add()), asyncio.run(add())] == [5, 10 if durable else 5]


def test_a_cancelled_ask_leaves_its_message_delivered() -> None:
    async def work() -> Deposited:
        async with AsyncRuntime(Account) as runtime:
            slow = asyncio.create_task(runtime.ask(ADA, 0.2, str))
            await runtime.ask(Account.deposit, "bob", Deposit(cents=1))  # by now the first message has been taken
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            return await runtime.ask(Account.deposit, "ada", Deposit(cents=1))  # behind the slow one

    assert asyncio.run(work()) == Deposited(1)


def test_state_entities_and_dead_letters_are_those_of_the_last_commit() -> None:
    functions = StatefulFunctions()

    @functions.bind("test/seen", states={"seen": int})
    def seen(context: object, message: int) -> None:
        context["seen"] = message  # type: ignore[index]

    async def work() -> None:
        async with AsyncRuntime(Counter, functions) as runtime:
            for id in ("b", "a", "ab"):
                await runtime.ask(Counter.at(id), 2)
            await runtime.tell(Address("test/seen", "f"), 7)
            with pytest.raises(Exception, match="negative"):
                await runtime.ask(Counter.at("a"), -1)

            assert runtime.state(Counter.at("a")).total == 2
            assert runtime.state(Counter.at("nobody")).total == 0
            assert runtime.state(Address("test/seen", "f")) == {"seen": 7}
            assert runtime.exists(Counter.at("ab"))
            assert not runtime.exists(Counter.at("abc"))
            assert runtime.entities(Counter) == [Counter.at("a"), Counter.at("ab"), Counter.at("b")]
            assert runtime.entities("test/counter", "a") == [Counter.at("a"), Counter.at("ab")]
            (letter,) = runtime.dead_letters
            assert (letter.target, letter.message, letter.error) == (Counter.at("a"), -1, "negative")
            with pytest.raises(NotServedError):
                runtime.state(Address("no/body", "a"))

    asyncio.run(work())


def test_outside_its_block_a_runtime_says_how_to_use_it() -> None:
    runtime = AsyncRuntime(Account)

    async def early() -> None:
        await runtime.tell(ADA, Deposit(cents=1))

    with pytest.raises(RuntimeError) as caught:
        asyncio.run(early())
    assert str(caught.value) == ("this runtime does not run: call it inside `async with AsyncRuntime(...) as runtime:`")


def test_calls_may_come_from_another_event_loop() -> None:
    async def work() -> list[Deposited]:
        async with AsyncRuntime(Account) as runtime:
            found: list[Deposited] = []

            def elsewhere() -> None:
                found.append(asyncio.run(runtime.ask(Account.deposit, "ada", Deposit(cents=3))))

            thread = threading.Thread(target=elsewhere)
            thread.start()
            await asyncio.to_thread(thread.join)
            return found

    assert asyncio.run(work()) == [Deposited(3)]


def test_egress_records_go_to_the_file_that_was_named(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncRuntime(Counter, egress={"test/totals": str(tmp_path / "totals.jsonl")}) as runtime:
            await runtime.ask(Counter.at("a"), 2)
            await runtime.ask(Counter.at("a"), 3)

    asyncio.run(work())

    assert [json.loads(line)["value"] for line in (tmp_path / "totals.jsonl").read_text().splitlines()] == [2, 5]


def test_bind_opens_the_http_ingress_with_its_token() -> None:
    async def work() -> tuple[int, int, object]:
        async with AsyncRuntime(Account, bind="127.0.0.1:0", token="secret") as runtime:
            (url,) = runtime.urls
            path = f"{url}/ingress/bank/account/ada?type=bank/deposit&wait=5s"
            async with httpx.AsyncClient() as http:
                wrong = await http.put(path, json={"cents": 5})
                right = await http.put(path, json={"cents": 5}, headers={"Authorization": "Bearer secret"})
        return wrong.status_code, right.status_code, right.json()

    assert asyncio.run(work()) == (401, 200, {"balance": 5})


def test_a_bind_beyond_this_machine_needs_a_token() -> None:
    async def work() -> None:
        async with AsyncRuntime(Account, bind="0.0.0.0:0"):
            pass

    with pytest.raises(DefinitionError, match=r"can be reached from other machines, so it needs token="):
        asyncio.run(work())


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("bank.db", "the message is stored, and is handled by the next run: this engine has stopped."),
        (None, "this engine has stopped, and its store in memory is gone."),
    ],
)
def test_leaving_the_block_ends_an_ask_that_still_waits(tmp_path: Path, file: str | None, said: str) -> None:
    async def work() -> BaseException | None:
        async with AsyncRuntime(Account, store=None if file is None else tmp_path / file) as runtime:
            waits = asyncio.create_task(runtime.ask(Account.at("x"), True, str, timeout=60))
            await runtime.ask(Account.deposit, "ada", Deposit(cents=1))
        (found,) = await asyncio.gather(waits, return_exceptions=True)
        assert isinstance(found, BaseException)
        return found

    error = asyncio.run(work())
    assert isinstance(error, UnavailableError)
    assert str(error) == f"bank/account/x can't be reached, tried once in 0.0 s: {said}"


def test_a_function_written_against_actors_works_with_a_runtime() -> None:
    async def transfer(actors: Actors) -> Deposited:
        await actors.tell(ADA, Deposit(cents=5))
        return await actors.ask(Account.deposit, "ada", Deposit(cents=1))

    async def work() -> Deposited:
        async with AsyncRuntime(Account) as runtime:
            return await transfer(runtime)

    assert asyncio.run(work()) == Deposited(6)


def test_a_late_reply_is_a_timeout_and_the_runtime_goes_on() -> None:
    async def work() -> Deposited:
        async with AsyncRuntime(Account, timeout=0.1) as runtime:
            with pytest.raises(ReplyTimeoutError):
                await runtime.ask(ADA, 0.5, str)
            return await runtime.ask(Account.deposit, "bob", Deposit(cents=1), timeout=30)

    assert asyncio.run(work()) == Deposited(1)


def test_importing_the_package_or_a_runtime_loads_neither_a_database_nor_a_web_server() -> None:
    script = (
        "import sys, statefun_actors; before = 'sqlite3' in sys.modules; statefun_actors.AsyncRuntime; "
        "print(before, 'sqlite3' in sys.modules, 'quart' in sys.modules)"
    )

    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout

    assert shown.split() == ["False", "False", "False"]
