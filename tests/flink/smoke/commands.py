"""The commands, and the results of programs of them, computed without the package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import attrs

from statefun_actors import Address, message


@message("smoke/increment")
class Increment:
    """Count one more."""


@message("smoke/flip")
class Flip:
    """Write a state where there is none, delete it where there is one."""


@message("smoke/emit")
class Emit:
    """Send a record to the egress, numbered."""


@message("smoke/stumble")
class Stumble:
    """Fail, unless these commands have failed before, or their address has often enough."""


@message("smoke/send")
class Send:
    to: Address
    commands: Commands


@message("smoke/send-after")
class SendAfter:
    to: Address
    ms: int
    commands: Commands
    token: str | None = None


@message("smoke/cancel")
class Cancel:
    token: str


@message("smoke/reply")
class Reply:
    commands: Commands


Command: TypeAlias = Increment | Flip | Emit | Stumble | Send | SendAfter | Cancel | Reply


@message("smoke/commands")
class Commands:
    """The commands of one message. ``number`` is unique in the program."""

    number: int
    todo: list[Command]


@message("smoke/verify")
class Verify:
    """Report the state in the query round *round*."""

    round: int


Program: TypeAlias = Sequence[tuple[Address, Commands]]
"""What is sent from outside."""


@attrs.define
class State:
    """What an interpreter holds in the end."""

    count: int = 0
    flips: int = 0
    emitted: int = 0

    def __str__(self) -> str:
        return told_state(self.count, self.flips % 2 == 1, self.emitted)


def told_state(count: int, flipped: bool, emitted: int) -> str:
    """In the form of an interpreter's report."""
    return f"{count} counted, {'flipped' if flipped else 'as it was'}, {emitted} emitted"


@attrs.define
class Outcome:
    """The result of a program."""

    states: dict[Address, State] = attrs.field(factory=dict)
    told: set[tuple[str, int]] = attrs.field(factory=set)
    """What is told on the way, and how many."""

    def states_told(self, addresses: Iterable[Address]) -> set[str]:
        """The reports of *addresses* at the end."""
        return {f"{address}: {self.states.get(address, State())}" for address in addresses}


def outcome(program: Program) -> Outcome:
    """The result of *program*."""
    found = Outcome()
    todo: list[tuple[Address, Commands, Address | None]] = [(target, commands, None) for target, commands in program]
    while todo:
        target, commands, caller = todo.pop()
        found.told.add(("carried out", commands.number))
        state = found.states.setdefault(target, State())
        todo += _followers(target, commands, caller)
        for command in commands.todo:
            match command:
                case Increment():
                    state.count += 1
                case Flip():
                    state.flips += 1
                case Emit():
                    state.emitted += 1
                    found.told.add((f"{target} emitted", state.emitted))
                case _:
                    pass
    return found


def _followers(
    target: Address, commands: Commands, caller: Address | None
) -> Iterator[tuple[Address, Commands, Address]]:
    """The messages that are sent, and not cancelled. A token is used within one message only."""
    delayed: dict[str, SendAfter] = {}
    for command in commands.todo:
        match command:
            case Send(to=to, commands=nested) | SendAfter(to=to, commands=nested, token=None):
                yield to, nested, target
            case SendAfter(token=str(token)):
                delayed[token] = command
            case Cancel(token=token):
                del delayed[token]
            case Reply(commands=nested):
                assert caller is not None
                yield caller, nested, target
            case _:
                pass
    for command in delayed.values():
        yield command.to, command.commands, target
