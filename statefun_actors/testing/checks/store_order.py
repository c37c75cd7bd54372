"""Messages, timers, records and dead letters come back in order, until they are done."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    HistoryRow,
    Message,
    Store,
    Timer,
    size_of,
)
from statefun_actors.testing.checks.common import ADA, BOB, VALUE, check, entity, seqs


@check
async def every_store_takes_rows_of_a_gigabyte(store: Store) -> None:
    assert store.largest_row >= 1_000_000_000


@check
async def the_last_state_counts_and_a_deleted_row_is_gone(store: Store) -> None:
    await store.commit(Commit(entities=[entity("ada", b"1", 100), entity("bob", b"1")]))
    await store.commit(Commit(entities=[entity("ada", b"2"), entity("bob", None), entity("never there", None)]))

    assert list(store.entities("bank/account")) == [entity("ada", b"2")]
    assert store.load([BOB, ADA]) == [None, b"2"]
    assert store.drop_expired(1_000, 10) == []


@check
async def load_answers_in_the_order_of_the_question(store: Store) -> None:
    everyone = [Address(f"bank/{kind}", f"{n:03}") for n in range(150) for kind in ("account", "branch")]
    await store.commit(Commit(entities=[EntityRow(a, f"{a}".encode()) for a in everyone if a.id != "007"]))

    for few in (1, 2, 4, 5, 16, 63, 64, 65, 300):
        asked = [*everyone[::-1][:few], Address("bank/account", "007"), everyone[0], everyone[0]]
        assert store.load(asked) == [None if a.id == "007" else f"{a}".encode() for a in asked]


@check
async def messages_come_back_in_the_order_of_their_birth_until_done(store: Store) -> None:
    await store.commit(Commit(messages=[Message(n, ADA, VALUE) for n in (5, 3, 9)]))
    await store.commit(Commit(messages=[Message(4, BOB, VALUE)], messages_done=[9, 77]))

    assert [message.seq for message in store.messages()] == [3, 4, 5]


@check
async def thousands_of_messages_come_back_in_order(store: Store) -> None:
    await store.commit(Commit(messages=[Message(n, ADA, VALUE) for n in range(2_500, 0, -1)]))

    assert [message.seq for message in store.messages()] == list(range(1, 2_501))


@check
async def messages_to_one_address_come_page_by_page(store: Store) -> None:
    await store.commit(Commit(messages=[Message(n, ADA if n % 3 else BOB, VALUE) for n in range(1, 12)]))
    await store.commit(Commit(messages_done=[2]))

    assert [m.seq for m in store.messages_to(ADA, 0, 3)] == [1, 4, 5]
    assert [m.seq for m in store.messages_to(ADA, 5, 3)] == [7, 8, 10]
    size = size_of(Message(1, ADA, VALUE))
    assert [m.seq for m in store.messages_to(ADA, 0, 9, size + 1)] == [1, 4]
    assert [m.seq for m in store.messages_to(ADA, 4, 9, 1)] == [5]
    assert [m.seq for m in store.messages_to(ADA, 0, 3, 9 * size)] == [1, 4, 5]
    assert store.messages_to(BOB, 6, 10) == [Message(9, BOB, VALUE)]
    assert store.messages_to(BOB, 9, 10) == store.messages_to(Address("bank/account", "nobody"), 0, 10) == []


@check
async def timers_come_page_by_page_in_the_order_of_due_time_then_birth(store: Store) -> None:
    due = {1: 50, 2: 10, 3: 50, 4: 50, 5: 7, 6: 1 << 50, 7: 0, 8: -5}
    await store.commit(Commit(timers=[Timer(seq, due_ms, ADA, VALUE) for seq, due_ms in due.items()]))

    pages, after = [], (-10, 0)
    while page := store.timers_after(*after, limit=2):
        pages.append(seqs(page))
        after = (page[-1].due_ms, page[-1].seq)
    assert pages == [[8, 7], [5, 2], [1, 3], [4, 6]]
    assert seqs(store.timers_after(50, 1, 10)) == [3, 4, 6]
    assert seqs(store.timers_after(50, 0, 1)) == [1]
    assert seqs(store.timers_after(49, 99, 2)) == [1, 3]
    size = size_of(Timer(1, 50, ADA, VALUE))
    assert seqs(store.timers_after(0, 0, 9, 2 * size)) == [7, 5]
    assert seqs(store.timers_after(10, 2, 9, 1)) == [1]
    assert seqs(store.timers_after(10, 2, 2, 9 * size)) == [1, 3]


@check
async def a_pending_timer_is_found_by_its_owner_and_token(store: Store) -> None:
    timers = [
        Timer(1, 10, BOB, VALUE, ADA, "t"),
        Timer(2, 20, BOB, VALUE, BOB, "t"),
        Timer(3, 30, BOB, VALUE, ADA, "u"),
        Timer(4, 40, BOB, VALUE, None, "t"),
        Timer(5, 50, BOB, VALUE, ADA, None),
    ]
    await store.commit(Commit(timers=timers))

    assert store.pending_timer(ADA, "t") == timers[0]
    assert store.pending_timer(BOB, "t") == timers[1]
    assert store.pending_timer(ADA, "u") == timers[2]
    assert store.pending_timer(BOB, "u") is None

    again = Timer(6, 5, BOB, VALUE, ADA, "t")
    await store.commit(Commit(timers=[again], timers_done=[1]))
    assert store.pending_timer(ADA, "t") == again

    await store.commit(Commit(timers_done=[6]))
    assert store.pending_timer(ADA, "t") is None
    assert seqs(store.timers_after(0, 0, 10)) == [2, 3, 4, 5]


@check
async def what_is_done_goes_before_what_is_born(store: Store) -> None:
    await store.commit(
        Commit(
            messages=[Message(1, ADA, VALUE)], timers=[Timer(2, 5, ADA, VALUE)], egress=[EgressRecord(3, "a", VALUE)]
        )
    )
    await store.commit(
        Commit(
            messages=[Message(1, BOB, VALUE)],
            messages_done=[1],
            timers=[Timer(2, 6, BOB, VALUE)],
            timers_done=[2],
            egress=[EgressRecord(3, "b", VALUE)],
            egress_done=[3],
        )
    )

    assert list(store.messages()) == [Message(1, BOB, VALUE)]
    assert store.timers_after(0, 0, 10) == [Timer(2, 6, BOB, VALUE)]
    assert store.egress_after(0, 10) == [EgressRecord(3, "b", VALUE)]


@check
async def egress_is_kept_in_order_and_found_by_name(store: Store) -> None:
    names = ["a", "b", "a", "c", "b", "a"]
    await store.commit(Commit(egress=[EgressRecord(n, name, VALUE) for n, name in reversed([*enumerate(names, 1)])]))

    assert seqs(store.egress_after(0, 4)) == [1, 2, 3, 4]
    assert seqs(store.egress_after(4, 4)) == [5, 6]
    assert seqs(store.egress_after(1, 2, ["a"])) == [3, 6]
    assert seqs(store.egress_after(0, 9, iter(["c", "b"]))) == [2, 4, 5]
    assert seqs(store.egress_after(0, 9, [])) == []
    assert seqs(store.egress_after(0, 9, ["d"])) == []

    assert store.egress_counts() == {"a": 3, "b": 2, "c": 1}

    await store.commit(Commit(egress_done=[1, 3, 4, 42]))
    assert seqs(store.egress_after(0, 9)) == [2, 5, 6]
    assert store.egress_counts() == {"a": 1, "b": 2}


@check
async def the_history_is_found_by_key_newest_first_until_done(store: Store) -> None:
    rows = [HistoryRow(seq, keys, b"packed" * seq) for seq, keys in enumerate(("a", "b", "a b", "ab"), 1)]
    await store.commit(Commit(history=rows))

    assert store.history("a", 100, 10) == [rows[2], rows[0]]
    assert store.history("a", 3, 10) == [rows[0]]
    assert store.history("a", 100, 1) == [rows[2]]
    assert store.history("b", 100, 10) == [rows[2], rows[1]]
    assert store.history("", 4, 2) == [rows[2], rows[1]]
    assert store.history_sizes() == [(row.seq, len(row.keys) + len(row.packed)) for row in rows]

    await store.commit(Commit(history=[HistoryRow(3, "b", b"again")], history_done=[1, 99]))

    assert store.history("a", 100, 10) == []
    assert store.history("b", 100, 10) == [HistoryRow(3, "b", b"again"), rows[1]]


@check
async def dead_letters_come_oldest_first_until_done(store: Store) -> None:
    letters = [DeadLetterEntry(n, Message(n - 1, ADA, VALUE), "x.Y", f"{n}", n, n) for n in range(2, 900)]
    await store.commit(Commit(dead_letters=letters[::-1]))
    assert list(store.dead_letters()) == letters

    await store.commit(Commit(dead_letters_done=[2, 899, 1_000]))
    assert list(store.dead_letters()) == letters[1:-1]
    assert store.counts()["dead_letters"] == len(letters) - 2
    assert [store.dead_letter(seq) for seq in (1, 2, 3, 899, 5_000)] == [None, None, letters[1], None, None]
