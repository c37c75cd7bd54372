"""Child processes that are forked inside the block of a runtime."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime, Runtime
from tests.client.bank import Account, Deposit, Deposited

ADA = Account.at("ada")


def _in_child(connection: Connection, runtime: AsyncRuntime | Runtime) -> None:
    """Sends the error of a call to a runtime of the parent process, from whichever kind of runtime."""
    try:
        if isinstance(runtime, Runtime):
            runtime.tell(ADA, Deposit(cents=1))
        else:
            asyncio.run(runtime.tell(ADA, Deposit(cents=1)))
    except RuntimeError as error:
        connection.send(str(error))


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # forking is what is tested
def test_a_forked_child_has_no_runtime(tmp_path: Path) -> None:
    forks = multiprocessing.get_context("fork")

    def said_in_child(runtime: AsyncRuntime | Runtime) -> str:
        here, there = forks.Pipe()
        child = forks.Process(target=_in_child, args=(there, runtime))
        child.start()
        text: str = here.recv()
        child.join()
        return text

    async def work() -> tuple[str, Deposited]:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db") as runtime:
            await runtime.tell(ADA, Deposit(cents=5))
            text = said_in_child(runtime)
            return text, await runtime.ask(Account.deposit, "ada", Deposit(cents=1))

    expected = (
        f"this runtime runs in process {os.getpid()}, from which this one was forked: start another one here, over "
        "another store, or use Client"
    )
    assert asyncio.run(work()) == (expected, Deposited(6))
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        assert said_in_child(runtime) == expected
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(7)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_keeps_neither_the_port_nor_the_connections(tmp_path: Path) -> None:
    async def work() -> None:
        async with AsyncRuntime(Account, store=tmp_path / "bank.db", bind="127.0.0.1:0") as runtime:
            [url] = runtime.urls
            port = int(url.rpartition(":")[2])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 200 \r\n"
            child = os.fork()
            if child == 0:
                signal.pause()
        try:
            await asyncio.wait_for(reader.read(), 20)  # the end of the connection
            writer.close()
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            async with AsyncRuntime(Account, store=tmp_path / "bank.db", bind=f"127.0.0.1:{port}") as again:
                assert again.urls == [url]
        finally:
            os.kill(child, signal.SIGKILL)
            await asyncio.to_thread(os.waitpid, child, 0)

    asyncio.run(work())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_that_leaves_its_parents_block_changes_nothing(tmp_path: Path) -> None:
    with Runtime(Account, store=tmp_path / "bank.db") as runtime:
        child = os.fork()
        if child == 0:
            try:
                runtime.__exit__(None, None, None)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=1)) == Deposited(1)
