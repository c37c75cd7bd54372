"""Errors of a local cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from statefun_actors.errors import StatefunActorsError


class MissingToolError(StatefunActorsError):
    """Programs that a local cluster needs are not on the PATH. A retry helps after they are installed."""

    _PACKAGES: ClassVar = {"java": "a JDK", "javac": "a JDK", "mvn": "Maven"}

    def __init__(self, tools: Sequence[str], found: str | None = None) -> None:
        super().__init__(tools, found)
        self.tools, self.found = tuple(tools), found

    def __str__(self) -> str:
        if self.found is not None:
            return f"expected Java 11 or newer, got {self.found}: install a JDK, such as 17, and put it on the PATH."
        packages = " and ".join(dict.fromkeys(self._PACKAGES[tool] for tool in self.tools))
        return (
            f"no {', no '.join(self.tools)} on the PATH: a Flink here needs {packages}. Install "
            f"{'it' if ' and ' not in packages else 'both'}, by your system's packages (apt install default-jdk maven; "
            "brew install openjdk maven) or from adoptium.net and maven.apache.org."
        )


class ToolFailedError(StatefunActorsError):
    """Maven or the Java compiler failed. A retry helps if the network failed."""

    def __init__(self, tool: str, what: str, says: str) -> None:
        super().__init__(tool, what, says)
        self.tool, self.what, self.says = tool, what, says

    def __str__(self) -> str:
        return f"{self.tool} could not {self.what}. Its output:\n{self.says}"


class ProcessEndedError(StatefunActorsError):
    """An essential process of the cluster has ended. Its log has the reason."""

    def __init__(self, name: str, code: int, log: str, tail: str) -> None:
        super().__init__(name, code, log, tail)
        self.name, self.code, self.log, self.tail = name, code, log, tail

    def __str__(self) -> str:
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        return f"{self.name} {how}. Its log, {self.log}, says:\n{self.tail}"


class ClusterLateError(StatefunActorsError):
    """The cluster timed out. A retry may help, on a machine that is less busy."""

    def __init__(self, what: str, seconds: float, why: str) -> None:
        super().__init__(what, seconds, why)
        self.what, self.seconds, self.why = what, seconds, why

    def __str__(self) -> str:
        return f"timed out after {self.seconds:g} s waiting for {self.what}{f': {self.why}' if self.why else ''}"


class JobFailsError(StatefunActorsError):
    """Each start of the job fails. A retry helps after the cause that it names is fixed."""

    def __init__(self, starts: int, cause: str, log: str) -> None:
        super().__init__(starts, cause, log)
        self.starts, self.cause, self.log = starts, cause, log

    def __str__(self) -> str:
        return (
            f"Flink started the job {self.starts} times, and it failed each time: {self.cause}\nMore is in {self.log}"
        )


class SavepointError(StatefunActorsError):
    """A savepoint can't be created, or was not found."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


class FolderInUseError(StatefunActorsError):
    """Another cluster uses the folder. A retry helps after that has ended."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"another cluster uses {self.folder}: stop it, or give this one another folder."
