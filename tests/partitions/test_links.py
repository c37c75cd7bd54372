"""Messages between partitions: each arrives once, in the order of its sender, whatever ends in the middle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from statefun_actors import Address, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.ingress import Handled, IngressMessage, Replied, Taken, Wait
from statefun_actors.model import TypedValue
from statefun_actors.partitions import link, read_link_position
from statefun_actors.store import Commit, EgressRecord, MemoryStore
from statefun_actors.types import pack, value_of
from tests.engine.engines import HeldStore
from tests.partitions.systems import DEADLINE, System, id_in, system

CELL = "test/cell"


@message("test/pass-on")
class PassOn:
    to: list[str]
    number: int


class Cell(Entity, typename=CELL):
    seen: list[int] = persisted(factory=list)

    @handles
    def pass_on(self, order: PassOn) -> None:
        self.seen.append(order.number)
        if order.to:
            self.send(Cell.at(order.to[0]), PassOn(order.to[1:], order.number))

    @handles(str)
    def later(self, to: str) -> None:
        self.send_after(0.01, Cell.at(to), PassOn([], 7))

    @handles(bytes)
    def to_caller(self, caller: bytes) -> None:
        """Reply to another caller than that of this message."""
        self.send(Address(*msgspec.json.decode(caller, type=tuple[str, str])), "from elsewhere")


class Asker(Entity, typename="test/asker"):
    @handles(str)
    def ask_for(self, id: str) -> None:
        self.ask(Double.at(id), 21, then=self.answered, timeout=60)

    @answers
    def answered(self, answer: int | NoAnswer) -> str:
        return f"it is {answer}"


class Double(Entity, typename="test/double"):
    @handles(int)
    def double(self, number: int) -> int:
        return 2 * number


HERE, THERE = id_in(0, CELL), id_in(1, CELL)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - plain values have no event
            await asyncio.sleep(0.001)


def seen(system: System, id: str) -> list[int]:
    stored = system.state(Cell.at(id), "seen")
    found = [] if stored is None else value_of(stored)
    assert isinstance(found, list)
    return found


def kept(system: System) -> int:
    """Messages that wait for another partition."""
    return sum(sum(member.store.egress_counts().values()) for member in system.members)


async def test_messages_cross_in_both_directions_in_the_order_of_the_sender(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        for number in range(200):
            assert await both.ask(Cell.at(HERE), pack(PassOn([THERE, HERE], number)), wait=Wait.TAKEN) == Taken()
        await until(lambda: len(seen(both, HERE)) == 400)
        assert seen(both, THERE) == list(range(200))
        assert sorted(seen(both, HERE)) == sorted(2 * list(range(200)))
        await until(lambda: kept(both) == 0)


async def test_nothing_is_lost_while_a_partition_is_down(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        await both.members[1].stop()
        for number in range(50):
            assert await both.ask(Cell.at(HERE), pack(PassOn([THERE], number))) == Handled()
        assert kept(both) == 50
        await until(lambda: "partition 1 can't be reached: " in str(both.members[0].engine.notices()))
        await both.members[1].start()
        await until(lambda: len(seen(both, THERE)) == 50)
        assert seen(both, THERE) == list(range(50))
        await until(lambda: both.members[0].engine.notices() == [])


async def test_a_sender_that_comes_back_sends_nothing_twice(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        for round in range(5):
            for number in range(20):
                await both.ask(Cell.at(HERE), pack(PassOn([THERE], 20 * round + number)))
            await both.members[0].stop()
            await both.members[0].start()
        await until(lambda: len(seen(both, THERE)) >= 100)
        await until(lambda: kept(both) == 0)
        assert seen(both, THERE) == list(range(100))


async def test_a_receiver_whose_commit_fails_gets_its_messages_again(tmp_path: Path) -> None:
    failing = HeldStore()
    async with system(tmp_path, Cell, stores=[MemoryStore(), failing]) as both:
        failing.fail = True
        for number in range(20):
            await both.ask(Cell.at(HERE), pack(PassOn([THERE], number)))
        await until(lambda: both.members[1].engine.unready() is not None)
        assert kept(both) == 20
        failing.fail = False
        await until(lambda: len(seen(both, THERE)) == 20)
        assert seen(both, THERE) == list(range(20))
        await until(lambda: kept(both) == 0)


async def test_a_delayed_message_crosses_when_it_is_due(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        await both.ask(Cell.at(HERE), pack(THERE))
        await until(lambda: seen(both, THERE) == [7])


async def test_a_caller_gets_its_reply_from_the_other_partition(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        asked = asyncio.create_task(both.ask(Cell.at(HERE), pack(PassOn([], 1)), wait=Wait.REPLY))
        await until(lambda: seen(both, HERE) == [1])
        callers = list(both.members[0].engine._core.working_set.callers._open)
        assert [id.partition("/")[0] for id in callers] == ["0"]
        caller = msgspec.json.encode(["statefun-actors/ingress", callers[0]])
        await both.ask(Cell.at(THERE), pack(caller))
        assert await asked == Replied(pack("from elsewhere"))


async def test_asks_cross_partitions_and_answer_a_caller_who_waits(tmp_path: Path) -> None:
    async with system(tmp_path, Asker, Double) as both:
        for number in range(12):
            answer = await both.ask(Asker.at(f"a{number}"), pack(f"d{number}"), wait=Wait.HANDLED)
            assert answer == Replied(pack("it is 42"))
        counts = [member.store.counts() for member in both.members]
        await until(lambda: not any(member.store.counts()["timers"] for member in both.members))
        assert all(each["messages"] == 0 for each in counts)


@pytest.mark.parametrize("caller", ["7/1", "1/99999", "nobody", f"{2**70}/1"])
async def test_a_reply_to_a_caller_who_waits_nowhere_is_dropped(tmp_path: Path, caller: str) -> None:
    async with system(tmp_path, Cell) as both:
        target = msgspec.json.encode(["statefun-actors/ingress", caller])
        assert await both.ask(Cell.at(THERE), pack(target)) == Handled()
        await until(lambda: kept(both) == 0)


async def test_many_messages_at_once_go_to_their_partitions(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        answers: list[object] = []
        there: list[bool] = []
        messages = [IngressMessage(Cell.at(id), pack(PassOn([], n))) for n in range(50) for id in (HERE, THERE)]
        both.members[0].engine.take_all(messages, answers.append)
        await until(lambda: answers)
        assert answers == [Taken()]
        both.members[0].engine.when_handed_over(lambda: there.append(len(seen(both, THERE)) > 0))
        await until(lambda: there)
        await until(lambda: len(seen(both, THERE)) == 50)
        assert seen(both, HERE) == seen(both, THERE) == list(range(50))


async def test_a_record_that_is_no_message_is_kept_as_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Handlers can't send one: the names of links are the library's. An edited store can hold one."""
    stores = [MemoryStore(), MemoryStore()]
    await stores[0].commit(Commit(egress=[EgressRecord(1, link(1), pack("not a message"))], next_seq=2))
    async with system(tmp_path, Cell, stores=stores) as both:
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 1)))
        await until(lambda: seen(both, THERE) == [1])
        await until(lambda: both.members[0].store.egress_counts() == {"statefun-actors/refused-records": 1})
    assert not caplog.records  # the receiver has nothing to report: the sender keeps the record


