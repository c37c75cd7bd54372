"""Commands on a store with partitions for an application with ``was=``, before its first run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from statefun_actors import Address, Entity, handles, persisted
from statefun_actors.admin import ControlSocket, EngineControl, Posting, open_control
from statefun_actors.engine import EngineOptions, SystemClock
from statefun_actors.model import TypedValue
from statefun_actors.partitions import Partition, partition_of
from statefun_actors.store import (
    Commit,
    Message,
    StoreError,
    StoreInUseError,
    open_one_of,
    open_reader,
    placed_types,
    read_pauses,
)
from statefun_actors.store.partitioned import create_partitions, place_renamed, read_layout
from statefun_actors.types import pack
from tests.cli.commands import run
from tests.engine.engines import running

FORMER, NEW = "test/former", "test/new"
RENAMED = {FORMER: NEW}
VALUE = TypedValue("test/value", b"1")


def _moved_id() -> str:
    """An id whose entity is in different partitions by the two names."""
    return next(
        id for id in map(str, range(99)) if partition_of(Address(FORMER, id), 2) != partition_of(Address(NEW, id), 2)
    )


ID = _moved_id()
AT = partition_of(Address(FORMER, ID), 2)
"""The partition of the entity, by its former name."""

APP = """
from statefun_actors import Entity, handles, persisted

class Cell(Entity, typename="test/new", was="test/former"):
    @handles(int)
    def take(self, number: int) -> None: ...

class Other(Entity, typename="test/other"):
    @handles(int)
    def take(self, number: int) -> None: ...
"""


class Former(Entity, typename=FORMER):
    total: int = persisted(default=0)

    @handles(int)
    def add(self, number: int) -> None:
        self.total += number


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two partitions; a message for an entity of the former type waits."""
    folder = tmp_path / "bank.db"
    create_partitions(folder, 2)
    _put(folder, AT, Address(FORMER, ID))
    return folder


def _put(folder: Path, number: int, target: Address) -> None:
    store = open_one_of(folder, number, brief=True)
    asyncio.run(store.commit(Commit(messages=[Message(5, target, pack(1))], next_seq=6)))
    store.close()


def waiting(folder: Path, number: int) -> list[str]:
    """The types of the messages that wait in partition *number*."""
    reader = open_reader(folder / str(number))
    found = [message.target.typename for message in reader.messages()]
    reader.close()
    return found


async def test_a_message_by_the_new_name_goes_to_the_partition_of_the_entity(folder: Path) -> None:
    control = await open_control(folder, renamed=RENAMED)
    await control.send([Posting(Address("test/other", ID), VALUE)])
    assert placed_types(folder) == {}
    for delay_ms in (0, 80_000_000):
        await control.send([Posting(Address(NEW, ID), VALUE, delay_ms), Posting(Address(FORMER, ID), VALUE, delay_ms)])
    await control.close()
    assert [name for name in waiting(folder, AT) if name != "test/other"] == [FORMER, NEW, FORMER]
    reader = open_reader(folder / str(AT))
    assert [timer.target.typename for timer in reader.timers_after(0, 0, 9)] == [NEW, FORMER]
    reader.close()
    layout = read_layout(folder)
    assert layout.placed == {NEW: FORMER}
    assert place_renamed(folder, layout, RENAMED) is layout  # the next run takes it as it is


async def test_an_entity_is_paused_resumed_and_dropped_from_where_it_is(folder: Path) -> None:
    control = await open_control(folder, renamed=RENAMED)
    target = Address(NEW, ID)
    await control.pause([target])
    reader = open_reader(folder / str(AT))
    assert set(read_pauses(reader.recover())) == {target}
    await control.resume([target])
    assert read_pauses(reader.recover()) == {}
    reader.close()
    await control.send([Posting(target, VALUE)])
    await control.retry_failing([target])
    await control.drop_failing([target])
    await control.close()
    assert waiting(folder, AT) == [FORMER]


@pytest.mark.parametrize("command", ["send", "pause"])
def test_commands_pass_the_renamed_types_of_their_application(folder: Path, command: str) -> None:
    (folder.parent / "app.py").write_text(APP)
    value = ("5",) if command == "send" else ()
    done = run(command, "app.py", f"{NEW}/{ID}", *value, "--store", "bank.db", folder=folder.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert placed_types(folder) == {NEW: FORMER}


async def test_what_is_of_both_names_is_refused_and_other_addresses_are_not(folder: Path) -> None:
    await asyncio.to_thread(_put, folder, 1 - AT, Address(NEW, ID))
    control = await open_control(folder, renamed=RENAMED)
    with pytest.raises(StoreError) as caught:
        await control.send([Posting(Address(NEW, ID), VALUE)])
    assert str(caught.value) == (
        f"store {folder}: it has data of {FORMER} and {NEW}, which is in partitions by both names, so it can't become "
        f"that of {NEW} there. Export it, import it into a file, run that once without --partitions, and move it back: "
        "export, and import --partitions 2."
    )
    await control.send([Posting(Address("test/other", ID), VALUE)])
    await control.close()
    assert waiting(folder, AT)[0] == FORMER
    assert waiting(folder, 1 - AT)[0] == NEW


@asynccontextmanager
async def run_of_the_former_code(folder: Path) -> AsyncGenerator[None]:
    async with AsyncExitStack() as ending:
        for number in range(2):
            store = open_one_of(folder, number)
            ending.callback(store.close)
            options = EngineOptions(partition=Partition(number, 2))
            engine = await ending.enter_async_context(
                running(Former, store=store, clock=SystemClock(), options=options)
            )
            door = await ControlSocket.open(store, folder / str(number), EngineControl(engine))
            ending.push_async_callback(door.close)
        yield


async def test_a_run_that_does_not_know_the_new_name_gets_no_message_for_it(folder: Path) -> None:
    async with run_of_the_former_code(folder):
        control = await open_control(folder, renamed=RENAMED)
        with pytest.raises(StoreError) as caught:
            await control.send([Posting(Address(NEW, ID), pack(1))])
        assert not isinstance(caught.value, StoreInUseError)
        assert str(caught.value) == (
            f"store {folder}: the run on it has begun with code in which {FORMER} is not {NEW} yet, so its partitions "
            f"don't know where the entities of that are. Stop it, and run the new code; or give an address of {FORMER}."
        )
        await control.pause([Address(FORMER, ID)])
        await control.close()
    assert placed_types(folder) == {}
    reader = open_reader(folder / str(AT))
    assert set(read_pauses(reader.recover())) == {Address(FORMER, ID)}
    reader.close()


async def test_a_partition_that_another_command_uses_is_named(folder: Path) -> None:
    held = open_one_of(folder, 1)
    control = await open_control(folder, renamed=RENAMED)
    with pytest.raises(StoreInUseError):
        await control.send([Posting(Address(NEW, ID), VALUE)])
    await control.close()
    held.close()
