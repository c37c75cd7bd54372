"""``statefun-actors demo``: the example of the README without a clone."""

from __future__ import annotations

import gzip
import itertools
import subprocess
from pathlib import Path

from click.testing import CliRunner

from statefun_actors.cli import main
from tests.cli.commands import run

DATA = Path(__file__).parents[2] / "examples" / "flights" / "flights-2013-01.csv.gz"
FLIGHTS = 50


def some_flights(folder: Path) -> Path:
    """The folder of a demo whose data are the first flights of the month."""
    folder.mkdir()
    with (
        gzip.open(DATA, "rt", encoding="utf-8") as every,
        gzip.open(folder / DATA.name, "wt", encoding="utf-8") as some,
    ):
        some.writelines(itertools.islice(every, FLIGHTS + 1))
    return folder


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return run("demo", str(folder), folder=folder.parent, deadline=120)


def test_it_shows_its_commands_and_their_result_and_resumes_when_called_again(tmp_path: Path) -> None:
    folder = some_flights(tmp_path / "my flights")

    first, second = demo(folder), demo(folder)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    shown = [line for line in first.stdout.splitlines() if line.startswith(("$ ", "Next: "))]
    assert shown == [
        f"$ cd '{folder}'",
        "$ python make_input.py",
        "$ statefun-actors run flights.py --input flights.jsonl.gz --until-idle",
        "$ python report.py",
        f"Next: cd '{folder}' && statefun-actors run flights.py, and open http://127.0.0.1:8080/.",
    ]
    report = first.stdout[first.stdout.index("The busiest") : first.stdout.index("Next: ")]
    assert f"took off {FLIGHTS}" in " ".join(report.split())
    assert "$ python make_input.py" not in second.stdout
    assert report in second.stdout


def test_a_step_that_fails_ends_it_with_the_exit_code_of_the_step(tmp_path: Path) -> None:
    folder = some_flights(tmp_path / "flights")
    (folder / "flights.py").write_text("raise SystemExit('broken')\n")

    done = demo(folder)

    assert (done.returncode, "$ python report.py" in done.stdout) == (2, False), done.stderr


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = CliRunner().invoke(main, ["demo", str(tmp_path / "file" / "flights")])

    assert done.output == f"Error: {tmp_path}/file/flights can't be written: Not a directory; choose another folder\n"
    assert done.exit_code == 1


def test_a_copy_that_was_killed_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "flights"
    folder.mkdir()
    (folder / "flights.py").write_text("raise SystemExit('broken')\n")  # so that it ends before the month is read
    (folder / f"{DATA.name}.part").write_bytes(DATA.read_bytes()[:1_000])

    demo(folder)

    assert (folder / DATA.name).read_bytes() == DATA.read_bytes()
    assert not list(folder.glob("*.part"))
