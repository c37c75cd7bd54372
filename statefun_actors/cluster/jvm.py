"""Command lines of JVMs that run Flink and Kafka."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.toolchain import Progress, compiled, jars, java_version

_HERE: Final = Path(__file__).parent
FLINK_POM: Final = _HERE / "poms" / "flink.xml"
KAFKA_POM: Final = _HERE / "poms" / "kafka.xml"

# Flink 1.16 uses JDK internals that Java 17 closes.
_OPENED: Final = (
    "java.lang", "java.lang.reflect", "java.util", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks", "java.io", "java.net", "java.nio", "java.text", "java.time", "sun.nio.ch",
)  # fmt: skip
OPEN_FLAGS: Final = (
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
)
QUIET_FLAGS: Final = ("-Xlog:disable", "-Xlog:all=error:stderr")
"""The JVM's own messages go to its log, not to the program's output."""
SMALL_FLAGS: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # on a small machine, better compilation costs as much as it gains
)
_DUMPS_WHILE_IT_RUNS: Final = 17
"""The first version of Java that can dump class data of a running JVM."""


@attrs.frozen
class Program:
    """A JVM's main class, class path and options. ``archive`` is class data with which it starts twice as fast."""

    jars: Sequence[Path]
    main: str
    flags: Sequence[str]
    archive: Path

    @property
    def archives(self) -> bool:
        """Whether a JVM that is started now should dump its class data, which is missing."""
        return not self.archive.exists() and java_version() >= _DUMPS_WHILE_IT_RUNS

    def command(self, *arguments: str) -> list[str]:
        """The command line."""
        if self.archive.exists():
            sharing = [f"-XX:SharedArchiveFile={self.archive}"]
        else:
            sharing = ["-XX:+RecordDynamicDumpInfo"] if self.archives else []
        class_path = os.pathsep.join(map(str, self.jars))
        return ["java", *SMALL_FLAGS, *QUIET_FLAGS, *self.flags, *sharing, "-cp", class_path, self.main, *arguments]


@attrs.frozen
class FlinkPrograms:
    job_manager: Program
    task_manager: Program


def flink_programs(progress: Progress) -> FlinkPrograms:
    """A JobManager and a TaskManager of StateFun 3.3.0, fetched and compiled first if they are missing.

    Raises:
        ToolFailedError: Maven or the compiler failed.
    """
    fetched = jars(FLINK_POM, progress)
    ours = compiled(_HERE / "java" / "flink", [fetched], "one-job.jar")
    all_jars = [ours / "one-job.jar", *sorted(fetched.glob("*.jar"))]
    metaspace = "-XX:MaxMetaspaceSize=256m"
    return FlinkPrograms(
        Program(all_jars, "OneJobManager", [*OPEN_FLAGS, "-Xmx256m", metaspace], ours / "job-manager.jsa"),
        Program(
            all_jars,
            "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
            [*OPEN_FLAGS, "-Xmx448m", "-XX:MaxDirectMemorySize=256m", metaspace],
            ours / "task-manager.jsa",
        ),
    )


def kafka_program(progress: Progress) -> Program:
    """A Kafka 3.9 broker, fetched and compiled first if it is missing.

    Raises:
        ToolFailedError: Maven or the compiler failed.
    """
    fetched = jars(KAFKA_POM, progress)
    ours = compiled(_HERE / "java" / "kafka", [fetched], "one-broker.jar")
    flags = ["-Xmx256m", "-XX:MaxMetaspaceSize=128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    return Program([ours / "one-broker.jar", *sorted(fetched.glob("*.jar"))], "OneBroker", flags, ours / "broker.jsa")
