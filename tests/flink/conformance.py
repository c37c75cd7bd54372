"""The conformance cases on a real Flink whose messages come from Kafka and whose records go there.

Between the app and Flink stands the tap. It sees what Flink sends and what the app replies, serves ``probe/...``, and
speaks to Flink where a case wants what no ingress can do: it holds a request so that what follows becomes one batch,
sends in the name of a caller, writes a state beforehand, and asks for an entity's states by a message that the app
never sees. It counts messages on their way, so it knows without waiting when all has happened.

What a case tells comes in by StateFun's Kafka ingress. What the app sends to an egress leaves by StateFun's Kafka
egress, and the case sees what a consumer reads from the broker. Such an egress takes Kafka records alone: one that the
app has made goes as it is; of another value the tap makes one.

Flink's time can't be told to go on, so it is scaled: a second of a case takes 200 ms, or 500 where states expire. What
Flink delivers before the case's own time has come so far is not shown yet; that it comes at all, and what does not, is
Flink's doing. A batch that fails is sent again by Flink, and must be the same again; then it is let fall.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

import attrs

from statefun_actors import Address, KafkaRecord, RequestReplyHandler, Settings, TypedValue
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.cluster import missing_tool
from statefun_actors.dispatch import Application
from statefun_actors.model import Expiration
from statefun_actors.types import pack, value_of
from statefun_actors.wire import v3_pb2
from tests.conformance.engine import Can, EngineKind, Pending, Sent, readable, settings_of
from tests.flink.jvm import WAIT_SECONDS, Ended, Event, FlinkError, Record, Started
from tests.flink.over_kafka import FlinkOverKafka, published, read_back
from tests.flink.session import kafka_session
from tests.flink.tap import NOTHING_DONE, Answer, Tap, address_of, in_run

_Value = TypeVar("_Value")

SCALE: Final = 0.2
"""How many seconds one second of a case takes."""
EXPIRING_SCALE: Final = 0.5
"""The same where states expire. Flink's clock judges that, so a slow machine needs more time between two messages."""
SLOWER: Final = ContextVar("SLOWER", default=1.0)
"""By how much more a second of a case takes, where it runs again."""
MARGIN: Final = 0.05
"""Seconds by which Flink's timers and our clock may differ."""

# Messages of the tap's own. Each is alone in its batch.
HOLD: Final = "tap/hold"
MARK: Final = "tap/mark"
SPEAK: Final = "tap/speak"
PEEK: Final = "tap/peek"
PUT: Final = "tap/put"
CLOCK: Final = "tap/clock"
_TAP: Final = Address("probe/tap", "tap")
_FAILED: Final = "the job failed"
_CROWDED: Final = "one of the tap's own messages has company"


class CrowdedError(FlinkError):
    """Flink joined a message of the tap's own with others in one request, so that the case shows nothing."""


class EarlyError(FlinkError):
    """A case failed after Flink had delivered a delayed message before the case's own time: the machine was slow."""


class JobFailedError(FlinkError):
    """The job failed while a case ran: by what the case sent, or another one that ran at the same time."""


@attrs.define
class Delayed:
    """A delayed message that Flink was asked for."""

    due: float
    """In the case's time."""
    really_due: float
    """In the loop's."""
    sender: Address
    target: Address
    value: TypedValue
    token: str
    arrived: bool = False
    cancelled: bool = False
    too_late: bool = False
    """It came before it was cancelled, although in the case's time it had not: the machine was slow."""


@attrs.define
class Arrived:
    """A message that came to an address that the app does not serve."""

    sent: Sent
    delayed: Delayed | None


