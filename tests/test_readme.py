"""The README and the documentation are run: Python, tests and commands. Their links and names exist.

The first commands, which handle a month of flights, are run by tests/examples/test_flights_month.py.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from statefun_actors import RequestReplyHandler, Runtime
from statefun_actors.cli import main
from statefun_actors.testing import TestRuntime
from tests.cli.commands import run as run_command
from tests.cli.commands import started
from tests.docs.recording import OUT, commands, recorded

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "statefun_actors" / "docs").glob("*.md"))]
RUN_HERE = {
    "README", "commands", "conversations", "entities", "failures", "functions", "http", "library",
    "limits", "performance", "testing",
}  # fmt: skip
"""The pages whose blocks are run here and in test_readme_program.py; tests/docs runs those of the others."""
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES if page.stem in RUN_HERE)
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
ENVIRONMENT = {
    **os.environ,
    # The interpreter of the tests and its scripts are what an activated virtual environment would give.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "COLUMNS": "100",
    # The reader's pytest has the plugin of this package and no other.
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "statefun_actors.pytest_plugin",
}
PYTEST = "env -u PYTEST_ADDOPTS python -W error -m pytest -q -p no:cacheprovider"


def blocks(language: str) -> list[str]:
    """The blocks of that language, those of the README first, without repeats."""
    return list(dict.fromkeys(code for kind, code in BLOCKS if kind == language))


def block_with(text: str) -> str:
    """The Python block that contains *text*."""
    (found,) = [code for code in blocks("python") if text in code]
    return found


def actor() -> str:
    """``bank.py``, which most pages use."""
    return block_with('@message("bank/deposit")  # a message')


def run(command: str, folder: Path) -> str:
    """What *command* prints."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_its_first_file_counts_over_a_kill_as_it_shows(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    code, test = block_with('typename="demo/counter"):  # one for each id'), block_with("from counter import")
    (tmp_path / "counter.py").write_text(code, encoding="utf-8")
    (tmp_path / "test_counter.py").write_text(test, encoding="utf-8")

    tested = run(PYTEST, tmp_path)
    steps = list(recorded(commands(text), tmp_path))

    shown = [f"$ {step.command}\n{step.printed if step.command.startswith('curl') else ''}" for step in steps]
    assert "1 passed" in tested
    assert f"```text\n{''.join(shown)}```\n" in text
    assert (OUT.parent / "counter.py").read_text(encoding="utf-8").endswith(f'"""\n\n{code}')


def test_the_recording_shows_the_commands_of_the_readme() -> None:
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", OUT.read_text(encoding="utf-8"))
    lines = html.unescape(" ".join(texts)).replace("\xa0", " ")

    assert [command for command in commands(README.read_text(encoding="utf-8")) if command not in lines] == []


