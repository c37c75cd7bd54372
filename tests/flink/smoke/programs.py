"""Random programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from statefun_actors import Address
from tests.flink.smoke.commands import (
    Cancel,
    Command,
    Commands,
    Emit,
    Flip,
    Increment,
    Program,
    Reply,
    Send,
    SendAfter,
    Stumble,
)

LONGEST_MS = 300
"""After which the last delayed message of a program is due."""
_MOST_COMMANDS = 4
_DEPTH = 4


def program(
    random: Random, addresses: Sequence[Address], messages: int, *, without: AbstractSet[type[Command]] = frozenset()
) -> Program:
    """A program, its commands nested up to four deep.

    Args:
        random: decides everything.
        addresses: where messages go.
        messages: how many come from outside.
        without: what whoever carries it out can't. Without Cancel, no token is used at all.
    """
    writer = _Writer(random, addresses, without)
    return [(random.choice(addresses), writer.commands(random.randrange(_DEPTH))) for _ in range(messages)]


class _Writer:
    def __init__(self, random: Random, addresses: Sequence[Address], without: AbstractSet[type[Command]]) -> None:
        self._random, self._addresses = random, addresses
        self._written = 0
        kinds: list[tuple[int, type[Command], Callable[[int], list[Command]]]] = [
            (8, Increment, lambda _: [Increment()]),
            (4, Flip, lambda _: [Flip()]),
            (4, Emit, lambda _: [Emit()]),
            (1, Stumble, lambda _: [Stumble()]),
            (6, Send, lambda depth: [Send(self._to(), self._called(depth))]),
            (3, SendAfter, lambda depth: [SendAfter(self._to(), self._ms(), self._called(depth))]),
            (1, Cancel, self._cancelled),
            (1, Cancel, self._replaced),
            (2, Reply, lambda depth: [Reply(self._called(depth))]),
        ]
        self._kinds = [kind for kind in kinds if kind[1] not in without]
        self._kinds_uncalled = [kind for kind in self._kinds if kind[1] is not Reply]

    def commands(self, depth: int, *, called: bool = False) -> Commands:
        """Nested up to *depth* deep. They may reply if they were *called* by another."""
        random = self._random
        self._written += 1
        number = self._written
        if depth == 0:
            return Commands(number, [Increment()])
        kinds = self._kinds if called else self._kinds_uncalled
        weights = [weight for weight, _, _ in kinds]
        todo: list[Command] = []
        for _, _, write in random.choices(kinds, weights, k=random.randint(1, _MOST_COMMANDS)):
            todo += write(depth)
        return Commands(number, todo)

    def _called(self, depth: int) -> Commands:
        return self.commands(depth - 1, called=True)

    def _cancelled(self, depth: int) -> list[Command]:
        first = self._with_token(depth, self._token())
        return [first, Cancel(str(first.token))]

    def _replaced(self, depth: int) -> list[Command]:
        token = self._token()
        return [self._with_token(depth, token), self._with_token(depth, token)]

    def _with_token(self, depth: int, token: str) -> SendAfter:
        return SendAfter(
            self._to(), 1 + self._ms(), self._called(depth), token
        )  # without a delay it is an ordinary one

    def _to(self) -> Address:
        return self._random.choice(self._addresses)

    def _ms(self) -> int:
        return self._random.randrange(LONGEST_MS)

    def _token(self) -> str:
        self._written += 1
        return f"token {self._written}"
