"""``EpochWriter``: where the queues of egresses note what their sinks have written."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from statefun_actors.dispatch import Instruments
from statefun_actors.engine.epoch import Epoch


@attrs.frozen
class EpochWriter:
    """Writes the results of sinks to the open *epoch*; *seq* returns a new sequence number."""

    epoch: Callable[[], Epoch]
    seq: Callable[[], int]
    wake: Callable[[], None]
    """Wake the engine, which has something to commit or to check."""
    instruments: Instruments
    now_ms: Callable[[], int]
