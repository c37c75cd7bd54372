"""Accounts behind FastAPI: durable actors inside a web application, in its own process.

    pip install -e '.[dev]'
    cd examples/web && hypercorn app:app

    curl -X POST 'localhost:8000/accounts/ada/deposits?cents=500'
    curl -X POST 'localhost:8000/accounts/ada/transfers?to=bob&cents=200'
    curl localhost:8000/accounts

Each account handles its messages one after the other, so no balance needs a lock; and what a request has answered is on
disk: kill the server, start it again, and the balances are those that were answered.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException

from statefun_actors import AsyncRuntime, Entity, MessageRefusedError, TerminalError, handles, message, persisted


@message("web/deposit")
class Deposit:
    cents: int


@message("web/transfer")
class Transfer:
    to: str
    cents: int


class Account(Entity, typename="web/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> int:
        self.balance += message.cents
        return self.balance

    @handles
    def transfer(self, message: Transfer) -> int:
        if message.cents > self.balance:
            raise TerminalError(f"{self.id} has only {self.balance} cents")  # no retry can help
        self.balance -= message.cents
        self.send(Account.at(message.to), Deposit(message.cents))  # leaves together with the new balance, exactly once
        return self.balance


runtime = AsyncRuntime(Account, store=os.environ.get("WEB_STORE", "web.db"))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    async with runtime:
        yield


app = FastAPI(title="Accounts", lifespan=lifespan)
app.mount("/actors", runtime.asgi)  # PUT /actors/ingress/web/account/ada?type=web/deposit


@app.post("/accounts/{name}/deposits")
async def deposit(name: str, cents: int) -> int:
    """The new balance."""
    return await runtime.ask(Account.deposit, name, Deposit(cents=cents))


@app.post("/accounts/{name}/transfers")
async def transfer(name: str, to: str, cents: int) -> int:
    """The new balance of the sender; 409 where it has not that much."""
    try:
        return await runtime.ask(Account.transfer, name, Transfer(to=to, cents=cents))
    except MessageRefusedError as error:
        raise HTTPException(409, error.said) from error


@app.get("/accounts")
async def accounts() -> dict[str, int]:
    """All balances, as of the last commit."""
    return {address.id: runtime.state(address).balance for address in runtime.entities(Account)}
