"""Tests choose the sender of a message."""

from __future__ import annotations

import pytest

from statefun_actors import Address, DeadLetter, Entity, InternalMessageError, TerminalError, handles, persisted
from statefun_actors.errors import ValueMismatchError
from statefun_actors.testing import TestRuntime, given

BOB = Address("other/service", "bob")
INGRESS = Address("statefun-actors/ingress", "1")


class Vault(Entity, typename="test/vault"):
    callers: list[str] = persisted(factory=list)

    @handles(int, internal=True)
    def open(self, message: int) -> int | None:
        self.callers.append(str(self.caller))
        if message == 13:
            raise ValueError("thirteen")
        return None if self.caller == self.address else message

    @handles(str)
    def later(self, message: str) -> None:
        self.send_after(5, self.address, 1)


class Policed(Vault, typename="test/policed", on_failure=DeadLetter("test/dead", attempts=1)):
    pass


class Asker(Entity, typename="test/asker"):
    answers: list[int] = persisted(factory=list)

    @handles(int)
    def answered(self, message: int) -> None:
        self.answers.append(message)


async def test_from_outside_an_internal_handler_is_not_reached() -> None:
    async with TestRuntime(Vault) as runtime:
        with pytest.raises(InternalMessageError):
            await runtime.tell(Vault.at("a"), 1)
        with pytest.raises(InternalMessageError):
            await runtime.ask(Vault.at("a"), 1, int)

        assert [letter.error_type for letter in runtime.dead_letters] == ["InternalMessageError"] * 2
        assert runtime.state(Vault.at("a")).callers == []


async def test_under_a_policy_it_is_a_dead_letter() -> None:
    async with TestRuntime(Policed) as runtime:
        await runtime.tell(Policed.at("a"), 1)
        with pytest.raises(InternalMessageError):
            await runtime.ask(Policed.at("a"), 1, int)

        assert [letter.attempts for letter in runtime.dead_letters] == [1, 1]
        assert len(runtime.egress("test/dead")) == 2


async def test_on_behalf_of_a_function_it_is_and_ask_gets_the_reply() -> None:
    async with TestRuntime(Vault, Asker) as runtime:
        await runtime.tell(Vault.at("a"), 1, caller=BOB)
        assert await runtime.ask(Vault.at("a"), 2, int, caller=BOB) == 2
        assert await runtime.ask(Vault.at("a"), 3, int, caller=Asker.at("x")) == 3
        await runtime.tell(Vault.at("a"), 4, caller=Asker.at("x"))

        assert runtime.state(Vault.at("a")).callers == ["other/service/bob"] * 2 + ["test/asker/x"] * 2
        assert runtime.state(Asker.at("x")).answers == [4]


async def test_ask_on_behalf_of_a_function_raises_what_a_policy_gave_up() -> None:
    async with TestRuntime(Policed) as runtime:
        with pytest.raises(ValueError, match="thirteen"):
            await runtime.ask(Policed.at("a"), 13, int, caller=BOB)


async def test_a_delayed_message_counts_as_its_sender_s() -> None:
    async with TestRuntime(Vault) as runtime:
        await runtime.tell(Vault.at("a"), "later")
        await runtime.clock.advance(5)

        assert runtime.state(Vault.at("a")).callers == ["test/vault/a"]
        assert runtime.dead_letters == []


async def test_one_from_outside_stays_from_outside_however_late_it_comes() -> None:
    async with TestRuntime(Policed) as runtime:
        await runtime.tell(Policed.at("a"), 1, after=5)
        await runtime.clock.advance(5)

        assert [letter.error_type for letter in runtime.dead_letters] == ["InternalMessageError"]


async def test_a_caller_is_an_address() -> None:
    async with TestRuntime(Vault) as runtime:
        with pytest.raises(ValueMismatchError):
            await runtime.tell(Vault.at("a"), 1, caller="bob")  # type: ignore[arg-type]
        with pytest.raises(ValueMismatchError):
            await runtime.ask(Vault.at("a"), 1, int, caller="bob")  # type: ignore[call-overload]


def test_given_takes_a_caller() -> None:
    assert given(Vault, "a").when(1).reply == 1
    assert given(Vault, "a").when(1, caller=BOB).entity.callers == ["other/service/bob"]
    for caller in (None, INGRESS):
        with pytest.raises(InternalMessageError):
            given(Vault, "a").when(1, caller=caller)
        assert len(given(Policed, "a").when(1, caller=caller).dead_letters) == 1


async def test_an_ask_of_an_entity_gets_the_error_of_a_message_that_was_given_up() -> None:
    class Terminal(Entity, typename="test/terminal"):
        @handles(int)
        def refuse(self, message: int) -> int:
            raise TerminalError("out of stock")

    async with TestRuntime(Terminal, Asker) as runtime:
        with pytest.raises(TerminalError, match=r"^out of stock$"):
            await runtime.ask(Terminal.at("a"), 1, int, caller=Asker.at("bob"))

        assert [(letter.error_type, letter.attempts) for letter in runtime.dead_letters] == [("TerminalError", 1)]
        assert runtime.state(Asker.at("bob")).answers == []
