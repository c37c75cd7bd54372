"""Errors of JSON lines files. Each names the file, and what to do next."""

from __future__ import annotations

from statefun_actors.errors import StatefunActorsError


class InputError(StatefunActorsError):
    """The rest of an input file can't be read. The lines before have been handled, or will be."""


class BadLineError(InputError, ValueError):
    """A line of an input file is not a message. A retry helps after the line is corrected."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path, self.line, self.reason = path, line, reason

    def __str__(self) -> str:
        return (
            f"{self.path}, line {self.line}: {self.reason.rstrip('.')}. Correct it and run again: "
            "the lines before it have been handled and are not read twice."
        )


class InputChangedError(InputError, ValueError):
    """An input file has changed before the position up to which it was read."""

    def __init__(self, path: str, line: int, found: str) -> None:
        super().__init__(path, line, found)
        self.path, self.line, self.found = path, line, found

    def __str__(self) -> str:
        return (
            f"{self.path} has changed since it was read up to line {self.line}: {self.found}. Lines may be added "
            "at its end; restore what stood before, or give new content another name to have it read from the start."
        )


class InputUnreadableError(InputError, OSError):
    """An input file, or its disk, is damaged."""

    def __init__(self, path: str, line: int, reason: str) -> None:
        super().__init__(path, line, reason)
        self.path, self.line, self.reason = path, line, reason

    def __str__(self) -> str:
        return (
            f"{self.path} can't be read after line {self.line}: {self.reason}. Replace it by a whole copy and run "
            "again: the lines before have been handled and are not read twice."
        )


class EgressFileError(StatefunActorsError, OSError):
    """An egress file can't be used, or another program has changed it."""

    def __init__(self, path: str, reason: str, instead: str) -> None:
        super().__init__(path, reason, instead)
        self.path, self.reason, self.instead = path, reason, instead

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}. {self.instead}"


class _EgressFileLengthError(EgressFileError):
    """Another program has changed an egress file: it has *there* bytes, expected *size*. Writes are paused.

    A retry helps after the file is moved away or restored.
    """

    def __init__(self, path: str, there: int, size: int, reason: str, instead: str) -> None:
        super().__init__(path, reason, instead)
        self.there, self.size = there, size


class EgressFileCutError(_EgressFileLengthError):
    """An egress file was truncated. A retry helps after it is restored."""

    def __init__(self, path: str, there: int, size: int) -> None:
        super().__init__(
            path,
            there,
            size,
            f"it was truncated: expected {size:,} bytes, found {there:,}",
            "Move it away, and a new file is begun (with logrotate: `create`, not `copytruncate`); or put it back as "
            "it was.",
        )


class EgressFileAppendedError(_EgressFileLengthError):
    """An egress file has bytes that its egress did not write. A retry helps after these are removed."""

    def __init__(self, path: str, there: int, size: int) -> None:
        super().__init__(
            path,
            there,
            size,
            f"it holds what this store did not write: expected {size:,} bytes, found {there:,}",
            "Another program has written to it, or the store is older than the file, as after restoring a backup. "
            f"Move it away, and a new file is begun; or remove what it holds beyond byte {size}.",
        )


class EgressFileChangedError(_EgressFileLengthError):
    """Another program has changed written bytes of an egress file. A retry helps after it is restored."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(
            path,
            size,
            size,
            f"another program has changed it: its bytes before byte {size:,} are not those that were written",
            "Move it away, and a new file is begun; or put it back as it was.",
        )
