"""The output of commands has no control characters and no forged lines, whatever a store or an argument holds."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

import statefun_actors.cli
from statefun_actors.cli import main
from statefun_actors.cli.output import Commands, echo, echo_json, printable_lines

ID: Final = "[red]a[/red]\nERROR forged\r\x1b]0;owned\x07\u202e\u2028\x9b1m"
ESCAPED: Final = r"[red]a[/red]\nERROR forged\r\x1b]0;owned\x07\u202e\u2028\x9b1m"

APP: Final = """
from datetime import timedelta
from statefun_actors import DeadLetter, Entity, handles, persisted

class Account(Entity, typename="bank/account", on_failure=DeadLetter("bank/dead", attempts=1)):
    note: str = persisted(default="")

    @handles(str)
    def take(self, message: str) -> None:
        self.note = message
        self.send_after(timedelta(days=30), self.address, 1)
        self.send_egress("bank/notes", message)

    @handles(int)
    def fail(self, message: int) -> None:
        raise ValueError(self.id)
"""


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("app.py").write_text(APP, encoding="utf-8")
    values = {"io.statefun.types/string": ID, "io.statefun.types/long": 5}
    lines = [{"to": f"bank/account/{ID}", "type": name, "value": value} for name, value in values.items()]
    Path("in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    done = invoked("run", "app.py", "--input", "in.jsonl", "--until-idle")
    assert done.exit_code == 0, done.output
    assert_printable(done.output)
    return "app.py"


def assert_printable(text: str) -> None:
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\nERROR" not in text


@pytest.mark.parametrize(
    "command",
    [
        ("state", "app.py", "bank/account"),
        ("state", "app.py", f"bank/account/{ID}"),
        ("timers", "app.py"),
        ("egress", "app.py"),
        ("dead-letters", "list", "app.py"),
        ("dead-letters", "show", "app.py", "NUMBER"),
    ],
)
def test_stored_texts_are_escaped_for_people_and_complete_in_json(app: str, command: tuple[str, ...]) -> None:
    number = str(json.loads(invoked("dead-letters", "list", "app.py", "--json").output)["number"])
    words = [number if word == "NUMBER" else word for word in command]
    shown, as_json = invoked(*words), invoked(*words, "--json")

    assert (shown.exit_code, as_json.exit_code) == (0, 0), shown.output + as_json.output
    for result in (shown, as_json):
        assert_printable(result.output)
    assert "ERROR forged" in shown.output
    assert any(ID in text for text in texts_in(json.loads(as_json.output.splitlines()[0])))


def texts_in(obj: object) -> list[str]:
    match obj:
        case str():
            return [obj]
        case dict():
            return [text for each in obj.values() for text in texts_in(each)]
        case list():
            return [text for each in obj for text in texts_in(each)]
        case _:
            return []


@pytest.mark.parametrize(
    "command",
    [
        ("state", "app.py", f"bank/other/{ID}"),
        ("state", "app.py", f"bank/account/x{ID}"),
        ("send", "app.py", "bank/account/a", ID),
        ("run", f"no{ID}"),
        ("run", "app.py", f"--no{ID}"),
        (f"no{ID}",),
        ("run", "app.py", "--bind", ID),
        ("run", "app.py", "--egress", ID),
        ("state", "app.py", "--store", ID),
    ],
)
def test_errors_are_printable_and_their_lines_stay_off_the_margin(app: str, command: tuple[str, ...]) -> None:
    result = invoked(*command)

    assert result.exit_code != 0
    assert_printable(result.output)


def test_an_error_of_several_lines_keeps_them() -> None:
    assert printable_lines("two:\n  - a\x1b\n\nb") == "two:\n  - a\\x1b\n\n  b"


def test_an_encoding_that_lacks_characters_gets_their_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))

    echo("café \udce9\x1b")
    echo_json({"é\udce9": "\x9b\u2028"})
    sys.stdout.flush()

    first, second = written.getvalue().splitlines()
    assert first == rb"caf\xe9 \udce9\x1b"
    assert json.loads(second) == {"é\udce9": "\x9b\u2028"}
    assert second.decode().isprintable()


def test_any_error_of_a_command_is_made_printable() -> None:
    @click.group(cls=Commands)
    def group() -> None: ...

    @group.command()
    def fail() -> None:
        raise click.FileError(ID, ID)

    result = CliRunner().invoke(group, ["fail"])

    assert result.exit_code == 1
    assert_printable(result.output)


def test_commands_print_through_one_module() -> None:
    root = Path(statefun_actors.cli.__file__).parent
    constant = ("serving.py", "endpoint_process.py", "completion.py", "output.py")

    assert [
        f"{path.relative_to(root)}:{number}"
        for path in sorted(root.rglob("*.py"))
        if path.name not in constant
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\bclick\.echo\(|(?<![\w.])print\(", line)
    ] == []
