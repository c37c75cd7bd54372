"""Takes savepoints of the job of a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from statefun_actors.cluster.errors import SavepointError
from statefun_actors.cluster.flink_api import FlinkRest

_SECONDS: Final = 120.0


async def take_savepoint(url: str, folder: Path, *, stop: bool) -> Path:
    """Take a savepoint in *folder*, an absolute path, of the job of the Flink at *url*; return its path.

    With *stop*, the job ends with the savepoint: it handles nothing more. Otherwise it goes on.

    Raises:
        SavepointError: it failed. A retry helps if the job did not run.
    """
    rest = FlinkRest(url)
    job = await rest.job()
    if job is None:
        raise SavepointError(f"no savepoint was taken: Flink does not answer at {url}.")
    if not job.running:
        raise SavepointError("no savepoint was taken: the job does not run.")
    try:
        return await rest.savepoint(job, folder, _SECONDS, stop=stop)
    except TimeoutError:
        raise SavepointError(f"the job left no savepoint within {_SECONDS:g} s.") from None
