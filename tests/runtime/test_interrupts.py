"""KeyboardInterrupt: raised by a handler, or Ctrl-C in the program around a runtime."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from statefun_actors import Address, AsyncRuntime, Entity, Runtime, handles, persisted
from tests.client.bank import Account, Deposit, Deposited


class Quitter(Entity, typename="test/quitter"):
    """Raises KeyboardInterrupt once, as a handler does in which Ctrl-C arrives.

    The next attempt comes after 0.1 s. On a busy machine that is before the end of a test, which a second
    KeyboardInterrupt would leave.
    """

    interrupted: ClassVar[list[str]] = []

    seen: int = persisted(default=0)

    @handles
    def quit(self, message: str) -> int:
        self.seen += 1
        if message == "now" and not self.interrupted:
            self.interrupted.append(message)
            raise KeyboardInterrupt("from the handler")
        if message == "now":
            raise ValueError("a later attempt")
        return self.seen

    @handles
    async def pass_on(self, message: Address) -> None:
        await asyncio.sleep(0)
        self.send(message, "now")


@pytest.fixture(autouse=True)
def forget_the_interrupt() -> None:
    Quitter.interrupted.clear()


def test_an_interrupt_of_a_handler_undoes_its_batch_and_leaves_the_ask_that_waits() -> None:
    async def work() -> int:
        async with AsyncRuntime(Quitter) as runtime:
            await runtime.ask(Quitter.quit, "q", "first")
            with pytest.raises(KeyboardInterrupt, match=r"^from the handler$"):
                await runtime.ask(Quitter.quit, "q", "now")
            await runtime.ask(Quitter.quit, "other", "the engine goes on")
            return int(runtime.state(Quitter.at("q")).seen)

    assert asyncio.run(work()) == 1


def test_an_interrupt_of_a_handler_leaves_a_blocking_ask_and_the_runtime_goes_on() -> None:
    with Runtime(Quitter) as runtime:
        with pytest.raises(KeyboardInterrupt, match=r"^from the handler$"):
            runtime.ask(Quitter.quit, "q", "now")
        assert runtime.ask(Quitter.quit, "other", "and on") == 1
        assert runtime.state(Quitter.at("q")).seen == 0


def test_an_interrupt_further_on_leaves_the_ask_that_led_there() -> None:
    async def work() -> None:
        async with AsyncRuntime(Quitter) as runtime:
            await runtime.ask(Quitter.at("first"), Quitter.at("second"), str)

    with pytest.raises(KeyboardInterrupt, match=r"^from the handler$"):
        asyncio.run(work())


def test_an_interrupt_that_no_ask_waits_for_leaves_the_block(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncRuntime(Account, Quitter, store=tmp_path / "bank.db") as runtime:
            await runtime.tell(Account.at("ada"), Deposit(cents=5))
            await runtime.tell(Quitter.at("q"), "now")
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt, match=r"^from the handler$"):
        asyncio.run(work())
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:  # released, and nothing lost
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(6)


def test_an_interrupt_that_no_ask_waits_for_leaves_a_blocking_block() -> None:
    with pytest.raises(KeyboardInterrupt, match=r"^from the handler$"), Runtime(Quitter) as runtime:
        runtime.tell(Quitter.at("q"), "now")


def on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def test_ctrl_c_in_the_main_thread_leaves_an_async_block_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert on_main_thread()
    monkeypatch.setattr("statefun_actors.runtime.async_runtime._DRAIN_SECONDS", 0.1)  # the handler sleeps for longer

    async def work() -> None:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
            await runtime.tell(Account.at("ada"), Deposit(cents=5))
            asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
            await runtime.ask(Account.at("ada"), 60.0, str)

    with pytest.raises(KeyboardInterrupt):
        # The handler of the ask is cut short, since the wait for it is what was interrupted.
        asyncio.run(asyncio.wait_for(work(), 5))
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        assert runtime.state(Account.at("ada")).balance == 5


def test_ctrl_c_in_the_main_thread_ends_a_blocking_ask_and_leaves_its_message_delivered(tmp_path: Path) -> None:
    assert on_main_thread()
    main = threading.get_ident()

    class Slow(Entity, typename="test/slow"):
        done: int = persisted(default=0)

        @handles(blocking=True)
        def work(self, message: int) -> int:
            signal.pthread_kill(main, signal.SIGINT)
            self.done += message
            return self.done

    with Runtime(Slow, store=tmp_path / "slow.db") as runtime, pytest.raises(KeyboardInterrupt):
        # A reply that never comes: only the signal ends this wait.
        runtime.ask(Slow.at("s"), 3, str)

    with Runtime(Slow, store=tmp_path / "slow.db") as runtime:
        assert runtime.state(Slow.at("s")).done == 3
