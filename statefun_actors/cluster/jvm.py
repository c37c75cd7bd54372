"""Command lines of JVMs that run Flink and Kafka."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.toolchain import Tell, compiled, jars, java_version

_HERE: Final = Path(__file__).parent
FLINK_POM: Final = _HERE / "poms" / "flink.xml"
KAFKA_POM: Final = _HERE / "poms" / "kafka.xml"

# Flink 1.16 looks into classes of the JDK that Java 17 closes to everyone.
_OPENED: Final = (
    "java.lang", "java.lang.reflect", "java.util", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks", "java.io", "java.net", "java.nio", "java.text", "java.time", "sun.nio.ch",
)  # fmt: skip
OPEN_FLAGS: Final = (
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
)
QUIET_FLAGS: Final = ("-Xlog:disable", "-Xlog:all=error:stderr")
"""The JVM's own words go to its log, not between the lines of a program's output."""
SMALL_FLAGS: Final = (
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # better compiled code would take from a small machine what it gives
)
_DUMPS_WHILE_IT_RUNS: Final = 17
"""The Java from which on a JVM can be told to leave its class data without ending."""


@attrs.frozen
class Program:
    """A JVM's main class with everything around it. ``archive`` is class data by which it starts twice as fast."""

    jars: Sequence[Path]
    main: str
    flags: Sequence[str]
    archive: Path

    @property
    def archives(self) -> bool:
        """Whether a JVM that is started now can be told to leave the class data that isn't there yet."""
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


def flink_programs(tell: Tell) -> FlinkPrograms:
    """A JobManager and a TaskManager of StateFun 3.3.0, fetched and compiled now if they are not there yet.

    Raises:
        ToolFailedError: Maven or the compiler failed.
    """
    fetched = jars(FLINK_POM, tell)
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


def kafka_program(tell: Tell) -> Program:
    """A Kafka 3.9 broker, fetched and compiled now if it is not there yet.

    Raises:
        ToolFailedError: Maven or the compiler failed.
    """
    fetched = jars(KAFKA_POM, tell)
    ours = compiled(_HERE / "java" / "kafka", [fetched], "one-broker.jar")
    flags = ["-Xmx256m", "-XX:MaxMetaspaceSize=128m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
    return Program([ours / "one-broker.jar", *sorted(fetched.glob("*.jar"))], "OneBroker", flags, ours / "broker.jsa")
