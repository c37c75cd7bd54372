"""StateFun in one JVM: the jars of a cluster, the harness, and our own Java around it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.jvm import FLINK_POM, OPEN_FLAGS, QUIET_FLAGS, SMALL_FLAGS
from statefun_actors.cluster.toolchain import compiled, jars

HERE: Final = Path(__file__).parent
_MAIN: Final = "FlinkOverLines"
_FLAGS: Final = ("-Xmx320m", *SMALL_FLAGS, *QUIET_FLAGS, *OPEN_FLAGS)


@attrs.frozen
class Distribution:
    """Where everything is. ``archive`` = class data by which a JVM starts twice as fast, once a run has left it."""

    jars: Sequence[Path]
    archive: Path

    def command(self, arguments: Sequence[str], archiving: Path | None) -> list[str]:
        """The command line of a JVM. With *archiving*, it leaves class data there when it ends."""
        sharing = [f"-XX:SharedArchiveFile={self.archive}"] if self.archive.exists() else []
        if archiving is not None:
            sharing = [f"-XX:ArchiveClassesAtExit={archiving}"]
        class_path = os.pathsep.join(map(str, self.jars))
        return ["java", *_FLAGS, *sharing, "-cp", class_path, _MAIN, *arguments]


def distribution() -> Distribution:
    """Everything that is needed, fetched and compiled now if it is not there yet.

    Raises:
        ToolFailedError: Maven or the compiler failed.
    """
    folders = [jars(FLINK_POM, _ignore), jars(HERE / "pom.xml", _ignore)]
    ours = compiled(HERE / "java", folders, "tests.jar")
    fetched = [jar for folder in folders for jar in sorted(folder.glob("*.jar"))]
    return Distribution([ours / "tests.jar", *fetched], ours / "classes.jsa")


def _ignore(_: str) -> None: ...
