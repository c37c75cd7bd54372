"""StateFun as this machine has it: jars that Maven fetched once, and our own Java, compiled once.

All of it lies in the user's cache (``STATEFUN_ACTORS_CACHE``, else the XDG one), under names that change with what it
was made from. Everything is made beside its place and renamed into it, so two test runs may make it at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import attrs

HERE: Final = Path(__file__).parent
POM: Final = HERE / "pom.xml"
JAVA: Final = HERE / "java"
MAIN: Final = "FlinkOverLines"

FETCH_SECONDS: Final = 900
"""For Maven to download 176 MB."""
COMPILE_SECONDS: Final = 120

# Flink 1.16 looks into classes of the JDK that Java 17 closes to everyone.
_OPENED: Final = (
    "java.lang", "java.lang.reflect", "java.util", "java.util.concurrent", "java.util.concurrent.atomic",
    "java.util.concurrent.locks", "java.io", "java.net", "java.nio", "java.text", "java.time", "sun.nio.ch",
)  # fmt: skip
_FLAGS: Final = (
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # short runs: better compiled code would never pay
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
)


def missing() -> str | None:
    """What this machine lacks for a Flink; None if nothing."""
    needed = {"java": "a JDK", "javac": "a JDK", "mvn": "Maven"}
    lacking = [tool for tool in needed if shutil.which(tool) is None]
    if not lacking:
        return None
    packages = " and ".join(dict.fromkeys(needed[tool] for tool in lacking))
    return f"no {', no '.join(lacking)} on the PATH: install {packages} (17, say) to run against a real Flink"


class DistributionError(Exception):
    """The jars can't be had, or our Java can't be compiled; the text is what the tool says."""


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
        return ["java", *_FLAGS, *sharing, "-cp", class_path, MAIN, *arguments]


def distribution() -> Distribution:
    """Everything that is needed, fetched and compiled now if it is not there yet.

    Raises:
        DistributionError: Maven or the compiler failed; the text is what they say.
    """
    cache = _cache()
    jars = jars_of(POM)
    version = subprocess.run(["java", "-version"], check=True, capture_output=True, timeout=60).stderr
    sources = [path.read_bytes() for path in _sources()]
    ours = _made(cache / f"jvm-{_digest(POM.read_bytes(), version, *sources)}", lambda folder: _compile(folder, jars))
    return Distribution([ours / "tests.jar", *sorted(jars.glob("*.jar"))], ours / "classes.jsa")


def jars_of(pom: Path) -> Path:
    """The folder with the jars that *pom* depends on, fetched now if they are not there yet.

    Raises:
        DistributionError: Maven failed; the text is what it says.
    """
    return _made(_cache() / f"jars-{_digest(pom.read_bytes())}", lambda folder: _fetch(pom, folder))


def _cache() -> Path:
    if chosen := os.environ.get("STATEFUN_ACTORS_CACHE"):
        return Path(chosen).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "statefun-actors"


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted(path for path in JAVA.rglob("*") if path.is_file())


def _made(place: Path, make: Callable[[Path], None]) -> Path:
    """*place*, with what *make* puts into a folder."""
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as folder:
        made = Path(folder) / "made"
        made.mkdir()
        make(made)
        with contextlib.suppress(OSError):  # someone else was quicker
            made.rename(place)
    assert place.is_dir()
    return place


def _fetch(pom: Path, folder: Path) -> None:
    _run(
        ["mvn", "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        FETCH_SECONDS,
    )


def _compile(folder: Path, jars: Path) -> None:
    classes = folder / "classes"
    sources = [str(path) for path in _sources() if path.suffix == ".java"]
    _run(["javac", "-nowarn", "-cp", f"{jars}/*", "-d", str(classes), *sources], COMPILE_SECONDS)
    with zipfile.ZipFile(folder / "tests.jar", "w", zipfile.ZIP_DEFLATED) as jar:
        for name, path in _contents(classes):
            jar.write(path, name)
    shutil.rmtree(classes)


def _contents(classes: Path) -> Iterator[tuple[str, Path]]:
    for root, paths in ((classes, sorted(classes.rglob("*.class"))), (JAVA, _sources())):
        for path in paths:
            if path.suffix != ".java":
                yield path.relative_to(root).as_posix(), path


def _run(command: Sequence[str], seconds: float) -> None:
    try:
        ended = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DistributionError(f"{command[0]} took longer than {seconds:g} s") from error
    if ended.returncode != 0:
        raise DistributionError(f"{command[0]} failed with {ended.returncode}:\n{ended.stdout[-4_000:]}")
