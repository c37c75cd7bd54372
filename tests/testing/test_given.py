"""``given(...).when(...)``: one entity, one batch."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from statefun_actors import (
    Address,
    DeadLetter,
    Entity,
    FieldMismatchError,
    Settings,
    ValueMismatchError,
    handles,
    message,
    persisted,
)
from statefun_actors.testing import Delayed, Sent, given


@message("kit/deposit")
class Deposit:
    cents: int


class Account(Entity, typename="kit/account"):
    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)

    @handles(Deposit)
    async def deposit(self, message: Deposit) -> int:
        await asyncio.sleep(0)
        self.balance += message.cents
        self.history.append(f"{self.now:%Y}")
        return self.balance

    @handles(str)
    def go(self, message: str) -> None:
        match message:
            case "send":
                self.send(Account.at("bob"), Deposit(cents=1))
                self.send_after(timedelta(days=1), self.address, "late", cancellation_token="a")
                self.send_after(timedelta(days=2), self.address, "later", cancellation_token="a")
                self.cancel("b")
                self.send_egress("kit/out", 5)
            case "forget":
                del self.balance
            case _:
                raise ValueError(message)


def test_fields_are_what_was_given_and_absent_otherwise() -> None:
    result = given(Account, "ada", balance=3).when(Deposit(cents=5))

    assert (result.reply, result.replies) == (8, [8])
    assert (result.entity.balance, result.entity.history, result.entity.owner) == (8, ["2026"], None)
    assert sorted(result.changed) == ["balance", "history"]


def test_effects_are_python_values_by_kind() -> None:
    result = given(Account, "ada").when("send")

    assert result.sent == [Sent(Address("kit/account", "bob"), Deposit(cents=1))]
    assert result.delayed == [Delayed(Address("kit/account", "ada"), "later", timedelta(days=2), "a")]
    assert result.cancelled == ["b"]
    assert result.egress == {"kit/out": [5]}


def test_several_messages_are_one_batch() -> None:
    result = given(Account, "ada", balance=1).when(Deposit(cents=1), "forget", Deposit(cents=4))

    assert result.replies == [2, 4]
    assert result.entity.balance == 4


def test_the_error_of_a_handler_is_raised() -> None:
    with pytest.raises(ValueError, match=r"^oh no$"):
        given(Account, "ada").when("oh no")


def test_with_a_policy_it_is_recorded_instead() -> None:
    settings = Settings(on_failure=DeadLetter("kit/letters", attempts=2, backoff=1_000))
    result = given(Account, "ada").when("oh no", Deposit(cents=1), settings=settings)

    assert [str(error) for error in result.dead_letters] == ["oh no"]
    assert result.entity.balance == 1
    assert len(result.egress["kit/letters"]) == 1


async def test_it_works_inside_a_running_loop_too() -> None:
    assert given(Account, "ada").when(Deposit(cents=5)).reply == 5


def test_caller_and_time_can_be_chosen() -> None:
    result = given(Account, "ada").when(Deposit(cents=5), caller=None, now=datetime(1999, 1, 1, tzinfo=UTC))

    assert result.replies == []
    assert result.entity.history == ["1999"]


def test_a_value_that_does_not_fit_its_field_is_refused() -> None:
    with pytest.raises(FieldMismatchError) as raised:
        given(Account, "ada", balance="much")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    assert str(raised.value) == "Account.balance: expected `int`, got `str`"


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError) as raised:
        given(Account, "ada", balanse=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]

    assert str(raised.value) == "Account has no field 'balanse'; its fields are balance, history, owner"


def test_an_object_that_is_no_entity_class_is_refused() -> None:
    with pytest.raises(TypeError) as raised:
        given(Account(balance=1), "ada")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]

    assert str(raised.value).startswith(
        "given(...) takes an Entity class first, as in given(Account, 'ada'); got Account(balance=1, "
    )


def test_a_delay_may_be_a_thousand_years_and_no_longer() -> None:
    class Late(Entity, typename="kit/late"):
        @handles(int)
        def wait(self, message: int) -> None:
            self.send_after(timedelta(days=365_250, milliseconds=message), self.address, message)

    (delayed,) = given(Late, "ada").when(0).delayed
    assert delayed.delay == timedelta(days=365_250)

    with pytest.raises(ValueMismatchError) as raised:
        given(Late, "ada").when(1)

    assert str(raised.value) == (
        "expected a delay of at most 365,250 days, got datetime.timedelta(days=365250, microseconds=1000)"
    )


def test_now_is_in_utc_and_a_naive_one_is_refused() -> None:
    result = given(Account, "ada").when(Deposit(cents=5), now=datetime(1999, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert result.entity.history == ["1998"]

    with pytest.raises(ValueMismatchError) as raised:
        given(Account, "ada").when(Deposit(cents=5), now=datetime(1999, 1, 1))  # noqa: DTZ001 - what is refused

    assert str(raised.value) == (
        "expected now= as an aware datetime: datetime(2026, 1, 1, tzinfo=UTC), got datetime.datetime(1999, 1, 1, 0, 0)"
    )


class Session(Entity, typename="kit/session"):
    """Fields that expire: one an hour after it was written, one an hour after the last call."""

    name: str | None = persisted(default=None, expire_after_write=timedelta(hours=1))
    calls: int = persisted(default=0, expire_after_call=timedelta(hours=1))

    @handles(str)
    def enter(self, message: str) -> str:
        self.name = message
        self.calls += 1
        return f"{self.now:%H:%M}"

    @handles(int)
    def look(self, message: int) -> str | None:
        self.calls += message
        return self.name


def test_messages_may_come_one_after_another_with_time_between() -> None:
    first = given(Session, "x", calls=1).when("ada")
    second = first.after(timedelta(minutes=40)).when(1)
    third = second.after(40 * 60).when(1)

    assert (first.reply, first.entity) == ("00:00", Session(name="ada", calls=2))
    assert (second.reply, second.entity) == ("ada", Session(name="ada", calls=3))
    assert (third.reply, third.entity) == (None, Session(calls=4))
    assert third.after(3600).when("bob").entity == Session(name="bob", calls=1)
    assert first.after(timedelta(days=1, minutes=5)).when("bob").reply == "00:05"


def test_time_between_messages_is_not_negative() -> None:
    with pytest.raises(ValueMismatchError) as raised:
        given(Session, "x").when("ada").after(-1)

    assert str(raised.value) == "expected a delay of zero or more, got -1"


def test_a_result_is_shown_with_the_effects_that_it_has() -> None:
    assert repr(given(Session, "x", calls=3)) == "Given(kit/session/x: Session(name=None, calls=3))"
    assert repr(given(Account, "ada", balance=3).when("forget")) == (
        "Result(entity=Account(balance=0, history=[], owner=None))"
    )
    assert repr(given(Account, "ada").when("send")) == (
        "Result(entity=Account(balance=0, history=[], owner=None), "
        "sent=[Sent(target=Address('kit/account', 'bob'), message=Deposit(cents=1))], "
        "delayed=[Delayed(target=Address('kit/account', 'ada'), message='later', delay=datetime.timedelta(days=2), "
        "cancellation_token='a')], cancelled=['b'], egress={'kit/out': [5]})"
    )
