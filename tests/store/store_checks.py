"""What every store keeps to, written once: each check takes an empty store and fails by an assertion.

``answers`` is all that can be read from a store, as plain values, and ``commits`` are commits at random that fight over
few addresses and numbers: two stores that were given the same commits give the same answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, TypeVar

from hypothesis import strategies as st

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    CommitRefusedError,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    KeyedRequest,
    Message,
    Recovered,
    RequestState,
    Store,
    Timer,
)
from statefun_actors.store.contract import StoreReader

ADA, BOB = Address("bank/account", "ada"), Address("bank/account", "bob")
VALUE = TypedValue("bank/deposit", b"\x08\x05")
NOTHING = TypedValue("bank/nothing", b"")
HALF_A_PAIR = "half \ud800 of a pair"

Check = Callable[[Store], Awaitable[None]]
CHECKS: list[Check] = []


def check(function: Check) -> Check:
    CHECKS.append(function)
    return function


def entity(id: str, packed: bytes | None = b"packed", expires_ms: int | None = None) -> EntityRow:
    return EntityRow(Address("bank/account", id), packed, expires_ms)


def ids(store: StoreReader, prefix: str = "", typename: str = "bank/account") -> list[str]:
    return [row.address.id for row in store.entities(typename, prefix)]


def seqs(rows: list[Timer] | list[EgressRecord]) -> list[int]:
    return [row.seq for row in rows]


@check
async def a_new_store_holds_nothing(store: Store) -> None:
    assert store.recover() == Recovered(1, {})
    assert list(store.messages()) == []
    assert store.types() == []
    assert store.counts() == {"messages": 0, "timers": 0, "egress": 0, "dead_letters": 0}
    assert store.load([ADA, BOB]) == [None, None]
    assert store.load([]) == []
    assert store.timers_after(0, 0, 10) == []
    assert store.pending_timer(ADA, "token") is None
    assert store.egress_after(0, 10) == []
    assert list(store.dead_letters()) == []
    assert ids(store) == []
    assert store.drop_expired(1 << 60, 10) == []
    assert list(store.requests()) == []
    assert store.request(ADA, "key") is None
    assert store.requests_before(1 << 60, 10) == []


@check
async def an_empty_commit_is_a_commit(store: Store) -> None:
    await store.commit(Commit())

    assert store.recover() == Recovered(1, {})


@check
async def what_was_committed_comes_back_as_it_was(store: Store) -> None:
    messages = [Message(1, ADA, VALUE), Message(2, BOB, NOTHING, ADA)]
    timers = [Timer(3, 50, ADA, VALUE), Timer(4, 60, BOB, NOTHING, ADA), Timer(5, 70, ADA, VALUE, BOB, "token")]
    egress = [EgressRecord(6, "bank/out", VALUE), EgressRecord(7, "bank/other", NOTHING)]
    dead_letters = [
        DeadLetterEntry(
            8, Message(1, ADA, VALUE, BOB), "builtins.ValueError", "no such account\n", 3, 1_700_000_000_000
        ),
        DeadLetterEntry(9, Message(2, ADA, NOTHING), "x.Y", "", 1, 0),
    ]
    entities = [EntityRow(ADA, b"state", 5), EntityRow(BOB, b"")]

    await store.commit(
        Commit(
            entities=entities,
            messages=messages,
            timers=timers,
            egress=egress,
            dead_letters=dead_letters,
            positions={"input": '{"line": 3}'},
            next_seq=10,
        )
    )

    assert store.recover() == Recovered(10, {"input": '{"line": 3}'})
    assert list(store.messages()) == messages
    assert store.timers_after(0, 0, 10) == timers
    assert store.pending_timer(BOB, "token") == timers[2]
    assert store.egress_after(0, 10) == egress
    assert list(store.dead_letters()) == dead_letters
    assert list(store.entities("bank/account")) == entities
    assert store.load([ADA, BOB]) == [b"state", b""]


@check
async def a_request_is_found_by_target_and_key_and_changes_with_its_result(store: Store) -> None:
    pending = KeyedRequest(ADA, "k", "digest", 5, "1", RequestState.PENDING)
    other = KeyedRequest(BOB, "k", "digest", 4, "2", RequestState.TAKEN)
    third = KeyedRequest(ADA, "l", "digest", 6, "3", RequestState.PENDING_REPLY)
    await store.commit(Commit(requests=[pending, other, third]))

    assert store.request(ADA, "k") == pending
    assert store.request(ADA, "m") is None
    assert list(store.requests()) == [pending, third, other]
    assert list(store.requests(pending=True)) == [pending, third]
    assert store.requests_before(5, 10) == [other, pending]
    assert store.requests_before(9, 1) == [other]

    replied = KeyedRequest(ADA, "k", "digest", 5, "1", RequestState.REPLIED, NOTHING)
    await store.commit(Commit(requests=[replied], requests_done=[(BOB, "k")]))

    assert store.request(ADA, "k") == replied
    assert list(store.requests()) == [replied, third]
    assert list(store.requests(pending=True)) == [third]


@check
async def any_text_and_any_bytes_come_back(store: Store) -> None:
    texts = [
        "\0",
        "a\0b",
        "\\u0000",
        '"',
        "\\",
        "'",
        "%_*?[",
        "\x7f\x80",
        "ß",
        "\ud7ff\ue000",
        "\uffff",
        "\U0010ffff",
        "\u2028\r\n",
    ]
    everything = bytes(range(256))
    for n, text in enumerate(texts):
        address = Address(f"{text}/{text}", text)
        value = TypedValue(text, everything)
        await store.commit(
            Commit(
                entities=[EntityRow(address, everything)],
                messages=[Message(n, address, value, address)],
                timers=[Timer(n, n, address, value, address, text)],
                egress=[EgressRecord(n, text, value)],
                dead_letters=[DeadLetterEntry(n, Message(n, address, value, address), text, text, 1, 1)],
                positions={text: text},
            )
        )

        assert store.load([address]) == [everything]
        assert list(store.entities(f"{text}/{text}", text)) == [EntityRow(address, everything)]
        assert list(store.messages())[-1] == Message(n, address, value, address)
        assert store.pending_timer(address, text) == Timer(n, n, address, value, address, text)
        assert store.egress_after(n - 1, 1, [text]) == [EgressRecord(n, text, value)]
        assert list(store.dead_letters())[-1].error == text
        assert store.recover().positions[text] == text

        await store.commit(Commit(entities=[EntityRow(address, None)]))

        assert store.load([address]) == [None]


@check
async def text_that_is_none_is_refused_wherever_it_stands_and_nothing_is_written(store: Store) -> None:
    await store.commit(Commit(entities=[entity("ada")], next_seq=5))
    broken, bad_value = Address("bank/account", HALF_A_PAIR), TypedValue(HALF_A_PAIR, b"")
    message = Message(1, ADA, VALUE)
    for commit in (
        Commit(entities=[EntityRow(broken, b"")]),
        Commit(entities=[EntityRow(broken, None)]),
        Commit(entities=[EntityRow(Address(f"{HALF_A_PAIR}/x", "x"), b"")]),
        Commit(messages=[Message(1, broken, VALUE)]),
        Commit(messages=[Message(1, ADA, VALUE, broken)]),
        Commit(messages=[Message(1, ADA, bad_value)]),
        Commit(timers=[Timer(1, 1, broken, VALUE)]),
        Commit(timers=[Timer(1, 1, ADA, VALUE, ADA, HALF_A_PAIR)]),
        Commit(timers=[Timer(1, 1, ADA, bad_value)]),
        Commit(egress=[EgressRecord(1, HALF_A_PAIR, VALUE)]),
        Commit(egress=[EgressRecord(1, "bank/out", bad_value)]),
        Commit(dead_letters=[DeadLetterEntry(1, message, HALF_A_PAIR, "", 1, 1)]),
        Commit(dead_letters=[DeadLetterEntry(1, message, "", HALF_A_PAIR, 1, 1)]),
        Commit(dead_letters=[DeadLetterEntry(1, Message(1, broken, VALUE), "", "", 1, 1)]),
        Commit(positions={HALF_A_PAIR: ""}),
        Commit(positions={"input": HALF_A_PAIR}),
    ):
        beside = Commit(
            entities=[*commit.entities, entity("ada", b"changed")],
            messages=[*commit.messages, Message(2, ADA, VALUE)],
            timers=commit.timers,
            egress=commit.egress,
            dead_letters=commit.dead_letters,
            positions=commit.positions,
            next_seq=9,
        )

        try:
            await store.commit(beside)
        except CommitRefusedError as error:
            text = str(error)
        else:
            raise AssertionError(beside)

        assert "can't be stored: it contains an unpaired surrogate. Send valid Unicode text." in text
        assert store.recover() == Recovered(5, {})
        assert store.load([ADA]) == [b"packed"]

    await store.commit(Commit(entities=[entity("ada", b"later")]))
    assert store.load([ADA]) == [b"later"]


@check
async def a_time_of_more_than_64_bits_is_refused_for_good(store: Store) -> None:
    await store.commit(Commit(entities=[entity("ada")], next_seq=5))
    for commit in (
        Commit(timers=[Timer(1, 1 << 63, ADA, VALUE)]),
        Commit(timers=[Timer(1, -(1 << 63) - 1, ADA, VALUE)]),
        Commit(entities=[entity("bob", b"", 1 << 63)]),
    ):
        try:
            await store.commit(commit)
        except CommitRefusedError:
            pass
        else:
            raise AssertionError(commit)

    assert store.recover() == Recovered(5, {})
    assert dict(store.counts()) == {"messages": 0, "timers": 0, "egress": 0, "dead_letters": 0, "bank/account": 1}
    assert ids(store) == ["ada"]


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
async def dead_letters_come_oldest_first_until_done(store: Store) -> None:
    letters = [DeadLetterEntry(n, Message(n - 1, ADA, VALUE), "x.Y", f"{n}", n, n) for n in range(2, 900)]
    await store.commit(Commit(dead_letters=letters[::-1]))
    assert list(store.dead_letters()) == letters

    await store.commit(Commit(dead_letters_done=[2, 899, 1_000]))
    assert list(store.dead_letters()) == letters[1:-1]
    assert store.counts()["dead_letters"] == len(letters) - 2
    assert [store.dead_letter(seq) for seq in (1, 2, 3, 899, 5_000)] == [None, None, letters[1], None, None]


@check
async def entities_come_in_the_order_of_code_points(store: Store) -> None:
    in_order = [
        "\0",
        "A",
        "Z",
        "a",
        "a\0",
        "a\0b",
        "aa",
        "ab",
        "b",
        "é",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0010ffff",
    ]
    await store.commit(Commit(entities=[entity(id) for id in reversed(in_order)]))

    assert ids(store) == in_order
    assert ids(store, "a") == ["a", "a\0", "a\0b", "aa", "ab"]
    assert ids(store, typename="bank/accoun") == []


@check
async def entities_and_dead_letters_can_be_read_from_behind_one_of_them(store: Store) -> None:
    letters = [DeadLetterEntry(n, Message(n, ADA, VALUE), "E", "e", 1, 1) for n in (3, 5, 9)]
    await store.commit(Commit(entities=[entity(id) for id in ("a", "b1", "b2", "b3", "c")], dead_letters=letters))

    def behind(after: str, prefix: str = "b") -> list[str]:
        return [row.address.id for row in store.entities("bank/account", prefix, after)]

    assert [behind(after) for after in ("a", "b1", "b15", "b3", "c")] == [
        ["b1", "b2", "b3"],
        ["b2", "b3"],
        ["b2", "b3"],
        [],
        [],
    ]
    assert behind("b2", "") == ["b3", "c"]
    assert [letter.seq for letter in store.dead_letters(3)] == [5, 9]


@check
async def a_prefix_is_taken_literally(store: Store) -> None:
    odd = [
        "%",
        "%a",
        "_",
        "_b",
        "a%b",
        "axb",
        "a_b",
        "A%b",
        "\ud7ff",
        "\ud7ffx",
        "\ue000",
        "\U0010ffff",
        "\U0010ffffa",
        "z\U0010ffff",
        "z\U0010ffff\U0010ffff",
        "{",
    ]
    await store.commit(Commit(entities=[entity(id) for id in odd]))

    for prefix in (
        "",
        "%",
        "_",
        "a",
        "a%",
        "a_",
        "A",
        "\ud7ff",
        "\U0010ffff",
        "z",
        "z\U0010ffff",
        "\U0010ffff\U0010ffff",
    ):
        assert ids(store, prefix) == sorted(id for id in odd if id.startswith(prefix))


@check
async def a_stream_of_entities_goes_on_over_commits(store: Store) -> None:
    await store.commit(Commit(entities=[entity(f"{n:04}") for n in range(0, 3_000, 2)]))

    stream = store.entities("bank/account")
    first = [row.address.id for row in islice(stream, 600)]
    await store.commit(Commit(entities=[entity("0000", b"changed"), entity("0001"), entity("2998", None)]))
    seen = first + [row.address.id for row in stream]

    assert seen == sorted(set(seen))
    assert set(seen) >= {f"{n:04}" for n in range(0, 2_998, 2)}
    assert store.load([Address("bank/account", "0000")]) == [b"changed"]


@check
async def counts_tell_each_kind_and_each_type(store: Store) -> None:
    await store.commit(
        Commit(
            entities=[entity("a"), entity("b"), EntityRow(Address("bank/branch", "a"), b"")],
            messages=[Message(1, ADA, VALUE)],
            timers=[Timer(2, 1, ADA, VALUE), Timer(3, 1, ADA, VALUE)],
            egress=[EgressRecord(4, "a", VALUE), EgressRecord(5, "b", VALUE)],
        )
    )
    assert store.counts() == {
        "messages": 1,
        "timers": 2,
        "egress": 2,
        "dead_letters": 0,
        "bank/account": 2,
        "bank/branch": 1,
    }

    await store.commit(Commit(entities=[entity("a", None), EntityRow(Address("bank/branch", "a"), None)]))
    assert store.counts() == {"messages": 1, "timers": 2, "egress": 2, "dead_letters": 0, "bank/account": 1}


@check
async def counts_leave_out_entities_of_certain_types_and_the_timers_that_these_set(store: Store) -> None:
    own = Address("statefun-actors/reply", "token")
    timers = [Timer(1, 5, ADA, VALUE, ADA, "t"), Timer(2, 5, own, VALUE, own, "t"), Timer(3, 5, own, VALUE, ADA)]
    entities = [EntityRow(ADA, b"a"), EntityRow(own, b"b")]
    await store.commit(Commit(entities=entities, timers=timers, next_seq=4))

    found = store.counts([own.typename, "bank/other"])

    assert found == {"messages": 0, "timers": 2, "egress": 0, "dead_letters": 0, ADA.typename: 1}


@check
async def the_longest_expired_are_dropped_first(store: Store) -> None:
    expiry = {"a": 30, "b": None, "c": 10, "d": 20, "e": 10, "f": 31}
    await store.commit(Commit(entities=[entity(id, b"", expires_ms) for id, expires_ms in expiry.items()]))

    def expired(now_ms: int, limit: int = 10) -> list[str]:
        return [address.id for address in store.drop_expired(now_ms, limit)]

    assert expired(9) == []
    assert expired(10) == ["c", "e"]
    assert expired(30) == ["c", "e", "d", "a"]
    assert expired(30, 3) == ["c", "e", "d"]
    assert ids(store) == ["a", "b", "c", "d", "e", "f"]

    await store.commit(Commit(entities=[entity("c", b"", 40), entity("d", b""), entity("e", None)]))
    assert expired(39) == ["a", "f"]


@check
async def positions_stay_until_they_move(store: Store) -> None:
    await store.commit(Commit(positions={"input": "1", "output": "7"}))
    await store.commit(Commit(positions={"input": "2"}))

    assert store.recover().positions == {"input": "2", "output": "7"}


@check
async def the_next_sequence_number_never_goes_back(store: Store) -> None:
    await store.commit(Commit(next_seq=1 << 40))
    await store.commit(Commit(next_seq=7))

    assert store.recover().next_seq == 1 << 40


@check
async def what_the_engine_does_to_its_lists_after_a_commit_is_not_seen(store: Store) -> None:
    entities, messages, done = [entity("ada")], [Message(1, ADA, VALUE)], [3]
    timers, egress, positions = [Timer(2, 5, ADA, VALUE)], [EgressRecord(4, "a", VALUE)], {"input": "1"}
    commit = Commit(
        entities=entities, messages=messages, messages_done=done, timers=timers, egress=egress, positions=positions
    )
    writing = asyncio.create_task(store.commit(commit))
    await asyncio.sleep(0)
    for mutable in (entities, messages, done, timers, egress, positions):
        mutable.clear()
    await writing
    recovered = store.recover()
    recovered.positions["input"] = "changed"  # type: ignore[index]
    store.counts()["messages"] = 9  # type: ignore[index]

    assert store.load([ADA]) == [b"packed"]
    assert store.recover() == Recovered(1, {"input": "1"})
    assert list(store.messages()) == [Message(1, ADA, VALUE)]
    assert store.counts()["messages"] == 1
    assert seqs(store.timers_after(0, 0, 9)) == [2]
    assert seqs(store.egress_after(0, 9)) == [4]


@check
async def reads_beside_a_commit_see_whole_commits(store: Store) -> None:
    everyone = [Address("bank/account", f"{n:03}") for n in range(600)]
    states: list[bytes | None] = [None]
    timers: list[Timer | None] = [None]
    for number in range(1, 20):
        states.append(f"{number}".encode())
        timers.append(Timer(number, number, ADA, VALUE, ADA, "token"))
        commit = Commit(
            entities=[EntityRow(address, states[-1]) for address in everyone],
            timers=[timer for timer in timers[-1:] if timer],
            timers_done=[number - 1],
        )
        writing = asyncio.create_task(store.commit(commit))
        while not writing.done():
            await asyncio.sleep(0)
            seen = set(store.load(everyone))
            pending = store.pending_timer(ADA, "token")
            assert seen in ({states[-2]}, {states[-1]})
            assert pending in timers[-2:]
            assert pending == timers[-1] or seen == {states[-2]}
        await writing

        assert set(store.load(everyone)) == {states[-1]}
        assert store.pending_timer(ADA, "token") == timers[-1]


@check
async def a_commit_that_is_cancelled_is_whole_or_not_at_all(store: Store) -> None:
    rows = [entity(f"{n}") for n in range(100)]
    writing = asyncio.create_task(store.commit(Commit(entities=rows, messages=[Message(1, ADA, VALUE)])))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])

    assert (len(ids(store)), len(list(store.messages()))) in ((0, 0), (100, 1))
    await store.commit(Commit(entities=[entity("later")]))
    assert "later" in ids(store)


@check
async def closing_twice_is_closing(store: Store) -> None:
    store.close()
    store.close()


# Commits at random

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
_requests = st.builds(
    KeyedRequest,
    _owners,
    st.sampled_from(["k", "\0"]),
    _texts,
    _times,
    _texts,
    st.sampled_from(RequestState),
    st.none() | _values,
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
    egress=_few(st.builds(EgressRecord, _seqs, _texts, _values), lambda row: row.seq),
    egress_done=_done,
    dead_letters=_few(
        st.builds(DeadLetterEntry, _seqs, _messages, _texts, st.text(max_size=3), _seqs, _times), lambda row: row.seq
    ),
    dead_letters_done=_done,
    requests=_few(_requests, lambda row: (row.target, row.key)),
    requests_done=st.lists(st.tuples(_owners, st.sampled_from(["k", "\0"])), max_size=2, unique=True),
    positions=st.dictionaries(_texts, _texts, max_size=2),
    next_seq=st.integers(1, 20),
)


def answers(store: StoreReader) -> dict[str, object]:
    """All that can be read from a store that was filled by ``commits``."""
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
