"""Imports go one way, through doors, in the open; and the check that says so does find those that don't."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import statefun_actors
from tests.architecture.import_search import PACKAGE, circles, unused, violations
from tests.architecture.import_table import TABLE

ROOT = Path(__file__).parents[2]


reads_the_package = pytest.mark.xdist_group(f"{__name__}: reads the package")  # once, in one worker


@reads_the_package
def test_every_import_follows_the_table() -> None:
    found = violations(ROOT / PACKAGE)

    assert not found, "\n".join(found)


@reads_the_package
def test_every_entry_of_the_table_is_needed() -> None:
    assert unused(ROOT / PACKAGE) == []


@reads_the_package
def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(ROOT / PACKAGE) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    house(
        tmp_path,
        {
            "types/json": "from statefun_actors.types.leaves import a",
            "types/leaves": "if True:\n    from statefun_actors.types.wire import b",
            "types/wire": "def f():\n    import statefun_actors.types.json",
        },
    )

    assert circles(tmp_path) == ["statefun_actors.types.json, statefun_actors.types.leaves, statefun_actors.types.wire"]


def test_every_room_of_the_table_imports_only_rooms_below_it() -> None:
    rooms = list(TABLE)

    assert [room for at, room in enumerate(rooms) if not set(rooms[:at]) >= TABLE[room]] == []


def test_no_public_name_but_those_that_need_them_loads_a_web_framework_database_or_terminal() -> None:
    needing = {"AsyncRuntime", "IncompatibleStateError", "LossRefusedError", "Runtime", "create_app"}
    names = sorted(set(statefun_actors.__all__) - needing)
    script = f"import sys; from {PACKAGE} import {', '.join(names)}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    unwanted = {"click", "flask", "h11", "hypercorn", "jinja2", "quart", "rich", "sqlite3", "werkzeug"}
    assert unwanted & set(loaded.stdout.split()) == set()


def test_the_help_of_the_command_line_loads_no_part_that_handles_messages() -> None:
    script = f"import sys, {PACKAGE}.cli; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    unwanted = {"asyncio", "attrs", "google.protobuf", "msgspec", f"{PACKAGE}.entity", f"{PACKAGE}.types"}
    assert unwanted & set(loaded.stdout.split()) == set()


def test_a_run_loads_no_web_framework_and_nothing_of_clusters() -> None:
    started_by = ("cli.main", "cli.loading", "cli.run.module_edges", "cli.run.running", "assembly.ingress")
    script = f"import sys; import {', '.join(f'{PACKAGE}.{module}' for module in started_by)}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    unwanted = {"confluent_kafka", "flask", "httpx", "jinja2", "quart", "rich", "werkzeug", "yaml", f"{PACKAGE}.deploy"}
    assert unwanted & set(loaded.stdout.split()) == set()


def test_the_test_kit_loads_simulations_when_they_are_used() -> None:
    script = f"import sys; from {PACKAGE}.testing import TestRuntime, given; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    unwanted = {"hypothesis", "pytest", "sqlite3", "unittest", f"{PACKAGE}.testing.simulation"}
    assert unwanted & set(loaded.stdout.split()) == set()


def house(folder: Path, files: dict[str, str]) -> list[str]:
    """The faults of a package of *files*: path without ``.py`` -> source."""
    for name, source in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return violations(folder)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param(
            {"model": "from statefun_actors.dispatch import dispatch"},
            ["model.py:1: model may not import dispatch"],
            id="up",
        ),
        pytest.param(
            {"model": "import statefun_actors.dispatch"},
            ["model.py:1: model may not import dispatch"],
            id="up, by a plain import",
        ),
        pytest.param(
            {"address": "from statefun_actors import errors, dispatch, entity"},
            ["address.py:1: address may not import dispatch", "address.py:1: address may not import entity"],
            id="up, as names of the package",
        ),
        pytest.param(
            {"types/json": "from ..wire import decode\nfrom .. import errors, wire"},
            ["types/json.py:1: types may not import wire", "types/json.py:2: types may not import wire"],
            id="sideways, by relative imports",
        ),
        pytest.param(
            {"model": "import typing as t\nif t.TYPE_CHECKING:\n    from statefun_actors.entity import Entity"},
            ["model.py:3: model may not import entity"],
            id="up, for types only",
        ),
        pytest.param(
            {"entity/base": "from statefun_actors.types.json import encode", "types/json": ""},
            ["entity/base.py:1: types.json is behind the door of types; import from statefun_actors.types"],
            id="past a door",
        ),
        pytest.param(
            {"entity/base": "import statefun_actors.types.json", "types/json": ""},
            ["entity/base.py:1: types.json is behind the door of types; import from statefun_actors.types"],
            id="past a door, by a plain import",
        ),
        pytest.param(
            {"entity/base": "from statefun_actors.types import json", "types/json": "", "types/__init__": ""},
            ["entity/base.py:1: types.json is behind the door of types; import from statefun_actors.types"],
            id="past a door, as a name of the room",
        ),
        pytest.param(
            {"entity/base": "def f():\n    from statefun_actors.types import encode"},
            ["entity/base.py:2: the import of types hides in f()"],
            id="hidden in a function",
        ),
        pytest.param(
            {"entity/base": "class A:\n  async def f(self):\n    if self:\n      import statefun_actors.types"},
            ["entity/base.py:4: the import of types hides in f()"],
            id="hidden in a method",
        ),
        pytest.param(
            {"types/json": "def f():\n    from statefun_actors.types.leaves import encode"},
            ["types/json.py:2: the import of types hides in f()"],
            id="hidden in a function, from its own room",
        ),
        pytest.param(
            {"model": "from importlib import import_module\nimport_module('statefun_actors.dispatch')"},
            ["model.py:2: model may not import dispatch"],
            id="up, by import_module",
        ),
        pytest.param(
            {"__init__": "def start():\n    from statefun_actors.http import create_app"},
            ["__init__.py:2: the import of http hides in start()"],
            id="hidden in a function of the package's door",
        ),
        pytest.param(
            {"dispatch": "from statefun_actors import Entity"},
            ["dispatch.py:1: dispatch imports the package's own door, which stands above it"],
            id="the package's own door",
        ),
        pytest.param(
            {"utils": "", "model": "from statefun_actors.utils import first"},
            [
                "model.py:1: model imports utils, which is no room of the house",
                "utils.py:1: utils is no room of the house; give it a line in the table",
            ],
            id="a room that is not in the table",
        ),
        pytest.param(
            {"testing/kit": "from statefun_actors.cli import main"},
            ["testing/kit.py:1: testing may not import cli"],
            id="the test kit importing the command line",
        ),
    ],
)
def test_an_import_is_found_that_goes(files: dict[str, str], expected: list[str], tmp_path: Path) -> None:
    assert house(tmp_path, files) == expected


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"address": "from statefun_actors.errors import InvalidAddressError"}, id="down"),
        pytest.param({"types/json": "from statefun_actors.types.leaves import x", "types/leaves": ""}, id="in a room"),
        pytest.param(
            {"types/json": "def f():\n    import json\n    from re import sub"}, id="a foreign one in a function"
        ),
        pytest.param({"cli/run": "def f():\n    from statefun_actors.engine import Engine"}, id="late, in cli"),
        pytest.param(
            {"__init__": "def __getattr__(name):\n    from statefun_actors.http import create_app"},
            id="lazily, in the package's door",
        ),
        pytest.param({"__main__": "from statefun_actors.cli import main"}, id="from python -m"),
        pytest.param(
            {
                "engine/engine": "from statefun_actors.dispatch import dispatch",
                "dispatch/__init__": "from statefun_actors.dispatch.dispatch import dispatch",
                "dispatch/dispatch": "",
            },
            id="of a name that the door shows, although a file is called so too",
        ),
    ],
)
def test_an_import_is_fine_that_goes(files: dict[str, str], tmp_path: Path) -> None:
    assert house(tmp_path, files) == []
