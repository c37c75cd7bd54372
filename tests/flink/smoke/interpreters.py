"""Interpreters of the commands: classes and functions, plain, async and in threads, with and without a policy.

Served by ``app.py``.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, assert_never

from statefun_actors import Address, Context, DeadLetter, Entity, StatefulFunctions, handles, message, persisted
from tests.flink.egresses import LETTERS, OUT
from tests.flink.smoke.commands import (
    Cancel,
    Command,
    Commands,
    Emit,
    Flip,
    Increment,
    Reply,
    Send,
    SendAfter,
    Stumble,
    Verify,
    told_state,
)

MOST_STUMBLES: Final = 6
"""Of one address: all in one batch, they cost as many attempts, and Flink waits twice as long from one to the next."""

_stumbled: dict[Address, set[int]] = {}
"""What has failed already, in this process."""


class StumbledError(Exception):
    """As the program says."""


@message("smoke/told")
class Told:
    """A record that the test reads: sender, event, number."""

    id: str
    what: str
    number: int


def stumble(address: Address, number: int) -> None:
    numbers = _stumbled.setdefault(address, set())
    if number not in numbers and len(numbers) < MOST_STUMBLES:
        numbers.add(number)
        raise StumbledError(f"for the first time at {number}")


class _Interpreter(Entity):
    count: int = persisted(default=0)
    flipped: list[str] | None = persisted(default=None)
    emitted: int = persisted(default=0)

    @handles(Verify)
    def verify(self, message: Verify) -> None:
        state = told_state(self.count, self.flipped is not None, self.emitted)
        self.send_egress(OUT, Told(self.id, f"{self.address}: {state}", message.round))

    def carry_out(self, command: Command, number: int) -> None:
        match command:
            case Increment():
                self.count += 1
            case Flip():
                self.flipped = ["flipped"] if self.flipped is None else None
            case Emit():
                self.emitted += 1
                self.send_egress(OUT, Told(self.id, f"{self.address} emitted", self.emitted))
            case Stumble():
                stumble(self.address, number)
            case Send(to, commands):
                self.send(to, commands)
            case SendAfter(to, ms, commands, token):
                self.send_after(timedelta(milliseconds=ms), to, commands, cancellation_token=token)
            case Cancel(token):
                self.cancel(token)
            case Reply(commands):
                self.reply(commands)
            case _:
                assert_never(command)

    def tell(self, commands: Commands) -> None:
        self.send_egress(OUT, Told(self.id, "carried out", commands.number))


class SmokeBare(_Interpreter, typename="flink/smoke-bare"):
    """When it fails, its batch does."""

    @handles(Commands)
    def commands(self, message: Commands) -> None:
        for command in message.todo:
            self.carry_out(command, message.number)
        self.tell(message)


class SmokeGuarded(
    _Interpreter, typename="flink/smoke-guarded", on_failure=DeadLetter(LETTERS, attempts=2, backoff=0.001)
):
    """When it fails, it is rolled back and repeated in the same batch."""

    @handles(Commands)
    async def commands(self, message: Commands) -> None:
        for command in message.todo:
            self.carry_out(command, message.number)
            await asyncio.sleep(0)
        self.tell(message)


smoke_functions = StatefulFunctions()
_STATES: Final = {"count": int, "flipped": str, "emitted": int}


def interpret(context: Context, message: Commands | Verify) -> None:
    address, id = context.address, context.address.id
    if isinstance(message, Verify):
        state = told_state(context["count"] or 0, context["flipped"] is not None, context["emitted"] or 0)
        context.pack_and_send_egress(OUT, Told(id, f"{address}: {state}", message.round))
        return
    for command in message.todo:
        match command:
            case Increment():
                context["count"] = (context["count"] or 0) + 1
            case Flip():
                if context["flipped"] is None:
                    context["flipped"] = "flipped"
                else:
                    del context["flipped"]
            case Emit():
                context["emitted"] = (context["emitted"] or 0) + 1
                context.pack_and_send_egress(OUT, Told(id, f"{address} emitted", context["emitted"]))
            case Stumble():
                stumble(address, message.number)
            case Send(to, commands):
                context.pack_and_send(to.typename, to.id, commands)
            case SendAfter(to, ms, commands, token):
                if token is not None:
                    context.cancel(token)  # of a function's, Flink refuses one that is pending
                delay = timedelta(milliseconds=ms)
                context.pack_and_send_after(delay, to.typename, to.id, commands, cancellation_token=token)
            case Cancel(token):
                context.cancel(token)
            case Reply(commands):
                context.pack_and_reply(commands)
            case _:
                assert_never(command)
    context.pack_and_send_egress(OUT, Told(id, "carried out", message.number))


smoke_functions.register("flink/smoke-function", interpret, states=_STATES)
smoke_functions.register("flink/smoke-thread", interpret, states=_STATES, blocking=True)

SERVED: Final = (SmokeBare, SmokeGuarded, smoke_functions)
TYPENAMES: Final = ("flink/smoke-bare", "flink/smoke-guarded", "flink/smoke-function", "flink/smoke-thread")
