"""Reads beside commits, counts, expiry, positions, and the end."""

from __future__ import annotations

import asyncio
from itertools import islice

from statefun_actors.address import Address
from statefun_actors.store import Commit, DeadLetterEntry, EgressRecord, EntityRow, Message, Recovered, Store, Timer
from statefun_actors.testing.checks.common import ADA, VALUE, check, entity, ids, seqs


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
