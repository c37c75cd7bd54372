"""``statefun-actors flink savepoint``: mistakes, and a run that resumes. What is next to one: test_upgrades."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from statefun_actors.cli import main
from statefun_actors.cli.flink.saved_files import keep_savepoint
from statefun_actors.cluster import SavepointError, resume_from
from statefun_actors.cluster.folder_lock import lock_folder
from statefun_actors.cluster.reserved_ports import ReservedPort
from tests.cluster.command import need_flink, started
from tests.cluster.shop import FIRST, Shop
from tests.cluster.test_before_it_starts import completed

APP = str(Path(__file__).parents[1] / "deploy" / "apps.py")


@pytest.mark.parametrize("stale", [None, "{}", "{"])
def test_a_savepoint_needs_a_cluster_that_runs(
    stale: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(".statefun", "flink", "apps")
    if stale is not None:
        folder.mkdir(parents=True)
        (folder / "cluster.json").write_text(stale)

    result = CliRunner().invoke(main, ["flink", "savepoint", APP, "savepoints"])

    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: no cluster runs in {folder}. Start one by `statefun-actors flink {APP}`, or name its folder: "
        "--folder DIR.\n",
    )


def test_a_savepoint_of_a_killed_cluster_is_an_error_whoever_has_its_port_now(tmp_path: Path) -> None:
    port = ReservedPort()  # nobody listens there
    facts = {"flink": port.url, "checkpoints": str(tmp_path)}
    (tmp_path / "cluster.json").write_text(json.dumps(facts))
    held = lock_folder(tmp_path)
    command = ["flink", "savepoint", APP, "savepoints", "--folder", str(tmp_path)]

    running = CliRunner().invoke(main, command)
    os.close(held)
    killed = CliRunner().invoke(main, command)

    port.release()
    assert (running.exit_code, running.stderr) == (
        1, f"Error: no savepoint was taken: Flink does not answer at {port.url}.\n"
    )  # fmt: skip
    assert (killed.exit_code, killed.stderr) == (
        1,
        f"Error: no cluster runs in {tmp_path}. Start one by `statefun-actors flink {APP}`, or name its folder: "
        "--folder DIR.\n",
    )


def test_a_savepoint_whose_files_can_t_be_written_is_named_and_noted(tmp_path: Path) -> None:
    place = completed(tmp_path / "savepoint-1", 1_000)

    with pytest.raises(SavepointError) as caught:
        keep_savepoint(tmp_path, tmp_path / "no-checkpoints", place)

    assert str(caught.value) == (
        f"the savepoint {place} is complete, but the files next to it, or the note of it in {tmp_path}, can't be "
        f"written: No such file or directory. Resume from it by --from-savepoint {place}; it may not be checked "
        "against the application."
    )
    assert resume_from(tmp_path).path == place


@pytest.mark.flink
@pytest.mark.xdist_group(__name__)  # a cluster of its own
@pytest.mark.slow
def test_a_run_resumes_from_a_savepoint_of_a_job_that_went_on(tmp_path: Path) -> None:
    need_flink()
    shop = Shop(tmp_path)
    arguments = shop.arguments(FIRST, "self.total += 1; self.items.append(message.what); self.note = 'noted'")
    with started(*arguments, folder=shop.cluster) as flink:
        shop.add(flink, "x")
        shop.told(flink, 1)
        live = shop.savepoint(flink, tmp_path / "live")
        shop.add(flink, "y")
        shop.told(flink, 2)
    with started(*arguments, "--from-savepoint", str(live), folder=shop.cluster) as flink:
        told = shop.told(flink, 3)

    second = "{'total': 2, 'items': ['x', 'y'], 'note': 'noted'}"
    assert told == ["{'total': 1, 'items': ['x'], 'note': 'noted'}", second, second]  # y came after the savepoint
