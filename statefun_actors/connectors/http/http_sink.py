"""A sink that is an HTTP endpoint: one POST per record, repeated until it succeeds.

Records with one key (that of a Kafka record, the partition key of a Kinesis record) are sent one after another, in
order; others are sent concurrently, without an order, as in Kafka. Each is sent at least once. All attempts of a record
have the same ``Idempotency-Key``, which is unique, so a receiver that drops duplicates gets each record exactly once:
its first part is random per store and egress, and durable before it is sent; the second is the number of the record.
Its last part is a checksum of the value: a store that is a restored backup gives numbers again, to other records maybe.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
import zlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, assert_never

import msgspec

from statefun_actors.backoff import Backoff
from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.http.endpoint import Endpoint, Failures
from statefun_actors.connectors.http.lanes import Lanes, Stuck
from statefun_actors.connectors.http.options import FIRST_PAUSE, HttpSinkOptions
from statefun_actors.connectors.http.record_headers import sendable
from statefun_actors.connectors.http.shown_url import hidden_from_log
from statefun_actors.connectors.http.verdicts import Answer, Delivered, RecordRefused, TryAgain
from statefun_actors.engine import EgressQueue
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store import EgressRecord
from statefun_actors.types import JSON_TYPENAME, Codec, record_of_typed

REFUSED_RECORDS: Final = "statefun-actors/refused-records"
"""The egress of records that their receiver refuses: ``{"egress", "id", "status", "reason", "record"}``."""

_PATIENCE: Final = 6
"""Failed attempts in a row after which a record is stuck: some 6 seconds without a Retry-After."""
_PATIENT_SECONDS: Final = 6.0
"""A record is also stuck this long after its first failure, and at once if the next attempt is not due before."""


class _HttpPosition(msgspec.Struct, forbid_unknown_fields=True):
    """The committed position: ``http`` is the first part of the ids."""

    http: str


class HttpSink:
    """Sends records to *url*, in the JSON form of egress files, with the headers of their traces.

    Args:
        url: may contain ``user:password@``.
        known: the codecs of the application, by typename.
        headers: headers of each request; names in lower case.
        options: limits and times.
        sleep: waits for a number of seconds; for tests.
        monotonic: a monotonic clock, in seconds; for tests.
    """

    def __init__(
        self,
        url: str,
        known: Mapping[str, Codec] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        options: HttpSinkOptions | None = None,
        sleep: Callable[[float], Coroutine[Any, Any, None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._known, self._sleep, self._monotonic = url, known, sleep, monotonic
        self._headers = dict(headers or {})
        self._options = options if options is not None else HttpSinkOptions()
        self._stream = ""
        self.records = 0
        """The number of records delivered since it was created."""

    def resume(self, position: str | None) -> str | None:
        try:
            self._stream = msgspec.json.decode(position or "", type=_HttpPosition).http
        except msgspec.DecodeError:
            self._stream = uuid.uuid4().hex
            return msgspec.json.encode(_HttpPosition(self._stream)).decode()
        return None

    async def run(self, queue: EgressQueue) -> None:
        import httpx  # noqa: PLC0415 - an extra, needed only to send

        async with contextlib.AsyncExitStack() as closing, asyncio.TaskGroup() as tasks:
            closing.enter_context(hidden_from_log(self._url))
            # A client per connection: a client with many connections checks all of them at each request.
            trusted = httpx.create_ssl_context()
            clients = [
                await closing.enter_async_context(httpx.AsyncClient(timeout=self._options.timeout, verify=trusted))
                for _ in range(self._options.in_flight)
            ]
            endpoint = Endpoint(clients, self._url, self._options, self._sleep, self._monotonic)
            lanes = Lanes(queue)
            for key in lanes.again():
                tasks.create_task(self._through(key, lanes, endpoint))
            while True:
                for record in await queue.take():
                    if lanes.add(key := _key(record), record):
                        tasks.create_task(self._through(key, lanes, endpoint))

    async def _through(self, key: str, lanes: Lanes, endpoint: Endpoint) -> None:
        """Deliver the records of one key, one after another."""
        lane = lanes.open[key]
        while lane:
            record = lane[0]
            id = f"{self._stream}-{record.seq}-{zlib.crc32(record.value.value):08x}"
            content = record_line(record.value, self._known)
            headers = {
                **sendable(record.headers),
                **self._headers,
                "content-type": "application/json",
                "idempotency-key": id,
                "statefun-egress": record.egress,
            }
            failed = Failures()
            while isinstance(
                answer := _final(await endpoint.post(content, headers, again=failed.count > 0), record), TryAgain
            ):
                failed.note(self._monotonic())
                pause = endpoint.pause if answer.whole else max(answer.after, self._pause(failed.count))
                if stuck := self._stuck(answer, pause, failed, endpoint.failed):
                    lanes.stuck(key, stuck, all=endpoint.failed.count > 0)
                if not answer.whole:
                    await self._sleep(pause)
            lanes.moving(key)
            match answer:
                case Delivered():
                    lanes.queue.done([record])
                    self.records += 1
                case RecordRefused():
                    lanes.queue.done_as(record, REFUSED_RECORDS, _refusal(record, id, content, answer))
                case _:
                    assert_never(answer)
            lane.popleft()
            lanes.refill(key)
        lanes.ended(key)

    def _stuck(self, answer: TryAgain, pause: float, failed: Failures, endpoint: Failures) -> Stuck | None:
        """Why a record is stuck, if it is. *failed*: its attempts in a row; *endpoint*: those of the endpoint."""
        now = self._monotonic()
        often = any(each.count >= _PATIENCE or each.lasts(now) >= _PATIENT_SECONDS for each in (failed, endpoint))
        if not often and pause <= _PATIENT_SECONDS:
            return None
        reason = answer.reason
        if pause == answer.after > _PATIENT_SECONDS:
            until = datetime.now(UTC) + timedelta(seconds=pause)
            reason += f"; the next attempt is at {until:%Y-%m-%dT%H:%M:%SZ}, as its Retry-After says"
        return Stuck(reason, often or pause > self._options.longest_pause)

    def _pause(self, attempts: int) -> float:
        return Backoff(FIRST_PAUSE, self._options.longest_pause).seconds(attempts)


def _final(answer: Answer, record: EgressRecord) -> Answer:
    """The refusal of a record about a refusal becomes a retry."""
    if isinstance(answer, RecordRefused) and record.egress == REFUSED_RECORDS:
        return TryAgain(answer.reason, whole=False)
    return answer


def _refusal(record: EgressRecord, id: str, content: bytes, answer: RecordRefused) -> TypedValue:
    report = {"egress": record.egress, "id": id, "status": answer.status, "reason": answer.reason}
    return TypedValue(JSON_TYPENAME, msgspec.json.encode({**report, "record": msgspec.Raw(content)}))


def _key(record: EgressRecord) -> str:
    """The key of a record, for the order; a unique one for records without a key."""
    try:
        sent = record_of_typed(record.value)
    except ValueError:
        sent = None
    if sent is None:
        key = None
    elif isinstance(sent, KafkaRecord):
        key = sent.key
    else:
        key = sent.partition_key
    return f"{record.seq}" if key is None else f"={key}"
