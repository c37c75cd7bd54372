"""A message that is given up raises its own error from ``ask``, with and without faults."""

from __future__ import annotations

import pytest

from statefun_actors import DeadLetter, Entity, NoAnswer, TerminalError, answers, handles
from statefun_actors.testing import TestRuntime, simulate


class Gate(Entity, typename="kit/gate"):
    @handles(int, on_failure=DeadLetter("kit/dead", attempts=2))
    def enter(self, message: int) -> int:
        if message < 0:
            raise ValueError("a negative number")
        raise TerminalError("closed")

    @handles
    def ask_first(self, message: str) -> None:
        self.ask(Gate.at("other"), True, then=self.answered)

    @handles
    def confirm(self, message: bool) -> bool:
        return message

    @answers
    def answered(self, answer: bool | NoAnswer) -> int:
        raise TerminalError(f"{answer} is no answer")


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        (1, TerminalError, "closed"),
        (-1, ValueError, "a negative number"),
        ("ask", TerminalError, "True is no answer"),
    ],
)
def test_ask_raises_the_same_error_under_faults(message: object, kind: type[Exception], text: str) -> None:
    async def scenario(runtime: TestRuntime) -> object:
        with pytest.raises(kind) as raised:
            await runtime.ask(Gate.at("g"), message, int)
        return str(raised.value)

    simulate(scenario, Gate, seeds=20)
