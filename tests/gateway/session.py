"""The one Flink job behind gateways of this process: started when it is first asked for, ended after its last test."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from statefun_actors import DeadLetter, Settings
from statefun_actors.asking import ANSWERS
from statefun_actors.cli.module.requirements import served_by
from statefun_actors.cluster import ToolFailedError, missing_tool
from statefun_actors.cluster.leash import leashed
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.deploy import Component, KafkaEgress, Wanted, planned_module
from statefun_actors.deploy import write_module as module_text
from statefun_actors.dispatch import Application
from tests.cli.commands import run
from tests.flink.distribution import distribution
from tests.flink.jvm import CHECKPOINT_MS, FlinkError, FlinkJvm
from tests.flink.served import ServedApp
from tests.gateway.app import SERVED
from tests.kafka.broker import Broker
from tests.kafka.session import broker as shared_broker
from tests.last_use import FLINK_OVER_KAFKA, end_with
from tests.needs import skip_or_fail
from tests.polyglot import applications as polyglot

APP: Final = Path(__file__).with_name("app.py")
START_SECONDS: Final = 60.0
LETTERS: Final = "conf/letters"
SETTINGS: Final = Settings(on_failure=DeadLetter(LETTERS))
_CHECKPOINT_MS: Final = 2_000
"""No test of the shared job waits for a checkpoint, and each takes a hundredth of a second of processor time."""


@attrs.frozen
class GatewayJob:
    """A job that reads the topics of gateways, and its parts. *module*: the path of its module.yaml."""

    broker: Broker
    served: ServedApp
    jvm: FlinkJvm
    module: Path

    def close(self) -> None:
        self.jvm.close()
        self.served.close()


def new_job(
    broker: Broker,
    folder: Path,
    name: str,
    *,
    final_answers: bool = False,
    others: Sequence[Component] = (),
    checkpoint_ms: int = CHECKPOINT_MS,
) -> GatewayJob:
    """A job of the application *name*, in *folder*, over the running *broker*.

    *final_answers*: whether answers are exactly-once, each with the checkpoint that completes it. *others*: those of
    other applications, and egresses that it shares with them.

    Raises:
        FlinkError: it does not run in time.
        ToolFailedError: its jars can't be fetched.
    """
    port = ReservedPort()
    wanted = Wanted(url=port.url, kafka=broker.address, name=name, gateway=True)
    planned = planned_module(served_by(Application(*SERVED, settings=SETTINGS), SETTINGS), wanted)
    if final_answers:
        planned = attrs.evolve(planned, components=[_final(each) for each in planned.components])
    theirs = {each.id for each in others if isinstance(each, KafkaEgress)}
    own = [each for each in planned.components if not (isinstance(each, KafkaEgress) and each.id in theirs)]
    planned = attrs.evolve(planned, components=[*own, *others])
    topics = [topic.topic for ingress in planned.kafka_ingresses for topic in ingress.topics]
    admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
    for made in admin.create_topics(
        [NewTopic(topic, 1, 1) for topic in [*topics, "letters", *polyglot.TOPICS]]
    ).values():
        made.exception(START_SECONDS)  # the topic of dead letters may be there
    module = folder / "module.yaml"
    module.write_text(module_text(planned), encoding="utf-8")
    served = ServedApp(
        APP, port.number, "--dead-letters", LETTERS, "--accept-restore", "--answers-topics", f"{name}.gateway.answers"
    )
    port.release()
    try:
        served.start()
        jvm = FlinkJvm(distribution(), module.read_text(encoding="utf-8"), (), checkpoint_ms=checkpoint_ms)
    except BaseException:
        served.close()
        raise
    return GatewayJob(broker, served, jvm, module)


def _final(component: Component) -> Component:
    if isinstance(component, KafkaEgress) and component.id == ANSWERS:
        return attrs.evolve(component, delivery="exactly-once", transaction_timeout=timedelta(minutes=15))
    return component


def gateway_job() -> GatewayJob:
    """Skips the test that asks for it where this machine can't run Flink; under ``CI=true`` that is a failure."""
    found = _gateway_job(shared_broker(FLINK_OVER_KAFKA))
    if isinstance(found, str):
        skip_or_fail(found)
    if isinstance(found, FlinkError):
        raise found
    return found


@functools.cache  # failures, too: no test has to try again what takes minutes to fail
def _gateway_job(broker: Broker) -> GatewayJob | FlinkError | str:
    if (lacking := missing_tool()) is not None:
        return str(lacking)
    folder = tempfile.TemporaryDirectory(prefix="gateway-")
    try:
        others = polyglot.components(broker.address)
        job = new_job(broker, Path(folder.name), "shared", others=others, checkpoint_ms=_CHECKPOINT_MS)
    except ToolFailedError as error:
        return str(error)
    except FlinkError as error:
        return error
    end_with(FLINK_OVER_KAFKA, folder.cleanup)
    end_with(FLINK_OVER_KAFKA, job.close)
    return job


class GatewayProcess:
    """``statefun-actors gateway`` as users start it. It ends with this process, however that ends."""

    def __init__(self, module: Path | None, *options: str, app: Path | str = APP, port: int = 0) -> None:
        command = [sys.executable, "-m", "statefun_actors", "gateway", str(app)]
        command += [] if module is None else ["--module", str(module)]
        command += ["--bind", f"127.0.0.1:{port}", *options]
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self.process = subprocess.Popen(
            [*leashed(command, os.getpid())], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        late = threading.Timer(START_SECONDS, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        found = re.search(r"taken at (https?://[\d.]+:\d+)/ingress", line)
        assert found is not None, f"gateway said {line!r}\n{self.log()}"
        self.url = found[1]

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4_000:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._log.close()


def write_module(folder: Path, kafka: str, *options: str) -> Path:
    """The module.yaml of APP that ``module`` prints, in *folder*."""
    done = run("module", str(APP), "--url", "http://app:8000", "--kafka", kafka, *options, folder=folder)
    assert done.returncode == 0, done.stderr
    module = folder / "module.yaml"
    module.write_text(done.stdout, encoding="utf-8")
    return module


@contextmanager
def gateway_of(module: Path | None, *options: str, port: int = 0) -> Generator[GatewayProcess]:
    """A gateway, running. Without a *module*, *options* name it."""
    process = GatewayProcess(module, *options, port=port)
    try:
        yield process
    finally:
        process.close()


def gateway(number: int = 1) -> GatewayProcess:
    """The first in front of the shared job, or the second. Skips as :func:`gateway_job` does."""
    return _gateway(gateway_job(), number)


@functools.cache
def _gateway(job: GatewayJob, number: int) -> GatewayProcess:
    process = GatewayProcess(job.module)
    end_with(FLINK_OVER_KAFKA, process.close)
    return process
