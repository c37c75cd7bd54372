"""``restore`` of all partitions: whole or not at all, and only of what belongs together."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from statefun_actors.admin import Posting, open_control
from statefun_actors.store import StoreError, StoreInUseError, has_partitions, open_one_of, open_reader, restore_store
from statefun_actors.store.partitioned import create_partitions, read_layout
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.cli.commands import run, summary
from tests.partitions.cells import Add, Cell
from tests.partitions.copies import back_up
from tests.partitions.running import APP, DEADLINE

LONG = 2 * DEADLINE

_KILLED = """
import os, signal, sys
from pathlib import Path
from statefun_actors.store import restore_store

left = int(sys.argv[1])

def on_event(event, arguments):
    global left
    if event == "os.rename":
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(on_event)
restore_store(Path("monday"), Path("bank.db"))
"""
"""Kills itself just before its n-th renaming of a file or folder."""


def names(store: Path) -> list[str]:
    """The ids of the cells that have got a message, handled or not."""
    with closing(open_reader(store)) as reader:
        handled = {row.address.id for row in reader.entities("test/cell")}
        return sorted(handled | {message.target.id for message in reader.messages()})


async def send(store: Path, ids: str) -> None:
    control = await open_control(store)
    await control.send([Posting(Cell.at(id), pack(Add(0))) for id in ids])
    await control.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``monday`` has the cells a to d; ``bank.db``, which was changed since, e to h, too."""
    folder = tmp_path_factory.mktemp("made")
    create_partitions(folder / "bank.db", 2)
    asyncio.run(send(folder / "bank.db", "abcd"))
    back_up(folder / "bank.db", folder / "monday")
    asyncio.run(send(folder / "bank.db", "efgh"))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "made")


def test_a_kill_leaves_the_old_partitions_or_those_of_the_backup(folder: Path) -> None:
    found: list[list[str]] = []
    code = -signal.SIGKILL
    while code:
        command = [sys.executable, "-c", _KILLED, str(len(found) + 1)]
        code = subprocess.run(command, cwd=folder, check=False, timeout=DEADLINE).returncode
        assert code in {0, -signal.SIGKILL}
        # The lock files of a run that was killed stay; whoever reads takes the last step of the restore.
        found.append(names(folder / "bank.db"))
        assert read_layout(folder / "bank.db").partitions == 2
        for kept in folder.glob("bank.before-restore*"):
            assert names(kept) == list("abcdefgh")
            if code:
                shutil.rmtree(folder / "bank.db")
                kept.rename(folder / "bank.db")
    assert len(found) == 4
    assert found == [list("abcdefgh"), list("abcdefgh"), list("abcd"), list("abcd")]
    assert sorted(path.name for path in folder.glob("*restoring")) == []


@pytest.mark.parametrize("opened", ["run", "backup", "restore"])
def test_whoever_opens_the_store_takes_the_last_step_of_a_killed_restore(folder: Path, opened: str) -> None:
    kept = killed_before_the_last_step(folder)
    if opened == "run":
        (folder / "app.py").write_text(APP)
        batch = ("app.py", "--partitions", "2", "--store", "bank.db", "--until-idle")
        summary(*batch, folder=folder, deadline=LONG)
    elif opened == "backup":
        done = run("backup", "--store", "bank.db", "tuesday", folder=folder)
        assert done.returncode == 0, done.stderr
        assert names(folder / "tuesday") == list("abcd")
    else:
        done = run("restore", "--store", "bank.db", str(kept), "--yes", folder=folder)
        assert done.returncode == 0, done.stderr
        [other] = [each for each in folder.glob("bank.before-restore*") if each.is_dir() and each != kept]
        assert names(other) == list("abcd")
        assert names(folder / "bank.db") == list("abcdefgh")
        return
    assert names(folder / "bank.db") == list("abcd")


def killed_before_rename(folder: Path, number: int) -> None:
    """Restore ``monday`` in a process that is killed before it renames a folder for the given time."""
    command = [sys.executable, "-c", _KILLED, str(number)]
    assert subprocess.run(command, cwd=folder, check=False, timeout=DEADLINE).returncode == -signal.SIGKILL


def killed_before_the_last_step(folder: Path) -> Path:
    """Restore ``monday`` in a process that is killed; returns where it has moved the previous store."""
    killed_before_rename(folder, 3)
    assert not (folder / "bank.db").exists()
    [kept] = folder.glob("bank.before-restore*")
    return kept


