"""``run --partitions --memory``."""

from __future__ import annotations

from pathlib import Path

from statefun_actors.cli.run.in_memory import folder_in_memory
from tests.cli.commands import summary
from tests.partitions.running import APP, Running, is_alive, opened, wait_for
from tests.partitions.systems import id_in
from tests.partitions.test_input import LONG, line, write_lines

HERE, THERE = id_in(0, "test/cell"), id_in(1, "test/cell")


def folder_of(running: Running) -> Path:
    """The folder in memory of a running system."""
    paths = (Path(path) for pid in running.children() for path in opened(pid))
    return next(path.parent for path in paths if path.parent.parent.name.startswith("statefun-actors-memory-"))


def test_a_partition_keeps_its_state_when_it_is_started_again_and_nothing_is_left(tmp_path: Path) -> None:
    with Running(tmp_path, 2, "--memory") as running:
        assert running.add(HERE, 1, THERE).status == running.add(THERE, 1).status == 200
        running.store = folder_of(running)
        running.kill(running.pid_of(1))
        wait_for(lambda: len(running.children()) == 2)
        running.add_surely(THERE, 2, HERE)
        shown = running.request("GET", f"/console/entities?type=test/cell&prefix={THERE}").body.decode()
        assert "&#34;numbers&#34;:[1,2]" in shown
        assert running.stop() == 0
        assert "2 partitions; state in memory. Ctrl-C stops.\n" in running.logged()
        assert "s; state in memory\n" in running.logged()
        assert not running.store.parent.exists()
        assert not (tmp_path / ".statefun").exists()

        running.start()
        assert running.add(THERE, 1).json() == {"id": THERE, "count": 1}
        running.store, children = folder_of(running), running.children()
        running.process.kill()
        running.process.wait()
        wait_for(lambda: not any(is_alive(pid) for pid in children))
        assert not running.store.parent.exists()


def test_a_run_with_an_end_has_no_store(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    write_lines(tmp_path / "in.jsonl", line(HERE, 1, THERE), line(THERE, 1, HERE))
    batch = ("app.py", "--partitions", "2", "--input", "in.jsonl", "--until-idle", "--memory")
    reported = summary(*batch, folder=tmp_path, deadline=LONG)
    assert (reported["store"], reported["messages_handled"], reported["entities"]) == (None, 4, {"test/cell": 2})


def test_what_a_killed_run_has_left_is_removed_by_the_next_one() -> None:
    with folder_in_memory() as store:
        left = store.parent.with_name("statefun-actors-memory-left")
        left.mkdir(exist_ok=True)
        (left / "file").touch()
        with folder_in_memory() as other:
            assert not left.exists()
            assert store.parent.exists()
            assert other != store
    assert not store.parent.exists()
