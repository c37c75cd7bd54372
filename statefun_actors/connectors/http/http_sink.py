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
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, assert_never

import attrs
import msgspec

from statefun_actors.backoff import Backoff
from statefun_actors.connectors.files import record_line
from statefun_actors.connectors.http.lanes import Lanes, Stuck
from statefun_actors.connectors.http.record_headers import sendable
from statefun_actors.connectors.http.shown_url import hidden_from_log
from statefun_actors.connectors.http.verdicts import Answer, Delivered, RecordRefused, TryAgain, meaning
from statefun_actors.engine import EgressQueue
from statefun_actors.model import KafkaRecord, TypedValue
from statefun_actors.store import EgressRecord
from statefun_actors.types import JSON_TYPENAME, Codec, record_of_typed

if TYPE_CHECKING:
    import httpx

REFUSED_RECORDS: Final = "statefun-actors/refused-records"
"""The egress of records that their receiver refuses: ``{"egress", "id", "status", "reason", "record"}``."""

_FIRST_PAUSE: Final = 0.2
_MOST_READ: Final = 64 * 1024
"""The bytes of a response that are read, so that the connection can be reused."""
_PATIENCE: Final = 6
"""Failed attempts in a row after which a record is stuck: some 6 seconds without a Retry-After."""
_PATIENT_SECONDS: Final = 6.0
"""A record is also stuck this long after its first failure, and at once if the next attempt is not due before."""


@attrs.frozen(kw_only=True)
class HttpSinkOptions:
    """Options of an HTTP sink. Times are in seconds.

    Args:
        in_flight: the maximum number of concurrent requests.
        timeout: of one request.
        longest_pause: between two attempts, unless the receiver asks for longer.
    """

    in_flight: int = 16
    timeout: float = 30.0
    longest_pause: float = 60.0


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
            endpoint = _Endpoint(clients, self._url, self._options, self._sleep, self._monotonic)
            lanes = Lanes(queue)
            for key in lanes.again():
                tasks.create_task(self._through(key, lanes, endpoint))
            while True:
                for record in await queue.take():
                    if lanes.add(key := _key(record), record):
                        tasks.create_task(self._through(key, lanes, endpoint))

    async def _through(self, key: str, lanes: Lanes, endpoint: _Endpoint) -> None:
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
            failed = _Failures()
            while isinstance(answer := _final(await endpoint.post(content, headers), record), TryAgain):
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

    def _stuck(self, answer: TryAgain, pause: float, failed: _Failures, endpoint: _Failures) -> Stuck | None:
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
        return Backoff(_FIRST_PAUSE, self._options.longest_pause).seconds(attempts)


class _Failures:
    """Failed attempts in a row."""

    def __init__(self) -> None:
        self.count = 0
        self._first = 0.0

    def note(self, now: float) -> None:
        if not self.count:
            self._first = now
        self.count += 1

    def lasts(self, now: float) -> float:
        """The seconds since the first of them; 0 without any."""
        return now - self._first if self.count else 0.0


class _Endpoint:
    """The receiver. While it is down, one attempt at a time is made, with increasing pauses."""

    def __init__(
        self,
        clients: Iterable[httpx.AsyncClient],
        url: str,
        options: HttpSinkOptions,
        sleep: Callable[[float], Coroutine[Any, Any, None]],
        monotonic: Callable[[], float],
    ) -> None:
        self._url, self._options, self._sleep, self._monotonic = url, options, sleep, monotonic
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in clients:
            self._free.put_nowait(client)
        self._probing = asyncio.Lock()
        self.failed = _Failures()
        """The failed attempts in a row while it is down."""
        self.pause = 0.0
        """Seconds before the next attempt while it is down."""

    async def post(self, content: bytes, headers: Mapping[str, str]) -> Answer:
        """Make one attempt, after waiting for others while it is down."""
        client = await self._free.get()
        try:
            if not self.failed.count:
                return self._noted(await self._post(client, content, headers), first=True)
            async with self._probing:
                if self.failed.count:
                    await self._sleep(self.pause)
                return self._noted(await self._post(client, content, headers), first=False)
        finally:
            self._free.put_nowait(client)

    def _noted(self, answer: Answer, *, first: bool) -> Answer:
        if not isinstance(answer, TryAgain) or not answer.whole:
            self.failed = _Failures()
        elif not first or not self.failed.count:  # concurrent failures count once
            self.failed.note(self._monotonic())
            backoff = Backoff(_FIRST_PAUSE, self._options.longest_pause)
            self.pause = max(answer.after, backoff.seconds(self.failed.count))
        return answer

    async def _post(self, client: httpx.AsyncClient, content: bytes, headers: Mapping[str, str]) -> Answer:
        import httpx  # noqa: PLC0415 - already loaded

        said = b""
        try:
            async with (
                asyncio.timeout(self._options.timeout),
                client.stream("POST", self._url, content=content, headers=headers) as response,
            ):
                async for chunk in response.aiter_raw():
                    said += chunk
                    if len(said) > _MOST_READ:
                        break
        except TimeoutError:
            return self._no_answer()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return TryAgain(f"no connection: {error}" if str(error) else "no connection", whole=True)
        except httpx.TimeoutException:
            return self._no_answer()
        except httpx.TransportError as error:
            return TryAgain(f"the connection broke: {error}" if str(error) else "the connection broke", whole=False)
        return meaning(response.status_code, response.headers, said, datetime.now(UTC))

    def _no_answer(self) -> TryAgain:
        return TryAgain(f"no answer within {self._options.timeout:g} s", whole=False)


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
