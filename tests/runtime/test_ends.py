"""How a runtime ends: engines that die, event loops that are closed, slow handlers, blocks left anyhow."""

from __future__ import annotations

import asyncio
import gc
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime, Entity, Runtime, StoreError, UnavailableError, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.ingress import Answer, IngressMessage
from statefun_actors.runtime.engine_setup import assemble
from statefun_actors.types import pack
from tests.client.bank import Account, Deposit, Deposited
from tests.store.on_disk import OVERWRITTEN

ADA = Account.at("ada")


def take_over(path: Path) -> None:
    """Make another engine the owner of the store at *path*: the running one must end with its next commit."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE owner SET id = 'another', process = 1")


def test_a_block_raises_at_its_end_that_the_file_of_its_store_was_overwritten(tmp_path: Path) -> None:
    path, copy = tmp_path / "bank.db", tmp_path / "copy.db"

    async def work(*, overwritten: bool) -> None:
        async with AsyncRuntime(Account, store=path) as runtime:
            await runtime.ask(Account.deposit, "bob", Deposit(cents=1))
            if overwritten:
                shutil.copy(copy, path)

    asyncio.run(work(overwritten=False))
    shutil.copy(path, copy)
    with pytest.raises(StoreError) as caught:
        asyncio.run(work(overwritten=True))

    assert str(caught.value) == OVERWRITTEN.format(path=path)
    assert path.read_bytes() == copy.read_bytes()


def test_a_dead_engine_fails_the_calls_that_wait_and_the_block_raises_why(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"

    async def work() -> None:
        async with AsyncRuntime(Account, store=path) as runtime:
            waiting = asyncio.create_task(runtime.ask(ADA, 60.0, str, timeout=60))
            await runtime.ask(Account.deposit, "bob", Deposit(cents=1))
            take_over(path)
            calls = [runtime.tell(ADA, Deposit(cents=1)), runtime.ask(Account.deposit, "bob", Deposit(cents=1))]
            errors.extend(await asyncio.gather(waiting, *calls, return_exceptions=True))
            errors.extend(await asyncio.gather(runtime.tell(ADA, Deposit(cents=1)), return_exceptions=True))

    errors: list[object] = []
    with pytest.raises(StoreError, match="it has been taken over by"):
        asyncio.run(asyncio.wait_for(work(), 20))
    assert len(errors) == 4
    for error in errors:
        assert isinstance(error, UnavailableError)
        assert "it has been taken over by" in str(error)
    assert str(errors[0]).startswith(
        "bank/account/ada can't be reached, tried once in 0.0 s: the message is stored and will be handled, but its "
    )
    assert str(errors[3]).startswith(
        f"bank/account/ada can't be reached, tried once in 0.0 s: the engine has ended: store {path}: it has been taken"
    )
    assert isinstance(errors[3], UnavailableError)
    assert isinstance(errors[3].__cause__, StoreError)


def test_a_dead_engine_fails_blocking_calls_too(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"

    def work() -> None:
        with Runtime(Account, store=path) as runtime:
            runtime.tell(ADA, Deposit(cents=5))
            take_over(path)
            for _ in range(2):
                with pytest.raises(UnavailableError, match="it has been taken over by"):
                    runtime.tell(ADA, Deposit(cents=1))

    with pytest.raises(StoreError, match="it has been taken over by"):
        work()


def test_an_error_of_the_block_goes_before_that_of_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"

    async def work() -> None:
        async with AsyncRuntime(Account, store=path) as runtime:
            take_over(path)
            await runtime.tell(ADA, Deposit(cents=5))

    with pytest.raises(UnavailableError, match="it has been taken over by"):
        asyncio.run(work())


@pytest.mark.filterwarnings("ignore:.*bank.db.sock:pytest.PytestUnraisableExceptionWarning")  # nobody can close it
def test_a_closed_event_loop_is_named_instead_of_waiting_for_it(tmp_path: Path) -> None:
    runtime = AsyncRuntime(Account, store=tmp_path / "bank.db")
    said = (
        "the event loop of this runtime was closed before the end of its block; confirmed messages are stored. Leave "
        "`async with` before the loop ends"
    )

    async def begin() -> None:
        await runtime.__aenter__()
        await runtime.tell(ADA, Deposit(cents=5))

    async def later() -> None:
        with pytest.raises(RuntimeError) as caught:
            await runtime.tell(ADA, Deposit(cents=1))
        assert str(caught.value) == said
        with pytest.raises(RuntimeError) as left:
            await runtime.__aexit__(None, None, None)
        assert str(left.value) == said

    asyncio.run(begin())
    asyncio.run(later())
    gc.collect()  # its control socket
    with Runtime(Account, store=tmp_path / "bank.db") as again:  # it was released
        assert again.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(6)


def test_a_block_may_be_left_on_another_event_loop() -> None:
    async def work() -> bool:
        runtime = await AsyncRuntime(Account).__aenter__()
        await asyncio.to_thread(lambda: asyncio.run(runtime.__aexit__(None, None, None)))
        with pytest.raises(RuntimeError, match=r"^this runtime does not run"):
            await runtime.tell(ADA, Deposit(cents=1))
        return True

    assert asyncio.run(work())


def test_calls_of_other_threads_end_with_the_runtime() -> None:
    found: list[BaseException] = []
    started = threading.Barrier(3)

    def wait_for_ever(runtime: Runtime) -> None:
        started.wait()
        try:
            runtime.ask(ADA, True, str, timeout=600)
        except (UnavailableError, RuntimeError) as error:
            found.append(error)

    with Runtime(Account) as runtime:
        threads = [threading.Thread(target=wait_for_ever, args=(runtime,)) for _ in range(2)]
        for thread in threads:
            thread.start()
        started.wait()
    for thread in threads:
        thread.join(20)

    assert len(found) == 2


def test_a_runtime_may_run_again(tmp_path: Path) -> None:
    runtime = Runtime(Account, store=tmp_path / "bank.db")
    for balance in (1, 2):
        with runtime:
            assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(balance)


def test_a_runtime_that_runs_can_not_be_entered_again() -> None:
    with Runtime(Account) as runtime, pytest.raises(RuntimeError, match=r"^this runtime runs already"), runtime:
        pass


class Sleeper(Entity, typename="test/sleeper"):
    slept: int = persisted(default=0)

    @handles
    async def sleep(self, message: float) -> int:
        await asyncio.sleep(message)  # what a handler waits for
        self.slept += 1
        return self.slept


@pytest.mark.parametrize(("seconds", "drain", "slept"), [(0.05, 10.0, 1), (60.0, 0.1, 0)])
def test_leaving_lets_handlers_end_within_the_drain_and_keeps_the_messages_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, drain: float, slept: int
) -> None:
    app = Application(Sleeper)

    async def work() -> None:
        assembly, _ = assemble(
            app, {"store": tmp_path / "sleep.db"}, on_failure=lambda *_: None, on_death=lambda _: None
        )
        await assembly.start()
        taken: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        assembly.engine.take(IngressMessage(Sleeper.at("s"), pack(seconds)), taken.set_result)
        await taken
        assert await assembly.stop(drain) is None
        assembly.close()

    asyncio.run(work())
    monkeypatch.setattr("statefun_actors.runtime.async_runtime._DRAIN_SECONDS", 0.1)  # it sleeps again meanwhile
    with Runtime(Account, Sleeper, store=tmp_path / "sleep.db") as again:
        assert again.state(Sleeper.at("s")).slept == slept


@pytest.mark.slow
def test_leaving_drains_for_at_most_eight_seconds(tmp_path: Path) -> None:
    async def work() -> float:
        async with AsyncRuntime(Sleeper, store=tmp_path / "sleep.db") as runtime:
            await runtime.tell(Sleeper.at("s"), 60.0)
            before = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - before

    assert 8 <= asyncio.run(work()) < 12


def test_a_main_that_ends_with_a_runtime_in_another_task_ends(tmp_path: Path) -> None:
    async def work() -> None:
        entered = asyncio.Event()

        async def background() -> None:
            async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
                await runtime.tell(ADA, Deposit(cents=5))
                entered.set()
                await asyncio.Event().wait()

        tasks.append(asyncio.create_task(background()))
        await entered.wait()

    tasks: list[asyncio.Task[None]] = []
    asyncio.run(asyncio.wait_for(work(), 20))  # cancels the task, and the engine's
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        assert runtime.state(ADA).balance == 5