def test_its_tests_pass_under_plain_pytest(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(actor(), encoding="utf-8")
    (tmp_path / "test_bank.py").write_text(block_with("def test_reminder("), encoding="utf-8")
    (tmp_path / "test_bank_simulated.py").write_text(block_with("def test_deposits_under_faults("), encoding="utf-8")

    printed = run(PYTEST, tmp_path)

    assert "3 passed" in printed


def test_its_conversation_is_held() -> None:
    names: dict[str, Any] = {"__name__": "readme_conversation"}
    exec(compile(block_with('@activity("shop/charge"'), "README.md", "exec"), names)

    async def work() -> str:
        async with TestRuntime(names["Order"], names["charge"]) as runtime:
            return await runtime.ask(names["Order"].at("7"), names["Place"](100), str)

    assert asyncio.run(work()) == "paid"


def test_an_answer_is_kept_under_what_the_ask_kept() -> None:
    names: dict[str, Any] = {"__name__": "readme_basket"}
    exec(compile(block_with("class Basket"), "conversations.md", "exec"), names)

    async def work() -> object:
        async with TestRuntime(names["Basket"], names["Stock"]) as runtime:
            await runtime.tell(names["Basket"].at("1"), "pen")
            return runtime.state(names["Basket"].at("1")).items

    assert asyncio.run(work()) == {"pen": 1}


@pytest.mark.parametrize(
    ("bank", "status", "body"),
    [('return f"receipt {len(key) > 0}"', 200, "receipt True"), ('raise ValueError("closed")', 202, "pending")],
)
def test_a_web_client_gets_a_reply_that_comes_in_time_and_202_otherwise(bank: str, status: int, body: str) -> None:
    code = block_with("class Payment").replace('return f"receipt {key}"', bank).replace("timeout=2", "timeout=0.5")
    names: dict[str, Any] = {"__name__": "readme_payment"}
    exec(compile(code, "library.md", "exec"), names)

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(names["app"])
        async with names["lifespan"](None), httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.post("/payments/7?cents=5")

    response = asyncio.run(post())
    assert (response.status_code, response.json()) == (status, body)


def test_its_asks_are_answered_from_python_and_by_curl(tmp_path: Path) -> None:
    names: dict[str, Any] = {"__name__": "readme_answers"}
    exec(compile(block_with("def approve("), "README.md", "exec"), names)
    purchase, (curl,) = names["Purchase"], blocks("sh")

    with Runtime(purchase, bind="127.0.0.1:0") as runtime:
        names["approve"](runtime, runtime.ask(purchase.submit, "1", "a pen"))
        bound = runtime.urls[0].removeprefix("http://")
        asked, answered = curl.replace("localhost:8080", bound).splitlines()
        status = f"{answered} -s -o /dev/null -w '%{{http_code}} '"
        statuses = run(f"{asked}\n{status}\n{status}", tmp_path)
        states = [runtime.state(purchase.at(id)).state for id in ("1", "2")]

    assert statuses.split() == ["202", "404"]
    assert states == ["granted", "granted"]


def test_its_functions_and_handler_are_made() -> None:
    names: dict[str, Any] = {"__name__": "readme"}
    for code in (actor(), block_with("StatefulFunctions()")):
        exec(compile(code, "README.md", "exec"), names)

    assert isinstance(names["handler"], RequestReplyHandler)


def test_the_second_commands_run_the_tests() -> None:
    assert blocks("bash")[1].splitlines() == [". .venv/bin/activate", "python -m pytest"]


def test_its_actor_runs_from_the_command_line(tmp_path: Path) -> None:
    match = re.search(r"`statefun-actors (run bank\.py[^`]*)`", TEXT)
    assert match is not None
    (tmp_path / "bank.py").write_text(actor(), encoding="utf-8")
    (tmp_path / "deposits.jsonl").write_text(blocks("json")[0], encoding="utf-8")

    done = run_command(*shlex.split(match[1]), folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert re.search(r"entities bank/account +1\n", done.stdout)


def test_its_server_serves(tmp_path: Path) -> None:
    program, *words = shlex.split(next(code for code in blocks("bash") if code.startswith("statefun-actors serve")))
    (tmp_path / "examples").symlink_to(ROOT / "examples")

    with started(*(word.replace(":8000", ":0") for word in words), folder=tmp_path) as it:
        assert it.stdout is not None
        first = it.stdout.readline()

    assert program == "statefun-actors"
    assert re.fullmatch(r"Serving bank/account, bank/audit at http://127\.0\.0\.1:\d+/statefun\n", first)


def test_its_message_over_http_gets_its_reply(tmp_path: Path) -> None:
    (tmp_path / "bank.py").write_text(actor(), encoding="utf-8")

    with started("run", "bank.py", "--memory", "--bind", "127.0.0.1:0", folder=tmp_path) as it:
        assert it.stderr is not None
        first, second = it.stderr.readline(), it.stderr.readline()
        match = re.search(r"http://(127\.0\.0\.1:\d+)/", second)
        assert match is not None, first + second
        printed = run(blocks("shell")[0].replace("localhost:8080", match[1]), tmp_path)

    assert printed == "5"


def test_the_options_that_it_names_are_there() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", TEXT))

    commands = re.findall(r"^\| `statefun-actors ([a-z-]+(?: [a-z]+)?)", TEXT, re.MULTILINE)
    helps = [CliRunner().invoke(main, [*command.split(), "--help"]).output for command in commands]
    helps += [
        subprocess.check_output([sys.executable, "-m", program, "--help"], cwd=ROOT, text=True)
        for program in ("tests.benchmarks", "tests.benchmarks.curves")
    ]

    assert named - set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", "\n".join(helps), re.MULTILINE)) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not _is_there(page, target)] == []


def _is_there(page: Path, target: str) -> bool:
    """Whether there is *target*, a file and perhaps a heading in it, as *page* names it."""
    name, _, heading = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not heading or heading in map(_anchor, _headings(file)))


def _headings(file: Path) -> list[str]:
    return re.findall(r"^#+ (.+)", file.read_text(encoding="utf-8"), re.MULTILINE)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_the_readme_links_each_page_and_fits_on_two_screens() -> None:
    text = README.read_text(encoding="utf-8")

    assert [page.name for page in PAGES[1:] if f"(statefun_actors/docs/{page.name})" not in text] == []
    assert len(text.split()) <= 1200


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`python -m (tests[\w.]*)`", TEXT))))
def test_a_module_that_it_names_is_there(module: str) -> None:
    place = ROOT.joinpath(*module.split("."))

    assert place.with_suffix(".py").exists() or (place / "__main__.py").exists()