class FlinkEngine:
    """One application behind the tap.

    Args:
        flink: Flink between its topics.
        tap: what Flink calls.
        app: what the tap calls.
    """

    protocol = 3
    orders_topics = False

    def __init__(self, flink: FlinkOverKafka, tap: Tap, app: Application) -> None:
        self.loop = asyncio.get_running_loop()
        self.failures: list[str] = []
        self.reasons: list[str] = []
        self.changes: list[dict[str, object]] = []
        self.asked: list[list[str]] = []
        self._flink, self._tap, self._app = flink, tap, app
        self._handler = RequestReplyHandler(app)
        self._known = app.codecs()
        specs = [spec for served in app.served.values() for spec in served.function.states]
        self._expires = any(spec.expiration is not Expiration.NONE for spec in specs)
        self._scale = (EXPIRING_SCALE if self._expires else SCALE) * SLOWER.get()
        self.early = False
        """Whether a delayed message came before the case's own time, and was not cancelled."""
        self._now = 0.0
        self._on_their_way = 0
        self._delayed: dict[str, Delayed] = {}
        self._arrived: list[Arrived] = []
        self._expected: list[tuple[str, KafkaRecord]] = []
        self._records_due = 0
        self._records: list[Record] = []
        self._states: dict[Address, dict[str, TypedValue]] = {}
        self._touched: set[Address] = set()
        self._puts: list[tuple[Address, str, TypedValue]] = []
        self._failed: dict[Address, bytes] = {}
        self._spoken: dict[str, v3_pb2.FromFunction] = {}
        self._controls: dict[str, asyncio.Event] = {}
        self._numbers = itertools.count(1)
        self._broken: list[str] = []
        self._changed = asyncio.Event()
        self._run = tap.open(self)
        flink.listeners.append(self._listen)
        flink.takers.append(self._take_record)

    def close(self) -> None:
        self._flink.listeners.remove(self._listen)
        self._flink.takers.remove(self._take_record)
        self._tap.close_run(self._run)

    # --- what a case does

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        await self._put_states()
        values = [pack(message) for message in messages]
        released = asyncio.Event()
        plan = [(target, value) for value in values]
        if len(values) > 1:
            # Flink waits for its first request for a function type to be answered before it does anything else.
            await self._control_each([(target, PEEK), (_TAP, PEEK)])
            await self._free(target)
            hold, mark = self._control(HOLD, released), self._control(MARK, released)
            plan = [(target, hold), *plan, (_TAP, mark)]
        self._on_their_way += len(values)
        if caller is None:
            self._flink.send_all((in_run(self._run, address), value) for address, value in plan)
        else:
            self._speak(caller, plan)
        await self._settled()

    async def advance(self, seconds: float) -> None:
        self._now += seconds
        now = self.loop.time()
        real = [each.really_due - now for each in self._delayed.values() if each.due <= self._now]
        wait = max([seconds * self._scale if self._expires else 0.0, *real]) + MARGIN
        # Flink's timers fire in the order of their times: when this one has, all that were due before it have.
        fired = asyncio.Event()
        speech = v3_pb2.FromFunction()
        delayed = speech.invocation_result.delayed_invocations.add(delay_in_ms=round(wait * 1000))
        self._fill(delayed, _TAP, self._control(CLOCK, fired))
        self._say(_TAP, speech)
        await self._until(fired.is_set, "a timer")
        await self._until(lambda: all(each.arrived for each in self._due()), "delayed messages that are due")
        await self._settled()

    async def elapse(self, seconds: float) -> None:
        self._now += seconds
        await asyncio.sleep(seconds * self._scale + MARGIN)  # Flink's time is the wall clock's

    def state(self, target: Address) -> dict[str, object]:
        held = self._states.get(target, {})
        return {name: value_of(value, self._known) for name, value in held.items()}

    def put_state(self, target: Address, name: str, value: object) -> None:
        self._puts.append((target, name, value if isinstance(value, TypedValue) else pack(value)))

    @property
    def sent(self) -> list[Sent]:
        return [
            each.sent
            for each in self._arrived
            if each.delayed is None or (each.delayed.due <= self._now and not each.delayed.too_late)
        ]

    @property
    def pending(self) -> list[Pending]:
        waiting = [each for each in self._delayed.values() if not each.cancelled and each.due > self._now]
        waiting.sort(key=lambda each: each.due)
        return [
            Pending(round((each.due - self._now) * 1000), each.target, value_of(each.value, self._known))
            for each in waiting
        ]

    def egress(self, name: str) -> list[object]:
        return [value_of(record.value, self._known) for record in self._records if record.egress == name]

    # --- waiting

    def _due(self) -> list[Delayed]:
        return [each for each in self._delayed.values() if not each.cancelled and each.due <= self._now]

    async def _settled(self) -> None:
        """Return when nothing is on its way, with the states that Flink now holds."""
        await self._until(lambda: self._on_their_way == self._records_due == 0, "all that follows to happen")
        touched, self._touched = self._touched, set()
        await self._control_each([(target, PEEK) for target in touched])

    async def _free(self, target: Address) -> None:
        """Return when no request for *target* is under way, the answer to the last one having arrived at Flink, too.

        It answers with a message, so what was held back by it has left when that message comes.
        """
        arrived, answer = asyncio.Event(), v3_pb2.FromFunction()
        self._fill(answer.invocation_result.outgoing_messages.add(), _TAP, self._control(MARK, arrived))
        self._say(target, answer)
        await self._until(arrived.is_set, "an answer to arrive")

    async def _put_states(self) -> None:
        for target, _, _ in self._puts:
            self._touched.add(target)
        await self._control_each([(target, f"{PUT}/{at}") for at, (target, _, _) in enumerate(self._puts)])
        self._puts.clear()

    async def _control_each(self, controls: list[tuple[Address, str]]) -> None:
        """Send each of the tap's own messages, and return when all have come."""
        came = [asyncio.Event() for _ in controls]
        self._flink.send_all(
            (in_run(self._run, target), self._control(kind, event))
            for (target, kind), event in zip(controls, came, strict=True)
        )
        await self._until(lambda: all(event.is_set() for event in came), "Flink to call")

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not (reached() or self._broken):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise FlinkError(f"{WAIT_SECONDS:g} s went by, waiting for {what}\n{self._flink.log()}") from None
        if self._broken:
            crowded = _CROWDED in self._broken[0]
            kind = JobFailedError if self._broken[0] == _FAILED else CrowdedError if crowded else FlinkError
            raise kind(f"{self._broken[0]}, waiting for {what}\n{self._flink.log()}")

    def _listen(self, event: Event) -> None:
        if isinstance(event, Started | Ended):
            self._soon(self._broke, _FAILED if isinstance(event, Started) else "the JVM ended")

    def _broke(self, why: str) -> None:
        self._broken.append(why)
        self._changed.set()

    def _take_record(self, record: KafkaRecord) -> bool:
        """Whether this run has been waiting for *record*. Called in the thread that reads records."""
        for expected in tuple(self._expected):
            if expected[1] == record:
                self._expected.remove(expected)
                self._soon(self._arrive, Record(expected[0], read_back(record)))
                return True
        return False

    def _arrive(self, record: Record) -> None:
        self._records.append(record)
        self._records_due -= 1
        self._changed.set()

    def _soon(self, call: Callable[[_Value], None], value: _Value) -> None:
        with contextlib.suppress(RuntimeError):  # this run has just ended, and its loop with it
            self.loop.call_soon_threadsafe(call, value)

    # --- the tap's own messages

    def _control(self, kind: str, event: asyncio.Event) -> TypedValue:
        name = f"{kind}/{next(self._numbers)}"
        self._controls[name] = event
        return TypedValue(name, b"-")

    def _speak(self, caller: Address, plan: list[tuple[Address, TypedValue]]) -> None:
        speech = v3_pb2.FromFunction()
        for target, value in plan:
            self._fill(speech.invocation_result.outgoing_messages.add(), target, value)
        self._say(caller, speech)

    def _say(self, speaker: Address, speech: v3_pb2.FromFunction) -> None:
        control = self._control(SPEAK, asyncio.Event())
        self._spoken[control.typename] = speech
        self._flink.send(in_run(self._run, speaker), control)

    def _fill(
        self,
        message: v3_pb2.FromFunction.Invocation | v3_pb2.FromFunction.DelayedInvocation,
        target: Address,
        value: TypedValue,
    ) -> None:
        address = in_run(self._run, target)
        message.target.namespace, message.target.type, message.target.id = address.namespace, address.name, address.id
        message.argument.typename, message.argument.value = value.typename, value.value
        message.argument.has_value = True

    async def _controlled(self, name: str, target: Address, request: v3_pb2.ToFunction) -> Answer:
        event = self._controls[name]
        if name.startswith((PEEK, PUT)) and self._misses(target, request):
            return self._asking(await self._handled(target, request))  # before it looks at any message
        reply = NOTHING_DONE
        if name.startswith(HOLD):
            await event.wait()
        elif name.startswith(SPEAK):
            reply = Answer(self._spoken[name].SerializeToString())
        elif name.startswith(PEEK):
            self._peek(target, request)
        elif name.startswith(PUT):
            speech = v3_pb2.FromFunction()
            _, state_name, value = self._puts[int(name.split("/")[2])]
            mutation = speech.invocation_result.state_mutations.add(state_name=state_name, mutation_type=1)
            mutation.state_value.typename, mutation.state_value.value = value.typename, value.value
            mutation.state_value.has_value = True
            reply = Answer(speech.SerializeToString())
        event.set()
        self._changed.set()
        return reply

    def _look_only(self, controls: list[str], target: Address, request: v3_pb2.ToFunction) -> None:
        """Take the tap's own messages out of a batch that holds others too.

        Such a batch is made where a delayed message comes early, before the case's own time has come so far: the
        states that Flink sends with it are those of the case's time. A message that needs more than a look fails it.
        """
        batch = request.invocation
        assert all(name.startswith((PEEK, MARK, CLOCK)) for name in controls), _CROWDED
        if self._misses(target, request):
            controls = [name for name in controls if not name.startswith(PEEK)]  # they come again, with the states
        for name in controls:
            if name.startswith(PEEK):
                self._peek(target, request)
            self._controls[name].set()
        others = [each for each in batch.invocations if not each.argument.typename.startswith("tap/")]
        del batch.invocations[:]
        batch.invocations.extend(others)
        self._changed.set()

    def _peek(self, target: Address, request: v3_pb2.ToFunction) -> None:
        self._states[target] = {
            entry.state_name: TypedValue(entry.state_value.typename, entry.state_value.value)
            for entry in request.invocation.state
            if entry.state_value.has_value
        }

    def _misses(self, target: Address, request: v3_pb2.ToFunction) -> bool:
        """Whether Flink does not know all states of *target* yet."""
        served = self._app.served.get(target.typename)
        return served is not None and not served.state_names <= {state.state_name for state in request.invocation.state}

    def _asking(self, reply: v3_pb2.FromFunction) -> Answer:
        """A reply that asks for states, with their time to live in Flink's time."""
        missing = reply.incomplete_invocation_context.missing_values
        self.asked.append([spec.state_name for spec in missing])
        for spec in missing:
            expiration = spec.expiration_spec
            expiration.expire_after_millis = round(expiration.expire_after_millis * self._scale)
        return Answer(reply.SerializeToString())

    # --- between Flink and the app

    async def answer(self, request: v3_pb2.ToFunction) -> Answer:
        try:
            return await self._answer(request)
        except Exception as error:  # a case is told what is wrong with its engine
            self._broken.append(f"the tap failed: {type(error).__name__}: {error}")
            self._changed.set()
            return NOTHING_DONE

    async def _answer(self, request: v3_pb2.ToFunction) -> Answer:
        batch = request.invocation
        target = address_of(batch.target)
        controls = [name for each in batch.invocations if (name := each.argument.typename).startswith("tap/")]
        if controls and len(batch.invocations) == 1:
            return await self._controlled(controls[0], target, request)
        if controls:
            self._look_only(controls, target, request)
            if not batch.invocations:
                return NOTHING_DONE
        served = target.typename in self._app.all_served
        came = [self._take(invocation) for invocation in batch.invocations]
        came_to_something = target not in self._failed
        if served:
            self._touched.add(target)
            reply = await self._reply(request, target)
        else:
            reply = v3_pb2.FromFunction()
            reply.invocation_result.SetInParent()
        if reply is None:
            return Answer(None)
        if reply.HasField("incomplete_invocation_context"):
            return self._asking(reply)
        for delayed, value in came:
            if not served:
                sent = Sent(target, value_of(value, self._known), value.typename, value.value)
                self._arrived.append(Arrived(sent, delayed))
            if delayed is None:
                self._on_their_way -= 1
            else:
                delayed.arrived = True
                self.early = self.early or (delayed.due > self._now and not delayed.cancelled)
        if served and came_to_something and target.typename not in OWN_FUNCTIONS:
            self._note_changes(reply.invocation_result)
        self._send_on(target, reply.invocation_result)
        self._changed.set()
        return Answer(reply.SerializeToString())

    def _note_changes(self, result: v3_pb2.FromFunction.InvocationResponse) -> None:
        written = {
            mutation.state_name: TypedValue(mutation.state_value.typename, mutation.state_value.value)
            if mutation.mutation_type
            else None
            for mutation in result.state_mutations
        }
        self.changes.append(readable(written, self._known))

    def _take(self, invocation: v3_pb2.ToFunction.Invocation) -> tuple[Delayed | None, TypedValue]:
        """An invocation as the app is to see it; which delayed message it is, and its value."""
        invocation.caller.id = invocation.caller.id.partition(":")[2]
        number, mark, typename = invocation.argument.typename.rpartition("!")
        invocation.argument.typename = typename
        value = TypedValue(typename, invocation.argument.value)
        return (self._delayed[number] if mark else None), value

    async def _reply(self, request: v3_pb2.ToFunction, target: Address) -> v3_pb2.FromFunction | None:
        """The app's reply; None where it fails, an empty result where it failed with the same before."""
        data = request.SerializeToString(deterministic=True)
        if target in self._failed:
            assert self._failed.pop(target) == data, "Flink sent a failed batch again, but not as it was"
            reply = v3_pb2.FromFunction()
            reply.invocation_result.SetInParent()
            return reply
        try:
            return await self._handled(target, request)
        except Exception as error:
            self.failures.append(type(error).__name__)
            self.reasons.append(str(error))
            self._failed[target] = data
            return None

    async def _handled(self, target: Address, request: v3_pb2.ToFunction) -> v3_pb2.FromFunction:
        request.invocation.target.id = target.id
        return v3_pb2.FromFunction.FromString(await self._handler.handle(request.SerializeToString()))

    def _send_on(self, sender: Address, result: v3_pb2.FromFunction.InvocationResponse) -> None:
        """Record the requests of a reply, and return it in the form that Flink gets."""
        now = self.loop.time()
        for message in result.outgoing_messages:
            message.target.id = f"{self._run}:{message.target.id}"
            self._on_their_way += 1
        for delayed in result.delayed_invocations:
            token = delayed.cancellation_token
            if delayed.is_cancellation_request:
                for each in self._delayed.values():
                    if each.token == token and each.sender.id == sender.id and not each.cancelled:
                        each.cancelled = True
                        each.too_late = each.arrived or now > each.really_due - MARGIN
                continue
            number = str(next(self._numbers))
            argument, delay = delayed.argument, delayed.delay_in_ms / 1000
            self._delayed[number] = Delayed(
                self._now + delay,
                now + delay * self._scale,
                sender,
                address_of_sent(delayed.target),
                TypedValue(argument.typename, argument.value),
                token,
            )
            delayed.target.id = f"{self._run}:{delayed.target.id}"
            delayed.delay_in_ms = max(1, round(delayed.delay_in_ms * self._scale))
            argument.typename = f"{number}!{argument.typename}"
        for record in result.outgoing_egresses:
            name = f"{record.egress_namespace}/{record.egress_type}"
            value, expected = published(self._run, name, TypedValue(record.argument.typename, record.argument.value))
            record.argument.typename, record.argument.value = value.typename, value.value
            self._records_due += 1
            self._expected.append((name, expected))


