"""RequestReplyHandler behind a small runtime that does what Flink does with requests and replies.

State travels with each request and comes back as changes; a state the function asks for is registered; messages to
functions that are served become the next batches; delayed messages wait; a token that is pending twice fails the job,
as it does in Flink.
"""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from statefun_actors import Address, RequestReplyHandler, Settings
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.dispatch import Application, SystemHost
from statefun_actors.model import Done, Send, TypedValue
from statefun_actors.types import pack, value_of
from statefun_actors.wire import V2, v2_pb2, v3_pb2
from tests.conformance.engine import Can, EngineKind, Pending, Sent, readable, settings_of
from tests.http.serving import request


class _Host(SystemHost):
    """Time as the case lets it pass, and tokens that are the same each time."""

    def __init__(self, engine: WireEngine) -> None:
        self._engine = engine
        self._random = random.Random(1)

    def now(self) -> datetime:
        return _BEGIN + timedelta(milliseconds=self._engine._now)

    def token(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


class WireEngine:
    """The handler and the runtime around it."""

    orders_topics = True

    def __init__(self, app: Application, protocol: int) -> None:
        self.protocol = protocol
        self.failures: list[str] = []
        self.reasons: list[str] = []
        self.changes: list[dict[str, object]] = []
        self.asked: list[list[str]] = []
        self._app, self._protocol = app, protocol
        self._handler = RequestReplyHandler(app, protocol=3 if protocol == 3 else 2)
        self._handler._host = _Host(self)  # time is the case's
        self._known = app.codecs()
        self._states: dict[Address, dict[str, TypedValue | None]] = {}
        self._sent: list[tuple[Address, TypedValue]] = []
        self._egress: list[tuple[str, TypedValue]] = []
        self._values: dict[str, list[object]] = {}
        self._delayed: list[tuple[int, int, Address, Address, TypedValue, str]] = []
        self._now = self._count = 0
        self._queue: deque[tuple[Address, list[TypedValue], Address | None]] = deque()

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        self._queue.append((target, [pack(message) for message in messages], caller))
        await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            target, values, caller = self._queue.popleft()
            if target.typename in self._app.all_served:
                await self._batch(target, values, caller)
            else:
                self._sent += [(target, value) for value in values]

    async def _batch(self, target: Address, values: list[TypedValue], caller: Address | None) -> None:
        state = self._states.setdefault(target, {})
        if self._protocol == 2:
            for spec in self._app.all_served[target.typename].function.states:
                state.setdefault(spec.name, None)  # module.yaml lists them
        messages = [_wrapped(value) if self._protocol == 2 else value for value in values]
        try:
            reply = await self._handler.handle(
                request(target, *messages, state=state, caller=caller, protocol=self._protocol)
            )
        except Exception as error:
            self.failures.append(type(error).__name__)
            self.reasons.append(str(error))
            return
        if self._protocol == 3:
            from_function: Any = v3_pb2.FromFunction.FromString(reply)
            if from_function.HasField("incomplete_invocation_context"):
                missing = [spec.state_name for spec in from_function.incomplete_invocation_context.missing_values]
                if target.typename not in OWN_FUNCTIONS:
                    self.asked.append(missing)
                state.update(dict.fromkeys(missing))
                await self._batch(target, values, caller)
                return
        else:
            from_function = v2_pb2.FromFunction.FromString(reply)
        self._take(target, from_function.invocation_result)

    def _take(self, sender: Address, result: Any) -> None:
        for message in result.outgoing_messages:
            self._queue.append((_address(message.target), [self._value(message.argument)], sender))
        for delayed in result.delayed_invocations:
            token = getattr(delayed, "cancellation_token", "")
            key = [item for item in self._delayed if token and item[5] == token and item[2].id == sender.id]
            if getattr(delayed, "is_cancellation_request", False):
                self._delayed = [item for item in self._delayed if item not in key]
                continue
            assert not key, f"Flink fails the job: the token {token} is pending twice"
            self._count += 1
            due = self._now + delayed.delay_in_ms
            target, value = _address(delayed.target), self._value(delayed.argument)
            self._delayed.append((due, self._count, sender, target, value, token))
        for record in result.outgoing_egresses:
            name = f"{record.egress_namespace}/{record.egress_type}"
            value = self._value(record.argument)
            self._egress.append((name, TypedValue(_IO.get(value.typename, value.typename), value.value)))
        changes = {
            mutation.state_name: None if mutation.mutation_type == 0 else self._stored(mutation.state_value)
            for mutation in result.state_mutations
        }
        assert len(changes) == len(result.state_mutations), "a state is written twice"
        self._states[sender].update(changes)
        if sender.typename not in OWN_FUNCTIONS:
            self.changes.append(readable(changes, self._known))

    def _value(self, argument: Any) -> TypedValue:
        if self._protocol == 3:
            return TypedValue(argument.typename, argument.value)
        return TypedValue(argument.type_url, argument.value)

    def _stored(self, value: Any) -> TypedValue:
        if self._protocol == 3:
            return TypedValue(value.typename, value.value)
        held = v2_pb2.ToFunction().invocation.invocations.add().argument
        held.ParseFromString(value)
        return TypedValue(held.type_url, held.value)

    async def elapse(self, seconds: float) -> None:
        self._now += round(seconds * 1000)

    async def advance(self, seconds: float) -> None:
        until = self._now + round(seconds * 1000)
        while due := sorted(item for item in self._delayed if item[0] <= until):
            first = due[0]
            self._delayed.remove(first)
            self._now = first[0]
            self._queue.append((first[3], [first[4]], first[2]))
            await self._drain()
        self._now = until

    def checkpoint(self) -> dict[Address, dict[str, TypedValue | None]]:
        """The states as of now."""
        return copy.deepcopy(self._states)

    def restore(self, states: dict[Address, dict[str, TypedValue | None]]) -> None:
        """Fail, and return to *states*: later messages run again. No other batch may be running."""
        self._states = copy.deepcopy(states)
        self._delayed, self._sent = [], []

    def state(self, target: Address) -> dict[str, object]:
        held = self._states.get(target, {})
        return {name: value_of(value, self._known) for name, value in held.items() if value is not None}

    def put_state(self, target: Address, name: str, value: object) -> None:
        self._states.setdefault(target, {})[name] = value if isinstance(value, TypedValue) else pack(value)

    @property
    def sent(self) -> list[Sent]:
        return [Sent(target, value_of(value, self._known), value.typename, value.value) for target, value in self._sent]

    @property
    def pending(self) -> list[Pending]:
        return [
            Pending(item[0] - self._now, item[3], value_of(item[4], self._known))
            for item in sorted(self._delayed)
            if item[2].typename not in OWN_FUNCTIONS
        ]

    def egress(self, name: str) -> list[object]:
        values = self._values.setdefault(name, [])
        records = [value for egress, value in self._egress if egress == name]
        values += [value_of(value, self._known) for value in records[len(values) :]]
        return list(values)


_BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_PB = "type.googleapis.com/google.protobuf."
_IO = {
    f"type.googleapis.com/{old}.{name}": f"type.googleapis.com/io.statefun.sdk.egress.{name}"
    for name in ("KafkaProducerRecord", "KinesisEgressRecord")
    for old in ("org.apache.flink.statefun.flink.io",)
}


def _wrapped(value: TypedValue) -> TypedValue:
    """A primitive as 2.x knows it: written by the dialect itself, as the sender would."""
    if not value.typename.startswith(("io.statefun.types/", "statefun-actors/bytes")):
        return value
    reply = V2.write(Done([Send(Address("x/y", "z"), value)], {}), token_prefix=None)
    argument = v2_pb2.FromFunction.FromString(reply).invocation_result.outgoing_messages[0].argument
    return TypedValue(argument.type_url, argument.value)


def _address(address: Any) -> Address:
    return Address(f"{address.namespace}/{address.type}", address.id)


def _kind(protocol: int, cannot: dict[Can, str]) -> EngineKind:
    @asynccontextmanager
    async def start(*served: object, settings: Settings | None = None) -> AsyncGenerator[WireEngine]:
        yield WireEngine(Application(*served, settings=settings_of(settings)), protocol)

    return EngineKind(f"{protocol}.x wire", start, cannot)


_FLINK: Final = {
    Can.ISOLATE: "F8: on Flink the batch is the unit: without a policy it fails as a whole, and Flink retries it",
    Can.EXPIRE: "B26: states expire in Flink, which is told how (StateSpec); seen on a real one only",
}
WIRE_3: Final = _kind(3, _FLINK)
WIRE_2: Final = _kind(
    2,
    {
        **_FLINK,
        Can.CANCEL: "B43: 2.x can't cancel: a token is dropped, and cancel does nothing",
        Can.DECLARE: "B4: 2.x has no handshake: its states are those of module.yaml",
        Can.DECLARE_SOME: "B4: 2.x has no handshake: its states are those of module.yaml",
    },
)
