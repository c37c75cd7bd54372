"""Runs Java and Maven: jars are fetched once, our own Java is compiled once."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from statefun_actors.cluster.build_cache import digest, made
from statefun_actors.cluster.errors import MissingToolError, ToolFailedError
from statefun_actors.cluster.leash import guard, leashed

Progress: TypeAlias = Callable[[str], None]
"""Is called with each line of progress."""

FETCH_SECONDS: Final = 1800
COMPILE_SECONDS: Final = 180
OLDEST_JAVA: Final = 11

_DOWNLOADED: Final = re.compile(r"Downloaded from \S+: \S*/(?P<jar>[^/\s]+\.jar) \((?P<size>[^)]*?) at ")
_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def missing_tool() -> MissingToolError | None:
    """The error for tools that Flink needs and this machine lacks; None if it has all."""
    if lacking := [tool for tool in ("java", "javac", "mvn") if shutil.which(tool) is None]:
        return MissingToolError(lacking)
    if (version := java_version()) < OLDEST_JAVA:
        place, says = shutil.which("java"), " ".join(_java_says().split()).rstrip(".")
        return MissingToolError(["java"], f"Java {version} ({place})" if version else f"{place}, which says: {says}")
    return None


def java_version() -> int:
    """The major version of the ``java`` on the PATH; 0 for the placeholder that macOS has without a JDK."""
    match = _VERSION.search(_java_says())
    return int(match[1]) if match else 0


@functools.cache
def _java_says() -> str:
    return subprocess.run(["java", "-version"], check=False, capture_output=True, text=True, timeout=60).stderr


def jars(pom: Path, progress: Progress) -> Path:
    """The folder with the jars of *pom*, fetched by Maven first if it is missing.

    Raises:
        ToolFailedError: Maven failed.
    """
    return made(f"jars-{digest(pom.read_bytes())}", functools.partial(_fetch, pom, progress))


def compiled(sources: Path, class_path: Sequence[Path], name: str) -> Path:
    """The folder with *name*, a jar of the files in *sources*, compiled first if it is missing.

    *class_path* are folders of jars.

    Each version of Java has its own, since a JVM dumps its class data next to it.

    Raises:
        ToolFailedError: the compiler failed.
    """
    files = sorted(path for path in sources.rglob("*") if path.is_file())
    contents = [part for path in files for part in (path.name.encode(), path.read_bytes())]
    key = digest(*(folder.name.encode() for folder in class_path), _java_says().encode(), *contents)
    return made(f"{Path(name).stem}-{key}", lambda folder: _compile(folder / name, files, sources, class_path))


def _fetch(pom: Path, progress: Progress, folder: Path) -> None:
    progress("looking for what it needs")
    command = ["mvn", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]

    def line(text: str) -> None:
        if match := _DOWNLOADED.search(text):
            progress(f"{match['jar']}, {match['size']}")

    _run(command, FETCH_SECONDS, f"fetch the jars of {pom.stem}", line)


def _compile(target: Path, files: Sequence[Path], sources: Path, class_path: Sequence[Path]) -> None:
    classes = target.with_name("classes")
    java = [str(path) for path in files if path.suffix == ".java"]
    jars = os.pathsep.join(f"{folder}/*" for folder in class_path)
    command = ["javac", "-nowarn", "-cp", jars, "-d", str(classes), *java]
    _run(command, COMPILE_SECONDS, f"compile {', '.join(Path(path).name for path in java)}", lambda _: None)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as jar:
        for entry, path in _contents(classes, files, sources):
            jar.write(path, entry)
    shutil.rmtree(classes)


def _contents(classes: Path, files: Sequence[Path], sources: Path) -> Iterator[tuple[str, Path]]:
    for root, paths in ((classes, sorted(classes.rglob("*.class"))), (sources, files)):
        for path in paths:
            if path.suffix != ".java":
                yield path.relative_to(root).as_posix(), path


def _run(command: Sequence[str], seconds: float, what: str, line: Progress) -> None:
    said: list[str] = []
    with subprocess.Popen(
        leashed(command, os.getpid(), *guard()),
        pass_fds=guard(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                said.append(text)
                line(text)
            code = process.wait(seconds)
        except BaseException:
            process.kill()
            raise
    if code != 0:
        raise ToolFailedError(command[0], what, "".join(said[-40:]).rstrip())
