"""Rows that answer the callers of messages given up in a stopped store, as a running engine answers them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from statefun_actors.engine import failure_recipient, given_up
from statefun_actors.model import Send
from statefun_actors.partitions import Partition, link, partition_of, write_envelope
from statefun_actors.store import EgressRecord, KeyedRequest, Message, StoreReader
from statefun_actors.text import describe


@attrs.frozen
class FailureRows:
    """Rows for the commit that gives messages up.

    Args:
        messages: failures for reply addresses in this store.
        egress: failures for reply addresses in other partitions.
        requests: the requests with an idempotency key that have failed.
        next_seq: the store's next number.
    """

    messages: Sequence[Message]
    egress: Sequence[EgressRecord]
    requests: Sequence[KeyedRequest]
    next_seq: int


def failure_rows(
    store: StoreReader,
    given_up_messages: Sequence[Message],
    error: BaseException,
    first: int,
    partition: Partition | None,
) -> FailureRows:
    """The rows that answer the callers of *given_up_messages*.

    Args:
        store: the store of the messages.
        given_up_messages: the messages.
        error: why they are given up.
        first: the number of the first row.
        partition: which one *store* is; None: it is the only one.
    """
    messages: list[Message] = []
    egress: list[EgressRecord] = []
    callers: set[str] = set()
    seq = first
    for message in given_up_messages:
        recipient = failure_recipient(message, describe(error))
        if not isinstance(recipient, Send):
            if recipient is not None:
                callers.add(recipient.id)
            continue
        target, value = recipient.target, recipient.value
        to = None if partition is None else partition_of(target, partition.count, partition.placed)
        if partition is None or to is None or to == partition.own:
            messages.append(Message(seq, target, value, message.target, message.headers))
        else:
            written = write_envelope(target, value, message.target, message.headers)
            egress.append(EgressRecord(seq, link(to), written))
        seq += 1
    pending = store.requests(pending=True) if callers else ()
    requests = [given_up(row, describe(error)) for row in pending if row.request in callers]
    return FailureRows(messages, egress, requests, seq)
