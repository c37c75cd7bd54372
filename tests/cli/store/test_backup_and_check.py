"""``statefun-actors backup`` and ``check``: a copy of a store, and whether it is sound."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.commands import run, write_lines
from tests.cli.store.shop import APP, STORE, WISHES, engine, refusal, reported, shop, wish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"), *WISHES)


@pytest.mark.parametrize("live", [False, True])
def test_a_backup_is_a_store_to_go_on_from(folder: Path, tmp_path: Path, live: bool) -> None:
    target = tmp_path / "backups" / "monday.db"
    if live:
        with engine(folder):
            done = run("backup", "app.py", str(target), folder=folder)
    else:
        done = run("backup", "--store", str(STORE), str(target), folder=folder)

    assert done.stdout == f"Copied {STORE} to {target}: {target.stat().st_size:,} bytes.\n"
    assert reported("state", "--store", str(target), "app.py", folder=folder) == reported(
        "state", "app.py", folder=folder
    )
    ran = run("run", "app.py", "--store", str(target), "--until-idle", folder=folder)
    assert ran.returncode == 0


def test_a_backup_replaces_a_file_only_on_request(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "b.db"
    run("backup", "app.py", str(target), folder=folder)

    refused = refusal("backup", "app.py", str(target), folder=folder, code=1)
    (done,) = reported("backup", "app.py", str(target), "--overwrite", folder=folder)

    assert refused == (
        f"Error: store {target}: it exists already. Choose another target for the backup, "
        "or allow to overwrite it: --overwrite, overwrite=True."
    )
    assert done == {"store": str(STORE), "file": str(target), "bytes": target.stat().st_size}


@pytest.mark.parametrize("command", [["export", "--output"], ["backup", "--overwrite"]])
def test_no_command_writes_over_a_file_of_the_store_that_it_reads(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, command: list[str]
) -> None:
    folder = shop(tmp_path_factory.mktemp("shop"), *WISHES)
    (tmp_path / "symbolic").symlink_to(folder / STORE)
    (tmp_path / "hard").hardlink_to(folder / STORE)
    (tmp_path / "no-folder").symlink_to(folder / STORE.parent)
    names = [str(STORE), *(f"{STORE}{suffix}" for suffix in ("-wal", "-shm", "-journal", ".lock"))]
    links = [str(tmp_path / "symbolic"), str(tmp_path / "hard"), str(tmp_path / "no-folder" / f"{STORE.name}-wal")]
    before = {path.name: path.read_bytes() for path in (folder / STORE.parent).iterdir()}
    what = "FILE" if command[0] == "backup" else "--output"

    for name in [*names, *links]:
        assert refusal(command[0], "app.py", *command[1:], name, folder=folder, code=2) == (
            f"Error: {what}: expected a file that nothing else uses, got {name}, "
            f"which belongs to the store {STORE}; name another file."
        )
    assert refusal(command[0], "app.py", *command[1:], "app.py", folder=folder, code=2) == (
        f"Error: {what}: expected a file that nothing else uses, got app.py, which APP uses; name another file."
    )
    assert {path.name: path.read_bytes() for path in (folder / STORE.parent).iterdir()} == before
    assert (folder / "app.py").read_text() == APP


@pytest.mark.parametrize("command", [["export", "--without-inputs", "--output"], ["backup", "--overwrite"]])
def test_no_command_writes_over_a_partition_of_the_store_that_it_reads(tmp_path: Path, command: list[str]) -> None:
    shop(tmp_path, *WISHES)
    run("export", "app.py", "--without-inputs", "-o", "lines", folder=tmp_path)
    run("import", "app.py", "lines", "--store", "parts.db", "--partitions", "2", folder=tmp_path)
    (tmp_path / "hard").hardlink_to(tmp_path / "parts.db" / "1")
    what = "FILE" if command[0] == "backup" else "--output"

    for name in ("parts.db/partitions.json", "parts.db/0-wal", "parts.db/new", "hard"):
        assert refusal(command[0], "--store", "parts.db", *command[1:], name, folder=tmp_path, code=2) == (
            f"Error: {what}: expected a file that nothing else uses, got {name}, "
            "which belongs to the store parts.db; name another file."
        )
    (tmp_path / "hard").unlink()
    assert run("check", "--store", "parts.db", folder=tmp_path).stdout == "parts.db is sound.\n"


def test_lines_are_written_over_no_other_store(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    run("backup", "app.py", str(other), folder=folder)
    before = other.read_bytes()
    complaint = f"expected a file that nothing else uses, got {other}, which is an SQLite database, such as a store"

    exported = refusal("export", "app.py", "-o", str(other), folder=folder, code=2)
    ran = refusal("run", "app.py", "--egress", f"shop/wishes={other}", "--until-idle", folder=folder, code=2)

    assert exported == f"Error: --output: {complaint}; name another file."
    assert ran == f"Error: --egress shop/wishes: {complaint}; name another file."
    assert other.read_bytes() == before


def test_a_backup_replaces_backups_only(folder: Path, tmp_path: Path) -> None:
    lines, new = tmp_path / "in.jsonl", tmp_path / "new"
    write_lines(lines, wish("ada", "a kite", 5))
    before = lines.read_bytes()
    new.touch()

    refused = refusal("backup", "app.py", str(lines), "--overwrite", folder=folder, code=1)
    done = run("backup", "app.py", str(new), "--overwrite", folder=folder)

    assert refused == (
        f"Error: store {lines}: it exists already, and is no backup: the file is not a SQLite database. "
        "Choose another target for the backup."
    )
    assert lines.read_bytes() == before
    assert done.returncode == 0


def test_a_sound_store_is_sound_during_a_run_too(folder: Path) -> None:
    with engine(folder):
        live = run("check", "app.py", folder=folder)

    assert (live.returncode, live.stdout) == (0, f"{STORE} is sound.\napp.py can read all of it.\n")
    assert reported("check", "--store", str(STORE), folder=folder) == [
        {"store": str(STORE), "sound": True, "wrong": []}
    ]


def test_check_says_before_a_deployment_what_the_new_classes_would_cost(folder: Path) -> None:
    before = reported("state", "app.py", folder=folder)
    (folder / "new.py").write_text(APP.replace("wishes", "likes"))

    checked = run("check", "new.py", "--store", str(STORE), folder=folder)
    strict = run("check", "new.py", "--store", str(STORE), "--strict", "--json", folder=folder)
    refused = run("run", "new.py", "--store", str(STORE), "--strict", "--until-idle", folder=folder)

    assert checked.returncode == 0
    assert checked.stdout.splitlines()[:3] == [
        f"{STORE} is sound.", "new.py can read all of it.", "It would lose or leave out:",
    ]  # fmt: skip
    assert "shop/basket: the state 'wishes' was removed, while 'likes' was added; " in checked.stdout
    assert (strict.returncode, json.loads(strict.stdout)["unreadable"]) == (1, [])
    assert refused.returncode == 1
    assert "Error: strict start refused: with these classes stored data would be left out or lost:" in refused.stderr
    assert reported("state", "app.py", folder=folder) == before


def damage(store: Path, table: str) -> None:
    """Write over the page that *table* begins with."""
    db = sqlite3.connect(store)
    ((page, size),) = db.execute(
        "SELECT rootpage, page_size FROM sqlite_master, pragma_page_size WHERE name = ?", (table,)
    ).fetchall()
    db.close()
    with store.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_a_damaged_store_is_reported_and_the_exit_code_says_so(folder: Path, tmp_path: Path) -> None:
    run("backup", "app.py", str(tmp_path / "b.db"), folder=folder)
    damage(tmp_path / "b.db", "timer")

    checked = run("check", "--store", "b.db", folder=tmp_path)

    first, *what, last = checked.stdout.splitlines()
    assert (checked.returncode, first) == (1, "b.db is damaged:")
    assert what
    assert last == "Go back to a backup; `statefun-actors export` saves what can still be read."


@pytest.mark.parametrize("table", ["timer", "entity"])
def test_a_damaged_store_takes_the_place_of_no_backup(folder: Path, tmp_path: Path, table: str) -> None:
    for name in ("b.db", "copy.db"):
        run("backup", "app.py", str(tmp_path / name), folder=folder)
    good = (tmp_path / "copy.db").read_bytes()
    damage(tmp_path / "b.db", table)

    refused = refusal("backup", "--store", "b.db", "copy.db", "--overwrite", folder=tmp_path, code=1)

    assert refused.startswith("Error: store b.db: it is damaged: ")
    assert refused.endswith(". Restore a backup.")
    assert (tmp_path / "copy.db").read_bytes() == good
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".partial") == []


def test_a_run_ends_when_it_comes_upon_damage_that_no_retry_mends(folder: Path, tmp_path: Path) -> None:
    run("backup", "app.py", str(tmp_path / "b.db"), folder=folder)
    damage(tmp_path / "b.db", "entity")
    (tmp_path / "app.py").write_text(APP)
    write_lines(tmp_path / "in.jsonl", wish("ada", "a kite", 5))

    ran = run("run", "app.py", "--store", "b.db", "--input", "in.jsonl", "--until-idle", folder=tmp_path)

    assert ran.returncode == 1
    assert ran.stderr == ("Error: store b.db: it is damaged: database disk image is malformed. Restore a backup.\n")


@pytest.mark.parametrize(
    ("update", "said"),
    [
        (
            "UPDATE entity SET state = X'9381A2FFFF'",
            "shop/basket/ada: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (
            "UPDATE egress SET egress = CAST(X'73FF' AS TEXT)",
            "Could not decode to UTF-8 column 'egress' with text 's\ufffd'",
        ),
    ],
)
def test_damage_that_sqlite_takes_for_sound_is_reported_too(
    folder: Path, tmp_path: Path, update: str, said: str
) -> None:
    run("backup", "app.py", str(tmp_path / "b.db"), folder=folder)
    db = sqlite3.connect(tmp_path / "b.db")
    db.execute(update)
    db.commit()
    db.close()

    checked = run("check", "--store", "b.db", folder=tmp_path)

    assert (checked.returncode, checked.stdout.splitlines()[0]) == (1, "b.db is damaged:")
    assert f"  {said}" in checked.stdout.splitlines()
    assert "Traceback" not in run("export", "--store", "b.db", folder=tmp_path).stderr


def test_a_wrong_argument_is_an_error_in_one_line(folder: Path) -> None:
    assert refusal("backup", "app.py", folder=folder, code=2) == (
        "Error: expected APP and FILE, or --store STORE and FILE; got one argument."
    )
    assert refusal("check", "app.py", "x", folder=folder, code=2) == "Error: unexpected argument: 'x'."
    assert refusal("check", "--store", "app.py", folder=folder, code=1) == (
        "Error: store app.py: the file is not a SQLite database. Choose another path."
    )
