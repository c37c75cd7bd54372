"""The log of a command: one line for each record, with its logger, whatever text it has."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from statefun_actors import Discard, Entity, handles
from statefun_actors.cli import main
from statefun_actors.cli.logs import LogFormat, LogLevel, LogOptions, logging_to_stderr, own_loggers_stay_enabled
from statefun_actors.testing import TestRuntime
from tests.cli.commands import run as run_command
from tests.cli.commands import without_times

HOSTILE = "a\nERROR forged\r\x1b]0;owned\x07\u202e\u2028\x9b1m\udcff\x00b"
ESCAPED = r"a\nERROR forged\r\x1b]0;owned\x07\u202e\u2028\x9b1m\udcff\x00b"
HERE = "log/teller/" + ESCAPED.replace(r"\udcff", "")

logger = logging.getLogger("shop")


@pytest.fixture(autouse=True)
def collect_garbage() -> None:
    """Collect what earlier tests left behind now, so that no warning about it is logged while a test runs."""
    gc.collect()


class Teller(Entity, typename="log/teller"):
    @handles(str)
    def plain(self, message: str) -> None:
        logger.info("plain %s", message)

    @handles(int)
    async def suspended(self, message: int) -> None:
        logger.info("before")
        await asyncio.sleep(0)
        logger.info("after")
        await asyncio.gather(self.inner(), asyncio.to_thread(logger.info, "in a thread of its own"))

    async def inner(self) -> None:
        await asyncio.sleep(0)
        logger.info("in a task of its own")

    @handles(float, blocking=True)
    def blocking(self, message: float) -> None:
        logger.info("in a thread")

    @handles(bool, on_failure=Discard(attempts=2, backoff=0))
    async def failing(self, message: bool) -> None:
        await asyncio.sleep(0)
        logger.info("trying")
        raise ValueError(HOSTILE)


class Guarded(Entity, typename="log/guarded", on_failure=Discard(attempts=2, backoff=0)):
    @handles(str)
    def plain(self, message: str) -> None:
        logger.info("plain %s", message)


def logged(text: str) -> list[str]:
    return without_times(text).splitlines()


def options(level: LogLevel = "info", format: LogFormat = "text") -> LogOptions:
    return LogOptions(level, format)


def test_each_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(options()):
        logging.getLogger(f"other.{HOSTILE}").warning("topic %s", HOSTILE)
        logger.debug("left out")

    assert logged(capsys.readouterr().err) == [f"WARNING other.{ESCAPED}: topic {ESCAPED}"]


def test_a_traceback_keeps_its_lines_and_none_of_them_can_be_taken_for_a_record(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_to_stderr(options()):
        try:
            raise ValueError(f"first\n{HOSTILE}")
        except ValueError:
            logger.exception("failed")

    first, *rest = logged(capsys.readouterr().err)
    assert first == "ERROR shop: failed"
    assert rest[0] == "  | Traceback (most recent call last):"
    assert rest[-3:] == ["  | ValueError: first", "  | a", "  | " + ESCAPED.removeprefix(r"a\n")]
    assert all(line.startswith("  | ") for line in rest)


def test_json_is_one_object_a_record_of_printable_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(options("warning", "json")):
        logger.info("left out")
        logger.warning("id %s", HOSTILE, extra={"order": {"id": 7}})
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logger.exception("failed")

    lines = capsys.readouterr().err.splitlines()
    assert all(line.isprintable() for line in lines)
    # A thread of an earlier test in this worker may log something, too.
    reported, failed = (record for record in map(json.loads, lines) if record["logger"] == "shop")
    assert (reported["level"], reported["logger"], reported["message"]) == ("WARNING", "shop", f"id {HOSTILE}")
    assert reported["extra"] == {"order": {"id": 7}}
    assert reported["time"].endswith("Z")
    assert failed["exception"].endswith(f"ValueError: {HOSTILE}")


def test_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(options()), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(HOSTILE, UserWarning, stacklevel=1)

    (line,) = logged(capsys.readouterr().err)
    assert line.startswith("WARNING py.warnings: ")
    assert f"UserWarning: {ESCAPED}" in line


async def test_log_records_of_a_handler_have_its_address_and_message_type(
    capsys: pytest.CaptureFixture[str],
) -> None:
    id = HOSTILE.replace("\udcff", "")
    with logging_to_stderr(options()):
        async with TestRuntime(Teller, Guarded) as runtime:
            await runtime.tell(Teller.at(id), "hello")
            await runtime.tell(Guarded.at("g"), "hello")
            await runtime.tell(Teller.at(id), 1)
            await runtime.tell(Teller.at(id), 0.5)
            await runtime.tell(Teller.at(id), True)
        logger.info("outside")

    types = "io.statefun.types"
    assert logged(capsys.readouterr().err) == [
        f"INFO shop [{HERE} {types}/string]: plain hello",
        f"INFO shop [log/guarded/g {types}/string]: plain hello",
        f"INFO shop [{HERE} {types}/long]: before",
        f"INFO shop [{HERE} {types}/long]: after",
        f"INFO shop [{HERE} {types}/long]: in a thread of its own",
        f"INFO shop [{HERE} {types}/long]: in a task of its own",
        f"INFO shop [{HERE} {types}/double]: in a thread",
        f"INFO shop [{HERE} {types}/bool]: trying",
        f"INFO shop [{HERE} {types}/bool]: trying",
        f"WARNING statefun_actors.dispatch: {HERE}: discarded of type {types}/bool after 2 attempts: "
        f"ValueError: {ESCAPED}",
        "INFO shop: outside",
    ]


async def test_in_json_address_and_type_are_members(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to_stderr(options("info", "json")):
        async with TestRuntime(Teller) as runtime:
            await runtime.tell(Teller.at("ada"), "hello")
        logger.info("outside")

    inside, outside = map(json.loads, capsys.readouterr().err.splitlines())
    assert (inside["address"], inside["type"]) == ("log/teller/ada", "io.statefun.types/string")
    assert "address" not in outside


def test_logging_is_as_it_was_before_once_the_command_has_ended() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogRecordFactory(), warnings.showwarning)

    with logging_to_stderr(options("debug")):
        pass

    assert (root.level, root.handlers, logging.getLogRecordFactory(), warnings.showwarning) == before


APP = """
import logging
from statefun_actors import Entity, handles

