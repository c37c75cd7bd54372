"""An exchange without Kafka: orders go straight to the endpoint behind what stands for Flink, and answers come back."""

from __future__ import annotations

import asyncio

from statefun_actors import Address, KafkaRecord
from statefun_actors.asking import ANSWERS, Keyed, key_id, order, read_answer_record
from statefun_actors.gateway.calls import WaitingCalls
from statefun_actors.ingress import OnAnswer, Wait
from statefun_actors.model import INGRESS, Headers, TypedValue
from tests.conformance.engine import Engine


class WireExchange:
    """Sends orders to *engine*, as the exchange of a gateway writes them to Kafka.

    Args:
        engine: takes them.
        lost: the number of orders that are answered; the next one arrives, but not its answer, and the others do not
            arrive. None: all are answered.
            arrive. None: all are answered.
    """

    def __init__(self, engine: Engine, lost: int | None = None) -> None:
        self._engine, self._lost = engine, lost
        self._calls = WaitingCalls("move.gateway.answers")
        self._turn = asyncio.Lock()
        self._read = 0
        self._sending: set[asyncio.Task[None]] = set()

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
    ) -> None:
        call = self._calls.open(Wait.HANDLED, key, on_answer)
        content = None if value is None else (value.typename, value.value)
        keyed = Keyed(call.id, digest, (target[0], target[1]), content, wait.value, delay_ms)
        task = asyncio.create_task(self._send(Address(INGRESS, key_id(target, key)), order(keyed)))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, to: Address, value: TypedValue) -> None:
        async with self._turn:
            if self._lost is not None:
                self._lost -= 1
            if self._lost is None or self._lost >= -1:
                await self._engine.tell(to, value)
            if self._lost is not None and self._lost < 0:
                return
            records = self._engine.egress(ANSWERS)
            for record in records[self._read :]:
                assert isinstance(record, KafkaRecord)
                self._calls.answered(read_answer_record(record.value))
            self._read = len(records)
