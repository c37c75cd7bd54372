# ruff: noqa: E501 - messages are easier to compare in one piece
"""``run --egress``: records to an HTTP endpoint and to standard output, mapped by flag or in a settings file."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import COMMAND, DEADLINE, lines_of, run, started, summary, wait_until, write_lines
from tests.connectors.receiver import Post, Receiver, answer

APP = """
from statefun_actors import Entity, handles, kafka_record, persisted


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: int) -> None:
        self.balance += message
        self.send_egress("bank/receipts", kafka_record(topic="receipts", key=self.id, value=str(message)))
        if message > 5:
            self.send_egress("bank/alarms", message)
"""

BATCH = ("app.py", "--input", "in.jsonl", "--until-idle")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    deposits = [{"to": f"bank/account/{id}", "value": n} for id in ("ada", "bob") for n in (1, 2, 9)]
    write_lines(tmp_path / "in.jsonl", *deposits)
    return tmp_path


async def test_records_are_posted_to_an_endpoint_and_the_summary_says_so(folder: Path) -> None:
    async with Receiver() as receiver:
        url = receiver.url.replace("http://", "http://me:secret@")
        reported = await asyncio.to_thread(summary, *BATCH, "--egress", f"bank/receipts={url}", folder=folder)

        values = [(post.json["key"], post.json["value"]) for post in receiver.posts]
        assert [value for key, value in values if key == "ada"] == ["1", "2", "9"]
        assert [value for key, value in values if key == "bob"] == ["1", "2", "9"]
        assert {post.headers["authorization"] for post in receiver.posts} == {"Basic bWU6c2VjcmV0"}
        assert reported["egress"] == {"bank/receipts": {"to": receiver.shown_url, "this_run": 6, "in_all": None}}
        assert reported["egress_kept"] == 2  # alarms, which have no target here
        assert reported["error"] is None


async def test_after_a_kill_records_that_were_not_answered_are_posted_again_with_the_same_ids(folder: Path) -> None:
    async def hang(post: Post) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with Receiver(hang) as receiver:
        mapped = ("--egress", f"bank/receipts={receiver.url}")
        with started("run", *BATCH, *mapped, folder=folder) as process:
            await asyncio.to_thread(wait_until, lambda: len(receiver.posts) == 2, "both keys have a record under way")
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.wait)
        first = {post.json["key"]: post.id for post in receiver.posts}
        receiver.posts.clear()
        receiver.answering = Receiver._accept
        await asyncio.to_thread(summary, *BATCH, *mapped, folder=folder)

        again = {post.json["key"]: post.id for post in receiver.posts if post.json["value"] == "1"}
        assert first == again
        assert len({post.id for post in receiver.posts}) == 6


async def test_a_run_until_idle_ends_though_an_endpoint_is_down_and_keeps_its_records(folder: Path) -> None:
    async def gone(post: Post) -> bytes:
        return answer(404)

    async with Receiver(gone) as receiver:
        mapped = ("--egress", f"bank/receipts={receiver.url}")
        reported = await asyncio.to_thread(summary, *BATCH, *mapped, folder=folder, code=1)

        assert reported["egress_kept"] == 6 + 2
        assert reported["messages_handled"] == 6
        assert reported["error"] == (
            "the records of bank/receipts could not be written, and are kept: run again once their target is available."
        )


async def test_a_run_that_is_stopped_while_an_endpoint_never_answers_exits_with_0_and_keeps_its_records(
    folder: Path,
) -> None:
    async def hang(post: Post) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with Receiver(hang) as receiver:
        command = ("run", "app.py", "--input", "in.jsonl", "--egress", f"bank/receipts={receiver.url}", "--json")
        with started(*command, folder=folder) as process:
            await asyncio.to_thread(wait_until, lambda: len(receiver.posts) == 2, "both keys have a record under way")
            process.send_signal(signal.SIGTERM)
            out, _ = await asyncio.to_thread(lambda: process.communicate(timeout=DEADLINE))

    reported = json.loads(out)
    assert process.returncode == 0
    assert (reported["ended"], reported["error"], reported["egress_kept"]) == ("SIGTERM", None, 6 + 2)


def test_records_on_standard_output_are_alone_there(folder: Path) -> None:
    done = run("run", *BATCH, "--egress", "bank/alarms=-", folder=folder)

    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"type": "io.statefun.types/long", "value": 9}
    ] * 2
    assert "written from bank/alarms to standard output" in done.stderr


def test_a_run_ends_when_its_standard_output_is_closed_and_keeps_the_records(folder: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "run", "app.py", "--input", "in.jsonl", "--egress", "bank/alarms=-"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, reported = process.communicate(timeout=DEADLINE)

    assert process.returncode == 1
    assert (
        "egress bank/alarms can't be written, its records are kept: the reader of standard output has closed it"
        in reported
    )
    assert "Traceback" not in reported
    assert summary(*BATCH, "--egress", "bank/alarms=a.jsonl", folder=folder)["egress_kept"] == 6
    assert [line["value"] for line in lines_of(folder / "a.jsonl")] == [9, 9]


def test_a_settings_file_maps_egresses_by_name(folder: Path) -> None:
    (folder / "pyproject.toml").write_text('[tool.statefun-actors.run.egress]\n"bank/alarms" = "alarms.jsonl"\n')

    reported = summary(*BATCH, folder=folder)

    assert reported["egress"] == {"bank/alarms": {"to": "alarms.jsonl", "this_run": 2, "in_all": 2}}


async def test_a_settings_file_gives_an_endpoint_headers_with_secrets_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BANK_TOKEN", "s3cret")
    async with Receiver() as receiver:
        (folder / "own.toml").write_text(
            f'[run.egress]\n"bank/alarms" = {{ to = "{receiver.url}", '
            'headers = { Authorization = "Bearer ${BANK_TOKEN}", x-from = "bank" } }\n'
        )
        reported = await asyncio.to_thread(summary, *BATCH, "--config", "own.toml", folder=folder)

        assert [post.headers["authorization"] for post in receiver.posts] == ["Bearer s3cret"] * 2
        assert [post.headers["x-from"] for post in receiver.posts] == ["bank"] * 2
        assert reported["egress"]["bank/alarms"] == {"to": receiver.shown_url, "this_run": 2, "in_all": None}


@pytest.mark.parametrize(
    ("mapping", "reported"),
    [
        ("5", '5 is no target; write a text, or { to = "https://...", headers = { ... } }.'),
        ("{ to = 'x', from = 'y' }", "there is no 'from' of a target; there are to and headers."),
        ("{ to = 'x', headers = { a = 'b' } }", "'x' takes no headers; only a URL does."),
        (
            "{ to = 'http://x', headers = { a = 1 } }",
            "{'a': 1} are no headers; write { authorization = \"Bearer ${TOKEN}\" }.",
        ),
        (
            "{ to = 'http://x', headers = { a = '${NOT_THERE}' } }",
            "the environment variable NOT_THERE, which a header names, is not set.",
        ),
        ("{ to = 'http://x', headers = { a = 'ä' } }", "a header is printable ASCII; 'ä' is not."),
    ],
)
def test_a_table_that_makes_no_sense_is_reported_with_its_file_and_key(
    folder: Path, mapping: str, reported: str
) -> None:
    (folder / "own.toml").write_text(f'[run.egress]\n"a/b" = {mapping}\n')

    done = run("run", "app.py", "--config", "own.toml", folder=folder)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"Error: own.toml: run: egress: {reported}"


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["--egress", "a/b=-", "--egress", "a/c=-"], "standard output can't be shared by a/b and a/c: give each its own target."),
        (["--egress", "a/b=-", "--json"], "--json and --egress a/b=- both write to standard output; omit one."),
        (
            ["--egress", "a/b=ftp://x/y"],
            "Invalid value for '--egress': 'ftp://x/y' is nothing that records can go to; write a file, - (standard output) or a URL, http(s)://.",
        ),
        (
            ["--egress", "a/b=http:///y"],
            "Invalid value for '--egress': 'http:///y' names no host; write https://example.org/receipts.",
        ),
        (
            ["--egress", "a/b=http://x:y/"],
            "Invalid value for '--egress': 'http://x:y/' is no URL: Port could not be cast to integer value as 'y'.",
        ),
        (
            ["--egress", "a/b=http://x/#y"],
            "Invalid value for '--egress': 'http://x/' has a fragment, which no server is sent; leave out #y.",
        ),
        (
            ["--egress", "a/b=http://me:secret@x/hook?token=s3cret#y"],
            "Invalid value for '--egress': 'http://x/hook?…' has a fragment, which no server is sent; leave out #y.",
        ),
        (
            ["--egress", "a/b=htp://me:secret@x/hook?token=s3cret"],
            "Invalid value for '--egress': 'htp://x/hook?…' is nothing that records can go to; write a file, - (standard output) or a URL, http(s)://.",
        ),
    ],
)  # fmt: skip
def test_a_mapping_that_makes_no_sense_is_reported_in_one_line(
    folder: Path, arguments: list[str], reported: str
) -> None:
    done = run("run", "app.py", *arguments, folder=folder)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"Error: {reported}"


def test_an_endpoint_without_httpx_is_refused_with_what_to_install(folder: Path) -> None:
    code = "import sys; sys.modules['httpx'] = None; from statefun_actors.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "app.py", "--egress", "a/b=http://x/"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == (
        'Error: records of a/b need httpx, which is not installed: pip install "statefun-actors[client]"'
    )
