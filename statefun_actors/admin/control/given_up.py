"""Who is told that messages of a stopped store were given up, as a running engine tells them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from statefun_actors.engine import given_up, who_waits
from statefun_actors.model import Send
from statefun_actors.partitions import Partition, link, partition_of, write_envelope
from statefun_actors.store import EgressRecord, KeyedRequest, Message, StoreReader
from statefun_actors.text import describe


@attrs.frozen
class Told:
    """Rows of the commit that gives messages up.

    Args:
        messages: to the reply addresses of this store.
        egress: what is handed over to other partitions, for their reply addresses.
        requests: those with an idempotency key that have their answer now.
        next_seq: the next number of the store.
    """

    messages: Sequence[Message]
    egress: Sequence[EgressRecord]
    requests: Sequence[KeyedRequest]
    next_seq: int


def told_of_failures(
    store: StoreReader, given: Sequence[Message], error: BaseException, first: int, partition: Partition | None
) -> Told:
    """What tells those who wait for the answers to messages that these were given up.

    Args:
        store: the store of the messages.
        given: these messages.
        error: why they are given up.
        first: the number of the first row.
        partition: which one *store* is; None: it is the only one.
    """
    messages: list[Message] = []
    egress: list[EgressRecord] = []
    callers: set[str] = set()
    seq = first
    for message in given:
        waiting = who_waits(message, describe(error))
        if not isinstance(waiting, Send):
            if waiting is not None:
                callers.add(waiting.id)
            continue
        target, value = waiting.target, waiting.value
        to = None if partition is None else partition_of(target, partition.count, partition.placed)
        if partition is None or to is None or to == partition.own:
            messages.append(Message(seq, target, value, message.target, message.headers))
        else:
            written = write_envelope(target, value, message.target, message.headers)
            egress.append(EgressRecord(seq, link(to), written))
        seq += 1
    pending = store.requests(pending=True) if callers else ()
    requests = [given_up(row, describe(error)) for row in pending if row.request in callers]
    return Told(messages, egress, requests, seq)
