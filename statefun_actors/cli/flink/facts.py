"""A file in the cluster's folder while it runs: its URLs, folders and process ids, for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FACTS: Final = "cluster.json"


def write_facts(folder: Path, facts: Mapping[str, object]) -> None:
    """Replace the file of the cluster in *folder*."""
    partial = folder / "cluster.writing"
    partial.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    partial.replace(folder / FACTS)


def read_facts(folder: Path) -> Mapping[str, object] | None:
    """The facts of the cluster in *folder*; None if none runs there."""
    try:
        found = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def remove_facts(folder: Path) -> None:
    """Remove the file, if there is one."""
    with contextlib.suppress(OSError):
        (folder / FACTS).unlink()
