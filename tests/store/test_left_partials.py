"""What a killed process has left of a backup or an export is removed by the next one to the same target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from statefun_actors.store import open_reader
from statefun_actors.store.partitioned import create_partitions
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.system import partial_name
from tests.cli.commands import run


@pytest.fixture(scope="module")
def dead() -> int:
    """The id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def left_by(pid: int, target: Path) -> list[Path]:
    """A file next to *target* and its journal, as the process *pid* would leave them if it was killed."""
    files = [target.with_name(f"{target.name}.{pid}.partial{suffix}") for suffix in ("", "-journal")]
    for file in files:
        file.write_bytes(b"half")
    return files


@pytest.mark.needs("linux")  # on Windows, nothing tells safely whether a process runs
def test_only_what_dead_processes_have_left_for_the_same_target_is_removed(tmp_path: Path, dead: int) -> None:
    target = tmp_path / "copy.db"
    left_by(dead, target)
    kept = [
        *left_by(os.getppid(), target),
        *left_by(dead, tmp_path / "copy.db.old"),
        *left_by(dead, tmp_path / "other.db"),
    ]
    for name in (f"copy.db.{dead}.partial.gz", "copy.db.new.partial", "copy.db.0.partial", "copy.db.-1.partial"):
        kept.append(tmp_path / name)
        kept[-1].touch()

    assert partial_name(target) == tmp_path / f"copy.db.{os.getpid()}.partial"
    assert sorted(tmp_path.iterdir()) == sorted(kept)


@pytest.mark.needs("linux")  # on Windows, nothing tells safely whether a process runs
def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path, dead: int) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "file").touch()
    (tmp_path / f"copy.db.{dead}.partial").symlink_to(folder)

    partial_name(tmp_path / "copy.db")

    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == [folder / "file"]


@pytest.mark.needs("linux")  # on Windows, nothing tells safely whether a process runs
def test_a_backup_removes_what_a_killed_one_has_left(store: SqliteStore, tmp_path: Path, dead: int) -> None:
    target = tmp_path / "backups" / "copy.db"
    target.parent.mkdir()
    left_by(dead, target)

    store.backup(target)

    assert list(target.parent.iterdir()) == [target]


@pytest.mark.needs("linux")  # on Windows, nothing tells safely whether a process runs
def test_a_backup_of_partitions_removes_what_a_killed_one_has_left(tmp_path: Path, dead: int) -> None:
    create_partitions(tmp_path / "bank.db", 2)
    target = tmp_path / "backups" / "copy.db"
    left = target.with_name(f"copy.db.{dead}.partial")
    left.mkdir(parents=True)
    (left / "0").write_bytes(b"half")

    reader = open_reader(tmp_path / "bank.db")
    try:
        reader.backup(target)
    finally:
        reader.close()

    assert list(target.parent.iterdir()) == [target]


@pytest.mark.needs("linux")  # on Windows, nothing tells safely whether a process runs
def test_an_export_removes_what_a_killed_one_has_left(store: SqliteStore, tmp_path: Path, dead: int) -> None:
    target = tmp_path / "exports" / "copy.jsonl"
    target.parent.mkdir()
    left_by(dead, target)

    run("export", "--store", str(store.path), "-o", str(target), folder=tmp_path)

    assert list(target.parent.iterdir()) == [target]


def test_what_an_earlier_process_of_the_same_number_has_left_is_removed(tmp_path: Path) -> None:
    """In a container, each command can have the same process id."""
    left_by(os.getpid(), tmp_path / "copy.jsonl")

    partial_name(tmp_path / "copy.jsonl")

    assert list(tmp_path.iterdir()) == []
