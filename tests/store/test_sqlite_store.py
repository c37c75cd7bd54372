"""A store on disk: its file, its lock, its versions, its copies, its readers, a full disk."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    EgressRecord,
    EntityRow,
    KeyedRequest,
    Message,
    Recovered,
    RequestState,
    StoreError,
)
from statefun_actors.store.sqlite import SqliteStore, schema
from statefun_actors.store.sqlite.gathering import SLOTS, Gathering
from statefun_actors.store.sqlite.selects import after_prefix
from statefun_actors.testing.checks.common import ADA, BOB, VALUE, entity, ids
from tests.store.store_checks import answers


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path)
    yield store
    store.close()


def commit(store: SqliteStore, *rows: EntityRow, next_seq: int = 1) -> None:
    asyncio.run(store.commit(Commit(entities=rows, next_seq=next_seq)))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(StoreError) as caught:
        work()
    return str(caught.value)


# Opening


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "not" / "there yet" / "store.db"))
    commit(store, entity("ada"))
    store.close()

    assert (tmp_path / "not" / "there yet" / "store.db").exists()


def test_a_path_may_look_like_anything(tmp_path: Path) -> None:
    path = tmp_path / "50% off?#&=é '\"" / "mode=ro&x"
    store = SqliteStore(path)
    commit(store, entity("ada"))

    assert ids(SqliteStore.open_reader(path)) == ["ada"]
    store.close()


def test_a_closed_store_leaves_one_file_and_its_lock(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    assert names(path.parent) == ["store.db", "store.db.lock"]


def test_commits_are_there_after_reopening(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"), next_seq=7)
    before = answers(store)
    store.close()

    again = SqliteStore(path)

    assert answers(again) == before
    assert again.recover() == Recovered(7, {})
    again.close()


def test_a_closed_store_says_so(store: SqliteStore, path: Path) -> None:
    store.close()

    assert refusal(lambda: store.load([ADA])) == f"store {path}: it is closed"
    assert refusal(lambda: commit(store)) == f"store {path}: it is closed"


def test_an_empty_file_becomes_a_store(path: Path) -> None:
    path.touch()

    store = SqliteStore(path)
    commit(store, entity("ada"))

    assert ids(store) == ["ada"]
    store.close()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)

    assert (
        refusal(lambda: SqliteStore(path)) == f"store {path}: the file is not a SQLite database. Choose another path."
    )
    assert path.read_text() == "Dear diary, " * 1_000
    assert names(path.parent) == ["store.db"]


@pytest.mark.parametrize("journal", ["DELETE", "WAL"])
@pytest.mark.parametrize(
    "mark",
    ["CREATE TABLE diary (day)", "PRAGMA user_version = 1", "PRAGMA application_id = 7; CREATE TABLE entity (id)"],
)
def test_the_database_of_another_application_is_refused_and_left_alone(path: Path, mark: str, journal: str) -> None:
    theirs = sqlite3.connect(path)
    theirs.executescript(f"PRAGMA journal_mode = {journal}; {mark}")
    theirs.close()
    before = path.read_bytes()

    complaint = refusal(lambda: SqliteStore(path))

    assert complaint == f"store {path}: it is the SQLite database of another application. Choose another path."
    assert refusal(lambda: SqliteStore.open_reader(path)) == complaint
    assert path.read_bytes() == before


def test_another_applications_database_that_was_not_closed_keeps_its_log(path: Path) -> None:
    theirs = sqlite3.connect(path, isolation_level=None)
    theirs.executescript("PRAGMA journal_mode = WAL; CREATE TABLE diary (day); INSERT INTO diary VALUES (1)")
    crashed = path.with_name("crashed.db")
    for end in ("", "-wal"):
        subprocess.run(["cp", f"{path}{end}", f"{crashed}{end}"], check=True)
    theirs.close()
    log = crashed.with_name("crashed.db-wal").read_bytes()

    assert "another application" in refusal(lambda: SqliteStore(crashed))
    assert crashed.with_name("crashed.db-wal").read_bytes() == log


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.db").mkdir()

    assert refusal(lambda: SqliteStore(tmp_path / "file" / "store.db")) == (
        f"store {tmp_path}/file/store.db: it can't be opened: File exists: {tmp_path}/file. Choose another path."
    )
    folder = tmp_path / "folder.db"
    assert refusal(lambda: SqliteStore(folder)) == f"store {folder}: it is a folder. Name a file in it."
    assert refusal(lambda: SqliteStore("/proc/nowhere/store.db")).startswith(
        "store /proc/nowhere/store.db: it can't be opened: "
    )


@contextmanager
def without_rights(folder: str, mode: int) -> Generator[None]:
    """In it the process is a user with the rights that *mode* gives to everyone in *folder*."""
    Path(folder).chmod(mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        Path(folder).chmod(0o755)


def test_a_folder_without_the_right_to_write_is_refused() -> None:
    with TemporaryDirectory() as folder, without_rights(folder, 0o555):
        complaint = refusal(lambda: SqliteStore(f"{folder}/store.db"))

    assert complaint == (
        f"store {folder}/store.db: it can't be opened: Permission denied: {folder}/store.db.lock. "
        "Check the permissions of its folder, or choose another path."
    )


def test_reading_a_store_in_a_read_only_folder_is_an_error_that_says_so() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        SqliteStore(path).close()
        path.chmod(0o644)
        with without_rights(folder, 0o555):
            complaint = refusal(lambda: SqliteStore.open_reader(path))

    assert complaint == (
        f"store {path}: its folder can't be written, and SQLite keeps a log there, even to read. "
        "Check the permissions of the folder; or copy the file, and use the copy."
    )


def test_a_file_without_the_right_to_write_is_refused() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        SqliteStore(path).close()
        path.chmod(0o444)
        path.with_name("store.db.lock").chmod(0o666)
        with without_rights(folder, 0o777):
            complaint = refusal(lambda: SqliteStore(path))

    assert complaint == (
        f"store {path}: it can't be written: attempt to write a readonly database. "
        "Check the permissions of the file and of its folder."
    )


# Versions


def test_a_store_says_whose_it_is_and_of_which_version(store: SqliteStore, path: Path) -> None:
    header = subprocess.check_output(["head", "-c", "100", path])  # our own open() and close() would break its locks

    assert int.from_bytes(header[60:64]) == len(schema.STEPS)
    assert header[68:72] == b"SfAc"


def add_notes(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE entity ADD COLUMN note TEXT")
    db.execute("UPDATE entity SET note = 'of ' || id")


def notes(path: Path) -> list[tuple[str, str]]:
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT id, note FROM entity ORDER BY id").fetchall()
    finally:
        db.close()


NEWER = (*schema.STEPS, add_notes)


def test_an_older_store_is_brought_up_to_date(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    newer = SqliteStore(path, steps=NEWER)
    commit(newer, entity("bob"))
    newer.close()

    assert notes(path) == [("ada", "of ada"), ("bob", None)]
    SqliteStore(path, steps=NEWER).close()


@pytest.mark.parametrize("version", range(1, len(schema.STEPS)))
def test_a_store_of_any_earlier_version_is_brought_up_to_date_with_all_that_it_holds(path: Path, version: int) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    schema.migrate(db, 0, schema.STEPS[:version])
    db.execute("INSERT INTO entity VALUES ('bank/account', 'ada', NULL, 'packed')")
    db.execute(
        "INSERT INTO message (seq, type, id, value_type, value)"
        " VALUES (3, 'bank/account', 'ada', 'bank/deposit', x'0805')"
    )
    db.execute("INSERT INTO egress (seq, egress, value_type, value) VALUES (2, 'bank/out', 'bank/deposit', x'0805')")
    db.execute("UPDATE counter SET next_seq = 4")
    db.close()

    store = SqliteStore(path)
    request = KeyedRequest(ADA, "key", "digest", 0, "4", RequestState.PENDING)
    asyncio.run(store.commit(Commit(requests=[request], next_seq=5)))
    store.close()

    again = SqliteStore(path)
    assert ids(again) == ["ada"]
    assert list(again.messages()) == [Message(3, ADA, VALUE)]
    assert again.egress_after(0, 10) == [EgressRecord(2, "bank/out", VALUE)]
    assert again.request(ADA, "key") == request
    assert again.recover().next_seq == 5
    assert again.integrity_check() == []
    again.close()


def test_a_new_store_goes_through_every_step(path: Path) -> None:
    SqliteStore(path, steps=NEWER).close()

    assert notes(path) == []


def test_a_step_that_fails_leaves_the_store_at_its_version(store: SqliteStore, path: Path) -> None:
    def broken(db: sqlite3.Connection) -> None:
        add_notes(db)
        db.execute("INSERT INTO no_such_table VALUES (1)")

    commit(store, entity("ada"))
    store.close()

    assert "no such table: no_such_table" in refusal(lambda: SqliteStore(path, steps=(*schema.STEPS, broken)))
    again = SqliteStore(path)
    assert ids(again) == ["ada"]
    assert again.integrity_check() == []
    again.close()


def test_a_store_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    SqliteStore(path, steps=NEWER).close()
    before = path.read_bytes()
    version, known = len(NEWER), len(schema.STEPS)

    complaint = refusal(lambda: SqliteStore(path))

    assert complaint == (
        f"store {path}: it is of version {version}, made by a newer statefun-actors; this one reads up to version "
        f"{known}. Install the newer one again."
    )
    assert refusal(lambda: SqliteStore.open_reader(path)) == complaint
    assert path.read_bytes() == before


def test_a_reader_does_not_bring_an_older_store_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteStore(path).close()
    monkeypatch.setattr(schema, "STEPS", NEWER)

    assert refusal(lambda: SqliteStore.open_reader(path)) == (
        f"store {path}: it is of version {len(NEWER) - 1}, this statefun-actors reads version {len(NEWER)}. "
        "Start it once with `statefun-actors run`, which migrates it."
    )


# The lock


HOLD = """
import sys
from statefun_actors.store.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_store_in_use_is_refused_in_the_same_process(store: SqliteStore, path: Path) -> None:
    complaint = refusal(lambda: SqliteStore(path))

    since = (
        re.escape(f"store {path}: it is in use by process {os.getpid()} since ") + r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    )
    assert re.fullmatch(since + r"\. Stop it first\.", complaint)
    commit(store, entity("ada"))
    store.close()
    SqliteStore(path).close()


