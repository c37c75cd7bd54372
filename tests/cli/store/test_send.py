"""``statefun-actors send``: to an engine that runs, or into the store for the next one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from statefun_actors.units import DURATION_FORM
from tests.cli.commands import COMMAND, DEADLINE, run, summary, wait_until
from tests.cli.store.shop import STORE, engine, refusal, reported, shop, spent, wish


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"), wish("ada", "tea", 5))


def test_without_an_engine_the_message_waits_for_the_next_run(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))

    done = run("send", "app.py", "shop/basket/ada", "shop/wish", '{"text": "ham", "price": 2}', folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Sent shop/wish to shop/basket/ada: it waits in {STORE} for the next run.\n"
    assert spent(folder, "ada") == 5

    assert summary("app.py", "--until-idle", folder=folder)["messages_handled"] == 1
    assert spent(folder, "ada") == 7


def test_a_running_engine_handles_it_at_once(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))

    with engine(folder) as process:
        done = run("send", "app.py", "shop/page/home", "4", folder=folder)
        sent = reported("send", "app.py", "shop/basket/ada", "io.statefun.types/long", "3", folder=folder)
        wait_until(lambda: spent(folder, "ada") == 8, "the engine has handled it")
        process.terminate()
        assert process.wait(DEADLINE) == 0

    assert done.stdout == "Sent io.statefun.types/long to shop/page/home: the running engine has it.\n"
    assert sent == [{"to": "shop/basket/ada", "type": "io.statefun.types/long", "delay_ms": 0, "running": True}]
    assert reported("state", "app.py", "shop/page/home", folder=folder)[0]["fields"] == {"visits": 4}


def test_after_an_engine_was_killed_it_waits_for_the_next_run(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))
    with engine(folder) as process:
        process.kill()
        process.wait(DEADLINE)
    assert (folder / f"{STORE}.sock").exists()

    (sent,) = reported("send", "app.py", "shop/page/home", "4", folder=folder)

    assert sent["running"] is False
    assert summary("app.py", "--until-idle", folder=folder)["messages_handled"] == 1


def test_it_can_be_for_later_and_come_from_standard_input(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))

    subprocess.run(
        [*COMMAND, "send", "app.py", "shop/page/home", "-", "--after", "P2D"],
        cwd=folder, input=b"4", check=True, capture_output=True, timeout=DEADLINE,
    )  # fmt: skip

    assert [(each["to"], each["value"]) for each in reported("timers", "app.py", folder=folder)] == [
        ("shop/page/home", 4),
        ("shop/basket/ada", 1),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["shop/page/home"], 2, "Missing argument '[TYPE] JSON'."),
        (
            ["shop/page", "1"],
            2,
            "an address is <namespace>/<name>/<id>: got 'shop/page'. Write it as 'bank/account/ada'.",
        ),
        (
            ["shop/pages/a", "1"],
            2,
            "nothing here serves 'shop/pages'; served are shop/basket, shop/page. "
            "Add its class to the application, or correct the address.",
        ),
        (
            ["shop/page/a", "shop/wish", "1"],
            2,
            "shop/page takes io.statefun.types/long, got shop/wish. Add a handler for it, or one for "
            "google.protobuf.Any, which takes every type without its own handler.",
        ),
        (
            ["shop/basket/a", "1"],
            2,
            "shop/basket takes io.statefun.types/long and shop/wish, so a message for it has to name its type: "
            "put TYPE before the JSON.",
        ),
        (
            ["shop/page/a", r'"\ud800"'],
            2,
            r"""expected JSON, got '"\\ud800"': expected text that UTF-8 can encode, got '\ud800', """
            "which holds a lone surrogate. A text in JSON has quotes of its own: '\"ada\"'.",
        ),
        (["shop/page/a\udcff", "1"], 2, "Invalid value for 'ADDRESS': expected UTF-8, got 'shop/page/a\\udcff'."),
        (["shop/page/a", "a\udcff", "1"], 2, "Invalid value for '[TYPE] JSON': expected UTF-8, got 'a\\udcff'."),
        (["shop/page/a", '"\udcff"'], 2, "Invalid value for '[TYPE] JSON': expected UTF-8, got '\"\\udcff\"'."),
        (
            ["shop/page/a", "one"],
            2,
            "expected JSON, got 'one': JSON is malformed: invalid character (byte 0). "
            "A text in JSON has quotes of its own: '\"ada\"'.",
        ),
        (
            ["shop/basket/a", "shop/wish", '{"text": "a", "text": "b"}'],
            2,
            'expected each key once, got "text" twice in one object. Remove one of them.',
        ),
        (["shop/page/a", '"1"'], 2, "the JSON does not fit the type: expected `int`, got `str`."),
        (
            ["shop/basket/a", "shop/wish", '{"text": 1}'],
            2,
            "the JSON does not fit shop/wish: expected `str`, got `int` - at `$.text`.",
        ),
        (
            ["shop/basket/a", "shop/wish", '{"text":', '"a"}'],
            2,
            "expected ADDRESS, TYPE and JSON, got more: '\"a\"}'. Put the JSON in quotes.",
        ),
        (
            ["shop/page/a", "1", "--after", "soon"],
            2,
            f"Invalid value for '--after': expected {DURATION_FORM}, got 'soon'",
        ),
        (
            ["shop/page/a", "1", "--after", "-PT5S"],
            2,
            f"Invalid value for '--after': expected {DURATION_FORM}, got '-PT5S'",
        ),
        (
            ["shop/page/a", "1", "--store", "no.db"],
            1,
            "store no.db: the file does not exist. `statefun-actors run` creates it.",
        ),
    ],
)
def test_a_wrong_message_is_an_error_in_one_line_and_changes_nothing(
    folder: Path, arguments: list[str], code: int, complaint: str
) -> None:
    assert refusal("send", "app.py", *arguments, folder=folder, code=code) == f"Error: {complaint}"


def test_nothing_of_what_was_refused_is_there(folder: Path) -> None:
    assert [each["to"] for each in reported("timers", "app.py", folder=folder)] == ["shop/basket/ada"]
    assert not (folder / "no.db").exists()


def test_a_store_in_use_is_reported_with_its_holder(tmp_path: Path) -> None:
    folder = shop(tmp_path, wish("ada", "tea", 5))
    script = (
        "import sys; from statefun_actors.store.sqlite import SqliteStore; store = SqliteStore(sys.argv[1]); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [COMMAND[0], "-c", script, str(folder / STORE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        complaint = refusal("send", "app.py", "shop/page/a", "1", folder=folder, code=1)
        holder.communicate()

    assert complaint.startswith(f"Error: store {STORE}: it is in use by process {holder.pid} since ")
    assert complaint.endswith(". Stop it first.")
