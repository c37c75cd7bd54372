"""``Gateway``: the backend of the HTTP ingress in front of a Flink cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import Later, Request, order, request
from statefun_actors.deploy import GatewayRoutes, RequestTopic
from statefun_actors.dispatch import Instruments
from statefun_actors.gateway.exchange import Exchange, cancel_of, later_id, no_topic, not_routed
from statefun_actors.gateway.replying import take_reply
from statefun_actors.ingress import (
    Answer,
    AnswerLost,
    Cancel,
    GivenUp,
    IngressMessage,
    OnAnswer,
    ReplyMessage,
    Taken,
    Wait,
    message_digest,
)
from statefun_actors.model import INGRESS

_MOST_LINES: Final = 10_000
"""Messages in one body: far less than the queue of the Kafka client, so that they are not cut in the middle."""


class _Record(Struct, frozen=True):
    """A record for a message whose answer no client waits for. *unsure*: its content, if the job may refuse it."""

    to: RequestTopic
    key: str
    data: bytes
    unsure: Later | None = None


class Gateway:
    """Takes messages for the Flink job of *routes*. Events are reported to *instruments*; None: to none.

    Raises:
        BadPropertyError: the Kafka client refuses a property of module.yaml.
    """

    def __init__(self, routes: GatewayRoutes, instruments: Instruments | None = None) -> None:
        self._routes, self._exchange = routes, Exchange(routes, instruments=instruments)
        self.start, self.close = self._exchange.start, self._exchange.close

    def take(self, message: IngressMessage | ReplyMessage, on_answer: OnAnswer, /) -> Cancel:
        if isinstance(message, ReplyMessage):
            return take_reply(self._exchange, message, on_answer)
        if message.key is not None:
            call = self._exchange.ask_once(
                message.target,
                message.key,
                message_digest(message),
                message.value,
                message.headers,
                message.wait,
                on_answer,
                delay_ms=message.delay_ms,
            )
            if call is not None and message.wait is Wait.TAKEN:
                self._exchange.limit(call)
            return cancel_of(call)
        if message.wait is Wait.TAKEN:
            self._send(message, self._record(message), on_answer)
            return cancel_of(None)
        typename, id = message.target
        to = self._routes.requests.get(typename)
        if to is None:
            on_answer(not_routed(self._routes, typename) or no_topic("messages with ?wait=", typename))
            return cancel_of(None)
        return cancel_of(self._exchange.ask(to, id, message.value, message.headers, message.wait, on_answer))

    def take_all(self, messages: Sequence[IngressMessage], on_answer: OnAnswer, /) -> None:
        """As the backend's. If the brokers fail meanwhile, some may be taken: the answer is lost, and not certain. If
        they or the job refuse some, the others are taken.
        """
        if len(messages) > _MOST_LINES:
            on_answer(
                GivenUp(f"expected at most {_MOST_LINES:,} messages in one request to a gateway, got {len(messages):,}")
            )
            return
        records = [self._record(message) for message in messages]
        faults = [record for record in records if isinstance(record, GivenUp)]
        if faults or not records:
            on_answer(faults[0] if faults else Taken())
            return
        answers: list[Answer] = []

        def one(answer: Answer) -> None:
            answers.append(answer)
            if len(answers) == len(records):
                on_answer(_of_all(answers))

        for message, record in zip(messages, records, strict=True):
            self._send(message, record, one)

    def unready(self) -> str | None:
        return self._exchange.unready()

    def notices(self) -> Sequence[str]:
        """None: what fails in Flink is in its logs."""
        return ()

    def failing(self, target: Address, /) -> str | None:  # noqa: ARG002 - Flink does not tell
        return None

    def _record(self, message: IngressMessage) -> _Record | GivenUp:
        """The record for *message*, which nobody waits for."""
        (typename, id), value = message.target, message.value
        if (refusal := not_routed(self._routes, typename)) is not None:
            return refusal
        content = (value.typename, value.value)
        if message.delay_ms:
            to = self._routes.requests.get(INGRESS)
            if to is None:
                return no_topic("delayed messages", INGRESS)
            later = Later((typename, id), content, message.delay_ms)
            # An endpoint that does not serve the target drops the message, unless its --other-functions has the type.
            unsure = None if self._routes.is_with_ingress(typename) else later
            return _Record(to, later_id(), order(later).value, unsure)
        if (to := self._routes.requests.get(typename)) is not None:
            return _Record(to, id, request(Request(content)).value)
        if (to := self._routes.plain.get((typename, value.typename))) is not None:
            return _Record(to, id, value.value)
        return no_topic(f"messages of type {value.typename}", typename)

    def _send(self, message: IngressMessage, record: _Record | GivenUp, on_answer: OnAnswer) -> None:
        if isinstance(record, GivenUp):
            on_answer(record)
            return
        if record.unsure is not None:
            self._exchange.ask_later(record.to, record.unsure, message.headers, on_answer)
            return

        def produced(error: Answer | None) -> None:
            on_answer(Taken() if error is None else error)

        self._exchange.produce(record.to, record.key, record.data, message.headers, produced)


def _of_all(answers: Sequence[Answer]) -> Answer:
    """The answer to messages of one body, each of which has one of *answers*."""
    refused = [each for each in answers if isinstance(each, GivenUp)]
    unknown = len(answers) - len(refused) - sum(isinstance(each, Taken) for each in answers)
    if unknown:
        return AnswerLost(f"{unknown} of {len(answers)} were not acknowledged", certain=False)
    if refused:
        return GivenUp(f"{len(refused)} of {len(answers)} are refused, and the others taken: {refused[0].reason}")
    return Taken()