async def test_a_backlog_for_partitions_does_not_block_what_others_send(tmp_path: Path) -> None:
    """Two partitions with a backlog for each other would wait for each other forever."""
    stores = [MemoryStore(), MemoryStore()]
    for number, store in enumerate(stores):
        value = TypedValue("statefun-actors/message", b"")
        records = [EgressRecord(seq, link(1 - number), value) for seq in range(1, 20)]
        await store.commit(Commit(egress=records, next_seq=20))
    async with system(tmp_path, Cell, stores=stores, egress_backlog=5) as both:
        await until(lambda: kept(both) == 0)


def confirmed(system: System) -> int:
    """The number of the last record of the first partition that the second one has."""
    return read_link_position(system.members[1].store.recover().positions[f"source:{link(0)}"]).seq


def notices(system: System) -> list[str]:
    """Those of the first partition, with the word TIME in place of each time."""
    return [re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text) for text in system.members[0].engine.notices()]


def mismatch(folder: Path, text: str) -> str:
    """The notice of the first partition about its link to the second one."""
    return f"egress {link(1)} can't be written since TIME: store {folder}: {text}. Restore a backup of all partitions."


async def test_a_store_that_was_replaced_by_an_older_one_is_found_out(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        for number in range(5):
            await both.ask(Cell.at(HERE), pack(PassOn([THERE], number)))
        await until(lambda: len(seen(both, THERE)) == 5 and not kept(both))
        await both.members[0].stop()
        both.members[0].store = MemoryStore()
        await both.members[0].start()
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 5)))
        text = (
            f"partition 1 has record {confirmed(both)} of partition 0, which the store of partition 0 does not know: "
            "the file of partition 0 was replaced by an older one"
        )
        await until(lambda: notices(both) == [mismatch(tmp_path, text)])
        assert kept(both) == 1


async def test_a_sender_on_an_older_store_is_found_out_however_much_it_has_done_since(tmp_path: Path) -> None:
    """Its new records have greater numbers than those that the receiver knows, and some of its own have lower ones.

    A start of the sender does not change that.
    """
    async with system(tmp_path, Cell) as both:
        for number in range(20):
            await both.ask(Cell.at(HERE), pack(PassOn([THERE], number)))
        await until(lambda: len(seen(both, THERE)) == 20 and not kept(both))
        for member in both.members:
            await member.stop()
        both.members[0].store = MemoryStore()
        await both.members[0].start()
        for number in range(60):
            await both.ask(Cell.at(HERE), pack(PassOn([THERE] if number in {0, 59} else [], number)))
        await both.members[1].start()
        for _ in range(2):
            await until(lambda: "was replaced by an older one" in str(both.members[0].engine.notices()))
            await both.members[0].stop()
            await both.members[0].start()
        assert kept(both) == 2
        assert seen(both, THERE) == list(range(20))


async def test_a_receiver_on_an_older_store_is_found_out(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 0)))
        await until(lambda: seen(both, THERE) == [0] and not kept(both))
        text = (
            f"partition 1 has no record of partition 0 after 0, but has confirmed {confirmed(both)}: the file of "
            "partition 1 was replaced by an older one"
        )
        await both.members[1].stop()
        both.members[1].store = MemoryStore()
        await both.members[1].start()
        await both.ask(Cell.at(HERE), pack(PassOn([THERE], 1)))
        await until(lambda: notices(both) == [mismatch(tmp_path, text)])
        await both.members[0].stop()
        await both.members[0].start()
        await until(lambda: notices(both) == [mismatch(tmp_path, text)])
        assert kept(both) == 1
        assert seen(both, THERE) == []
