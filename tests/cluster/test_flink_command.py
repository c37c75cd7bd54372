"""``statefun-actors flink``: a real cluster and a real broker, which outlive their processes and leave none behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from statefun_actors.cli import main
from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.cluster.command import START_SECONDS, need_flink, started, wait_gone
from tests.faults.app import TOLD
from tests.faults.orders import Orders, without_faults

pytestmark = [
    pytest.mark.flink,
    pytest.mark.xdist_group(__name__),  # clusters of its own, one after the other
    pytest.mark.needs("linux"),  # looks for processes in /proc
]

ROOT = Path(__file__).resolve().parents[2]
ORDERS = Orders(customers=20, each=12)


async def test_after_any_kill_all_is_as_without_faults_and_nothing_is_left_behind(tmp_path: Path) -> None:
    need_flink()
    app, module = str(ROOT / "tests" / "faults" / "app.py"), tmp_path / "elsewhere.yaml"
    far = ("--url", "http://shop.example:8000", "--kafka", "kafka.example:9092")
    module.write_text(CliRunner().invoke(main, ["module", app, *far, "--all-topics", "--per-function"]).stdout)
    arguments = (app, "--kafka", "--module", str(module), "--checkpoint-interval", "300ms")
    sent = list(ORDERS.sent())
    third = len(sent) // 3
    with started(*arguments, folder=tmp_path / "flink") as flink:
        before = dict(flink.pids)
        with flink.consumed(TOLD) as told:
            flink.produce(sent[:third])
            flink.until(lambda: len(told.read()) > ORDERS.customers, "the first records")
            os.kill(before["TaskManager 1"], signal.SIGKILL)
            flink.produce(sent[third : 2 * third])
            flink.until(lambda: flink.pids["TaskManager 1"] != before["TaskManager 1"], "another TaskManager")
            os.kill(before["Endpoint"], signal.SIGKILL)
            flink.produce(sent[2 * third :])
            flink.until(lambda: len(told.read()) >= ORDERS.told, "all records")
            flink.produce(ORDERS.reports())
            flink.until(lambda: len(told.read()) >= ORDERS.told + ORDERS.reporting, "the states")
        flink.until(lambda: "The job runs again." in flink.said, "the job to run again")
        flink.produce([("faults.customer.report", None, b"{}")])
        flink.until_logged(
            "time. Write records with keys; run --module keeps one without in statefun-actors/bad-records."
        )
        after = dict(flink.pids)
        code, output = flink.stop()

    keyless = [line for line in flink.said.splitlines() if line.startswith("A Kafka record has no key")]
    assert re.fullmatch(
        r"A Kafka record has no key, in which StateFun finds the id: topic faults.customer.report, partition \d, "
        r"offset \d+. The job fails at it each time. Write .*", keyless[0],
    )  # fmt: skip
    assert ORDERS.outcome(told).differs_from(await without_faults(ORDERS)) == ""
    assert code == 0, flink.said
    assert "ResourceWarning" not in flink.said
    assert [line.split()[0] for line in output.splitlines()] == ["Endpoint", "Kafka", "Module", "Logs", "Flink"]
    assert f"TaskManager 1 ended, and was started again (process {after['TaskManager 1']})." in flink.said
    assert f"Endpoint ended, and was started again (process {after['Endpoint']})." in flink.said
    wait_gone({*before.values(), *after.values()})
    assert not (tmp_path / "flink" / "cluster.json").exists()


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
