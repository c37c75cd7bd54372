"""One engine per store: a lock on ``<store>.lock`` that dies with its process, however that ends."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from statefun_actors.embedded.store import StoreError

try:
    import fcntl
except ImportError:  # Windows: no lock yet
    fcntl = None  # type: ignore[assignment]


class Lock:
    """Held from construction to ``release``.

    The file stays behind, empty of meaning: deleting it would let a third process lock a new file of the same name
    while a second one still waits for the old.

    Raises:
        StoreError: another engine holds it, in this process or in another one; the error names the process.
    """

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".lock")
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if fcntl is not None:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 200, 0).decode("ascii", "replace").split("\n")[0] or "another process"
            self.release()
            raise StoreError(
                str(store), f"it is in use by {holder}", "Stop it first, or choose another path."
            ) from None
        except BaseException:
            self.release()
            raise
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"process {os.getpid()}\nsince {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}\n".encode(), 0)

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
