"""What tests of a store on disk share: commits, the texts of errors, large rows, and limits of the file's size."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from statefun_actors import Address
from statefun_actors.model import TypedValue
from statefun_actors.store import Commit, EntityRow, Message, StoreError
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing.checks.common import ADA

INSTEAD: Final = "Stop the engine before a file is copied; to restore a backup, use `statefun-actors restore`."
OVERWRITTEN: Final = (
    "store {path}: its file was overwritten while an engine ran on it, which ends; the messages acknowledged since it "
    f"was last written are in its log. {INSTEAD}"
)


def commit(store: SqliteStore, *rows: EntityRow, next_seq: int = 1) -> None:
    asyncio.run(store.commit(Commit(entities=rows, next_seq=next_seq)))


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(StoreError) as caught:
        work()
    return str(caught.value)


def large(number: int) -> Commit:
    return Commit(
        entities=[EntityRow(Address("bank/account", f"{number}-{n}"), bytes(3_000)) for n in range(200)],
        messages=[Message(number * 1_000 + n, ADA, TypedValue("t/v", bytes(500))) for n in range(200)],
        positions={"input": f"{number}"},
        next_seq=(number + 1) * 1_000,
    )


@contextmanager
def files_up_to(size: int) -> Generator[None]:
    """Writing beyond *size* fails, as on a disk that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