def test_a_store_in_use_names_the_other_process_and_is_free_once_that_is_killed(path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert f"it is in use by process {holder.pid} since" in refusal(lambda: SqliteStore(path))

        holder.send_signal(signal.SIGKILL)
        holder.wait()

    SqliteStore(path).close()


def test_a_program_started_meanwhile_does_not_keep_the_lock(store: SqliteStore, path: Path) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        store.close()
        SqliteStore(path).close()
        child.communicate()


# Looking in from beside


def test_a_reader_sees_each_commit_while_the_engine_runs(store: SqliteStore, path: Path) -> None:
    reader = SqliteStore.open_reader(path)
    for name in ("ada", "bob"):
        commit(store, entity(name))
        assert answers(reader) == answers(store)

    reader.close()
    reader.close()
    assert refusal(reader.recover) == f"store {path}: it is closed"


def test_a_reader_needs_no_engine(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"))
    store.close()

    reader = SqliteStore.open_reader(path)
    assert ids(reader) == ["ada"]

    commit(again := SqliteStore(path), entity("bob"))
    assert ids(reader) == ["ada", "bob"]
    again.close()
    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_a_reader_cannot_write(store: SqliteStore, path: Path) -> None:
    reader = SqliteStore.open_reader(path)

    assert "it can't be written" in refusal(lambda: reader._rows("DELETE FROM entity"))
    reader.close()


def test_a_snapshot_stands_still(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada"), next_seq=2)
    reader = SqliteStore.open_reader(path)

    with reader.snapshot():
        before = answers(reader)
        commit(store, entity("bob"), next_seq=3)
        assert answers(reader) == before
        assert len(reader.load([ADA] * 1_000)) == 1_000

    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_there_is_nothing_to_read_in_a_file_that_is_not_there(path: Path) -> None:
    assert refusal(lambda: SqliteStore.open_reader(path)) == (
        f"store {path}: the file does not exist. `statefun-actors run` creates it."
    )
    assert not path.exists()


def test_plain_sql_from_outside_reads_it(store: SqliteStore, path: Path) -> None:
    commit(store, entity("ada", b"state", 5))

    db = sqlite3.connect(path)
    assert db.execute("SELECT type, id, expires_ms, state FROM entity").fetchall() == [
        ("bank/account", "ada", 5, b"state")
    ]
    db.close()


def test_the_string_after_a_prefix() -> None:
    assert after_prefix("") is None
    assert after_prefix("\U0010ffff\U0010ffff") is None
    assert after_prefix("ab") == "ac"
    assert after_prefix("a\U0010ffff") == "b"
    assert after_prefix("\ud7ff") == "\ue000"
    assert after_prefix("\uffff") == "\U00010000"


@pytest.mark.parametrize(
    "read",
    [
        lambda store: store.messages_to(ADA, 5, 10),
        lambda store: store.timers_after(5, 1, 10),
        lambda store: store.pending_timer(ADA, "token"),
        lambda store: store.drop_expired(5, 10),
        lambda store: store.load([ADA, BOB]),
        lambda store: store.egress_after(1, 10),
        lambda store: list(store.entities("bank/account", "a")),
        lambda store: list(store.dead_letters()),
        lambda store: store.dead_letter(1),
    ],
)
def test_no_read_of_the_engine_scans_a_table(store: SqliteStore, read: Callable[[SqliteStore], object]) -> None:
    commit(store, entity("ada", b"", 5))
    plans: list[str] = []
    asked = store._rows

    def explained(select: str, bound: object = (), db: object = None) -> list[object]:
        if select.startswith("SELECT"):
            plans.extend(row[3] for row in asked(f"EXPLAIN QUERY PLAN {select}", bound))  # type: ignore[arg-type]
        return asked(select, bound, db)  # type: ignore[arg-type]

    store._rows = explained  # type: ignore[method-assign]
    read(store)

    assert plans
    assert [plan for plan in plans if re.match(r"SCAN (entity|message|timer|egress|dead_letter)\b", plan)] == []


# What goes wrong while it runs


@pytest.fixture(params=["loop", "thread", "auto"])
def any_store(request: pytest.FixtureRequest, path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(path, commits=request.param)
    yield store
    store.close()


def large(number: int) -> Commit:
    return Commit(
        entities=[EntityRow(Address("bank/account", f"{number}-{n}"), bytes(3_000)) for n in range(200)],
        messages=[Message(number * 1_000 + n, ADA, TypedValue("t/v", bytes(500))) for n in range(200)],
        positions={"input": f"{number}"},
        next_seq=(number + 1) * 1_000,
    )


def test_a_full_disk_refuses_the_commit_whole_and_the_next_one_works_once_there_is_room(any_store: SqliteStore) -> None:
    assert any_store._writer is not None
    asyncio.run(any_store.commit(large(1)))
    before = answers(any_store)
    (pages,) = any_store._writer.execute("PRAGMA page_count").fetchone()

    for more in (0, 1, 30, 350):  # full at the first page, or later
        any_store._writer.execute(f"PRAGMA max_page_count = {pages + more}")
        complaint = refusal(lambda: asyncio.run(any_store.commit(large(2))))

        assert complaint == f"store {any_store.path}: the disk is full. Free disk space."
        assert answers(any_store) == before
        commit(any_store, entity("1-0", bytes(3_000)))  # what needs no room is still written

    any_store._writer.execute("PRAGMA max_page_count = 1000000")
    asyncio.run(any_store.commit(large(2)))
    assert any_store.recover().positions == {"input": "2"}
    assert any_store.integrity_check() == []


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Writing beyond *size* fails, as on a disk that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fails_refuses_the_commit_whole_and_the_next_one_works_once_it_does(
    any_store: SqliteStore, path: Path
) -> None:
    asyncio.run(any_store.commit(large(1)))
    before = answers(any_store)
    written = path.with_name("store.db-wal").stat().st_size

    for more in (0, 5_000, 200_000):
        with files_up_to(written + more):
            complaint = refusal(lambda: asyncio.run(any_store.commit(large(2))))

        assert re.search("the disk is full|the disk failed: .*SQLITE_IOERR", complaint)
        assert answers(any_store) == before

    asyncio.run(any_store.commit(large(2)))
    assert any_store.recover().positions == {"input": "2"}
    assert any_store.integrity_check() == []


def test_a_store_that_was_deleted_refuses_commits_until_it_is_back(any_store: SqliteStore, path: Path) -> None:
    commit(any_store, entity("ada"))
    away = path.with_name("away.db")
    path.rename(away)

    assert refusal(lambda: commit(any_store, entity("bob"))) == (
        f"store {path}: its file was deleted, moved or replaced. Put it back."
    )
    shutil.copy(away, path)
    assert "replaced" in refusal(lambda: commit(any_store, entity("bob")))

    away.rename(path)
    commit(any_store, entity("bob"))
    assert ids(any_store) == ["ada", "bob"]


def test_another_program_that_writes_holds_a_commit_up_but_does_not_break_it(path: Path) -> None:
    store = SqliteStore(path, commits="thread")
    commit(store)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def meanwhile() -> None:
        writing = asyncio.create_task(store.commit(Commit(entities=[entity("ada")])))
        await asyncio.sleep(0)
        assert store.load([ADA]) == [None]
        other.execute("COMMIT")
        await writing

    asyncio.run(meanwhile())
    assert store.load([ADA]) == [b"packed"]
    other.close()
    store.close()


def test_the_loop_runs_on_while_a_commit_is_written(path: Path) -> None:
    store = SqliteStore(path, commits="thread")

    async def turns_of_the_loop() -> int:
        writing = asyncio.create_task(store.commit(large(1)))
        turns = 0
        while not writing.done():
            await asyncio.sleep(0)
            store.load([ADA, BOB])
            turns += 1
        await writing
        return turns

    assert asyncio.run(turns_of_the_loop()) > 10
    store.close()


@pytest.mark.parametrize("commits", ["loop", "thread", "auto"])
def test_the_log_is_brought_home_and_used_again(path: Path, commits: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.store.sqlite.store._LOG_PAGES", 300)
    store = SqliteStore(path, commits=commits)  # type: ignore[arg-type]
    for number in range(40):
        commit(store, *[entity(f"{n}", bytes([number]) * 1_500) for n in range(100)])

    assert path.with_name("store.db-wal").stat().st_size < 2_100 * 100 * 10
    assert path.stat().st_size > 1_500 * 100
    store.close()


# Where entities lie


def places(store: SqliteStore, *rows: EntityRow) -> list[int]:
    asked = "SELECT rowid FROM entity WHERE type = ? AND id = ?"
    return [rowid for row in rows for (rowid,) in store._rows(asked, row.address)]


def fill(store: SqliteStore, count: int) -> None:
    commit(store, *[entity(f"{n:06}") for n in range(count)])
    store._gathering = Gathering(count + 1)  # that was long ago


@pytest.mark.parametrize("odd", ["", "\0"])  # with U+0000, commits are written row by row
def test_entities_that_become_hot_move_together_once(store: SqliteStore, odd: str) -> None:
    fill(store, 6_000)
    hot = [entity(f"{n:06}", b"hot", 7) for n in (5, 700, 1_300)]
    more = [entity(odd + "more")]
    before = places(store, *hot)
    commit(store, *hot, *more)
    assert places(store, *hot) == before

    commit(store, *hot, *more)
    together = places(store, *hot)
    assert together == [together[0], together[0] + 1, together[0] + 2]
    assert together[0] > 6_000

    again = [entity(row.address.id, b"again", 8) for row in hot]
    commit(store, *again, *more)
    assert places(store, *hot) == together
    assert store.load([row.address for row in hot]) == [b"again"] * 3
    assert [address.id for address in store.drop_expired(8, 10)] == ["000005", "000700", "001300"]
    assert store.counts()["bank/account"] == 6_001
    assert store.integrity_check() == []


@pytest.mark.parametrize("odd", ["", "\0"])
def test_the_place_of_an_entity_that_was_deleted_may_be_anothers(store: SqliteStore, odd: str) -> None:
    ada, bob = entity("ada"), entity(odd + "bob")
    for _ in range(3):
        commit(store, ada)
    (place,) = places(store, ada)

    commit(store, entity("ada", None))
    db = sqlite3.connect(store.path)
    db.execute("INSERT INTO entity (rowid, type, id, state) VALUES (?, 'bank/account', 'eve', x'00')", (place,))
    db.commit()
    db.close()
    for number in range(4):
        commit(store, entity("ada", bytes([number])), bob)

    assert ids(store) == sorted(["ada", "eve", odd + "bob"])
    assert store.load([ADA, Address("bank/account", "eve")]) == [b"\3", b"\0"]
    assert store.integrity_check() == []


def attempt(store: SqliteStore, *rows: EntityRow) -> str | None:
    """Why a commit of *rows* failed, None if it didn't."""
    try:
        commit(store, *rows)
    except StoreError as error:
        return str(error)
    return None


@pytest.mark.parametrize("odd", ["", "\0"])
@pytest.mark.parametrize(
    "beside", ["VACUUM", "UPDATE entity SET rowid = 5000 - rowid", "DELETE FROM entity WHERE id = 'x'"]
)
def test_rows_that_another_program_moves_are_found_again_by_their_keys(
    store: SqliteStore, odd: str, beside: str
) -> None:
    fill(store, 1_000)
    commit(store, entity("x"))
    hot = [entity(f"{n:06}") for n in range(0, 200, 2)]
    for _ in range(3):
        commit(store, *hot)
    commit(store, *[entity(f"{n:06}", None) for n in range(300, 600)])
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute(beside)
    db.close()
    before, lost = answers(store), 0

    for text in (b"first", b"second", b"third"):
        rows = [entity(row.address.id, text) for row in hot]
        if (complaint := attempt(store, *rows, entity(odd + text.decode()))) is not None:
            assert re.search("a row lies elsewhere|UNIQUE constraint failed", complaint)
            assert (answers(store), lost) == (before, 0)
            lost += 1
            commit(store, *rows, entity(odd + text.decode()))
        assert store.load([row.address for row in hot]) == [text] * 100

    assert store.counts()["bank/account"] == 704 - (beside[:6] == "DELETE")
    assert store.integrity_check() == []


def test_places_are_forgotten_after_a_commit_that_failed(store: SqliteStore) -> None:
    for _ in range(3):
        commit(store, entity("ada"))
    assert store._writer is not None

    store._writer.execute("PRAGMA query_only = ON")
    refusal(lambda: commit(store, entity("ada", b"not written")))
    store._writer.execute("PRAGMA query_only = OFF")
    commit(store, entity("ada", b"written"))

    assert store.load([ADA]) == [b"written"]


def moves(gathering: Gathering, *rows: EntityRow) -> list[Address]:
    plan = gathering.plan(rows)
    gathering.done(plan)
    return list(plan.moves)


def test_an_entity_that_is_written_now_and_then_stays() -> None:
    gathering, rare = Gathering(1, recent=10), entity("rare")

    def others(n: int) -> list[EntityRow]:
        """Entities that do not share the slot of *rare*: hashes of strings differ in each process."""
        rows = [entity(f"{n} {k}") for k in range(20)]
        return [row for row in rows if (hash(row.address) - hash(rare.address)) % SLOTS]

    for n in range(100):
        assert rare.address not in moves(gathering, rare, *others(n))


def test_an_entity_that_is_deleted_does_not_move_and_is_not_found_by_its_place() -> None:
    gathering = Gathering(1)

    assert moves(gathering, entity("ada")) == []
    assert moves(gathering, entity("ada", None)) == []
    assert moves(gathering, entity("ada"), entity("bob")) == [ADA]
    assert moves(gathering, entity("ada"), entity("bob")) == [BOB]
    assert gathering.plan([entity("ada"), entity("bob")]).places == {ADA: 3, BOB: 5}
    assert moves(gathering, entity("ada", None)) == []
    assert gathering.plan([entity("ada")]).places == {}


def test_a_place_counts_only_once_its_commit_is_durable() -> None:
    gathering = Gathering(1)
    moves(gathering, entity("ada"))

    assert gathering.plan([entity("ada")]).moves == [ADA]
    assert gathering.plan([entity("ada")]).places == {}


# Whole and elsewhere


def test_a_sound_store_has_nothing_wrong(store: SqliteStore) -> None:
    commit(store, entity("ada"))

    assert store.integrity_check() == []


def test_damage_is_reported(path: Path) -> None:
    store = SqliteStore(path)
    commit(store, *[entity(f"{n:04}", bytes(200)) for n in range(1_000)])
    store.close()
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 5_000] = b"\xa5" * 5_000
    path.write_bytes(content)

    reader = SqliteStore.open_reader(path)
    assert len(reader.integrity_check()) > 0
    reader.close()


def test_numbers_given_twice_are_reported(store: SqliteStore) -> None:
    asyncio.run(store.commit(Commit(messages=[Message(7, ADA, VALUE)], next_seq=7)))

    assert store.integrity_check() == ["the next sequence number is 7, but 7 is taken"]


def test_a_backup_is_the_store_as_of_now_in_one_file(store: SqliteStore, path: Path) -> None:
    asyncio.run(store.commit(large(1)))
    target = path.parent / "backups" / "monday.db"

    store.backup(target)
    before = answers(store)
    commit(store, entity("later"))

    assert names(target.parent) == ["monday.db"]
    copy = SqliteStore(target)
    assert answers(copy) == before
    commit(copy, entity("elsewhere"))
    copy.close()
    assert ids(store, "elsewhere") == []


def test_a_backup_during_commits_holds_whole_commits(store: SqliteStore, path: Path) -> None:
    async def backups_and_commits() -> None:
        await store.commit(large(0))
        for number in range(1, 6):
            copying = asyncio.create_task(asyncio.to_thread(store.backup, path.with_name(f"{number}.db")))
            await store.commit(large(number))
            await copying

    asyncio.run(backups_and_commits())

    for number in range(1, 6):
        copy = SqliteStore.open_reader(path.with_name(f"{number}.db"))
        committed = int(copy.recover().positions["input"]) + 1
        assert committed in (number, number + 1)
        assert copy.counts()["bank/account"] == committed * 200
        assert copy.counts()["messages"] == committed * 200
        assert copy.recover().next_seq == committed * 1_000
        copy.close()


def test_a_backup_overwrites_only_on_request(store: SqliteStore, path: Path) -> None:
    target = path.with_name("backup.db")
    commit(store, entity("ada"))
    store.backup(target)
    commit(store, entity("bob"))

    complaint = (
        f"store {target}: it exists already. Choose another target for the backup, "
        "or allow to overwrite it: --overwrite, overwrite=True."
    )
    assert refusal(lambda: store.backup(target)) == complaint
    store.backup(target, overwrite=True)

    reader = SqliteStore.open_reader(target)
    assert ids(reader) == ["ada", "bob"]
    reader.close()


def test_a_backup_never_overwrites_a_store_in_use(store: SqliteStore, path: Path, tmp_path: Path) -> None:
    other = SqliteStore(tmp_path / "other.db")

    assert "it is in use by process" in refusal(lambda: store.backup(other.path, overwrite=True))
    assert "it exists already" in refusal(lambda: store.backup(path, overwrite=True))
    commit(store, entity("ada"))
    commit(other, entity("bob"))
    other.close()
    assert not [name for name in names(tmp_path) if "partial" in name]


def test_a_backup_does_not_inherit_the_log_of_what_it_overwrites(store: SqliteStore, path: Path) -> None:
    crashed = path.with_name("crashed.db")
    commit(store, entity("old"))
    for end in ("", "-wal"):
        subprocess.run(["cp", f"{path}{end}", f"{crashed}{end}"], check=True)
    commit(store, entity("new"))

    store.backup(crashed, overwrite=True)

    copy = SqliteStore(crashed)
    assert ids(copy) == ["new", "old"]
    assert copy.integrity_check() == []
    copy.close()


def test_a_backup_that_cannot_be_written_leaves_nothing(store: SqliteStore, tmp_path: Path) -> None:
    asyncio.run(store.commit(large(1)))
    target = tmp_path / "backups" / "backup.db"

    with files_up_to(100_000):
        assert "the disk failed: disk I/O error (SQLITE_IOERR_WRITE)" in refusal(lambda: store.backup(target))

    assert names(target.parent) == []
    assert "File exists" in refusal(lambda: store.backup(store.path / "backup.db"))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (0, "the file is not a SQLite database. Choose another path."),
        (100, "it is damaged: database disk image is malformed. Restore a backup."),
    ],
    ids=["its header", "its schema"],
)
def test_a_backup_of_what_is_damaged_names_that_and_leaves_nothing(
    store: SqliteStore, path: Path, start: int, said: str
) -> None:
    commit(store, entity("ada"))
    store.close()
    reader = SqliteStore.open_reader(path)
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * (4_096 - start))

    reported = refusal(lambda: reader.backup(path.parent / "backups" / "monday.db"))
    reader.close()

    assert reported == f"store {path}: {said}"
    assert names(path.parent / "backups") == []
