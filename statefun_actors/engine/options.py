"""What bounds an engine."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from statefun_actors.engine.mailboxes import Mailboxes


@attrs.frozen(kw_only=True)
class EngineOptions:
    """What bounds the engine.

    Args:
        epoch_steps: messages handled before an epoch is sealed though more are waiting.
        batch: messages of one address handled together at the most.
        waiting: messages in memory, above which sources are not read and no delayed message fires while there is
            anything else to do.
        mailbox: messages of one address that are held in memory at the most; those behind them stay in the store.
        held: messages in memory, above which sources are not read and no delayed message fires, although all that
            waits does so for handlers that take their time, or behind messages that keep failing.
        held_bytes: bytes of the values of messages in memory, above which messages from outside are refused.
        suspended: batches that wait for something at the same time; more of their kind wait in line.
        cache_bytes: memory for entities that are in use.
        egress_backlog: durable records that their sinks have not written, above which sources are not read: so much a
            sink may be behind, or down for, before what comes in is slowed to its pace. They lie in the store.
        slice_steps: batches begun before the event loop gets its turn.
        twice: for tests: each batch runs twice, as after a crash that lost the outcome of the first run.
        mailboxes: for tests: makes the mailboxes of a working set.
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
    twice: bool = False
    mailboxes: Callable[..., Mailboxes] = Mailboxes
