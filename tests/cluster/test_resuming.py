"""What a run says of the state that it begins with, before its cluster starts: other brokers, topics, no state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from statefun_actors.cli import main
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.cluster.states import checkpoints_in
from statefun_actors.deploy import write_lock
from tests.cluster.test_before_it_starts import completed
from tests.kafka.broker import CLUSTER, Broker
from tests.kafka.session import broker as running_broker

pytestmark = pytest.mark.needs("java")

APP: Final = str(Path(__file__).parents[1] / "faults" / "app.py")
KAFKA: Final = {"ingress app/messages": "theirs", "egress faults/told": "theirs", "egress faults/letters": "theirs"}
STOPS: Final = ("--bind", "nowhere")
"""Arguments with which the command ends before it starts a cluster, and after its checks."""
ASKING: Final = "Asking the brokers.\n"


def module_file(folder: Path, broker: str = "kafka:9092") -> Path:
    """The module.yaml of the application."""
    path = folder / "module.yaml"
    arguments = ["--url", "http://127.0.0.1:1", "--kafka", broker, "--topic", "orders:faults/order=faults/customer"]
    path.write_text(CliRunner().invoke(main, ["module", APP, *arguments]).stdout)
    return path


def savepoint(folder: Path, clusters: object = KAFKA) -> Path:
    """A savepoint of the application, with positions in the topic *orders*."""
    place = completed(folder / "savepoints" / "savepoint-1", 1_000)
    (place / "statefun-actors-module.yaml").write_text(module_file(folder).read_text())
    write_lock(place / "statefun-actors-states.yaml", {})
    (place / "statefun-actors-kafka.json").write_text(json.dumps(clusters))
    return place


def said(folder: Path, *arguments: str) -> str:
    """The standard error of the command, which must fail before its cluster starts."""
    command = ["flink", APP, *arguments, "--folder", str(folder / "cluster")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    return result.stderr


def refusal(place: Path, now: str) -> str:
    return (
        f"Error: cannot resume from {place}:\n"
        f"  - the ingress app/messages read from the Kafka cluster theirs and would read from {now} now, where its "
        "positions belong to other records: some would be skipped.\n"
        f"  - the egress faults/letters wrote to the Kafka cluster theirs and would write to {now} now, which does not "
        "know its transactions: Flink would fail the job at each start.\n"
        f"  - the egress faults/told wrote to the Kafka cluster theirs and would write to {now} now, which does not "
        "know its transactions: Flink would fail the job at each start.\n"
        "  Resume with the brokers of that cluster, or start without the state.\n"
    )


def test_a_local_broker_whose_log_is_another_is_refused(tmp_path: Path) -> None:
    place = savepoint(tmp_path)
    arguments = ("--kafka", "--module", str(module_file(tmp_path)), "--from-savepoint", str(place))

    assert said(tmp_path, *arguments) == refusal(place, "a new Kafka cluster")

    log = tmp_path / "cluster" / "kafka" / "log"
    log.mkdir(parents=True)
    (log / "meta.properties").write_text("#\nversion=1\ncluster.id=ours\nnode.id=1\n")
    assert said(tmp_path, *arguments) == refusal(place, "the Kafka cluster ours")


@pytest.fixture(scope="module")
def broker() -> Broker:
    return running_broker()


@pytest.mark.kafka
def test_brokers_elsewhere_of_another_cluster_are_refused(broker: Broker, tmp_path: Path) -> None:
    place = savepoint(tmp_path)
    module = module_file(tmp_path, broker.address)

    assert said(tmp_path, "--module", str(module), "--from-savepoint", str(place)) == ASKING + refusal(
        place, f"the Kafka cluster {CLUSTER}"
    )


@pytest.mark.kafka
def test_brokers_of_the_same_cluster_and_ones_that_do_not_answer_are_no_reason_to_refuse(
    broker: Broker, tmp_path: Path
) -> None:
    port = ReservedPort()  # nobody listens there
    place = savepoint(tmp_path, dict.fromkeys(KAFKA, CLUSTER))

    unchecked = (
        "Warning: it was not checked whether ingress app/messages, egress faults/letters, egress faults/told have the "
        "Kafka clusters of the state: the brokers did not answer. With others, records would be skipped, and "
        "transactions fail.\n"
    )
    for address, warning in ((broker.address, ""), (f"127.0.0.1:{port.number}", unchecked)):
        module = module_file(tmp_path, address)
        lines = said(tmp_path, "--module", str(module), "--from-savepoint", str(place), *STOPS)
        assert lines.startswith(ASKING + warning)
        assert ("not checked" in lines) == bool(warning)
        assert lines.splitlines()[-1].startswith("Error: can't listen at nowhere")
    port.release()


@pytest.mark.kafka
def test_topics_of_egresses_that_brokers_elsewhere_lack_are_named(broker: Broker, tmp_path: Path) -> None:
    module = module_file(tmp_path, broker.address)

    assert said(tmp_path, "--module", str(module), *STOPS).splitlines()[1:3] == [
        f"Warning: {module}: faults/{name}: there is no topic 'faults.{name}' at {broker.address}. Create it: Flink "
        "fails the job at its first record, unless the brokers create topics."
        for name in ("letters", "told")
    ]


def test_a_savepoint_whose_clusters_are_unknown_is_taken(tmp_path: Path) -> None:
    place = savepoint(tmp_path, {})

    assert "can't listen at nowhere" in said(
        tmp_path, "--kafka", "--module", str(module_file(tmp_path)), "--from-savepoint", str(place), *STOPS
    )


def test_a_savepoint_without_the_files_of_a_run_is_taken_with_a_warning(tmp_path: Path) -> None:
    place = completed(tmp_path / "savepoint-1", 1_000)

    lines = said(tmp_path, "--kafka", "--from-savepoint", str(place), *STOPS).splitlines()

    assert lines[0] == (
        f"Warning: next to {place} is no statefun-actors-states.yaml, so it is not checked against the classes."
    )
    assert lines[-1].startswith("Error: can't listen at nowhere")


def test_a_topic_that_nothing_reads_any_more_is_named(tmp_path: Path) -> None:
    place = savepoint(tmp_path, {})
    other = ("--topic", "reports:faults/report=faults/stock")

    first = said(tmp_path, "--kafka", *other, "--from-savepoint", str(place), *STOPS).splitlines()[0]

    assert first == (
        "Warning: topic orders was read by the ingress app/messages and is read by nothing now, so its position is "
        "dropped: a later run that reads it begins at its first record."
    )


def test_a_start_without_state_says_what_is_read_again(tmp_path: Path) -> None:
    assert "without state" not in said(tmp_path, "--kafka", *STOPS)

    kept = completed(checkpoints_in(tmp_path / "cluster") / "20260101T000000.0" / "job" / "chk-7", 1_000_000_000)
    there = f"--resume would resume from the checkpoint {kept}, completed 2001-09-09 01:46:40 UTC.\n"
    assert said(tmp_path, "--kafka", *STOPS).startswith(
        f"Starting without state, so all records in the topics of app/messages are handled again. {there}"
    )

    module = module_file(tmp_path)
    module.write_text(module.read_text().replace("earliest", "latest"))
    assert said(tmp_path, "--kafka", "--module", str(module), *STOPS).startswith(f"Starting without state. {there}")
