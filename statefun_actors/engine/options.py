"""The limits of an engine."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from statefun_actors.dispatch import Dispatch
from statefun_actors.engine.mailboxes import Mailboxes
from statefun_actors.partitions import Partition


@attrs.frozen(kw_only=True)
class EngineOptions:
    """The limits of an engine.

    Args:
        epoch_steps: messages after which an epoch is sealed even if more are waiting.
        batch: maximum messages of one address in a batch.
        waiting: messages that can run above which few delayed messages fire, and sources are not read, or little if
            callers wait for almost all of these messages.
        mailbox: maximum messages of one address in memory; further ones stay in the store.
        held: messages in memory above which sources are not read and messages from outside are refused. Above half of
            it, those that can't run now stay in the store.
        held_bytes: the same for the bytes of messages in memory.
        suspended: batches that are suspended at the same time. A function type may have three quarters of what the
            others leave, and one in any case; further ones wait.
        cache_bytes: memory for entities in use.
        egress_backlog: durable records that sinks have not written above which sources are not read, so that input
            slows down to the pace of a slow sink. They are in the store.
        slice_steps: batches after which the event loop gets a turn.
        history: messages of each entity that its history keeps; 0: nothing is recorded.
        partition: the partition of a system that this engine runs; messages for the others become records of the
            egresses :func:`~statefun_actors.partitions.link`. None: it is the only engine.
        twice: for tests: run each batch twice, as after a crash that lost the outcome of the first run.
        mailboxes: for tests: creates the mailboxes of a working set.
        around: for tests: wraps the function that runs batches.
    """

    epoch_steps: int = 500
    batch: int = 100
    waiting: int = 1_000
    mailbox: int = 1_000
    held: int = 50_000
    held_bytes: int = 256 * 1024 * 1024
    suspended: int = 10_000
    cache_bytes: int = 64 * 1024 * 1024
    egress_backlog: int = 1_000_000
    slice_steps: int = 128
    history: int = 0
    partition: Partition | None = None
    twice: bool = False
    mailboxes: Callable[..., Mailboxes] = Mailboxes
    around: Callable[[Dispatch], Dispatch] | None = None