def test_the_last_step_of_a_killed_restore_is_logged(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept, bank = killed_before_the_last_step(folder), folder / "bank.db"
    assert has_partitions(bank)
    assert [record.getMessage() for record in caplog.records] == [
        f"store {bank}: a restore was killed before its last step, which is taken now; {kept} was there"
    ]
    assert sorted(path.name for path in bank.iterdir() if not path.name[0].isdecimal()) == ["partitions.json"]


def test_a_killed_restore_that_had_not_begun_to_replace_the_store_is_never_finished(folder: Path) -> None:
    """Also if the store is moved away later, to begin anew."""
    killed_before_rename(folder, 2)
    bank, ready = folder / "bank.db", folder / "bank.db.restoring"
    assert ready.exists()
    bank.rename(folder / "old.db")
    assert not has_partitions(bank)
    system = create_partitions(bank, 2).system
    assert system != read_layout(ready).system
    assert names(bank) == []


@pytest.mark.parametrize("there", [False, True])
def test_of_two_restores_at_once_the_second_is_refused(folder: Path, *, there: bool) -> None:
    bank = folder / "bank.db"
    create_partitions(folder / "tuesday", 2)
    if not there:
        shutil.rmtree(bank)

    def meanwhile() -> None:
        with pytest.raises(StoreInUseError) as caught:
            restore_store(folder / "tuesday", bank)
        holder = caught.value.holder
        assert holder.startswith(f"process {os.getpid()} since ")
        assert str(caught.value) == f"store {bank}: it is in use by {holder}. Stop it first."

    restore_store(folder / "monday", bank, confirm=meanwhile)
    assert names(bank) == list("abcd")


# --- what is refused


def refused(backup: Path, store: Path) -> str:
    before = sorted(path.name for path in store.parent.iterdir())
    with pytest.raises(StoreError) as caught:
        restore_store(backup, store)
    assert sorted(path.name for path in store.parent.iterdir()) == before
    return str(caught.value)


def test_another_number_of_partitions_is_refused(folder: Path) -> None:
    three, one = folder / "three", folder / "one"
    create_partitions(three, 3)
    SqliteStore(one).close()
    bank = folder / "bank.db"
    assert refused(three, bank) == (
        f"store {bank}: it has 2 partitions, and the backup {three} has 3. Restore it as another store; or export it, "
        "and import it with --partitions 2."
    )
    assert refused(one, bank) == (
        f"store {bank}: it has 2 partitions, and the backup {one} has none. Restore it as another store; or export it, "
        "and import it with --partitions 2."
    )
    assert refused(three, one) == (
        f"store {one}: it has no partitions, and the backup {three} has 3. Restore it as another store; or export it, "
        "and import it."
    )
    assert names(bank) == list("abcdefgh")


def test_copies_of_two_backups_are_not_mixed(folder: Path) -> None:
    back_up(folder / "bank.db", folder / "tuesday")
    monday, tuesday = (read_layout(folder / name).system for name in ("monday", "tuesday"))
    assert len({monday, tuesday, read_layout(folder / "bank.db").system}) == 3
    shutil.copyfile(folder / "monday" / "1", folder / "tuesday" / "1")
    assert refused(folder / "tuesday", folder / "bank.db") == (
        f"store {folder / 'tuesday' / '1'}: expected partition 1 of 2 of this folder, got "
        f'{{"system":"{monday}","partition":1,"of":2}}. Restore a backup of all partitions.'
    )
    (folder / "monday" / "0").unlink()
    assert refused(folder / "monday", folder / "bank.db") == (
        f"store {folder / 'monday'}: partition 0 of 2 is missing: there is no file {folder / 'monday' / '0'}. Restore "
        "a backup of all partitions."
    )


def test_a_store_is_not_restored_from_itself_or_from_nothing(folder: Path) -> None:
    bank = folder / "bank.db"
    assert refused(bank, bank) == (
        f"store {bank}: it is the store itself. Name a folder that `statefun-actors backup` made."
    )
    assert refused(folder / "sunday", bank) == (
        f"store {folder / 'sunday'}: it does not exist. Name a folder that `statefun-actors backup` made."
    )


def test_a_damaged_store_is_replaced(folder: Path) -> None:
    (folder / "bank.db" / "1").unlink()
    (folder / "bank.db" / "0").write_bytes(b"\xa5" * 8_192)
    done = run("restore", "--store", "bank.db", "monday", folder=folder)
    assert "Replace bank.db (8,192 bytes, written" in done.stderr
    assert "; it can't be read) by monday (" in done.stderr
    restore_store(folder / "monday", folder / "bank.db")
    assert names(folder / "bank.db") == list("abcd")


def test_a_backup_replaces_a_folder_only_on_request(folder: Path) -> None:
    bank, monday = folder / "bank.db", folder / "monday"
    with pytest.raises(StoreError) as caught:
        back_up(bank, monday)
    assert str(caught.value) == (
        f"store {monday}: it exists already. Choose another target for the backup, or allow to overwrite it: "
        "--overwrite, overwrite=True."
    )
    with closing(open_one_of(monday, 1)), pytest.raises(StoreInUseError):
        back_up(bank, monday, overwrite=True)
    assert names(monday) == list("abcd")
    back_up(bank, monday, overwrite=True)
    assert names(monday) == list("abcdefgh")
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["bank.db", "monday"]
    (folder / "notes").mkdir()
    (folder / "notes" / "notes.txt").touch()
    with pytest.raises(StoreError) as caught:
        back_up(bank, folder / "notes", overwrite=True)
    assert str(caught.value) == (
        f"store {folder / 'notes'}: it exists already, and is no backup of partitions: its partitions.json can't be "
        "read: No such file or directory. Choose another target for the backup."
    )
