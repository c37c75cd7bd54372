"""``statefun-actors export`` and ``import``: a store as lines, and the same store of them."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from statefun_actors.store.sqlite import SqliteReader
from tests.cli.commands import COMMAND, DEADLINE, run
from tests.cli.store.shop import STORE, WISHES, engine, refusal, reported, shop
from tests.store.store_checks import answers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"), *WISHES)


def contents(store: Path) -> dict[str, object]:
    reader = SqliteReader(store)
    try:
        return answers(reader)
    finally:
        reader.close()


def test_a_store_goes_through_a_file_and_is_the_same(folder: Path, tmp_path: Path) -> None:
    packed = tmp_path / "shop.jsonl.gz"

    exported = run("export", "app.py", "-o", str(packed), folder=folder)
    imported = run("import", "--store", str(tmp_path / "copy.db"), "app.py", str(packed), folder=folder)

    lines = gzip.decompress(packed.read_bytes()).splitlines()
    assert exported.stdout == f"Exported {STORE} to {packed}: {len(lines)} lines.\n"
    assert imported.stdout == (
        f"Imported {packed} into {tmp_path / 'copy.db'}: 2 entities, 2 timers, 2 egress, 2 dead letters.\n"
    )
    assert contents(tmp_path / "copy.db") == contents(folder / STORE)
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name or "importing" in file.name] == []
    assert packed.stat().st_mode & 0o777 == 0o600, "it has the tokens of open asks"


def test_a_store_goes_through_a_pipe_during_a_run_without_the_application(folder: Path, tmp_path: Path) -> None:
    with engine(folder):
        exporting = subprocess.Popen([*COMMAND, "export", "--store", str(STORE)], cwd=folder, stdout=subprocess.PIPE)
        imported = subprocess.run(
            [*COMMAND, "import", "--json", "--store", str(tmp_path / "copy.db"), "-"],
            cwd=folder, stdin=exporting.stdout, capture_output=True, text=True, timeout=DEADLINE, check=False,
        )  # fmt: skip
        exporting.communicate()

    assert exporting.returncode == 0
    assert json.loads(imported.stdout) == {
        "store": str(tmp_path / "copy.db"),
        "entities": 2,
        "messages": 0,
        "timers": 2,
        "egress": 2,
        "dead_letters": 2,
    }
    assert contents(tmp_path / "copy.db") == contents(folder / STORE)


def test_programs_get_the_list_of_written_files(folder: Path, tmp_path: Path) -> None:
    told_of = reported("export", "app.py", "--output", str(tmp_path / "x"), folder=folder)

    count = len((tmp_path / "x").read_bytes().splitlines())
    assert told_of == [{"store": str(STORE), "file": str(tmp_path / "x"), "lines": count}]


def test_a_wrong_argument_is_an_error_in_one_line_and_changes_nothing(folder: Path, tmp_path: Path) -> None:
    before = contents(folder / STORE)
    positions = len(SqliteReader(folder / STORE).recover().positions)
    good, bad, damaged = tmp_path / "good.jsonl", tmp_path / "bad.jsonl", tmp_path / "damaged.gz"
    run("export", "app.py", "-o", str(good), folder=folder)
    lines = good.read_bytes().splitlines(keepends=True)
    bad.write_bytes(b"".join([*lines[:2], b'{"kind":"message"}\n', *lines[3:]]))
    damaged.write_bytes(gzip.compress(good.read_bytes())[:-20])
    new = ("--store", str(tmp_path / "new.db"))
    plain = tmp_path / "module.yaml"
    plain.write_text(
        "kind: io.statefun.endpoints.v2/http\nspec: {functions: shop/*, urlPathTemplate: 'http://app:8000'}\n"
    )
    to_kafka = ("--to-kafka", "127.0.0.1:1", "--module", str(plain))
    for arguments, code, complaint in (
        (["import"], 2, "Error: Missing argument '[APP] FILE'."),
        (["import", "app.py"], 2, "Error: expected APP and FILE, or --store STORE and FILE; got one argument."),
        (
            ["import", "app.py", str(good)],
            1,
            f"Error: store {STORE}: it holds 2 entities, 2 delayed messages, 2 egress records, 2 dead letters, "
            f"{positions} positions already. Nothing was imported. Choose another store, or add --replace.",
        ),
        (
            ["import", *new, str(bad)],
            1,
            f"Error: {bad}, line 3: Object missing required field `seq`. Nothing was imported.",
        ),
        (
            ["import", "app.py", str(bad), "--replace"],
            1,
            f"Error: {bad}, line 3: Object missing required field `seq`. Nothing was imported.",
        ),
        (
            ["import", *new, str(damaged)],
            1,
            f"Error: {damaged} is a damaged gzip file: Compressed file ended before the end-of-stream marker was "
            "reached. Nothing was imported.",
        ),
        (
            ["import", *new, "no.jsonl"],
            1,
            "Error: no.jsonl can't be read: No such file or directory. "
            "Name a file that export wrote, or - for standard input.",
        ),
        (["export", "app.py", "-o", "no/x"], 1, "Error: no/x can't be written: No such file or directory."),
        (["export"], 2, "Error: expected APP, whose store it is, or --store FILE."),
        (
            ["export", "app.py", "--to-kafka", "k:1"],
            2,
            "Error: --to-kafka HOST:PORT and --module FILE go together; got one of them.",
        ),
        (
            ["export", "app.py", *to_kafka, "-o", "x"],
            2,
            "Error: --to-kafka writes no lines; omit --output and --without-inputs.",
        ),
        (["export", *new, *to_kafka], 2, "Error: --to-kafka needs APP, which says what the Flink job serves."),
        (
            ["export", "app.py", *to_kafka],
            2,
            f"Error: {plain} lacks the topic, the route and the egress of statefun-actors/ingress, by which entities "
            "are restored; write it with `statefun-actors module APP --gateway`.",
        ),
        (
            ["export", *new],
            1,
            f"Error: store {new[1]}: the file does not exist. `statefun-actors run` creates it.",
        ),
    ):
        assert refusal(*arguments, folder=folder, code=code) == complaint
    assert contents(folder / STORE) == before
    assert not (tmp_path / "new.db").exists()


def to_kafka(folder: Path) -> tuple[str, ...]:
    """A command that moves the store to brokers that don't answer."""
    module = run("module", "app.py", "--url", "http://a:1", "--kafka", "kafka:1", "--gateway", folder=folder)
    (folder / "module.yaml").write_text(module.stdout)
    return ("export", "app.py", "--to-kafka", "127.0.0.1:1", "--module", "module.yaml")


