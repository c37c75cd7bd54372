"""``statefun-actors restore``: a backup replaces a store, also after a kill; the old store is kept."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.commands import run
from tests.cli.store.shop import STORE, WISHES, engine, in_this_process, refusal, reported, shop, spent
from tests.cli.store.test_backup_and_check import damage

HELD = (
    r"[\d,]+ bytes, written \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ; entities: 2, waiting messages: 0, delayed messages: 2, "
    r"dead letters: 2"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop; a backup of it; and then a run that was killed: ada has spent 12 since."""
    folder = shop(tmp_path_factory.mktemp("shop"), *WISHES)
    reported("backup", "app.py", "monday.db", folder=folder)
    with engine(folder):
        reported("send", "app.py", "shop/basket/ada", "shop/wish", '{"text": "jam", "price": 7}', folder=folder)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "shop", ignore=shutil.ignore_patterns("*.sock"))


def kept_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / STORE.parent).glob("*before-restore*"))


@pytest.mark.parametrize("answer", ["yes", "y\n"])
def test_a_backup_takes_the_place_of_a_store_that_was_killed(folder: Path, answer: str) -> None:
    if answer == "yes":
        done = in_this_process("restore", "app.py", "monday.db", "--yes", folder=folder)
    else:
        done = in_this_process("restore", "app.py", "monday.db", folder=folder, typed=answer)

    assert done.exit_code == 0, done.stderr
    kept, log = kept_in(folder)
    assert re.fullmatch(r"app\.before-restore-\d{8}T\d{6}Z\.db", kept)
    assert log == f"{kept}-wal"
    assert done.stdout.splitlines() == [
        f"Restored {STORE} from monday.db: {(folder / STORE).stat().st_size:,} bytes.",
        f"The old store is kept as {(folder / STORE).with_name(kept)}; delete it when you don't need it.",
    ]
    assert spent(folder, "ada") == 5
    assert run("run", "app.py", "--until-idle", folder=folder).returncode == 0
    (before,) = reported("state", "--store", f".statefun/{kept}", "app.py", "shop/basket/ada", folder=folder)
    assert before["fields"]["spent"] == 12
    assert f"{(folder / STORE).stat().st_mode & 0o777:o}" == "600"


def test_it_asks_before_it_replaces_a_store(folder: Path) -> None:
    done = in_this_process("restore", "app.py", "monday.db", folder=folder, typed="n\n")

    assert (done.exit_code, done.stdout) == (1, "")
    assert re.match(
        rf"Replace \.statefun/app\.db \({HELD}\) by monday\.db \({HELD}\)\? The old store is kept\. \[y/N\]: ",
        done.stderr,
    )
    assert kept_in(folder) == []
    assert spent(folder, "ada") == 12


def test_where_there_is_no_store_it_makes_one(folder: Path) -> None:
    (done,) = reported("restore", "--store", "new/folder/app.db", "monday.db", folder=folder)

    size = (folder / "new" / "folder" / "app.db").stat().st_size
    assert done == {"store": "new/folder/app.db", "file": "monday.db", "bytes": size, "kept": None}
    (state,) = reported("state", "--store", "new/folder/app.db", "app.py", "shop/basket/ada", folder=folder)
    assert state["fields"]["spent"] == 5


def test_a_copy_without_restore_is_refused_and_restore_mends_it(folder: Path) -> None:
    shutil.copy(folder / "monday.db", folder / STORE)

    ran = run("run", "app.py", "--until-idle", folder=folder)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        f"Error: store {STORE}: its log {(folder / STORE).resolve()}-wal does not belong to it, but to another file "
        "that was in its place; nothing was changed. To restore a backup, use `statefun-actors restore`; to "
        "keep the file without the changes in the log, delete the log.\n"
    )
    assert in_this_process("check", "app.py", folder=folder).exit_code == 1
    reported("restore", "app.py", "monday.db", "--yes", folder=folder)
    assert spent(folder, "ada") == 5


def test_no_store_in_use_is_replaced(folder: Path) -> None:
    (folder / f"{STORE}.lock").unlink()  # which still names the door of the engine that was killed
    with engine(folder):
        refused = refusal("restore", "app.py", "monday.db", "--yes", folder=folder, code=1)
        (folder / f"{STORE}.lock").unlink()
        again = refusal("restore", "app.py", "monday.db", "--yes", folder=folder, code=1)

    for complaint in (refused, again):
        assert re.fullmatch(
            rf"Error: store {STORE}: it is in use by process \d+ since [^ ]+Z\. Stop it first\.", complaint
        )
    assert kept_in(folder) == []


def test_a_damaged_backup_replaces_nothing(folder: Path) -> None:
    damage(folder / "monday.db", "entity")
    (folder / "notes.txt").write_text("no store at all, " * 100)

    assert re.fullmatch(
        r"Error: store monday\.db: it is damaged: .+\. Nothing was restored; choose another backup\.",
        refusal("restore", "app.py", "monday.db", "--yes", folder=folder, code=1),
    )
    assert refusal("restore", "app.py", "notes.txt", "--yes", folder=folder, code=1) == (
        "Error: store notes.txt: the file is not a SQLite database. Choose another path."
    )
    assert refusal("restore", "app.py", "none.db", "--yes", folder=folder, code=1) == (
        "Error: store none.db: the file does not exist. Name a file that `statefun-actors backup` made."
    )
    assert refusal("restore", "app.py", str(STORE), "--yes", folder=folder, code=1) == (
        f"Error: store {STORE}: it is the store itself. Name a file that `statefun-actors backup` made."
    )
    assert kept_in(folder) == []
    assert spent(folder, "ada") == 12


def test_a_store_that_is_a_link_is_restored_where_it_lies(folder: Path, tmp_path: Path) -> None:
    away = tmp_path / "away.db"
    reported("restore", "--store", str(away), "monday.db", folder=folder)
    (folder / "link.db").symlink_to(away)

    reported("restore", "--store", "link.db", "monday.db", "--yes", folder=folder)

    assert (folder / "link.db").is_symlink()
    assert len([*tmp_path.glob("away.before-restore-*.db")]) == 1


def test_the_same_moment_twice_keeps_both(folder: Path) -> None:
    for _ in range(3):
        reported("restore", "app.py", "monday.db", "--yes", folder=folder)

    assert len([name for name in kept_in(folder) if name.endswith(".db")]) == 3
