"""Random commits, and reads of a store after them.

``answers`` is all that can be read from a store, as plain values, and ``commits`` are commits at random that fight over
few addresses and numbers: two stores that were given the same commits give the same answers. The checks that each store
passes alone are published: ``statefun_actors.testing.checks``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    KeyedRequest,
    Message,
    RequestState,
    Timer,
)
from statefun_actors.store.contract import StoreReader

_texts = st.sampled_from(["a", "b", "aa", "%", "\0", "a\0", "\ud7ff", "\ue000", "\U0010ffff", "\\u0000", "é"])
_ids = _texts | st.text(min_size=1, max_size=2)
TYPES = ["t/a", "t/b"]
_addresses = st.builds(Address, st.sampled_from(TYPES), _ids)
_owners = st.builds(Address, st.sampled_from(TYPES), st.sampled_from(["a", "\0"]))
_values = st.builds(TypedValue, _texts, st.binary(max_size=3))
_seqs = st.integers(1, 12)
_times = st.integers(0, 6)
_done = st.lists(_seqs, max_size=3)
_headers = st.none() | st.dictionaries(_texts, _texts, max_size=2)
_messages = st.builds(Message, _seqs, _addresses, _values, st.none() | _addresses, _headers)
_outcomes = st.tuples(
    st.sampled_from([RequestState.TAKEN, RequestState.PENDING, RequestState.PENDING_REPLY, RequestState.HANDLED]),
    st.none(),
) | st.tuples(st.sampled_from([RequestState.REPLIED, RequestState.GIVEN_UP]), _values)
_requests = st.builds(
    lambda *key, outcome: KeyedRequest(*key, *outcome),
    _owners,
    st.sampled_from(["k", "\0"]),
    _texts,
    _times,
    st.sampled_from(["1", "12", "0/3", "11/7"]),
    outcome=_outcomes,
)

_T = TypeVar("_T")


def _few(rows: st.SearchStrategy[_T], key: Callable[[_T], Any]) -> st.SearchStrategy[list[_T]]:
    return st.lists(rows, max_size=4, unique_by=key)


commits: st.SearchStrategy[Commit] = st.builds(
    Commit,
    entities=_few(
        st.builds(EntityRow, _addresses, st.binary(max_size=3), st.none() | _times)
        | st.builds(EntityRow, _addresses, st.none()),
        lambda row: row.address,
    ),
    messages=_few(_messages, lambda row: row.seq),
    messages_done=_done,
    timers=_few(
        st.builds(
            Timer,
            _seqs,
            _times,
            _addresses,
            _values,
            st.none() | _owners,
            st.none() | st.sampled_from(["t", "u"]),
            _headers,
        ),
        lambda row: row.seq,
    ),
    timers_done=_done,
    egress=_few(st.builds(EgressRecord, _seqs, _texts, _values, _headers), lambda row: row.seq),
    egress_done=_done,
    dead_letters=_few(
        st.builds(DeadLetterEntry, _seqs, _messages, _texts, st.text(max_size=3), _seqs, _times), lambda row: row.seq
    ),
    dead_letters_done=_done,
    history=_few(
        st.builds(HistoryRow, _seqs, st.sampled_from(["a", "b", "a b"]), st.binary(max_size=3)), lambda row: row.seq
    ),
    history_done=_done,
    requests=_few(_requests, lambda row: (row.target, row.key)),
    requests_done=st.lists(st.tuples(_owners, st.sampled_from(["k", "\0"])), max_size=2, unique=True),
    positions=st.dictionaries(_texts, _texts, max_size=2),
    next_seq=st.integers(1, 20),
)


def answers(store: StoreReader) -> dict[str, object]:
    """All that can be read from a store that was filled by ``commits``, but its history, which is not exported."""
    rows = {typename: list(store.entities(typename)) for typename in TYPES}
    known = [row.address for of_type in rows.values() for row in of_type]
    owners = [Address(typename, id) for typename in TYPES for id in ("a", "\0")]
    recovered = store.recover()
    assert store.types() == [*store.counts()][4:]
    return {
        "recovered": (recovered.next_seq, dict(recovered.positions)),
        "messages": list(store.messages()),
        "messages to": [store.messages_to(owner, after, 2) for owner in (*known, *owners) for after in (0, 3, 5)],
        "entities": rows,
        "prefixes": [
            [*store.entities(t, prefix)] for t in TYPES for prefix in ("a", "\0", "\ud7ff", "\U0010ffff", "%")
        ],
        "load": store.load([*known, *owners]),
        "timers": [store.timers_after(due_ms, seq, 3) for due_ms in range(-1, 7) for seq in (0, 6)],
        "pending": [store.pending_timer(owner, token) for owner in owners for token in ("t", "u")],
        "egress": [store.egress_after(seq, 3, names) for seq in (0, 5) for names in (None, ["a", "\0"], [])],
        "dead letters": list(store.dead_letters()),
        "requests": [list(store.requests()), list(store.requests(pending=True))],
        "requests by key": [store.request(owner, key) for owner in owners for key in ("k", "\0", "l")],
        "requests before": [store.requests_before(time_ms, 2) for time_ms in range(-1, 7)],
        "counts": dict(store.counts()),
        "expired": [store.drop_expired(now_ms, 4) for now_ms in range(7)],
    }


def histories(store: StoreReader) -> list[object]:
    """What can be read of the history of a store that was filled by ``commits``."""
    rows = [store.history(key, seq, 2) for key in ("a", "b", "") for seq in (0, 6, 20)]
    return [store.history_sizes(), *rows]
