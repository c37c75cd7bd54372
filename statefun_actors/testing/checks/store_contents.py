"""What a store was given comes back as it was, and what can't be stored is refused whole."""

from __future__ import annotations

from statefun_actors.address import Address
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
from statefun_actors.testing.checks.common import ADA, BOB, NOTHING, VALUE, check, entity, ids

HALF_A_PAIR = "half \ud800 of a pair"


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
    assert store.history("", 1 << 60, 10) == []
    assert store.history_sizes() == []


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
async def a_time_of_more_than_64_bits_is_refused(store: Store) -> None:
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
