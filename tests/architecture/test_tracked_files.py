"""Nothing is committed that belongs to one machine, or that was left for later."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_LINES = 300

# Written so that this file does not hold what it looks for.
UNWANTED = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|root|farm|home/\w+|Users/\w+)/|[A-Z]:\\{1,2}Users\\"),
    "a registry's address": re.compile(
        r"python[h]osted|pypi[.]org/(?:simple|packages)|registry[.](?:npmjs|yarnpkg)|repo1?[.]maven|proxy[.]golang"
    ),
    "a note to do it later": re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X|H[A]CK)\b"),
    "a merge conflict": re.compile(r"^(?:<{7}|>{7})(?: |$)"),
    "a debugger": re.compile(r"^\s*(?:breakpoint\(\)|import i?pd[b]\b)"),
}


def found(text: str) -> Iterator[tuple[int, str]]:
    """(line number, what is wrong) for each unwanted thing in *text*."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in UNWANTED.items():
            if pattern.search(line):
                yield number, what


def tracked() -> list[Path]:
    # A checkout may belong to someone else, as in a container: reading its list of files is harmless.
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # not a text


def test_no_tracked_file_holds_what_belongs_to_one_machine_or_was_left_for_later() -> None:
    offences = [f"{path}:{line}: {what}" for path, text in texts() for line, what in found(text)]

    assert not offences, "\n".join(offences)


def test_no_file_of_python_is_longer_than_one_idea_needs() -> None:
    lines = {path: text.count("\n") for path, text in texts() if path.suffix == ".py" and "_pb2" not in path.name}

    assert {str(path): count for path, count in lines.items() if count > MOST_LINES} == {}


def test_nothing_generated_by_running_is_tracked() -> None:
    generated = {"__pycache__", ".statefun", ".venv", ".hypothesis", "build", "dist", "node_modules"}

    assert [path for path in tracked() if generated & set(path.relative_to(ROOT).parts)] == []


def test_only_what_belongs_there_stands_at_the_top() -> None:
    at_the_top = {path.relative_to(ROOT).parts[0] for path in tracked()}

    folders = {"statefun_actors", "protos", "examples", "tests", ".ci"}
    documents = {"README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md"}
    files = {"pyproject.toml", ".gitignore", *documents}
    assert at_the_top - folders - files == set()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("see /wo" + "rk/main/notes", "a path of one machine"),
        ('open("/ro' + 'ot/.cache")', "a path of one machine"),
        ("/home/" + "ada/project", "a path of one machine"),
        ("https://files.python" + "hosted.org/x", "a registry's address"),
        ("https://pypi" + ".org/simple/attrs", "a registry's address"),
        ("# TO" + "DO: later", "a note to do it later"),
        ("<<<<" + "<<< HEAD", "a merge conflict"),
        ("    break" + "point()", "a debugger"),
    ],
)
def test_an_unwanted_line_is_found(line: str, what: str) -> None:
    assert list(found(line)) == [(1, what)]


@pytest.mark.parametrize(
    "line", ["the framework/main", "a/wo" + "rk/b", "mktemp -d /tmp/ci.XXXXXX", "TODOS = []", "======="]
)
def test_a_harmless_line_is_left_alone(line: str) -> None:
    assert list(found(line)) == []
