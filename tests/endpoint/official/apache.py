"""Apache's SDK in a process of its own: request bytes in, reply bytes out."""

from __future__ import annotations

import base64
import os
import subprocess
from datetime import timedelta
from pathlib import Path

from tests.benchmarks.official_sdk import python_with_sdk


def counts_right(ms: int) -> bool:
    """Whether Apache's SDK sends *ms* as they are: it counts in floats, and 129,861 become 129,860."""
    return int(timedelta(milliseconds=ms).total_seconds() * 1000.0) == ms


class Apache:
    """The functions of *module*, run by Apache's SDK of *version*."""

    def __init__(self, version: str, module: str, kind: str = "SDK-pip") -> None:
        self._process = subprocess.Popen(
            [python_with_sdk(kind, version, server=False), Path(__file__).with_name(module)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )  # fmt: skip

    def reply(self, data: bytes) -> bytes | None:
        """None where it raises."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(base64.b64encode(data).decode() + "\n")
        answer = self._process.stdout.readline().strip()
        return None if answer == "error" else base64.b64decode(answer)

    def close(self) -> None:
        self._process.communicate()
