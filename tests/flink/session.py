"""The one Flink of this process: started when it is first asked for, ended with the process."""

from __future__ import annotations

import atexit
import functools
import os
from string import Template
from typing import Final

import attrs
import pytest

from tests.flink.app import LETTERS, OUT
from tests.flink.distribution import HERE, distribution, missing
from tests.flink.jvm import FlinkJvm
from tests.flink.ports import ReservedPort

EGRESSES: Final = (OUT, LETTERS, *(f"conf/{name}" for name in ("app", "kafka", "kinesis", "letters", "out", "plain")))
"""All that is sent to, by the app here and by the conformance cases: Flink wants them beforehand."""


@attrs.frozen
class Session:
    """The job, and the ports that its module.yaml names."""

    jvm: FlinkJvm
    served: ReservedPort
    """Of ``flink/*``."""
    tapped: ReservedPort
    """Of ``conf/*`` and ``probe/*``."""


@functools.cache
def session() -> Session:
    """Skips the test that asks for it where this machine can't run Flink; under ``CI=true`` that is a failure."""
    if (lacking := missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(lacking)
        pytest.skip(lacking)
    served, tapped = ReservedPort(), ReservedPort()
    module = Template((HERE / "module.yaml").read_text(encoding="utf-8"))
    text = module.substitute(served=served.url, tapped=tapped.url)
    jvm = FlinkJvm(distribution(), text, EGRESSES)
    for end in (served.release, tapped.release, jvm.close):
        atexit.register(end)
    return Session(jvm, served, tapped)
