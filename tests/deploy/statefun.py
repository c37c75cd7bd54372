"""StateFun's own parsers of module.yaml, 3.3 and 2.2, for many files at once."""

from __future__ import annotations

import functools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from statefun_actors.cluster.jvm import FLINK_POM, OPEN_FLAGS, QUIET_FLAGS, SMALL_FLAGS
from statefun_actors.cluster.toolchain import compiled, jars
from statefun_actors.deploy import Format

_HERE: Final = Path(__file__).parent


def verdicts(texts: Sequence[str], format: Format, folder: Path) -> list[str]:
    """The result of StateFun's parser for *format* for each of *texts*: ``ok``, or its exception."""
    folders = []
    for number, text in enumerate(texts):
        place = folder / str(number)
        place.mkdir()
        (place / "module.yaml").write_text(text, encoding="utf-8")
        folders.append(str(place))
    class_path = os.pathsep.join(map(str, _class_path(format)))
    done = subprocess.run(
        ["java", *SMALL_FLAGS, *QUIET_FLAGS, *OPEN_FLAGS, "-cp", class_path, "ReadModules", *folders],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout.splitlines()


@functools.cache
def _class_path(format: Format) -> list[Path]:
    new = jars(FLINK_POM, lambda _: None)
    ours = compiled(_HERE / "java", [new], "read-modules.jar") / "read-modules.jar"
    flink = sorted(new.glob("*.jar"))
    if format == "3.x":
        return [ours, *flink]
    # Reading a file takes next to nothing of Flink, so a newer one will do.
    old = jars(_HERE / "statefun-2.xml", lambda _: None)
    return [ours, *old.glob("*.jar"), *(jar for jar in flink if "statefun" not in jar.name)]
