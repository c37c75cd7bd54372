"""``Delivery``: what one writer of an egress does with its records: each is written, refused, or waits for its topic.

Records for a topic that does not exist, or that this program may not write, are set aside, and later records for other
topics go on. The brokers are asked for a missing topic again and again, and a write to a denied one is tried again and
again; once that succeeds, its records are written in their order, before newer ones for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice
from typing import Final, TypeAlias

from confluent_kafka import KafkaError

from statefun_actors.backoff import Backoff
from statefun_actors.connectors import in_thread
from statefun_actors.connectors.kafka.complaints import logger
from statefun_actors.connectors.kafka.denied_topics import DeniedTopics
from statefun_actors.connectors.kafka.errors import EgressDownError
from statefun_actors.connectors.kafka.record_errors import (
    no_permission,
    no_topic,
    refused_permanently,
    why_failed,
    why_topics_wait,
)
from statefun_actors.connectors.kafka.record_writer import Record, RecordWriter
from statefun_actors.connectors.kafka.refusals import Refusals, kafka_form
from statefun_actors.engine import EgressQueue
from statefun_actors.store import EgressRecord

WRITER_THREAD: Final = "statefun-actors Kafka egress"
_ASK_AGAIN: Final = Backoff(0.2, 5.0)
_ASKED_BY_NAME: Final = 3
"""Times that brokers are asked for one missing topic. After that, they are asked for all topics at once."""
_ASKED_AT_ONCE: Final = 50
"""Topics for which they are asked by name in a row. One takes some 8 ms, in which nothing else is written."""

Pair: TypeAlias = tuple[EgressRecord, Record]
"""A record, and its form in Kafka."""


class Delivery:
    """Delivers records of *queue* through *writer*.

    Args:
        queue: of the egress.
        writer: of this delivery.
        refusals: of records that can never be delivered.
        delivered: called with the number of records that were written.
    """

    def __init__(
        self,
        queue: EgressQueue,
        writer: RecordWriter,
        refusals: Refusals,
        delivered: Callable[[int], None],
    ) -> None:
        self._queue, self._writer = queue, writer
        self._refusals, self._delivered = refusals, delivered
        self._there: set[str] = set()
        """Topics that existed when they were asked for."""
        self._missing: dict[str, int] = dict.fromkeys(queue.aside.lanes, 0)
        """Topics whose records wait, each with the number of times that it was asked for since."""
        self._still: Collection[str] = ()
        """Those of them that were missing when they were last asked for."""
        self._denied = DeniedTopics()
        self._asked, self._ask_at = 0, self._now()

    async def run(self) -> None:
        """Deliver records until cancelled.

        Raises:
            EgressDownError: the writer can't continue; a new one may.
            StoreError: the store can't be read.
        """
        while True:
            await self._deliver(await self._readable(await self._next()))
            await self._ask_again()
            for topic in [lane for lane in self._queue.aside.lanes if lane not in self._missing]:
                if self._denied.try_at(topic) <= self._now():
                    await self._try(topic)

    async def _next(self) -> list[EgressRecord]:
        """The next new records; none, if something is to do for those that wait."""
        lanes = self._queue.aside.lanes
        times = [self._ask_at if lane in self._missing else self._denied.try_at(lane) for lane in lanes]
        pause = max(0.0, min(times) - self._now()) if times else None
        try:
            async with asyncio.timeout(pause):
                return await self._queue.take()
        except TimeoutError:
            return []

    async def _deliver(self, pairs: Sequence[Pair]) -> None:
        """Deliver new records: those of missing topics, and of topics whose earlier records wait, are set aside."""
        unknown = {record.topic for _, record in pairs} - self._there - set(self._queue.aside.lanes)
        if unknown:
            by_name = set(islice(unknown, _ASKED_AT_ONCE))
            missing = await in_thread(WRITER_THREAD, lambda: self._writer.missing(unknown, by_name))
            self._there |= unknown - missing
            self._miss(missing)
        waiting = {*self._missing, *self._queue.aside.lanes}
        await self._through(self._set_aside(pairs, waiting))

    async def _try(self, topic: str) -> None:
        """Write the first records that wait for *topic*."""
        tries = self._denied.tries(topic)
        if tries:
            # Without this question the client would notice the permission only minutes later.
            self._miss(await in_thread(WRITER_THREAD, lambda: self._writer.missing([topic], {topic})))
            if topic in self._missing:
                self._denied.forget(topic)
                return
        await self._through(await self._readable(self._queue.take_aside(topic)))
        if tries and self._denied.tries(topic) == tries:
            self._denied.forget(topic)
            logger.warning("egress %s: writes to topic %r succeed now", self._queue.egress, topic)
            self._report()

    async def _readable(self, records: Sequence[EgressRecord]) -> list[Pair]:
        """The records with their forms in Kafka; those without one are refused."""
        found = list[Pair]()
        for kept in records:
            form = kafka_form(kept)
            if isinstance(form, str):
                self._refusals.refuse(kept, form)
            else:
                found.append((kept, form))
        await self._refusals.durable()
        return found

    def _miss(self, topics: Collection[str]) -> None:
        if topics:
            self._there.difference_update(topics)
            soon = self._now() + _ASK_AGAIN.seconds(1)
            # Topics that turn out to be missing all the time must not delay the question for the first ones.
            self._ask_at = min(soon, self._ask_at) if self._missing else soon
            self._missing.update(dict.fromkeys(topics, 0))
            self._asked = 0

    def _deny(self, topics: Collection[str]) -> None:
        for topic in topics:
            if self._denied.deny(topic, self._now()):
                logger.warning("egress %s: %s", self._queue.egress, why_topics_wait([], [topic]))
        if topics:
            self._report()

    def _set_aside(self, pairs: Sequence[Pair], topics: Collection[str]) -> list[Pair]:
        """Set aside those for *topics* that are not written; return the others."""
        left = []
        for kept, record in pairs:
            if record.topic in topics and not self._writer.has(record):
                self._queue.set_aside([kept], record.topic)
            else:
                left.append((kept, record))
        return left

    async def _ask_again(self) -> None:
        """Ask for the missing topics, if it is time, and report those that are still missing."""
        now = self._now()
        if not self._missing or now < self._ask_at:
            return
        lanes = self._queue.aside.lanes
        topics = {topic: asked for topic, asked in self._missing.items() if topic in lanes}
        to_name = [topic for topic, asked in topics.items() if asked < _ASKED_BY_NAME]
        by_name = set(to_name[:_ASKED_AT_ONCE])
        still = await in_thread(WRITER_THREAD, lambda: self._writer.missing(topics, by_name))
        for topic, asked in topics.items():
            if topic in still and topic in by_name and not asked:
                logger.warning("egress %s: %s", self._queue.egress, why_topics_wait([topic], []))
            elif topic not in still and asked:
                logger.warning("egress %s: topic %r exists now; its records are written", self._queue.egress, topic)
        self._missing = {topic: asked + (topic in by_name) for topic, asked in topics.items() if topic in still}
        self._still = still
        self._report()
        self._asked = self._asked + 1 if len(to_name) <= _ASKED_AT_ONCE else 1
        self._ask_at = self._now() + _ASK_AGAIN.seconds(self._asked)

    def _report(self) -> None:
        """Report which lanes are stuck, and why."""
        denied = [topic for topic in self._queue.aside.lanes if topic in self._denied]
        stuck = {*self._still, *denied}
        self._queue.lanes_stuck(stuck, why_topics_wait(sorted(self._still), sorted(denied)) if stuck else None)

    async def _through(self, pairs: Sequence[Pair]) -> None:
        """Deliver or refuse *pairs*, in order; those whose topic turns out to be missing or denied are set aside."""
        there = [kept for kept, record in pairs if self._writer.has(record)]
        if there:
            self._queue.done(there)
            pairs = [pair for pair in pairs if not self._writer.has(pair[1])]
        while pairs:
            failed = await self._written(pairs)
            if not failed:
                self._done(pairs)
                return
            if not self._writer.atomic:
                self._done([pair for pair in pairs if pair[0].seq not in failed])
                pairs = [pair for pair in pairs if pair[0].seq in failed]
            errors = [(record.topic, failed[kept.seq]) for kept, record in pairs if kept.seq in failed]
            missing = {topic for topic, error in errors if no_topic(error)}
            denied = {topic for topic, error in errors if no_permission(error)}
            if missing or denied:  # no other record is the cause
                self._miss(missing)
                pairs = self._set_aside(pairs, missing | denied)
                self._deny(denied)
                continue
            first = next(index for index, (kept, _) in enumerate(pairs) if kept.seq in failed)
            if before := pairs[:first]:
                if again := await self._written(before):
                    failing = next(record for kept, record in before if kept.seq in again)
                    raise EgressDownError(why_failed(failing.topic, again[failing.seq]))
                self._done(before)
            await self._alone(pairs[first])
            pairs = pairs[first + 1 :]

    async def _alone(self, pair: Pair) -> None:
        """Retry alone a record that has failed with others, which may be the cause."""
        kept, record = pair
        failed = await self._written([pair])
        if not failed:
            self._done([pair])
        elif refused_permanently(error := failed[kept.seq]):
            self._refusals.refuse(kept, why_failed(record.topic, error))
            await self._refusals.durable()
        else:
            raise EgressDownError(why_failed(record.topic, error))

    async def _written(self, pairs: Sequence[Pair]) -> Mapping[int, KafkaError]:
        through = self._queue.written_through([kept for kept, _ in pairs])
        return await in_thread(WRITER_THREAD, lambda: self._writer.write([record for _, record in pairs], through))

    def _done(self, pairs: Sequence[Pair]) -> None:
        if pairs:
            self._queue.done([kept for kept, _ in pairs])
            self._delivered(len(pairs))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
