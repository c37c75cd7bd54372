"""Strategies and the state machine of Hypothesis."""

from __future__ import annotations

import enum
import re
import typing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NewType

import attrs
import pytest
from google.protobuf.any_pb2 import Any as ProtobufAny
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from hypothesis import Phase, find, settings
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from statefun_actors import Address, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.errors import ValueMismatchError
from statefun_actors.testing import TestRuntime, given
from statefun_actors.testing.strategies import fields, messages, runtime_machine, values
from statefun_actors.types import pack

BRIEF = settings(max_examples=25, stateful_step_count=6, deadline=None, derandomize=True, database=None)
FIRST = settings(BRIEF, max_examples=400, stateful_step_count=15, phases=[Phase.generate])
"""Any counterexample will do; a short one takes longer."""


Cents = NewType("Cents", int)


class Color(enum.Enum):
    RED = "red"


@message("strategies/inner")
@attrs.frozen
class Inner:
    color: Color
    at: datetime | None
    kind: Literal["a", "b"] = "a"


@message("strategies/outer")
@attrs.frozen
class Outer:
    cents: int
    inner: list[Inner]
    by_name: dict[str, tuple[int, ...]]
    tags: frozenset[str] = frozenset()
    pair: tuple[bool, float] | None = None
    raw: bytes = b""


class Account(Entity, typename="strategies/account"):
    balance: int = persisted(default=0)
    names: set[str] = persisted(factory=set)
    last: Outer | None = persisted(default=None)

    @handles(int)
    def deposit(self, cents: int) -> int:
        self.balance += abs(cents)
        self.send(Audit.at("all"), abs(cents))
        return self.balance

    @handles
    def keep(self, message: Outer | Inner) -> None:
        if isinstance(message, Outer):
            self.last = message

    @handles(str, internal=True)
    def own(self, name: str) -> None:
        self.names.add(name)


class Audit(Entity, typename="strategies/audit"):
    sum: int = persisted(default=0)

    @handles(int, internal=True)
    def note(self, cents: int) -> None:
        self.sum += cents


class Link(Entity, typename="strategies/link"):
    state: str = persisted(default="")

    @handles(int)
    def ask_someone(self, _: int) -> None:
        self.reply_address(then=self.answered, timeout=timedelta(days=3))
        self.state = "open"

    @answers
    def answered(self, answer: str | NoAnswer) -> None:
        self.state = "no answer" if isinstance(answer, NoAnswer) else "answered"


def money_is_kept(runtime: TestRuntime) -> None:
    accounts = sum(runtime.state(address).balance for address in runtime.entities(Account))
    assert accounts == runtime.state(Audit.at("all")).sum


@BRIEF
@hypothesis_given(messages(Account), fields(Account))
def test_messages_and_fields_fit_their_class(sent: Any, held: dict[str, Any]) -> None:
    assert isinstance(sent, int | Outer | Inner)

    result = given(Account, "ada", **held).when(sent)

    assert result.entity.names == held.get("names", set())


@BRIEF
@hypothesis_given(st.data())
def test_values_of_all_types_can_be_sent(data: st.DataObject) -> None:
    for annotation in (
        Outer,
        Inner,
        list[Address],
        dict[int, str | None],
        bool,
        Cents,
        Decimal,
        tuple[()],
        ProtobufAny,
    ):
        pack(data.draw(values(annotation)))
    pack(data.draw(values(FieldDescriptorProto)))
    assert not data.draw(values(DescriptorProto)).field  # it repeats


def test_a_type_that_can_not_be_stored_has_no_values() -> None:
    with pytest.raises(TypeError) as raised:
        values(list[typing.Any])

    assert str(raised.value) == (
        "`Any` can't be stored: say which type it is; for any message at all write `google.protobuf.any_pb2.Any`"
    )


def test_internal_messages_are_left_out_unless_asked_for() -> None:
    assert isinstance(find(messages(Account, internal=True), lambda each: isinstance(each, str)), str)
    with pytest.raises(TypeError) as raised:
        messages(Audit)

    assert str(raised.value) == "Audit takes no messages from outside"


def test_a_right_system_passes() -> None:
    run_state_machine_as_test(runtime_machine(Account, Audit, invariant=money_is_kept), settings=BRIEF)


async def never_answered(runtime: TestRuntime) -> None:
    assert not any(runtime.state(address).state == "answered" for address in runtime.entities(Link))


def failing_script(machine: Any, capsys: pytest.CaptureFixture[str], how: settings = FIRST) -> str:
    with pytest.raises(AssertionError) as raised:
        run_state_machine_as_test(machine, settings=how)
    return "\n".join([capsys.readouterr().out, *getattr(raised.value, "__notes__", [])])


