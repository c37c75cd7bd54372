"""The settings of ``serve``: its flags, a settings file, those of the project; and its errors."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from statefun_actors import DeadLetter, Settings
from statefun_actors.cli import main
from statefun_actors.cli.settings_options import settings_options
from statefun_actors.settings import SPELLINGS
from statefun_actors.units import SIZE_FORM

APP = """
from statefun_actors import Entity, handles

class Account(Entity, typename="bank/account"):
    @handles(int)
    def take(self, message: int) -> None: ...
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    return tmp_path


def refused(*arguments: str) -> Result:
    """A call that ends before it serves; an address that can't be bound ends one that would serve."""
    bind = () if "--bind" in arguments else ("--bind", "192.0.2.1:1")
    return CliRunner().invoke(main, ["serve", "app.py", *bind, *arguments])


def settings_of(*arguments: str, defaults: Settings | None = None) -> Settings:
    """The settings that a command gets."""
    import click

    got: list[Settings] = []

    @click.command("serve")
    @click.option("--bind", default="here")
    @settings_options(defaults or Settings(), endpoint=True)
    def command(bind: str, settings: Settings) -> None:
        click.echo(bind)
        got.append(settings)

    result = CliRunner().invoke(command, list(arguments))
    assert result.exit_code == 0, result.output
    return got[0]


def test_without_flags_and_file_they_are_the_defaults() -> None:
    assert settings_of(defaults=Settings(handler_timeout=50)) == Settings(handler_timeout=50)


def test_flags() -> None:
    flags = [
        "--dead-letters",
        "bank/dead",
        "--handler-timeout",
        "none",
        "--retry-budget",
        "500ms",
        "--body-limit",
        "1M",
    ]
    several = ["--record-egresses", "bank/a", "--record-egresses", "bank/b"]

    assert settings_of(*flags, *several, defaults=Settings(handler_timeout=50)) == Settings(
        on_failure=DeadLetter("bank/dead"), retry_budget=0.5, body_limit=1 << 20, record_egresses={"bank/a", "bank/b"}
    )


def test_a_flag_without_a_value_and_its_key_in_a_file(folder: Path) -> None:
    (folder / "on.toml").write_text("accept-restore = true\n", encoding="utf-8")

    assert settings_of("--accept-restore") == settings_of("--config", "on.toml") == Settings(accept_restore=True)


def test_the_project_s_own_table_counts_where_no_file_is_named(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.statefun-actors]\nretry-budget = 2\n", encoding="utf-8")

    assert settings_of().retry_budget == 2
    assert settings_of("--retry-budget", "3").retry_budget == 3


def test_a_named_file_counts_instead_of_the_project_s(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.statefun-actors]\nretry-budget = 2\n", encoding="utf-8")
    (folder / "own.toml").write_text('body-limit = "2M"\n', encoding="utf-8")

    assert settings_of("--config", "own.toml") == Settings(body_limit=2 << 20)


