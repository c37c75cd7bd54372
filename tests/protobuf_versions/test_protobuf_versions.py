"""The code for protobuf on every major version that pyproject.toml allows, in C and in pure Python.

Each is a run of pytest of its own, over the tests that touch protobuf; those in between are slow tests. The versions
are installed once, into the temporary folder. One that is not there and can't be installed skips its test; under
``CI=true`` it fails it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import attrs
import google.protobuf
import pytest
from google.protobuf.internal import api_implementation

from tests.packages.pip import installed_once

ROOT: Final = Path(__file__).parents[2]
VERSIONS: Final = ("5.26.0", "5.29.6", "6.33.6", "7.36.2")
"""The oldest of all, and the newest of each major version."""
TESTED: Final = (
    *(
        f"tests/types/test_{name}.py"
        for name in (
            "display",
            "message_errors",
            "messages",
            "pack",
            "primitives",
            "protobuf",
            "records",
            "strict_messages",
        )
    ),
    "tests/types/test_json_values.py::test_json_that_does_not_fit_is_refused_with_its_path",
    "tests/wire",
    "--deselect=tests/wire/test_generated_code.py::test_generated_code_is_what_the_definitions_say",  # runs protoc
    "--deselect=tests/wire/test_generated_code.py::test_pure_python_protobuf_reads_and_writes_the_same",  # as here
    "tests/entity/test_messages.py",
    *(f"tests/entity/test_{name}_fields.py" for name in ("changed", "unreadable")),
    "tests/entity/test_unchanged_bytes.py",
    "tests/functions/test_states.py",
    "tests/testing/test_strategies.py::test_values_of_all_types_can_be_sent",
    "tests/endpoint/test_documentation_2_0.py",
    "tests/endpoint/test_documented_state_2_0.py",
    "tests/examples/test_bank.py",
    "--deselect=tests/examples/test_bank.py::test_its_commands_run_as_the_docstring_says",
    "--deselect=tests/examples/test_bank.py::test_the_generated_code_is_that_of_the_definition",  # runs protoc
    "-k not ten_thousand and not not_looked_for",  # the latter measures the cache of prefixes
)
"""Not the properties that mix all types (tests/types/test_round_trips.py): protobuf is tried by itself here."""
CHEAP: Final = ("--capture=no", "-p", "no:logging", "-p", "no:anyio", "-p", "no:cacheprovider")
"""What no test of these needs costs as much as most of them."""
PLAUSIBLE: Final = 550
"""How many tests there are in these, at least."""


@attrs.frozen
class Protobuf:
    """``implementation`` as protobuf calls it: ``upb`` is the one in C."""

    version: str
    implementation: str

    def __str__(self) -> str:
        return f"{self.version}-{self.implementation}"


@attrs.frozen
class Run:
    """A finished run of pytest. ``seen`` is the plugin's output, None if it did not run."""

    exit_code: int
    output: str
    folder: Path
    seen: dict[str, Any] | None


HERE: Final = Protobuf(google.protobuf.__version__, api_implementation.Type())
"""What runs all the other tests."""
OTHERS: Final = [
    protobuf
    for implementation, versions in (("upb", VERSIONS), ("python", (VERSIONS[0], VERSIONS[-1])))
    for version in versions
    if (protobuf := Protobuf(version, implementation)) != HERE
]
ALWAYS: Final = (Protobuf("5.26.0", "upb"), Protobuf("7.36.2", "python"))
"""The oldest, and the newest in pure Python: what a version in between lacks or adds, one of these lacks or has, too.

The others are slow tests.
"""
RUNS: Final = [pytest.param(each, id=str(each), marks=() if each in ALWAYS else pytest.mark.slow) for each in OTHERS]


def run(protobuf: Protobuf, seen: Path) -> Run:
    folder = installed_once(f"protobuf-{protobuf.version}", "--no-deps", f"protobuf=={protobuf.version}")
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    environment = {
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), inherited.get("PYTHONPATH")))),
        "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": protobuf.implementation,
    }
    plugin = ["-p", "tests.protobuf_versions.seen", "--seen", str(seen)]
    options = ["-q", "-n0", *CHEAP, "--hypothesis-profile=brief", *plugin]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *TESTED],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(finished.returncode, finished.stdout, folder, json.loads(seen.read_text()) if seen.exists() else None)


@pytest.mark.timeout(600)  # it is a run of hundreds of tests, and may have to install its protobuf first
@pytest.mark.parametrize("protobuf", RUNS)
def test_protobuf_is_read_and_written_on_every_version(protobuf: Protobuf, tmp_path: Path) -> None:
    finished = run(protobuf, tmp_path / "seen.json")

    assert finished.exit_code == 0, finished.output
    assert finished.seen is not None
    assert (finished.seen["version"], finished.seen["implementation"]) == (protobuf.version, protobuf.implementation)
    assert Path(finished.seen["file"]).is_relative_to(finished.folder)
    outcomes = finished.seen["outcomes"]
    assert outcomes.keys() <= {"passed", "skipped", "deselected"}
    assert outcomes["passed"] >= PLAUSIBLE
    assert outcomes.get("skipped", 0) < 10


def test_the_oldest_version_and_every_major_version_that_pyproject_admits_are_among_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    [admitted] = filter(
        None, (re.fullmatch(r"protobuf>=(\d+)\.(\d+),<(\d+)", each) for each in project["dependencies"])
    )
    major, minor, end = map(int, admitted.groups())

    assert VERSIONS[0] == f"{major}.{minor}.0"
    assert {int(version.partition(".")[0]) for version in VERSIONS} == set(range(major, end))
    assert {each.version for each in ALWAYS} == {VERSIONS[0], VERSIONS[-1]}
    assert {each for each in ALWAYS if each != HERE} <= set(OTHERS)
