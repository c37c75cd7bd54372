"""The errors of stores."""

from __future__ import annotations

from typing import ClassVar

from statefun_actors.errors import StatefunActorsError
from statefun_actors.text import shortened


class StoreError(StatefunActorsError):
    """A store could not be opened, read or written. A retry can help after the cause is resolved."""

    retryable: ClassVar[bool] = True

    def __init__(self, store: str, reason: str, instead: str = "") -> None:
        super().__init__(store, reason, instead)
        self.store, self.reason, self.instead = store, reason, instead

    def __str__(self) -> str:
        return f"store {self.store}: {self.reason}{'. ' + self.instead if self.instead else ''}"


class DamagedStoreError(StoreError):
    """The file of a store is damaged. No retry helps: restore a backup, or export what can still be read."""

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, f"it is damaged: {reason}", "Restore a backup.")
        self.args = (store, reason)


class CommitRefusedError(StoreError):
    """The store refuses the content of a commit. The same commit never succeeds; nothing of it was written."""

    retryable: ClassVar[bool] = False


class StoreInUseError(StoreError):
    """Another engine or command uses the store. A retry can help after that has ended.

    Args:
        store: its path.
        holder: the process that uses it, such as ``process 17 since 2026-01-01T00:00:00Z``.
        contact: what it announced (:meth:`Store.announce`), None if nothing.
        ending: its holder is shutting down.
    """

    def __init__(self, store: str, holder: str, contact: str | None = None, *, ending: bool = False) -> None:
        super().__init__(store, f"it is in use by {holder or 'another process'}", "Stop it first.")
        self.holder, self.contact, self.ending = holder, contact, ending


class StoreTakenError(StoreError):
    """Another engine has taken over the store of a running one. No retry helps: the first engine ends.

    Args:
        store: its path.
        owner: the process that owns it now, such as ``process 17 on host-a since 2026-01-01T00:00:00Z``.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, store: str, owner: str) -> None:
        super().__init__(
            store,
            f"it has been taken over by {owner}, so this engine ends; nothing that was acknowledged is lost",
            "Run one engine on a store, and don't delete its lock file.",
        )
        self.args = (store, owner)
        self.owner = owner


class StoreMismatchError(StoreError):
    """The files of a store don't belong together: one was replaced, moved or deleted. No retry helps."""

    retryable: ClassVar[bool] = False


def unstorable_text(store: str, text: str) -> CommitRefusedError:
    """The error for a string with an unpaired surrogate, which UTF-8 can't encode."""
    shown = shortened(repr(text), 200)
    reason = f"{shown} can't be stored: it contains an unpaired surrogate"
    return CommitRefusedError(store, reason, "Send valid Unicode text.")
