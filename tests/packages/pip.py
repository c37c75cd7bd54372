"""pip, as the tests of packages run it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.needs import skip_or_fail

ENVIRONMENT: Final = {
    name: value
    for name, value in os.environ.items()
    if name not in ("PYTEST_ADDOPTS", "PYTHONUNBUFFERED", "PYTHONPATH", "VIRTUAL_ENV")
}
"""Of a user who has not set anything up yet."""
CACHE: Final = Path(tempfile.gettempdir()) / "statefun-actors-installed"
UNREACHABLE: Final = ("No matching distribution", "Retrying")
"""What pip prints where it reaches no package index."""


def pip(python: str, *arguments: str) -> None:
    """Run pip. Where it reaches no package index, the test is skipped, or fails under ``CI=true``."""
    done = subprocess.run(
        [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if any(each in done.stderr for each in UNREACHABLE):
        skip_or_fail(done.stderr)
    assert done.returncode == 0, done.stderr


def installed_once(name: str, *arguments: str) -> Path:
    """The folder *name* in the temporary folder, with what ``pip install`` with these *arguments* puts into it.

    Later runs use it again. Skips as :func:`pip` does.
    """
    folder = CACHE / f"{name}-{sys.implementation.cache_tag}"
    if folder.exists():
        return folder
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as making:
        made = Path(making) / "made"
        pip(sys.executable, "install", "--target", str(made), *arguments)
        try:
            made.rename(folder)
        except OSError:  # another run may have been first
            if not folder.exists():
                raise
    return folder
