"""Lists egress records that are not written yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from statefun_actors.admin.views.json_values import shown_form
from statefun_actors.store import StoreReader
from statefun_actors.types import Codec

_CHUNK = 500


class EgressItem(Struct, frozen=True):
    """A record that is not written yet. *record*: its JSON form."""

    seq: int
    egress: str
    typename: str
    record: object


def list_egress(
    store: StoreReader, known: Mapping[str, Codec] | None = None, name: str | None = None, after: int = -1
) -> Iterator[EgressItem]:
    """The records that are not written yet, oldest first; with *name*, those of that egress; only behind *after*."""
    seq, names = after, None if name is None else [name]
    while found := store.egress_after(seq, _CHUNK, names):
        for record in found:
            yield EgressItem(record.seq, record.egress, record.value.typename, shown_form(record.value, known))
        seq = found[-1].seq
