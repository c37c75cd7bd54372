"""Why a local cluster can't be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from statefun_actors.errors import StatefunActorsError


class MissingToolError(StatefunActorsError):
    """Programs that a local cluster needs are not on the PATH. Once they are installed, a retry helps."""

    _PACKAGES: ClassVar = {"java": "a JDK", "javac": "a JDK", "mvn": "Maven"}

    def __init__(self, tools: Sequence[str], found: str | None = None) -> None:
        super().__init__(tools, found)
        self.tools, self.found = tuple(tools), found

    def __str__(self) -> str:
        if self.found is not None:
            return f"expected Java 11 or newer, got {self.found}: install a JDK (17, say) and put it on the PATH."
        packages = " and ".join(dict.fromkeys(self._PACKAGES[tool] for tool in self.tools))
        return (
            f"no {', no '.join(self.tools)} on the PATH: a Flink here needs {packages}. Install "
            f"{'it' if ' and ' not in packages else 'both'}, by your system's packages (apt install default-jdk maven; "
            "brew install openjdk maven) or from adoptium.net and maven.apache.org."
        )


class ToolFailedError(StatefunActorsError):
    """Maven or the Java compiler failed. A retry helps if the network did."""

    def __init__(self, tool: str, what: str, says: str) -> None:
        super().__init__(tool, what, says)
        self.tool, self.what, self.says = tool, what, says

    def __str__(self) -> str:
        return f"{self.tool} could not {self.what}. It says:\n{self.says}"


class ProcessEndedError(StatefunActorsError):
    """A process of the cluster that nothing can go on without has ended. Its log says why."""

    def __init__(self, name: str, code: int, log: str, tail: str) -> None:
        super().__init__(name, code, log, tail)
        self.name, self.code, self.log, self.tail = name, code, log, tail

    def __str__(self) -> str:
        how = f"was killed by signal {-self.code}" if self.code < 0 else f"ended with exit code {self.code}"
        return f"{self.name} {how}. Its log, {self.log}, says:\n{self.tail}"


class ClusterLateError(StatefunActorsError):
    """The cluster did not do in time what was expected of it. A retry may help, on a machine that is less busy."""

    def __init__(self, what: str, seconds: float, why: str) -> None:
        super().__init__(what, seconds, why)
        self.what, self.seconds, self.why = what, seconds, why

    def __str__(self) -> str:
        return f"waited {self.seconds:g} s in vain for {self.what}{f': {self.why}' if self.why else ''}"


class JobFailsError(StatefunActorsError):
    """The job does not come up: each start of it fails. A retry helps if what it names has been mended."""

    def __init__(self, starts: int, cause: str, log: str) -> None:
        super().__init__(starts, cause, log)
        self.starts, self.cause, self.log = starts, cause, log

    def __str__(self) -> str:
        return (
            f"Flink started the job {self.starts} times, and it failed each time: {self.cause}\nMore is in {self.log}"
        )


class SavepointError(StatefunActorsError):
    """A savepoint can't be taken, or is not where it is looked for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return self.text


class FolderInUseError(StatefunActorsError):
    """Another cluster works in the folder. A retry helps once that has ended."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"another cluster works in {self.folder}: stop it, or give this one a folder of its own."
