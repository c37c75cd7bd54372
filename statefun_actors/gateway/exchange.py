"""``Exchange``: the records of one gateway in Kafka, and the calls that wait for their answers."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.asking import ANSWERS, Keyed, Later, Request, key_id, order, read_answer_record, request
from statefun_actors.connectors import in_thread
from statefun_actors.connectors.kafka import Fault, LatestRecords, ProducerError, RecordProducer, make_topic
from statefun_actors.deploy import GatewayRoutes, RequestTopic
from statefun_actors.dispatch import Instruments
from statefun_actors.gateway.calls import WaitingCall
from statefun_actors.gateway.observed import calls_of, records_of
from statefun_actors.ingress import Answer, AnswerLost, Cancel, GivenUp, NotTaken, OnAnswer, Wait
from statefun_actors.model import INGRESS, Headers, TypedValue
from statefun_actors.own_logger import own_logger

if TYPE_CHECKING:
    from confluent_kafka import Message

logger: Final = own_logger("statefun_actors.gateway")

PATIENCE: Final = 10.0
"""Seconds in which the Flink job must confirm a message for which no ?wait= says how long its sender waits."""
CLOSE_SECONDS: Final = 2.0
_ANSWERS_KEPT: Final = {"retention.ms": "3600000"}
"""An hour: answers are read at once, or never."""
_MAKE_EVERY: Final = 2.0
"""Seconds between two attempts to make the topic of the answers, while it can't be read."""


class Exchange:
    """Writes to the topics of *routes*, and reads the answers.

    Args:
        routes: of module.yaml.
        name: its own, in logs and errors.
        instruments: records, calls and replies are reported to them. None: to none.

    Raises:
        BadPropertyError: the Kafka client refuses a property of module.yaml.
    """

    def __init__(self, routes: GatewayRoutes, name: str = "gateway", instruments: Instruments | None = None) -> None:
        self.routes, self._name = routes, name
        self.instruments = Instruments() if instruments is None else instruments
        self._observe_record = records_of(self.instruments)
        self._producers: dict[str, RecordProducer] = {}
        for to in (*routes.requests.values(), *routes.plain.values()):
            address = to.ingress.address
            if address not in self._producers:
                self._producers[address] = RecordProducer(name, address, to.ingress.properties, to.topic)
        self._reader: LatestRecords | None = None
        egress, topic = routes.answers, routes.answers_topic
        self.calls = calls_of(topic or "", self.instruments)
        if egress is not None and topic is not None:
            self._reader = LatestRecords(egress.id, egress.address, egress.properties, topic, self._read)
        self._reading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        for producer in self._producers.values():
            producer.start()
        if self._reader is not None:
            self._reading = asyncio.create_task(self._begin(self._reader))

    async def close(self) -> None:
        """End within CLOSE_SECONDS. Calls that wait get an answer; records under way are waited for."""
        for call in self.calls.waiting():
            call.end(_unanswered(call, "this gateway stops"))
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        closing = [producer.close for producer in self._producers.values()]
        if self._reader is not None:
            closing.append(self._reader.close)
        with contextlib.suppress(TimeoutError):  # brokers that don't answer
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(in_thread(f"{self._name}, ending", close) for close in closing))

    def unready(self) -> str | None:
        """The reason why records can't be written or answers not be read; None if they can."""
        for producer in self._producers.values():
            if producer.down is not None:
                return producer.down
        return self._answers_unread()

    def ask(
        self, to: RequestTopic, id: str, value: TypedValue, headers: Headers | None, wait: Wait, on_answer: OnAnswer
    ) -> WaitingCall | None:
        """Send *value* in an envelope with its caller, who waits; None if that has been answered at once."""
        call = self._open(wait, None, on_answer)
        if call is not None:
            self._write(call, to, id, request(Request((value.typename, value.value), call.id)).value, headers)
        return call

    def ask_once(
        self,
        target: Address,
        key: str,
        digest: str,
        value: TypedValue | None,
        headers: Headers | None,
        wait: Wait,
        on_answer: OnAnswer,
        *,
        delay_ms: int = 0,
    ) -> WaitingCall | None:
        """Send *value* to *target*, once under *key*; None if that has been answered at once.

        Without a *value*, the answer is that to the message that was sent under *key*, NotOpen without one.
        """
        if (refusal := not_routed(self.routes, target[0])) is not None:
            on_answer(refusal)
            return None
        to = self.routes.requests.get(INGRESS)
        if to is None:
            on_answer(no_topic("messages with an Idempotency-Key", INGRESS))
            return None
        # The ingress function waits for what the first message under the key waited for, so any answer ends this call.
        call = self._open(Wait.HANDLED, key, on_answer)
        if call is not None:
            content = None if value is None else (value.typename, value.value)
            keyed = Keyed(call.id, digest, (target[0], target[1]), content, wait.value, delay_ms)
            self._write(call, to, key_id(target, key), order(keyed).value, headers)
        return call

    def ask_later(self, to: RequestTopic, later: Later, headers: Headers | None, on_answer: OnAnswer) -> None:
        """Send *later*, and wait until the ingress function has taken it, or refused it."""
        call = self._open(Wait.HANDLED, None, on_answer)
        if call is not None:
            self._write(call, to, later_id(), order(replace(later, answer_to=call.id)).value, headers)
            self.limit(call)

    def limit(self, call: WaitingCall) -> None:
        """Let *call* end after PATIENCE."""
        reason = f"the Flink job has not answered within {PATIENCE:g} s"
        call.end_after(PATIENCE, lambda: _unanswered(call, reason))

    def produce(
        self,
        to: RequestTopic,
        key: str,
        data: bytes,
        headers: Headers | None,
        on_produced: Callable[[Answer | None], None],
    ) -> None:
        """Write a record, and call *on_produced* with None once it is acknowledged, or with why it was not."""
        observe = self._observe_record

        def produced(error: ProducerError | None) -> None:
            if observe is not None:
                observe(to.topic, error)
            on_produced(None if error is None else _answer_of(error))

        self._producers[to.ingress.address].produce(to.topic, key, data, produced, headers)

    # --- inside

    def _open(self, wait: Wait, key: str | None, on_answer: OnAnswer) -> WaitingCall | None:
        """A new call; None if its answer could not be read, which *on_answer* has got."""
        if self._reader is None:
            on_answer(no_topic("answers", f"{ANSWERS}, an egress, and {INGRESS}"))
        elif (reason := self._answers_unread()) is not None:
            on_answer(NotTaken(reason))
        else:
            return self.calls.open(wait, key, on_answer)
        return None

    def _write(self, call: WaitingCall, to: RequestTopic, key: str, data: bytes, headers: Headers | None) -> None:
        """Write the record of *call*, which ends if that fails."""

        def produced(error: Answer | None) -> None:
            if error is None:
                call.taken = True
            else:
                call.end(error)

        self.produce(to, key, data, headers, produced)

    def _answers_unread(self) -> str | None:
        """Why answers would be missed now; None if they are read, or there are none."""
        if self._reader is None or self._reader.reading:
            return None
        return f"the topic {self.routes.answers_topic} of the answers can't be read now"

    def _read(self, record: Message) -> None:
        if record.key() != self.calls.gateway.encode():
            return
        try:
            content = read_answer_record(record.value() or b"")
        except ValueError as error:
            logger.warning("a record of %s is dropped, since it can't be read: %s", self.routes.answers_topic, error)
            return
        self.calls.answered(content)

    async def _begin(self, reader: LatestRecords) -> None:
        """Read the answers. While their topic is missing, make it, as soon as brokers answer."""
        egress, topic = self.routes.answers, self.routes.answers_topic
        assert egress is not None
        assert topic is not None
        logged: str | None = None
        while True:
            if not reader.reading:
                try:
                    await in_thread(
                        f"{self._name}, making a topic",
                        lambda: make_topic(self._name, egress.address, egress.properties, topic, _ANSWERS_KEPT),
                    )
                except Exception as error:  # such as a file of certificates that has gone
                    if logged != (logged := str(error)):
                        logger.warning("the topic %s can't be made, and is tried again: %s", topic, logged)
                if not reader.started:
                    reader.start()
            await asyncio.sleep(_MAKE_EVERY)