def test_a_store_that_an_engine_runs_on_moves_nowhere(tmp_path: Path) -> None:
    shop(tmp_path)
    command = to_kafka(tmp_path)

    with engine(tmp_path) as process:
        refused = refusal(*command, folder=tmp_path, code=1)

    assert refused.startswith(f"Error: store {STORE}: it is in use by process {process.pid} since")


def test_a_store_with_records_that_no_target_has_taken_moves_nowhere(folder: Path) -> None:
    assert refusal(*to_kafka(folder), folder=folder, code=1) == (
        "Error: egress records wait that no target has taken: shop/wishes (2). Nothing was moved. Run the engine with "
        "targets for them until they are written, or leave them in the store with --leave-egress."
    )


@pytest.mark.slow
def test_brokers_that_do_not_answer_end_a_move(folder: Path) -> None:
    done = run(*to_kafka(folder), "--leave-egress", folder=folder)

    assert (done.returncode, done.stdout) == (1, "")
    *complaints, error = done.stderr.splitlines()
    assert (
        error == "Error: the topic app.gateway.answers of the answers can't be read now, after 15 s. Nothing was moved."
    )
    assert sorted(complaints) == [
        "Kafka ingress statefun-actors/answers: no broker of 127.0.0.1:1 can be reached; retrying",
        "export: no broker of 127.0.0.1:1 can be reached; retrying",
    ]


def test_a_store_is_replaced_if_that_is_wanted_but_never_under_an_engine(folder: Path, tmp_path: Path) -> None:
    shop(tmp_path)
    run("export", "app.py", "-o", "shop.jsonl", folder=folder)

    with engine(tmp_path) as process:
        refused = refusal("import", "app.py", str(folder / "shop.jsonl"), "--replace", folder=tmp_path, code=1)
    done = run("import", "app.py", str(folder / "shop.jsonl"), "--replace", folder=tmp_path)

    assert refused.startswith(f"Error: store {STORE}: it is in use by process {process.pid} since")
    assert done.returncode == 0
    assert contents(tmp_path / STORE) == contents(folder / STORE)