def test_a_project_without_the_table_says_nothing(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.ruff]\nline-length = 120\n", encoding="utf-8")

    assert settings_of() == Settings()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("retry-budget = ", "own.toml is not TOML"),
        ("retry-budgte = 1", "own.toml: unknown setting 'retry-budgte'"),
        ('retry-budget = "soon"', "own.toml: retry-budget: expected a duration, such as 500ms"),
        (
            "[serve]\nbnid = 1",
            "own.toml: unknown option 'bnid' of serve; expected one of: bind, ca-certs, certfile, keyfile, "
            "log-format, log-level, metrics, workers.",
        ),
        ("[serve]\nworkers = 0", "own.toml: serve: workers: 0 is not in the range x>=1"),
        ("run = 5", "own.toml: run: expected a table, got 5."),
        ("[tool]\nstatefun-actors = 1", "own.toml: expected a table, got 1"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(folder: Path, content: str, problem: str) -> None:
    (folder / "own.toml").write_text(content, encoding="utf-8")
    result = refused("--config", "own.toml")

    assert result.exit_code == 2
    assert problem in result.output


@pytest.mark.parametrize("content", ["tool = 1\n", "[tool]\nstatefun-actors = 5\n"])
def test_a_project_file_that_makes_no_sense_is_refused_without_a_traceback(folder: Path, content: str) -> None:
    (folder / "pyproject.toml").write_text(content, encoding="utf-8")
    result = refused()

    assert (result.exit_code, result.exception.__class__) in ((1, SystemExit), (2, SystemExit))


def test_a_file_gives_the_command_s_own_options_and_flags_go_before_them(folder: Path) -> None:
    (folder / "own.toml").write_text('[serve]\nbind = "nonsense:x"\n', encoding="utf-8")
    from_file = CliRunner().invoke(main, ["serve", "app.py", "--config", "own.toml"])
    from_flag = refused("--config", "own.toml")

    assert "'nonsense:x' is not an address to listen at" in from_file.output
    assert "can't listen at 192.0.2.1:1" in from_flag.output


@pytest.mark.parametrize(
    ("arguments", "code", "problem"),
    [
        ((), 1, "can't listen at 192.0.2.1:1"),
        (("--bind", "nowhere"), 1, "can't listen at"),
        (("--bind", "::1:80"), 2, "write an IPv6 host in brackets, such as [::1]:8000."),
        (("--bind", "x:99999"), 2, "write host:port, such as 0.0.0.0:8000."),
        (("--workers", "0"), 2, "'--workers'"),
        (("--certfile", "a.pem"), 2, "TLS needs both --certfile and --keyfile"),
        (("--ca-certs", "a.pem"), 2, "TLS needs both --certfile and --keyfile"),
        (("--certfile", "a.pem", "--keyfile", "a.key"), 2, "a.pem can't be read: No such file or directory."),
        (("--certfile", "app.py", "--keyfile", "app.py"), 2, "app.py and app.py are not a certificate and its key"),
        (("--dead-letters", "dead"), 2, "'dead' is not <namespace>/<name>, such as bank/receipts."),
        (("--handler-timeout", "0"), 2, "more than 0; or none, for no limit; got '0'"),
        (("--body-limit", "much"), 2, f"expected {SIZE_FORM}, got 'much'"),
        (("--config", "nowhere.toml"), 2, "'nowhere.toml' does not exist"),
    ],
)
def test_contradictory_options_are_refused(arguments: tuple[str, ...], code: int, problem: str) -> None:
    result = refused(*arguments)

    assert result.exit_code == code
    assert problem in result.output
    assert "Traceback" not in result.output


def test_an_app_that_can_not_be_served_is_refused_before_anything_listens(folder: Path) -> None:
    (folder / "empty.py").write_text("", encoding="utf-8")
    result = CliRunner().invoke(main, ["serve", "empty.py"])

    assert result.exit_code == 2
    assert "defines no Entity with a typename and no StatefulFunctions" in result.output


@pytest.mark.parametrize("command", ["serve", "run"])
def test_the_help_shows_every_setting_in_the_same_words(command: str) -> None:
    shown = " ".join(CliRunner().invoke(main, [command, "--help"], terminal_width=100).output.split())

    for spelling in SPELLINGS:
        if spelling.endpoint and command == "run":
            assert f"--{spelling.key}" not in shown
            continue
        assert f"--{spelling.key} {spelling.form}" in shown
        assert spelling.help.rstrip(".") in shown
    defaults = ("5s", "32MiB", "20ms", "40", *(["50s"] if command == "serve" else []))
    assert [each for each in defaults if f"[default: {each}]" not in shown] == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[serve]\nbind = " + "[" * 3_000 + "]" * 3_000, 2),
        ("retry-budget = 1\nserve." + ".".join("a" * 3_000) + " = 1", 2),
        ("# not a line: \u2028 \x85 \u2029\n[serve]\nbind = " + "[" * 3_000 + "]" * 3_000, 3),
        ("a = [\n" + "{ b = [\n" * 30 + "] }\n" * 30 + "]\n", 31),
    ],
)
def test_a_file_that_is_nested_too_deeply_is_refused_with_its_line(folder: Path, text: str, line: int) -> None:
    (folder / "own.toml").write_text(text, encoding="utf-8")

    result = refused("--config", "own.toml")

    expected = "expected at most 20 levels of arrays and tables, got more"
    assert (result.exit_code, result.output) == (2, f"Error: own.toml, line {line}: {expected}.\n")


def test_a_number_of_thousands_of_digits_is_refused(folder: Path) -> None:
    (folder / "own.toml").write_text(f"retry-budget = {'9' * 10_000}", encoding="utf-8")

    result = refused("--config", "own.toml")

    assert result.exit_code == 2
    assert result.output.startswith("Error: own.toml is not TOML: Exceeds the limit ")