class Account(Entity, typename="bank/account"):
    @handles(int)
    def take(self, message: int) -> None:
        logging.getLogger("bank").info("took %d", message)
"""
LINE = '{"to": "bank/account/ada", "value": 1}\n'


def run(folder: Path, *arguments: str) -> Result:
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "in.jsonl").write_text(LINE, encoding="utf-8")
    place = [str(folder / "app.py"), "--memory", "--input", str(folder / "in.jsonl"), "--until-idle", "--json"]
    return CliRunner().invoke(main, ["run", *place, *arguments])


@pytest.mark.parametrize(
    ("arguments", "settings", "reported"),
    [
        ((), "", ""),
        (("--log-level", "info"), "", "INFO bank [bank/account/ada io.statefun.types/long]: took 1\n"),
        ((), 'log-level = "info"', "INFO bank [bank/account/ada io.statefun.types/long]: took 1\n"),
        ((), 'log-level = "info"\n[run]\nlog-level = "error"', ""),
        (("--log-level", "error"), 'log-level = "info"', ""),
    ],
)
def test_run_logs_what_its_flag_or_a_settings_file_says(
    tmp_path: Path, arguments: tuple[str, ...], settings: str, reported: str
) -> None:
    (tmp_path / "settings.toml").write_text(settings, encoding="utf-8")

    done = run(tmp_path, "--config", str(tmp_path / "settings.toml"), *arguments)

    assert (done.exit_code, without_times(done.stderr)) == (0, reported), done.output


def test_a_level_that_there_is_not_is_refused(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('log-level = "loud"', encoding="utf-8")

    by_file = run(tmp_path, "--config", str(tmp_path / "settings.toml"))
    by_flag = run(tmp_path, "--log-level", "loud")

    levels = "'debug', 'info', 'warning', 'error', 'critical'"
    assert (by_file.exit_code, by_flag.exit_code) == (2, 2)
    assert by_file.stderr == (f"Error: {tmp_path}/settings.toml: run: log-level: 'loud' is not one of {levels}.\n")
    assert by_flag.stderr.endswith(f"Invalid value for '--log-level': 'loud' is not one of {levels}.\n")


OWN_LOG = """
import logging.config
logging.config.dictConfig({
    "version": 1,
    "formatters": {"plain": {"format": "%(name)s: %(message)s"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["err"], "level": "INFO"},
})
"""
FAILING = """
from statefun_actors import Discard, Entity, handles

class Account(Entity, typename="bank/account", on_failure=Discard()):
    @handles(int)
    def take(self, message: int) -> None:
        raise ValueError("boom")
"""


@pytest.mark.parametrize("place", ["app", "bank.app"])
def test_an_application_that_sets_up_its_own_log_keeps_the_records_of_the_library(tmp_path: Path, place: str) -> None:
    package = tmp_path / "bank"
    package.mkdir()
    (package / "__init__.py").write_text(OWN_LOG, encoding="utf-8")
    (package / "app.py").write_text(FAILING, encoding="utf-8")
    (tmp_path / "app.py").write_text(OWN_LOG + FAILING, encoding="utf-8")
    (tmp_path / "in.jsonl").write_text(LINE, encoding="utf-8")

    done = run_command("run", place, "--memory", "--input", "in.jsonl", "--until-idle", "--json", folder=tmp_path)

    assert done.stderr.splitlines() == [
        "statefun_actors.dispatch: bank/account/ada: discarded of type io.statefun.types/long: ValueError: boom"
    ]


def test_a_logger_that_was_disabled_before_stays_so() -> None:
    silent = logging.getLogger("statefun_actors.silent")
    silent.disabled = True
    other = logging.getLogger("other.silenced")

    with own_loggers_stay_enabled():
        logging.getLogger("statefun_actors.loud").disabled = other.disabled = True

    assert (silent.disabled, other.disabled) == (True, True)
    assert not logging.getLogger("statefun_actors.loud").disabled
