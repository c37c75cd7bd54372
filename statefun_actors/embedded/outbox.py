"""Egress records on their way to a sink: durable first, then written, then marked as through.

The mark is committed with a later epoch, together with the sink's position. A crash in between has the sink cut back
to that position and the same records written again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from statefun_actors.embedded.doors import Sink
from statefun_actors.embedded.epoch import Epoch
from statefun_actors.embedded.store import EgressRecord, Store

logger: Final = logging.getLogger("statefun_actors.engine")

_CHUNK: Final = 1_000


class Outbox:
    """Durable records that their sinks have not written yet. Records of egresses without a sink stay in the store."""

    def __init__(self, sinks: Mapping[str, Sink], store: Store, positions: Mapping[str, str], epoch: Epoch) -> None:
        self._sinks = sinks
        self._records: dict[str, list[EgressRecord]] = {name: [] for name in sinks}
        for name, sink in sinks.items():
            # Where a sink begins is durable before it is first written to, since that happens after a commit only.
            if (begun := sink.resume(positions.get(f"sink:{name}"))) is not None:
                epoch.positions[f"sink:{name}"] = begun
        after = 0
        while sinks and (chunk := store.egress_after(after, _CHUNK, list(sinks))):
            self.add(chunk)
            after = chunk[-1].seq
        if any(self._records.values()):
            # They are written after the next commit, so let there be one.
            epoch.on_durable.append(lambda: None)

    def add(self, records: Iterable[EgressRecord]) -> None:
        """These are durable now."""
        for record in records:
            if (waiting := self._records.get(record.egress)) is not None:
                waiting.append(record)

    def flush(self, epoch: Epoch) -> None:
        """Hand what waits to the sinks, and note in the open *epoch* that it is through."""
        for name, records in self._records.items():
            if not records:
                continue
            try:
                position = self._sinks[name].write(records)
            except OSError as error:
                logger.error("egress %s can't be written, its records are kept: %s", name, error)  # noqa: TRY400
                continue
            epoch.egress_done += [record.seq for record in records]
            epoch.positions[f"sink:{name}"] = position
            records.clear()
