"""``statefun-actors run``: mistakes in the command or the app, and its help."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from statefun_actors.units import SIZE_FORM
from tests.cli.commands import run

# --- what is asked for wrongly


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--memory", "--store", "x.db"], "--memory keeps no store; omit one of --store and --memory."),
        (["--fire-timers"], "--fire-timers requires --until-idle."),
        (["--input", "app.py", "--input", "./app.py"], "one --input is repeated; a file is read once."),
        (["--input", "lines.jsonl", "--input", "linked.jsonl"], "one --input is repeated; a file is read once."),
        (["--egress", "a/b=x", "--egress", "a/b=y"], "one --egress is repeated; give each one target."),
        (
            ["--egress", "a/b=x", "--skip-bad-lines", "./x"],
            "--skip-bad-lines: expected a file that nothing else uses, got x, which --egress a/b uses; "
            "name another file.",
        ),
        (
            ["--egress", "a/b=x", "--egress", "a/c=./x"],
            "--egress a/c: expected a file that nothing else uses, got x, which --egress a/b uses; name another file.",
        ),
        (
            ["--input", "lines.jsonl", "--egress", "a/b=lines.jsonl"],
            "--egress a/b: expected a file that nothing else uses, got lines.jsonl, which --input uses; "
            "name another file.",
        ),
        (
            ["--skip-bad-lines", "app.py"],
            "--skip-bad-lines: expected a file that nothing else uses, got app.py, which APP uses; name another file.",
        ),
        (
            ["--module", "lines.jsonl", "--egress", "a/b=linked.jsonl"],
            "--egress a/b: expected a file that nothing else uses, got linked.jsonl, which --module uses; "
            "name another file.",
        ),
        (
            ["--config", "lines.jsonl", "--skip-bad-lines", "linked.jsonl"],
            "--skip-bad-lines: expected a file that nothing else uses, got linked.jsonl, which --config uses; "
            "name another file.",
        ),
        (
            ["--egress", "a/b=.statefun/app.db"],
            "--egress a/b: expected a file that nothing else uses, got .statefun/app.db, "
            "which belongs to the store .statefun/app.db; name another file.",
        ),
        (
            ["--store", "new.db", "--skip-bad-lines", "new.db-wal"],
            "--skip-bad-lines: expected a file that nothing else uses, got new.db-wal, "
            "which belongs to the store new.db; name another file.",
        ),
        (
            ["--store", "new.db", "--partitions", "2", "--egress", "a/b=new.db/out.jsonl"],
            "--egress a/b: expected a file that nothing else uses, got new.db/out.jsonl, "
            "which belongs to the store new.db; name another file.",
        ),
        (
            ["--egress", "a/b"],
            "Invalid value for '--egress': 'a/b' is not NS/NAME=TARGET, such as bank/receipts=receipts.jsonl.",
        ),
        (["--egress", "a=x"], "Invalid value for '--egress': 'a' is not <namespace>/<name>, such as bank/receipts."),
        (
            ["--cache-bytes", "much"],
            f"Invalid value for '--cache-bytes': expected {SIZE_FORM}, got 'much'",
        ),
    ],
)
def test_a_mistake_in_the_command_is_reported_in_one_line(folder: Path, arguments: list[str], reported: str) -> None:
    lines = folder / "lines.jsonl"
    lines.touch()
    if not (folder / "linked.jsonl").exists():
        (folder / "linked.jsonl").hardlink_to(lines)

    done = run("run", "app.py", *arguments, folder=folder)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == f"Error: {reported}"


def test_a_mistake_in_the_app_is_reported_without_a_traceback(folder: Path) -> None:
    (folder / "app.py").write_text(
        'from statefun_actors import Entity\nclass A(Entity, typename="a"):\n    x: int\n    y: list\n'
    )

    done = run("run", "app.py", folder=folder)

    assert done.returncode == 2
    assert done.stderr.startswith("Error: app.py:2: class A has ")
    assert "Traceback" not in done.stderr


def test_the_help_fits_a_newcomer(folder: Path) -> None:
    group, command = run("--help", folder=folder), run("run", "--help", folder=folder)

    assert (group.returncode, command.returncode) == (0, 0)
    assert re.search(r"run +Run an application here, its state in one SQLite file\.", group.stdout)
    for option in ("--input FILE", "--until-idle", "--egress NS/NAME=TARGET", "--skip-bad-lines FILE", "--fire-timers"):
        assert option in command.stdout


def test_the_version(folder: Path) -> None:
    done = run("--version", folder=folder)

    assert done.stdout == f"statefun-actors {version('statefun-actors')}\n"


def test_help_loads_no_more_than_it_shows() -> None:
    script = "import sys, statefun_actors.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert {"rich", "sqlite3", "quart", "hypercorn"} & set(loaded) == set()
