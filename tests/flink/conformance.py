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
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from statefun_actors import Address, Instrument, Settings, TypedValue
from statefun_actors.cluster import missing_tool
from statefun_actors.dispatch import Application
from statefun_actors.types import pack, value_of
from statefun_actors.wire import v3_pb2
from tests.conformance.engine import Can, EngineKind, Pending, Sent, settings_of
from tests.flink.between import BetweenFlinkAndApp
from tests.flink.case_run import MARGIN, Delayed, EarlyError
from tests.flink.jvm import FlinkError
from tests.flink.own_messages import CLOCK, HOLD, MARK, PEEK, PUT, TAP
from tests.flink.session import kafka_session
from tests.flink.tap import in_run


class FlinkEngine(BetweenFlinkAndApp):
    """What a case does, and what it sees of it."""

    protocol = 3
    orders_topics = False

    async def tell(self, target: Address, *messages: object, caller: Address | None = None) -> None:
        await self._put_states()
        values = [pack(message) for message in messages]
        released = asyncio.Event()
        plan = [(target, value) for value in values]
        if len(values) > 1:
            # Flink waits for its first request for a function type to be answered before it does anything else.
            await self._control_each([(target, PEEK), (TAP, PEEK)])
            await self._free(target)
            hold, mark = self._control(HOLD, released), self._control(MARK, released)
            plan = [(target, hold), *plan, (TAP, mark)]
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
        self._fill(delayed, TAP, self._control(CLOCK, fired))
        self._say(TAP, speech)
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

    def _due(self) -> list[Delayed]:
        return [each for each in self._delayed.values() if not each.cancelled and each.due <= self._now]

    async def _settled(self) -> None:
        """Return when nothing is on its way, with the states that Flink now holds."""
        await self._until(lambda: not (self._on_their_way or self._records_due), "all that follows to happen")
        touched, self._touched = self._touched, set()
        await self._control_each([(target, PEEK) for target in touched])

    async def _free(self, target: Address) -> None:
        """Return when no request for *target* is under way, the answer to the last one having arrived at Flink, too.

        It answers with a message, so what was held back by it has left when that message comes.
        """
        arrived, answer = asyncio.Event(), v3_pb2.FromFunction()
        self._fill(answer.invocation_result.outgoing_messages.add(), TAP, self._control(MARK, arrived))
        self._say(target, answer)
        await self._until(arrived.is_set, "an answer to arrive")

    async def _put_states(self) -> None:
        for target, _, _ in self._puts:
            self._touched.add(target)
        await self._control_each([(target, f"{PUT}/{at}") for at, (target, _, _) in enumerate(self._puts)])
        self._puts.clear()


@asynccontextmanager
async def start(
    *served: object, settings: Settings | None = None, instruments: Sequence[Instrument] = ()
) -> AsyncGenerator[FlinkEngine]:
    session = kafka_session()
    app = Application(*served, settings=settings_of(settings), instruments=instruments)
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
