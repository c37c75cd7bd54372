# ruff: noqa: E501 - messages are easier to compare in one piece
"""``run --module``: parts of a module.yaml that only Flink can run are errors before the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import DEADLINE, lines_of, run, write_lines

APP = """
from statefun_actors import Entity, handles, kinesis_record, persisted


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: int) -> None:
        self.balance += message
        self.send_egress("bank/stream", kinesis_record(stream="s", partition_key=self.id, value=message))
        self.send_egress("bank/bare", self.balance)
"""

ENDPOINT = """
kind: io.statefun.endpoints.v2/http
spec:
  functions: bank/*
  urlPathTemplate: http://app:8000/statefun
"""

KINESIS = """
---
kind: io.statefun.kinesis.v1/egress
spec:
  id: bank/stream
  awsRegion:
    type: specific
    id: eu-west-1
"""

KINESIS_INGRESS = """
---
kind: io.statefun.kinesis.v1/ingress
spec:
  id: bank/in
"""


def kafka_ingress(target: str) -> str:
    return f"""
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: bank/messages
  address: 127.0.0.1:9
  consumerGroupId: bank
  topics:
    - topic: deposits
      valueType: io.statefun.types/int
      targets: [{target}]
"""


KAFKA_EGRESS = """
---
kind: io.statefun.kafka.v1/egress
spec:
  id: bank/bare
  address: 127.0.0.1:9
  properties:
    - socket.timeout.ms: long
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    write_lines(tmp_path / "in.jsonl", {"to": "bank/account/ada", "value": 5})
    return tmp_path


def refused(folder: Path, module: str, *arguments: str, code: int = 2) -> str:
    """The errors of *module*."""
    (folder / "module.yaml").write_text(module)
    done = run("run", "app.py", "--module", "module.yaml", "--until-idle", "--quiet", *arguments, folder=folder)
    assert (done.returncode, done.stdout) == (code, "")
    return done.stderr


def test_components_for_flink_only_are_refused_with_their_lines(folder: Path) -> None:
    assert refused(folder, ENDPOINT + KINESIS + KINESIS_INGRESS) == (
        "Error: module.yaml: line 8: io.statefun.kinesis.v1/egress bank/stream runs on Flink only; here, Kafka's do: map its records: --egress bank/stream=FILE.jsonl\n"
        "  module.yaml: line 16: io.statefun.kinesis.v1/ingress bank/in runs on Flink only; here, Kafka's do: omit it\n"
    )


def test_an_egress_that_is_mapped_may_be_of_any_kind_and_still_takes_records_only(folder: Path) -> None:
    (folder / "module.yaml").write_text(ENDPOINT + KINESIS)

    done = run(
        *("run", "app.py", "--module", "module.yaml", "--input", "in.jsonl", "--until-idle", "--quiet"),
        *("--egress", "bank/stream=out.jsonl"),
        folder=folder,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [line["stream"] for line in lines_of(folder / "out.jsonl")] == ["s"]


def test_a_topic_that_leads_to_what_is_not_served_is_refused(folder: Path) -> None:
    assert refused(folder, ENDPOINT + kafka_ingress("bank/teller")) == (
        "Error: module.yaml: line 10: bank/messages: topic deposits leads to bank/teller, which is not served here: its records would wait forever; served are bank/account\n"
    )


def test_a_file_that_has_drifted_is_a_warning_as_in_module_check(folder: Path) -> None:
    (folder / "module.yaml").write_text(ENDPOINT.replace("bank/*", "shop/*") + KINESIS)

    done = run(
        *("run", "app.py", "--module", "module.yaml", "--until-idle", "--egress", "bank/stream=out.jsonl"),
        folder=folder,
    )
    checked = run("module", "app.py", "--check", "module.yaml", folder=folder)

    assert done.returncode == 0
    assert done.stderr.splitlines() == [f"Warning: {line}" for line in checked.stdout.splitlines()]
    assert len(done.stderr.splitlines()) == 3


def test_a_bare_value_for_an_egress_that_takes_records_fails_its_message_and_names_kafka_record(folder: Path) -> None:
    (folder / "module.yaml").write_text(KAFKA_EGRESS.strip("\n-"))

    done = run(
        *("run", "app.py", "--module", "module.yaml", "--input", "in.jsonl", "--until-idle", "--quiet", "--json"),
        *("--egress", "bank/bare=bare.jsonl", "--dead-letters", "bank/dead", "--egress", "bank/dead=dead.jsonl"),
        folder=folder,
    )

    assert done.returncode == 0, done.stderr
    (dead,) = lines_of(folder / "dead.jsonl")
    assert dead["value"]["error"] == (
        "expected kafka_record(...) or kinesis_record(...), the only values that the egress bank/bare takes, got a int"
    )
    assert not (folder / "bare.jsonl").read_text()


def test_a_property_that_the_client_can_not_read_is_reported_with_its_egress(folder: Path) -> None:
    assert refused(folder, ENDPOINT + KAFKA_EGRESS, code=1) == (
        "Error: Kafka egress bank/bare: the Kafka client can't be set up: Invalid value for configuration property \"socket.timeout.ms\". Its names are librdkafka's: correct `properties:` in module.yaml.\n"
    )


def test_without_the_client_the_error_says_what_to_install(folder: Path) -> None:
    (folder / "module.yaml").write_text(ENDPOINT + kafka_ingress("bank/account"))
    code = "import sys; sys.modules['confluent_kafka'] = None; from statefun_actors.cli import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", code, "run", "app.py", "--module", "module.yaml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        "Error: module.yaml has Kafka ingresses or egresses, whose client is not installed: "
        'pip install "statefun-actors[kafka]"'
    )


def test_a_file_that_is_none_is_refused(folder: Path) -> None:
    done = run("run", "app.py", "--module", "nowhere.yaml", folder=folder)

    assert (done.returncode, done.stderr) == (2, "Error: nowhere.yaml can't be read: No such file or directory.\n")
