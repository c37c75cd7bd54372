"""``run --module``: topics in, topics out, by the very file that a Flink cluster is given."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import msgspec
import pytest

from tests.cli.commands import DEADLINE, started, states, summary, wait_until, without_times
from tests.kafka.modules import by_key, deposit, write_app, write_module
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


@pytest.fixture
def folder(tmp_path: Path, topics: Topics) -> Path:
    """With the application, and the topics that it writes."""
    write_app(tmp_path, topics.name("")[:-1])
    topics.make("out", partitions=3)
    topics.make("dead")
    return tmp_path


@pytest.mark.parametrize(
    ("delivery", "options"),
    [("exactly-once", ()), ("at-least-once", ()), ("exactly-once", ("--partitions", "2"))],
)
def test_records_go_in_and_out_by_the_file_that_the_module_command_prints(
    folder: Path, topics: Topics, delivery: str, options: tuple[str, ...]
) -> None:
    name = topics.make(partitions=2)
    topics.write(name, [("ada", deposit(5)), ("bob", deposit(1)), ("ada", deposit(7)), ("bob", b"\xff{"), (None, b"x")])
    write_module(folder, topics.address, name, "--delivery", delivery)

    batch = ("app.py", "--module", "module.yaml", "--until-idle", *options)
    reported = summary(*batch, folder=folder, deadline=2 * DEADLINE)

    assert by_key(topics.read(topics.name("out"), 3)) == {"ada": ["1 5", "2 7"], "bob": ["1 1"]}
    (dead,) = topics.read(topics.name("dead"), 1)
    assert dead.key() == b"bank/account/bob"
    assert msgspec.json.decode(dead.value() or b"")["value_base64"] == "/3s="
    assert reported["records"] == {"app/messages": 5}
    assert reported["bad_records"] == 1
    where = f"Kafka at {topics.address}"
    assert reported["egress"]["bank/receipts"] == {"to": where, "this_run": 3, "in_all": None}
    assert reported["egress"]["bank/dead"] == {"to": where, "this_run": 1, "in_all": None}
    assert reported["error"] is None


def test_topics_of_egresses_that_are_not_there_are_named_at_the_start(tmp_path: Path, topics: Topics) -> None:
    write_app(tmp_path, topics.name("")[:-1])
    topics.make("dead")
    write_module(tmp_path, topics.address, topics.make())

    with started("run", "app.py", "--module", "module.yaml", folder=tmp_path) as process:
        assert process.stderr is not None
        first, second = (without_times(process.stderr.readline()) for _ in range(2))
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0

    assert first.startswith("Running bank/account; ")
    assert second == (
        f"WARNING statefun_actors.kafka: egress bank/receipts: there is no topic '{topics.name('out')}' at "
        f"{topics.address}. Create it; until then its records are kept, unless the brokers create topics themselves\n"
    )


def test_killed_again_and_again_each_record_is_there_once_for_who_reads_what_is_committed(
    folder: Path, topics: Topics
) -> None:
    keys, part, kills = 40, 2_000, 6
    count = part * (kills + 1)
    name = topics.make(partitions=2)
    write_module(folder, topics.address, name)
    out = topics.name("out")
    rng = random.Random(11)

    deposits = [(f"k{number % keys}", deposit(number)) for number in range(count)]
    topics.write(name, deposits[:part])
    for kill in range(1, kills + 1):
        enough = topics.size(out) + rng.randrange(1, part)
        with started("run", "app.py", "--module", "module.yaml", folder=folder) as process:
            # Of what is not committed yet, too: so it is killed within a transaction, or between it and the store.
            wait_until(lambda: topics.size(out) >= enough or process.poll() is not None, "enough is written")  # noqa: B023
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
        topics.write(name, deposits[kill * part :][:part])
    reported = summary("app.py", "--module", "module.yaml", "--until-idle", folder=folder)

    assert reported["egress"]["bank/receipts"]["this_run"] >= part
    found = by_key(topics.read(out, count))
    each = count // keys
    assert found == {f"k{k}": [f"{n + 1} {k + n * keys}" for n in range(each)] for k in range(keys)}
    counts = {address: state["count"] for address, state in states(folder / ".statefun" / "app.db").items()}
    assert counts == {f"bank/account/k{k}": each for k in range(keys)}
