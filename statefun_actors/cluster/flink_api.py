"""Client of Flink's REST interface, for a cluster with one job."""

from __future__ import annotations

import asyncio
import json
import re
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any as Untyped
from typing import Final
from urllib.parse import unquote, urlsplit

import attrs

from statefun_actors.cluster.errors import SavepointError

_TIMEOUT: Final = 10.0
_OVER: Final = frozenset({"FINISHED", "FAILED", "CANCELED"})


@attrs.frozen
class Job:
    """The current status of the job. ``running``: all of its tasks run; the job's own state says so too early."""

    id: str
    state: str
    running: bool

    @property
    def is_over(self) -> bool:
        return self.state in _OVER


@attrs.frozen
class Trouble:
    """The cause and the time of the job's last failure; the time is milliseconds since 1970.

    ``count`` is the number of its failures, as far as Flink remembers them: the last 16.
    """

    cause: str
    count: int
    time: int

    @property
    def kind(self) -> str:
        """The cause without its numbers: equal for two failures of one kind."""
        return re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "", self.cause)


class FlinkRest:
    """The REST interface at *url*. Answers are None while it can't be reached."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def job(self) -> Job | None:
        """The job; None if there is none yet."""
        jobs = await self._get("/jobs")
        if not jobs or not jobs["jobs"]:
            return None
        id = str(jobs["jobs"][0]["id"])
        found = await self._get(f"/jobs/{id}")
        if found is None:
            return None
        running = found["state"] == "RUNNING" and all(each["status"] == "RUNNING" for each in found["vertices"])
        return Job(id, found["state"], running and bool(found["vertices"]))

    async def trouble(self, job: Job) -> Trouble | None:
        """The last failure of *job*; None if it never failed."""
        found = await self._get(f"/jobs/{job.id}/exceptions?maxExceptions=100")
        if not found or not found.get("root-exception"):
            return None
        return Trouble(
            _root(found["root-exception"]), len(found["exceptionHistory"]["entries"]), int(found["timestamp"])
        )

    async def task_managers(self) -> int:
        """The number of registered TaskManagers."""
        found = await self._get("/taskmanagers")
        return len(found["taskmanagers"]) if found else 0

    async def checkpoints(self, job: Job) -> int:
        """The number of completed checkpoints."""
        found = await self._get(f"/jobs/{job.id}/checkpoints")
        return int(found["counts"]["completed"]) if found else 0

    async def savepoint(self, job: Job, folder: Path, seconds: float, *, stop: bool) -> Path:
        """Take a savepoint of *job* in *folder*, and end the job with it if *stop*; return its path.

        Raises:
            SavepointError: it failed.
            TimeoutError: it took longer than *seconds*.
        """
        # Flink's `stop` fails for Kafka's consumer as StateFun uses it (FLINK-28758). Cancelling with a savepoint has
        # the same result: no checkpoint follows it, and a job that resumes from it runs later records again.
        wish = {"target-directory": folder.as_uri(), "cancel-job": stop}
        begun = await self._call(f"/jobs/{job.id}/savepoints", wish)
        if begun is None:
            raise SavepointError("the job takes no savepoint: Flink does not answer.")
        path = f"/jobs/{job.id}/savepoints/{begun['request-id']}"
        async with asyncio.timeout(seconds):
            while True:
                found = await self._get(path)
                if found is not None and found["status"]["id"] == "COMPLETED":
                    break
                await asyncio.sleep(0.1)
        done = found["operation"]
        if "location" not in done:
            raise SavepointError(f"the job left no savepoint: {_root(done['failure-cause']['stack-trace'])}")
        return Path(unquote(urlsplit(done["location"]).path))

    async def _get(self, path: str) -> Untyped:
        return await self._call(path, None)

    async def _call(self, path: str, body: Mapping[str, object] | None) -> Untyped:
        return await asyncio.to_thread(self._called, path, body)

    def _called(self, path: str, body: Mapping[str, object] | None) -> Untyped:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own http URL
            f"{self._url}{path}", data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:  # noqa: S310 - as above
                return json.load(response)
        except (OSError, ValueError):  # not started yet, or ended
            return None


def _root(trace: str) -> str:
    """The innermost cause in a Java stack trace, as one line."""
    causes = [line for line in trace.split("\n") if line.strip() and not line.startswith(("\t", " "))]
    last = causes[-1] if causes else trace.strip()
    return last.removeprefix("Caused by: ").strip()
