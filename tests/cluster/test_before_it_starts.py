"""Errors before a local cluster starts: missing programs, occupied folders, mistakes in its options."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from statefun_actors.cli import main
from statefun_actors.cluster import (
    Cluster,
    ClusterOptions,
    FlinkPrograms,
    FolderInUseError,
    MissingToolError,
    Program,
    SavepointError,
    missing_tool,
    note_savepoint,
    resume_from,
    savepoint_in,
)
from statefun_actors.cluster.build_cache import made
from statefun_actors.cluster.flink_api import _root
from statefun_actors.cluster.states import checkpoints_in, clear_for_new_run
from statefun_actors.cluster.toolchain import _java_says
from statefun_actors.deploy import EndpointComponent, KafkaEgress, KafkaIngress, Module, Topic, Transport, local_module
from tests.cluster.command import WAIT_SECONDS, wait_gone, wait_until
from tests.deploy.apps import Cart, served

APP = str(Path(__file__).parents[1] / "deploy" / "apps.py")


def test_missing_programs_are_reported_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    result = CliRunner().invoke(main, ["flink", APP, "--kafka"])

    assert result.exit_code == 1
    assert result.stderr == (
        "Error: no java, no javac, no mvn on the PATH: a Flink here needs a JDK and Maven. Install both, by your "
        "system's packages (apt install default-jdk maven; brew install openjdk maven) or from adoptium.net and "
        "maven.apache.org.\n"
    )


def test_a_java_that_is_too_old_is_reported() -> None:
    assert str(MissingToolError(["java"], "Java 8 (/usr/bin/java)")) == (
        "expected Java 11 or newer, got Java 8 (/usr/bin/java): install a JDK, such as 17, and put it on the PATH."
    )
    assert str(MissingToolError(["mvn"])).startswith("no mvn on the PATH: a Flink here needs Maven. Install it, by")


def test_a_placeholder_for_java_is_reported_with_its_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for tool in ("java", "javac", "mvn"):
        (tmp_path / tool).write_text("#!/bin/sh\necho Unable to locate a Java Runtime. >&2\nexit 1\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    _java_says.cache_clear()

    lacking = missing_tool()

    _java_says.cache_clear()
    assert str(lacking) == (
        f"expected Java 11 or newer, got {tmp_path / 'java'}, which says: Unable to locate a Java Runtime: install "
        "a JDK, such as 17, and put it on the PATH."
    )


def test_a_folder_takes_one_cluster(tmp_path: Path) -> None:
    program = Program([], "Main", [], tmp_path / "archive")
    options = ClusterOptions(name="shop", folder=tmp_path / "flink", flink=FlinkPrograms(program, program), kafka=None)
    first = Cluster(options)
    try:
        with pytest.raises(FolderInUseError) as caught:
            Cluster(options)
    finally:
        first.close()

    assert str(caught.value) == (
        f"another cluster uses {tmp_path / 'flink'}: stop it, or give this one another folder."
    )
    Cluster(options).close()


def test_a_savepoint_is_a_folder_or_the_newest_in_one(tmp_path: Path) -> None:
    for number, name in enumerate(("newest", "older")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "_metadata").touch()
        os.utime(tmp_path / name / "_metadata", (100 - number, 100 - number))

    assert savepoint_in(tmp_path) == tmp_path / "newest"
    assert savepoint_in(tmp_path / "older") == tmp_path / "older"
    with pytest.raises(SavepointError) as caught:
        savepoint_in(tmp_path / "none")
    assert str(caught.value) == (
        f"{tmp_path / 'none'} is not a savepoint or checkpoint, and contains none: either is a folder with a file "
        "_metadata."
    )


def completed(path: Path, seconds: int) -> Path:
    """A savepoint or checkpoint that was completed at this time."""
    path.mkdir(parents=True)
    (path / "_metadata").touch()
    os.utime(path / "_metadata", (seconds, seconds))
    return path


def test_resume_takes_the_newest_of_checkpoints_and_savepoints(tmp_path: Path) -> None:
    cluster, savepoints = tmp_path / "cluster", tmp_path / "savepoints"
    with pytest.raises(SavepointError) as caught:
        resume_from(cluster)
    assert str(caught.value) == (
        f"nothing to resume from: {cluster} has no checkpoint and names no savepoint. Omit --resume to read the "
        "topics from their beginning, or name a savepoint: --from-savepoint DIR."
    )

    checkpoint = completed(checkpoints_in(cluster) / "20260101T000000.0" / "job" / "chk-7", 1_000_000_000)
    assert str(resume_from(cluster, savepoints)) == f"the checkpoint {checkpoint}, completed 2001-09-09 01:46:40 UTC"

    note_savepoint(cluster, completed(tmp_path / "elsewhere" / "savepoint-1", 1_000_000_001))
    assert resume_from(cluster).path == tmp_path / "elsewhere" / "savepoint-1"

    completed(savepoints / "savepoint-2", 1_000_000_002)
    assert str(resume_from(cluster, savepoints)).startswith(f"the savepoint {savepoints / 'savepoint-2'}, ")


def test_a_new_run_keeps_what_it_resumes_from_and_the_last_two_runs(tmp_path: Path) -> None:
    checkpoints = checkpoints_in(tmp_path)
    runs = [completed(checkpoints / f"run-{n}" / "job" / "chk-1", 1_000 + n) for n in range(5)]
    (checkpoints / "run-without-a-checkpoint" / "job").mkdir(parents=True)
    (checkpoints / "this-run").mkdir()
    temporary = completed(tmp_path / "flink" / "tmp" / "copied", 1)
    (tmp_path / "logs").mkdir()

    clear_for_new_run(tmp_path, checkpoints / "this-run", runs[1])

    assert sorted(path.name for path in checkpoints.iterdir()) == ["run-1", "run-3", "run-4", "this-run"]
    assert not (tmp_path / "logs").exists()
    assert not temporary.exists()

    completed(temporary, 1)
    clear_for_new_run(tmp_path, temporary)

    assert temporary.exists()


def test_a_file_is_made_to_fit_this_machine() -> None:
    topics = [Topic(topic="t", value_type="shop/add", targets=["shop/cart"])]
    transport = Transport(call_timeout=timedelta(minutes=2))
    file = Module(
        format="1.0",
        components=[
            EndpointComponent(functions="shop/cart", url="http://far:1/statefun/v2", states=[], transport=transport),
            EndpointComponent(functions="other/one", url="http://other:1/statefun", states=[]),
            KafkaIngress(id="shop/in", address="far:9092", topics=topics),
            KafkaEgress(id="shop/out", address="far:9092"),
        ],
    )

    assert local_module(file, served(Cart), "http://127.0.0.1:7", "127.0.0.1:8") == Module(
        components=[
            EndpointComponent(functions="shop/cart", url="http://127.0.0.1:7/statefun", transport=transport),
            EndpointComponent(functions="other/one", url="http://other:1/statefun"),
            KafkaIngress(id="shop/in", address="127.0.0.1:8", topics=topics),
            KafkaEgress(id="shop/out", address="127.0.0.1:8"),
        ]
    )
    foreign = EndpointComponent(functions="shop/*", url="http://b:1/x")
    mixed = local_module(attrs.evolve(file, components=[*file.components, foreign]), served(Cart), "http://a:7", None)
    assert [each.url for each in mixed.endpoints] == ["http://a:7/statefun", "http://other:1/statefun", "http://b:1/x"]
    assert [each.address for each in local_module(file, served(Cart), "http://127.0.0.1:7", None).kafka_egresses] == [
        "far:9092"
    ]


@pytest.mark.needs("java")
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ([], 2, "No message could ever arrive; give --kafka, or --module FILE with an ingress."),
        (
            ["--kafka", "--topic", "a=b/c"],
            2,
            "module.yaml: topic a: nothing here serves 'b/c'; served are shop/anything",
        ),
        (["--kafka", "--bind", "nowhere"], 1, "can't listen at nowhere"),
        (["--kafka", "--checkpoint-interval", "0"], 2, "of 10ms or more; got '0'"),
        (["--kafka", "--resume"], 1, "nothing to resume from: .statefun/flink/apps has no checkpoint"),
        (["--kafka", "--resume", "--from-savepoint", "x"], 2, "--from-savepoint names it; omit one of them."),
        (["--kafka", "--from-savepoint", "none"], 1, "none is not a savepoint or checkpoint, and contains none"),
        (["--module", "none.yaml"], 2, "none.yaml can't be read: No such file or directory."),
        (["--kafka", "--folder", "/dev/null/flink"], 1, "Error: /dev/null/flink can't be used: Not a directory."),
    ],
)
def test_mistakes_in_the_command_are_reported_before_anything_starts(
    arguments: list[str], code: int, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(main, ["flink", APP, *arguments])

    assert text in " ".join(result.output.split())
    assert result.exit_code == code
    assert not (tmp_path / ".statefun").exists()


def test_a_cached_build_is_kept_and_a_failed_one_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STATEFUN_ACTORS_CACHE", str(tmp_path))
    calls = []

    def make(folder: Path) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise OSError("disk full")
        (folder / "jar").write_text("jar")

    with pytest.raises(OSError, match="disk full"):
        made("jars", make)
    assert list(tmp_path.iterdir()) == []
    assert made("jars", make) == made("jars", make) == tmp_path / "jars"
    assert ([path.name for path in (tmp_path / "jars").iterdir()], len(calls)) == (["jar"], 2)


def test_half_made_builds_of_killed_processes_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATEFUN_ACTORS_CACHE", str(tmp_path))
    left = tmp_path / "making-left"
    (left / "made").mkdir(parents=True)
    os.utime(left, (0, 0))

    def make_outer(folder: Path) -> None:
        os.utime(folder.parent, (0, 0))
        made("inner", lambda _: None)
        (folder / "jar").write_text("jar")

    assert (made("outer", make_outer) / "jar").read_text() == "jar"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inner", "outer"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_something_is_fetched_ends_that_and_leaves_nothing(how: signal.Signals, tmp_path: Path) -> None:
    programs, cache, begun = tmp_path / "bin", tmp_path / "cache", tmp_path / "begun"
    programs.mkdir()
    says = "#!/bin/sh\necho 'openjdk version \"17\"' >&2\n"
    fetches = f"#!/bin/sh\necho $$ >{begun}.half && mv {begun}.half {begun} && exec sleep 600\n"
    for tool, script in (("java", says), ("javac", says), ("mvn", fetches)):
        (programs / tool).write_text(script)
        (programs / tool).chmod(0o755)
    command = [sys.executable, "-m", "statefun_actors", "flink", APP, "--kafka", "--folder", str(tmp_path / "flink")]
    environment = {**os.environ, "PATH": f"{programs}:/usr/bin:/bin", "STATEFUN_ACTORS_CACHE": str(cache)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        wait_until(begun.exists, "Maven to begin")
        process.send_signal(how)
        _, said = process.communicate(timeout=WAIT_SECONDS)

    assert process.returncode == 128 + how
    assert said.splitlines()[-1] == "Fetching Flink by Maven, once."
    wait_gone([int(begun.read_text())])
    assert list(cache.iterdir()) == []


def test_the_cause_of_a_trouble_is_the_last_line_of_its_stack_trace_that_begins_one() -> None:
    trace = "java.lang.A: first\r\n\tat b(C.java:1)\r\nCaused by: java.lang.D: one\u2028\x85two\r\n\tat e(F.java:2)\r\n"
    assert _root(trace) == "java.lang.D: one\u2028\x85two"
