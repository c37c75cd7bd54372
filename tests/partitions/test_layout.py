"""The folder of a store with several partitions, and who may open what in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors.partitions import Partition
from statefun_actors.store import Commit, StoreError, open_reader, open_store, replace_store
from statefun_actors.store.partitioned import create_partitions, open_partition, read_layout
from statefun_actors.store.sqlite import SqliteStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_partitions(tmp_path / "bank.db", 2)
    return tmp_path / "bank.db"


def refused(folder: Path, count: int) -> str:
    with pytest.raises(StoreError) as caught:
        create_partitions(folder, count)
    return str(caught.value)


def test_a_new_folder_has_a_store_for_each_partition(folder: Path) -> None:
    layout = read_layout(folder)
    assert (layout.version, layout.partitions, len(layout.system)) == (1, 2, 32)
    assert {"0", "1", "partitions.json"} <= {path.name for path in folder.iterdir()}
    assert [path.name for path in folder.parent.iterdir()] == ["bank.db"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert create_partitions(folder, 2) == layout


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "bank.db").mkdir()
    assert create_partitions(tmp_path / "bank.db", 3).partitions == 3


def test_another_number_of_partitions_is_refused(folder: Path) -> None:
    assert refused(folder, 3) == (
        f"store {folder}: it has 2 partitions, not 3. Run it with --partitions 2; or export it, and "
        "import it with --partitions 3."
    )


def test_a_store_without_partitions_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bank.db"
    SqliteStore(file).close()
    assert refused(file, 2) == (
        f"store {file}: it is a store without partitions. Run it without --partitions; or export it, and import it "
        "into another store with --partitions 2."
    )


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert refused(tmp_path, 2) == (
        f"store {tmp_path}: it is a folder without partitions.json. Choose another store with --store."
    )


def test_a_missing_partition_is_not_created_again(folder: Path) -> None:
    (folder / "1").unlink()
    assert refused(folder, 2) == (
        f"store {folder}: partition 1 of 2 is missing: there is no file {folder / '1'}. Restore a "
        "backup of all partitions."
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "Expected `object`, got `array`"),
        ('{"partitions":0,"system":"x"}', "Expected `int` >= 1 - at `$.partitions`"),
        ('{"partitions":2}', "Object missing required field `system`"),
    ],
)
def test_a_layout_that_cannot_be_read_is_refused(folder: Path, content: str, reason: str) -> None:
    (folder / "partitions.json").write_text(content)
    assert refused(folder, 2) == (
        f"store {folder}: its partitions.json can't be read: {reason}. Restore a backup of all partitions."
    )


def test_a_folder_that_can_not_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "bank.db"
    assert refused(folder, 2) == (f"store {folder}: it can't be created: File exists. Choose another path.")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_partition_that_is_deleted_while_the_others_run_is_not_created_again(folder: Path) -> None:
    (folder / "1").unlink()
    with pytest.raises(StoreError) as caught:
        open_partition(folder, Partition(1, 2), "any")
    assert str(caught.value) == (f"store {folder / '1'}: the file does not exist. Restore a backup of all partitions.")
    assert not (folder / "1").exists()


def test_a_layout_that_is_a_folder_is_refused(folder: Path) -> None:
    (folder / "partitions.json").unlink()
    (folder / "partitions.json").mkdir()
    assert refused(folder, 2) == (
        f"store {folder}: its partitions.json can't be read: Is a directory. Restore a backup of all partitions."
    )


def test_a_layout_of_a_newer_version_is_refused(folder: Path) -> None:
    (folder / "partitions.json").write_text('{"version":3,"partitions":2,"system":"x"}')
    assert refused(folder, 2) == (
        f"store {folder}: its partitions.json is of version 3, expected at most 2. Use a newer version."
    )


@pytest.mark.parametrize(
    "opened",
    [lambda folder, system: open_partition(folder, Partition(0, 2), system), lambda folder, _: open_reader(folder)],
)
def test_partitions_that_were_swapped_are_refused(folder: Path, opened: Callable[[Path, str], object]) -> None:
    """For an engine, and for commands that read: they would look for entities in the wrong file."""
    system = read_layout(folder).system
    (folder / "0").rename(folder / "x")
    (folder / "1").rename(folder / "0")
    (folder / "x").rename(folder / "1")
    with pytest.raises(StoreError) as caught:
        opened(folder, system)
    assert str(caught.value) == (
        f"store {folder / '0'}: expected partition 0 of 2 of this folder, got "
        f'{{"system":"{system}","partition":1,"of":2}}. Restore a backup of all partitions.'
    )


def test_a_partition_opens_for_its_engine_only(folder: Path) -> None:
    system = read_layout(folder).system
    open_partition(folder, Partition(1, 2), system).close()
    with pytest.raises(StoreError) as caught:
        open_store(folder / "1")
    assert str(caught.value) == (
        f"store {folder / '1'}: it is one partition of a store with several. Name the folder that has all of them "
        "instead."
    )
    open_partition(folder, Partition(1, 2), system).close()  # the refused one has let it go


def test_the_folder_opens_for_no_single_engine(folder: Path) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(folder)
    assert str(caught.value) == f"store {folder}: it has 2 partitions. Run it with --partitions 2."


def test_the_folder_is_not_replaced_by_an_import(folder: Path) -> None:
    with pytest.raises(StoreError) as caught:
        replace_store(folder, lambda _: None)
    assert str(caught.value) == (
        f"store {folder}: it has 2 partitions, which an import does not replace. Name another store."
    )


async def test_a_store_that_only_looks_like_a_partition_is_refused(folder: Path) -> None:
    system = read_layout(folder).system
    (folder / "0").unlink()
    store = SqliteStore(folder / "0")
    await store.commit(Commit())
    store.close()
    with pytest.raises(StoreError, match="got a store without partitions"):
        open_partition(folder, Partition(0, 2), system)
