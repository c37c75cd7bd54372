"""``statefun-actors history``: what happened to one entity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.showing import Row, brief, limit_option, show_rows, time_of
from statefun_actors.cli.store.subject import is_subject, subject_of

if TYPE_CHECKING:
    from statefun_actors.admin import HistoryItem, SentItem
    from statefun_actors.store import StoreError

_HELP = f"""Show what happened to one entity, newest first, as of the last commit.

ADDRESS is <namespace>/<name>/<id>. Each row is a message that the entity handled: its sender, the fields that it
changed, what the entity sent, how long that took, and the error and attempts of one that failed. Changes by an operator
are rows, too. {WHICH_STORE}

\b
  statefun-actors history app.py bank/account/ada
  statefun-actors history app.py bank/account/ada --json --limit 1

A run keeps the last 100 messages of each entity; run --history NUMBER sets another number, and 0 records nothing. A row
says how many messages, of any entities, were not recorded, and until when: the engine was at its limit, or they were
too large.

It reads the store, also while an engine runs on it, and changes nothing. {EXIT_CODES}
"""


@click.command(help=_HELP)
@click.argument("words", nargs=-1, metavar="[APP] ADDRESS")
@limit_option()
@store_command
def history(words: tuple[str, ...], limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import view_history
    from statefun_actors.history import NEWER_SHOWN, NO_HISTORY, read_keep

    app, rest = app_and_rest(words, store, is_subject)
    no_more_than(1, rest)
    if not rest:
        raise click.UsageError("expected an ADDRESS: <namespace>/<name>/<id>.")
    place = place_of(app, store)
    with place.reader() as reader:
        address = subject_of(reader, place, rest[0])
        if isinstance(address, str):
            raise click.UsageError(f"expected the address of an entity, such as {address}/ID; got the type {address}.")
        items = view_history(reader, address, place.app, place.known)
        nothing = f"No history of {address} is recorded." if read_keep(reader) else NO_HISTORY
        newer = _NewerRows(items)
        show_rows(
            ["time", "what", "from", "message", "changed", "sent", "took", "error"],
            newer.rows(),
            as_json=as_json,
            limit=limit,
            nothing=nothing,
        )
        if newer.error is not None:
            raise click.ClickException(f"{newer.error} {NEWER_SHOWN}")


class _NewerRows:
    """The rows of *items*, up to one that is damaged; *error* is what reading that raised, if there are newer ones."""

    def __init__(self, items: Iterator[HistoryItem]) -> None:
        self._items = items
        self.error: StoreError | None = None

    def rows(self) -> Iterator[Row]:
        from statefun_actors.history import DamagedHistoryError

        found = False
        try:
            for item in self._items:
                found = True
                yield _row(item)
        except DamagedHistoryError as error:
            if not found:
                raise
            self.error = error


def _row(item: HistoryItem) -> Row:
    changed = [f"{each.field}: {brief(each.before)} → {brief(each.after)}" for each in item.fields]
    cells = (
        time_of(item.time_ms),
        _what(item),
        item.sender or "",
        brief(item.value) if item.typename else "",
        ", ".join(changed),
        ", ".join(map(_sent, item.sent)),
        f"{item.seconds * 1000:.3g} ms" if item.kind == "message" else "",
        f"{item.error_type}: {item.error} (attempt {item.attempts})" if item.error_type else "",
    )
    return cells, _object(item)


def _what(item: HistoryItem) -> str:
    from statefun_actors.history import GAP_REASON, gap_text

    if item.kind == "not recorded":
        return f"{gap_text(item.messages)} until {time_of(item.until_ms)}: {GAP_REASON}"
    if item.kind != "message":
        return f"{item.kind} by an operator"
    return item.typename if item.outcome == "handled" else f"{item.typename}: {item.outcome}"


def _sent(item: SentItem) -> str:
    if item.kind == "cancellation":
        return f"cancelled {item.to}"
    after = f" after {item.after:,.10g} s" if item.after else ""
    return f"{item.kind} {item.typename} to {item.to}{after}"


def _object(item: HistoryItem) -> dict[str, object]:
    if item.kind == "not recorded":
        return {
            "time": time_of(item.time_ms),
            "kind": item.kind,
            "messages": item.messages,
            "until": time_of(item.until_ms),
        }
    changed = {each.field: {"before": each.before, "after": each.after} for each in item.fields}
    if not item.typename:
        return {"time": time_of(item.time_ms), "kind": item.kind, "changed": changed}
    return {
        "time": time_of(item.time_ms),
        "kind": item.kind,
        "number": item.seq,
        "type": item.typename,
        "value": item.value,
        "from": item.sender,
        "outcome": item.outcome,
        "attempts": item.attempts,
        "error": f"{item.error_type}: {item.error}" if item.error_type else None,
        "seconds": item.seconds,
        "together": item.together,
        "changed": changed,
        "sent": [
            {
                "kind": each.kind,
                "number": each.seq or None,
                "to": each.to,
                "type": each.typename or None,
                "value": each.value,
                "after_seconds": each.after or None,
            }
            for each in item.sent
        ],
    }
