"""The one Flink of this process: started when it is first asked for, ended with the process."""

from __future__ import annotations

import atexit
import functools
import os
from string import Template
from typing import Final

import attrs
import pytest

from statefun_actors.cluster import ToolFailedError, missing_tool
from statefun_actors.cluster.ports import ReservedPort
from tests.flink.app import LETTERS, OUT
from tests.flink.distribution import HERE, distribution
from tests.flink.jvm import FlinkError, FlinkJvm
from tests.flink.tap import Tap

EGRESSES: Final = (OUT, LETTERS, *(f"conf/{name}" for name in ("app", "kafka", "kinesis", "letters", "out", "plain")))
"""All that is sent to, by the app here and by the conformance cases: Flink wants them beforehand."""


@attrs.frozen
class Session:
    """The job, and where its module.yaml leads."""

    jvm: FlinkJvm
    served: ReservedPort
    """Which ``flink/*`` leads to."""
    tap: Tap
    """Which ``conf/*`` and ``probe/*`` lead to."""


def session() -> Session:
    """Skips the test that asks for it where this machine can't run Flink; under ``CI=true`` that is a failure."""
    match _session():
        case Session() as running:
            return running
        case Unavailable(why) if os.environ.get("CI") == "true":
            pytest.fail(why)
        case Unavailable(why):
            pytest.skip(why)
        case FlinkError() as error:
            raise error


@attrs.frozen
class Unavailable:
    """This machine can't run Flink."""

    why: str


@functools.cache  # failures, too: no test has to try again what takes minutes to fail
def _session() -> Session | Unavailable | FlinkError:
    if (lacking := missing_tool()) is not None:
        return Unavailable(str(lacking))
    try:
        found = distribution()
    except ToolFailedError as error:
        return Unavailable(str(error))
    served, tap = ReservedPort(), Tap()
    module = Template((HERE / "module.yaml").read_text(encoding="utf-8"))
    text = module.substitute(served=served.url, tapped=tap.url)
    for end in (served.release, tap.close):
        atexit.register(end)
    try:
        jvm = FlinkJvm(found, text, EGRESSES)
    except FlinkError as error:
        return error
    atexit.register(jvm.close)
    return Session(jvm, served, tap)
