"""Stores by URL."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from statefun_actors import Address, StoreError
from statefun_actors.model import TypedValue
from statefun_actors.store import (
    Commit,
    EntityRecord,
    EntityRow,
    MemoryStore,
    ReadOnlyStore,
    StoreInUseError,
    contact_of,
    open_reader,
    open_store,
    pack,
    replace_store,
    restore_store,
    sqlite,
)
from statefun_actors.store.opening import StoreModule

SQLITE: StoreModule = sqlite
"""For the type checker: the package has each function that a kind of store needs."""
PACKED = pack(EntityRecord({"note": TypedValue("bank/note", b"x")}, {}, 0))
ADA, BOB = Address("bank/account", "ada"), Address("bank/account", "bob")


def refused(action: Callable[[], object]) -> tuple[str, bool]:
    with pytest.raises(StoreError) as caught:
        action()
    return str(caught.value), caught.value.retryable


def entity(address: Address) -> Commit:
    return Commit(entities=[EntityRow(address, PACKED)])


def ids(url: Path | str) -> list[str]:
    with closing(open_reader(url)) as reader:
        return [row.address.id for row in reader.entities("bank/account")]


def partial_files(folder: Path) -> list[Path]:
    return [*folder.glob("*.importing*")]


def urls(tmp_path: Path) -> list[Path | str]:
    file = tmp_path / "folder" / "store.db"
    return [file, str(file), f"sqlite:///{file}", f"SQLite:///{file}"]


@pytest.mark.parametrize("kind", range(4), ids=["Path", "text", "URL", "URL in capitals"])
async def test_a_file_is_a_sqlite_store_however_it_is_named(tmp_path: Path, kind: int) -> None:
    url = urls(tmp_path)[kind]
    with closing(open_store(url)) as store:
        await store.commit(entity(ADA))

        assert store.path == tmp_path / "folder" / "store.db"
        assert ids(url) == ["ada"]


async def test_a_url_with_three_slashes_is_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    open_store("sqlite:///store.db").close()

    assert (tmp_path / "store.db").exists()


def test_a_store_in_memory_is_new_each_time_and_has_no_file() -> None:
    first, second = open_store("memory://"), open_store("memory://")

    assert isinstance(first, MemoryStore)
    assert first is not second
    assert first.path is None


def test_a_path_that_looks_like_a_url_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    open_store(Path("memory:")).close()

    assert (tmp_path / "memory:").exists()


def test_an_invalid_store_url_is_refused_with_the_expected_form() -> None:
    assert refused(lambda: open_store("postgres://localhost/bank")) == (
        "store postgres://localhost/bank: unknown scheme 'postgres'; expected one of: memory, sqlite",
        False,
    )
    assert refused(lambda: open_store("sqlite://bank.db")) == (
        "store sqlite://bank.db: expected sqlite:///FILE, or sqlite:////FILE for an absolute path",
        False,
    )
    assert refused(lambda: open_store("memory://bank")) == (
        "store memory://bank: expected memory://, which has no name",
        False,
    )
    assert refused(lambda: open_reader("memory://")) == (
        "store memory://: a store in memory can be used by its own process only. Name a file.",
        False,
    )


async def test_a_reader_sees_one_commit_within_a_snapshot_and_checks_and_copies_the_store(tmp_path: Path) -> None:
    url, copy = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "copy.db"
    with closing(open_store(url)) as store, closing(open_reader(url)) as reader:
        await store.commit(entity(ADA))
        with reader.snapshot():
            await store.commit(entity(BOB))
            seen = [row.address.id for row in reader.entities("bank/account")]
        reader.backup(copy)

        assert (seen, ids(url), ids(copy)) == (["ada"], ["ada", "bob"], ["ada", "bob"])
        assert (reader.check(), reader.is_older) == ([], False)


@pytest.mark.parametrize("contact", ["/run/bank.sock", "/run/\u2028\x85\x0b\x1c/bank.sock"])
async def test_a_contact_is_announced_to_processes_that_find_the_store_in_use(tmp_path: Path, contact: str) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with closing(open_store(url)) as store:
        before = contact_of(url)
        store.announce(contact)
        with pytest.raises(StoreInUseError) as running:
            open_store(url)
        announced = contact_of(url)
        store.announce(None)
        with pytest.raises(StoreInUseError) as ending:
            open_store(url)

        assert (before, announced, contact_of(url)) == (None, contact, None)
    assert (running.value.contact, running.value.ending) == (contact, False)
    assert (ending.value.contact, ending.value.ending) == (None, True)


async def test_a_store_is_replaced_when_the_block_ends_without_an_error_and_after_it_was_confirmed(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    held: list[int] = []

    def confirm(there: ReadOnlyStore) -> None:
        held.append(there.counts().get("bank/account", 0))

    with replace_store(url, confirm) as store:  # there is none yet
        await store.commit(entity(ADA))
    with suppress(ZeroDivisionError), replace_store(url, confirm) as store:
        await store.commit(entity(BOB))
        raise ZeroDivisionError
    after_error = ids(url)
    with replace_store(url, confirm) as store:
        await store.commit(entity(BOB))

    assert (held, after_error, ids(url)) == ([1, 1], ["ada"], ["bob"])
    assert partial_files(tmp_path) == []


async def test_a_store_is_restored_by_its_url(tmp_path: Path) -> None:
    url, backup = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "backup.db"
    with closing(open_store(url)) as store:
        await store.commit(entity(ADA))
        with closing(open_reader(url)) as reader:
            reader.backup(backup)
        await store.commit(entity(BOB))

    kept = restore_store(backup, url)

    assert kept is not None
    assert (ids(url), ids(kept)) == (["ada"], ["ada", "bob"])
