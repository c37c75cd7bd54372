"""What bounds an engine."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class EngineOptions:
    """What bounds the engine.

    Args:
        epoch_steps: messages handled before an epoch is sealed though more are waiting.
        batch: messages of one address handled together at the most.
        waiting: messages waiting in all, above which sources are not read and no delayed message fires.
        cache_bytes: memory for entities that are in use.
        slice_steps: batches begun before the event loop gets its turn.
    """

    epoch_steps: int = 500
    batch: int = 100
    waiting: int = 1_000
    cache_bytes: int = 64 * 1024 * 1024
    slice_steps: int = 128