def not_routed(routes: GatewayRoutes, function: str) -> GivenUp | None:
    """The answer if Flink calls no endpoint for *function*, and would fail the job at a message to it."""
    if routes.reach(function):
        return None
    return GivenUp(
        f"module.yaml has no endpoint for {function}, so a message to it would fail the Flink job; write it again with "
        "`statefun-actors module APP --gateway`, and restart the job and this gateway with it"
    )


def later_id() -> str:
    """A new id at the ingress function, for a message that is delayed there."""
    return f"later:{uuid.uuid4().hex}"


def no_topic(what: str, of: str) -> GivenUp:
    """The answer if module.yaml lacks a topic of the function *of*."""
    return GivenUp(
        f"{what} need a topic of {of} in module.yaml; `statefun-actors module APP --gateway` writes one that has it"
    )


def cancel_of(call: WaitingCall | None) -> Cancel:
    """The function that stops waiting for *call*; None = it has been answered."""
    return _not_there if call is None else call.cancel


def _unanswered(call: WaitingCall, reason: str) -> Answer:
    return AnswerLost(reason) if call.taken else AnswerLost(reason, certain=False)


def _answer_of(error: ProducerError) -> Answer:
    """The answer to a message whose record was not acknowledged."""
    match error.fault:
        case Fault.REFUSED:
            return GivenUp(f"Kafka refuses it: {error.reason}")
        case Fault.NOT_TAKEN:
            return NotTaken(error.reason)
        case Fault.UNKNOWN:
            return AnswerLost(error.reason, certain=False)


def _not_there() -> bool:
    return False
