"""``statefun-actors flink`` whose job can't start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.cluster.command import START_SECONDS, need_flink

pytestmark = [
    pytest.mark.flink,
    pytest.mark.xdist_group(__name__),  # clusters of its own, one after the other
    pytest.mark.needs("linux"),  # looks for processes in /proc
]

ROOT = Path(__file__).resolve().parents[2]


NOBODY = """
kind: io.statefun.endpoints.v2/http
spec: {{ functions: example/*, urlPathTemplate: http://example/statefun }}
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: example/users
  address: 127.0.0.1:{port}
  consumerGroupId: example
  topics: [{{ topic: users, valueType: example/user, targets: [example/hello] }}]
  properties: [{{ default.api.timeout.ms: 200 }}, {{ request.timeout.ms: 100 }}]
"""


def test_a_job_that_fails_at_each_start_ends_the_command_with_the_cause(tmp_path: Path) -> None:
    need_flink()
    port = ReservedPort()  # nobody listens there
    (tmp_path / "module.yaml").write_text(NOBODY.format(port=port.number), encoding="utf-8")
    greeter = str(ROOT / "examples" / "greeter" / "greeter.py")
    command = [sys.executable, "-m", "statefun_actors", "flink", greeter, "--module", "module.yaml"]

    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=START_SECONDS, check=False)

    port.release()
    assert ended.returncode == 1
    assert "Warning: module.yaml: example/greetings is an egress of Greeter, but is not defined: Flink" in ended.stderr
    assert re.search(
        r"Error: Flink started the job \d times, and it failed each time: "
        r"org.apache.kafka.common.errors.TimeoutException: Timeout expired while fetching topic metadata\n"
        r"  More is in .statefun/flink/greeter/logs/jobmanager.log\n$",
        ended.stderr,
    ), ended.stderr