def test_a_counterexample_reads_like_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    def short(runtime: TestRuntime) -> None:
        assert all(runtime.state(address).pages < 2 for address in runtime.entities(Printing))

    shrunk = settings(BRIEF, stateful_step_count=4, phases=[Phase.generate, Phase.shrink])
    script = failing_script(runtime_machine(Printing, invariant=short), capsys, shrunk)

    tell = "state.tell_printing(id='a', message=False)"
    assert re.findall(r"^state.*", script, re.MULTILINE) == [
        "state = RuntimeMachine()",
        *["state.invariant_holds()", tell] * 2,
        "state.invariant_holds()",
        "state.teardown()",
    ]


def test_reply_addresses_are_answered(capsys: pytest.CaptureFixture[str]) -> None:
    script = failing_script(runtime_machine(Link, ids=["a"], invariant=never_answered), capsys)

    assert "state.tell_link(id='a', message=" in script
    assert "state.answer(data=data(...))" in script


def test_no_answer_is_sent_from_outside() -> None:
    run_state_machine_as_test(runtime_machine(Link, ids=["a"]), settings=settings(BRIEF, max_examples=100))


seen: list[int] = []


class Careless(Entity, typename="strategies/careless"):
    """It keeps its sum in a module."""

    total: int = persisted(default=0)
    calls: int = persisted(default=0)

    @handles(bool)
    def add(self, message: bool) -> None:
        if not self.calls:
            seen.clear()
        seen.append(1)
        self.calls += 1
        self.total = len(seen)


def counted(runtime: TestRuntime) -> None:
    state = runtime.state(Careless.at("a"))
    assert state.total == state.calls


def test_crashes_are_among_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    script = failing_script(runtime_machine(Careless, ids=["a"], invariant=counted), capsys)

    assert "state.crash(" in script


class Printing(Entity, typename="strategies/printing"):
    pages: int = persisted(default=0)

    @handles(bool)
    def print_page(self, _: bool) -> None:
        self.pages += 1
        self.send_egress("strategies/pages", self.pages)


def test_targets_of_egresses_refuse_records_among_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    def written(runtime: TestRuntime) -> None:
        waiting = runtime.engine.view.egress_kept
        assert not waiting, f"{waiting} records wait for their target"

    machine = runtime_machine(Printing, ids=["a"], invariant=written)
    script = failing_script(machine, capsys, settings(FIRST, stateful_step_count=5))

    assert "state.egress(condition='refuses records')" in script


def test_records_are_written_once_and_in_order_whatever_their_target_does() -> None:
    def in_order(runtime: TestRuntime) -> None:
        pages = runtime.egress("strategies/pages")
        assert pages == [*range(1, len(pages) + 1)]

    run_state_machine_as_test(runtime_machine(Printing, ids=["a"], invariant=in_order), settings=BRIEF)


def test_two_classes_of_one_name_have_a_rule_each(capsys: pytest.CaptureFixture[str]) -> None:
    other = type("Account", (Careless,), {}, typename="other/account")
    scripts = ""
    for address in (Account.at("a"), Address("other/account", "a")):

        def poor(runtime: TestRuntime, address: Address = address) -> None:
            assert address not in runtime.entities(address.typename)

        scripts += failing_script(runtime_machine(Account, other, Audit, invariant=poor), capsys)

    assert "state.tell_strategies_account(id='a', message=" in scripts
    assert "state.tell_other_account(id='a', message=" in scripts


def test_time_moves_by_the_given_delays(capsys: pytest.CaptureFixture[str]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)

    def early(runtime: TestRuntime) -> None:
        assert runtime.clock.now <= start

    machine = runtime_machine(Account, Audit, delays=[timedelta(minutes=7)], invariant=early)

    assert "state.advance(delay=datetime.timedelta(seconds=420))" in failing_script(machine, capsys)


@pytest.mark.parametrize("delays", [[], [timedelta(0)], [5]])
def test_delays_are_above_zero(delays: list[Any]) -> None:
    with pytest.raises(ValueMismatchError) as raised:
        runtime_machine(Account, Audit, delays=delays)

    assert str(raised.value) == f"expected delays= with at least one timedelta, each above zero, got {delays!r}"


def test_a_machine_needs_someone_to_send_to() -> None:
    with pytest.raises(TypeError) as raised:
        runtime_machine(Audit)

    assert str(raised.value) == "runtime_machine(...) needs an Entity class that takes messages from outside"