def address_of_sent(address: v3_pb2.Address) -> Address:
    """As the app wrote it."""
    return Address(f"{address.namespace}/{address.type}", address.id)


@asynccontextmanager
async def start(*served: object, settings: Settings | None = None) -> AsyncGenerator[FlinkEngine]:
    session = kafka_session()
    app = Application(*served, settings=settings_of(settings))
    for typename in app.served:
        # An unknown one fails the job over and over, and every case after this one with it.
        assert typename.startswith("conf/"), f"{typename}: conformance.yaml knows conf/* only"
    engine = FlinkEngine(session.flink, session.tap, app)
    try:
        yield engine
    except AssertionError as error:
        if not engine.early or isinstance(error, FlinkError):
            raise
        raise EarlyError("a delayed message came before the case's own time") from error
    finally:
        engine.close()


FLINK: Final = EngineKind(
    "Flink + Kafka",
    start,
    {
        Can.ISOLATE: "F8: on Flink the batch is the unit: without a policy it fails as a whole, and Flink retries it",
        Can.DECLARE_SOME: "B2: Flink asks for all states of a function type at its first request",
        Can.UNDECLARED: "V24: Flink knows no states but those that were declared",
        Can.TELL_TIME: "R1: on Flink recurring messages follow its real time, which a case can't let pass",
        Can.RETYPE: "V24: on Flink the typename of a state stays frozen: it fails a job that writes another",
    },
    missing_tool,
)
