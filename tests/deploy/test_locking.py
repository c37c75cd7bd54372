"""The changes of states that an application may make: its lock file finds the others before Flink does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from statefun_actors import Entity, StatefulFunctions, persisted
from statefun_actors.cli import main
from statefun_actors.deploy import ModuleFileError, check_compatible, locked, read_lock, write_lock
from tests.deploy.apps import Cart, functions, served

LOCK = """\
# The states that have been declared to Flink, by function type: a savepoint may contain them.
# Written by `statefun-actors module APP --lock`, which also reports changes that Flink would refuse. Commit this file.
shop/cart:
  items: statefun-actors/json, after-write 1d
  sum: io.statefun.types/long
  seen: io.statefun.types/string, after-invoke 90min
shop/greeter:
  seen: io.statefun.types/long
"""


def test_a_lock_file_is_written_as_it_is_read(tmp_path: Path) -> None:
    lock = locked(served(Cart, functions))
    write_lock(tmp_path / "states.yaml", lock)

    assert (tmp_path / "states.yaml").read_text(encoding="utf-8") == LOCK
    assert read_lock(tmp_path / "states.yaml") == lock


def test_states_may_come_and_go_and_expire_at_another_time() -> None:
    class After(Entity, typename="shop/cart"):
        things: list[str] = persisted(factory=list, name="items", expire_after_call=timedelta(days=9))
        owner: str | None = persisted(default=None)

    before = locked(served(Cart))

    assert check_compatible(before, served(After)) == []
    assert list(locked(served(After), before)["shop/cart"]) == ["items", "sum", "seen", "owner"]


def test_another_type_is_refused_and_so_is_a_time_to_live_that_comes_or_goes() -> None:
    class After(Entity, typename="shop/cart"):
        items: list[str] = persisted(factory=list)
        sum: str = persisted(default="", expire_after_write=timedelta(days=1))
        seen: str = persisted(default="", expire_after_call=timedelta(minutes=90))

    again = StatefulFunctions()
    again.register("shop/greeter", lambda context, message: None, states={"seen": persisted(
        type=int, expire_after_write=timedelta(hours=1))})  # fmt: skip
    refused = (
        "which Flink refuses for a state that it holds: the job would fail at the first message. Change it back, "
        "or store the new state under another name=."
    )

    assert [str(refusal) for refusal in check_compatible(locked(served(Cart, functions)), served(After, again))] == [
        f"shop/cart: state 'items' was after-write 1d and is never expiring now, {refused}",
        f"shop/cart: state 'sum' was io.statefun.types/long and is io.statefun.types/string now, {refused}",
        f"shop/greeter: state 'seen' was never expiring and is after-write 1h now, {refused}",
    ]


def test_a_file_that_is_no_lock_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "states.yaml"
    path.write_text("shop/cart:\n  items: long\n  sum: a/b, after-write soon\nshop/greeter: 1\n", encoding="utf-8")

    with pytest.raises(ModuleFileError) as caught:
        read_lock(path)

    expected = "expected a typename, or <typename>, after-write <duration>"
    assert str(caught.value) == (
        f"{path} has 3 problems:\n"
        f"  - line 2 (document 1, shop/cart.items): {expected}, got 'long'\n"
        f"  - line 3 (document 1, shop/cart.sum): {expected}, got 'a/b, after-write soon'\n"
        "  - line 4 (document 1, shop/greeter): expected a mapping, got '1'"
    )


APP = """
from statefun_actors import Entity, persisted

class Cart(Entity, typename="shop/cart"):
    items: {type} = persisted(default={default})
"""


def test_the_command_keeps_a_lock_and_refuses_to_break_it(tmp_path: Path) -> None:
    app, lock = tmp_path / "locked.py", tmp_path / "states.yaml"

    def run(type: str, default: str) -> tuple[int, str]:
        import sys

        sys.modules.pop("locked", None)
        app.write_text(APP.format(type=type, default=default), encoding="utf-8")
        result = CliRunner().invoke(main, ["module", str(app), "--lock", str(lock)])
        return result.exit_code, result.output

    assert run("int", "0") == (0, f"{lock} holds 1 state of shop/cart.\n")
    code, text = run("str", "'a string'")
    assert code == 1
    assert text.startswith(f"{lock}: shop/cart: state 'items' was io.statefun.types/long and is io.statefun.types/str")
    assert lock.read_text(encoding="utf-8").endswith("items: io.statefun.types/long\n")
