"""APP: the application of a module, a file, a folder or a name, and the errors where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from statefun_actors.cli.loading import App, AppError, load_app

HEAD = "from statefun_actors import Entity, StatefulFunctions, persisted, handles\n"


def entity(name: str, base: str = "Entity") -> str:
    return f'class {name}({base}, typename="bank/{name.lower()}"):\n    total: int = persisted(default=0)\n'


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test in an empty folder. Its modules are forgotten after it: see ``tests/conftest.py``."""
    monkeypatch.chdir(tmp_path)


def write(**files: str) -> None:
    """Files in the current folder: ``a__b`` is ``a/b.py``."""
    for name, source in files.items():
        path = Path(name.replace("__", "/", 1) + ".py" if not name.endswith("__") else f"{name[:-2]}/__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEAD + source)


def typenames(app: App) -> list[str]:
    found: list[str] = []
    for item in app.served:
        if isinstance(item, type):
            found.append(item.__function_type__.typename)  # type: ignore[attr-defined]
        else:
            found += [function.typename for function in item.__function_types__()]  # type: ignore[attr-defined]
    return sorted(found)


def refusal(text: str) -> str:
    with pytest.raises(AppError) as caught:
        load_app(text)
    assert caught.value.exit_code == 2
    return caught.value.message


FUNCTIONS = 'functions = StatefulFunctions()\n@functions.bind("bank/greet")\ndef greet(context, message: int): ...\n'


def test_a_file_is_all_its_entities_and_functions() -> None:
    write(app=entity("Account") + "class Shared(Entity):\n    pass\n" + entity("Audit", "Shared") + FUNCTIONS)

    app = load_app("app.py")

    assert typenames(app) == ["bank/account", "bank/audit", "bank/greet"]
    assert app.name == "app"


def test_a_module_is_found_from_the_current_folder() -> None:
    write(shop__="", shop__orders=entity("Order"))

    app = load_app("shop.orders")

    assert typenames(app) == ["bank/order"]
    assert app.name == "orders"


@pytest.mark.parametrize(
    "text", ["app.py:Account", "app:Account", "folder:Account", "app.py:both", "app.py:Holder.inner"]
)
def test_a_name_picks_out(text: str) -> None:
    source = entity("Account") + entity("Audit") + "both = [Account]\nclass Holder:\n    inner = Account\n"
    write(app=source, folder__app=source)

    assert typenames(load_app(text)) == ["bank/account"]


def test_a_folder_is_its_app_file() -> None:
    write(flights__app=entity("Aircraft"), flights__other=entity("Other"))

    app = load_app("flights")

    assert typenames(app) == ["bank/aircraft"]
    assert app.name == "flights"


def test_a_folder_without_one_is_its_package() -> None:
    write(shop__="from shop.orders import Order\n", shop__orders=entity("Order"), shop__other=entity("Other"))

    assert typenames(load_app("shop")) == ["bank/order"]


def test_a_folder_without_either_is_all_its_modules_but_tests_and_generated_ones() -> None:
    write(shop__orders=entity("Order"), shop__users=entity("User"), shop__test_orders="raise AssertionError\n")
    write(shop___private="raise AssertionError\n", shop__bank_pb2="raise AssertionError\n")

    assert typenames(load_app("shop")) == ["bank/order", "bank/user"]


def test_a_file_imports_its_own_neighbours() -> None:
    write(shop__app="import model\nfrom model import Account\n" + entity("Audit"), shop__model=entity("Account"))

    assert typenames(load_app("shop/app.py")) == ["bank/account", "bank/audit"]
    assert str(Path("shop").resolve()) in sys.path


def test_a_file_in_a_package_imports_by_the_package_too() -> None:
    write(shop__="", shop__app="from .model import Account\nimport model\n", shop__model=entity("Account"))

    assert typenames(load_app("shop/app.py")) == ["bank/account"]
    assert sys.modules["shop.app"].__file__ == str(Path("shop/app.py").resolve())


@pytest.mark.parametrize(
    ("all_", "expected"), [("", ["bank/own"]), ('__all__ = ["Theirs"]', ["bank/own", "bank/theirs"])]
)
def test_imported_classes_belong_to_an_app_only_if_listed(all_: str, expected: list[str]) -> None:
    write(shop__app=f"from theirs import Theirs\n{all_}\n" + entity("Own"), lib__theirs=entity("Theirs"))
    sys.path.append(str(Path("lib").resolve()))

    assert typenames(load_app("shop/app.py")) == expected


def test_packages_installed_below_the_folder_are_not_part_of_the_app() -> None:
    site = Path(".venv/lib/site-packages")
    site.mkdir(parents=True)
    (site / "theirs.py").write_text(HEAD + entity("Theirs"))
    sys.path.append(str(site.resolve()))
    write(app="from theirs import Theirs\n" + entity("Own"))

    assert typenames(load_app("app.py")) == ["bank/own"]


def test_one_thing_under_two_names_is_served_once() -> None:
    write(app=entity("Account") + "Alias = Account\n")

    assert len(load_app("app.py").served) == 1


def test_a_file_may_be_called_like_a_module_that_is_loaded() -> None:
    write(json=entity("Account"))

    assert typenames(load_app("json.py")) == ["bank/account"]
    assert "json.py" not in (sys.modules["json"].__file__ or "")


@pytest.mark.parametrize("text", ["queue", "queue:Account"])
def test_a_module_in_the_current_folder_precedes_a_loaded_module_of_its_name(text: str) -> None:
    import queue

    write(queue=entity("Account"))

    assert typenames(load_app(text)) == ["bank/account"]
    assert sys.modules["queue"] is queue


def test_a_module_of_another_folder_that_was_loaded_before_is_not_served() -> None:
    write(first__app=entity("First"), app=entity("Account"))
    load_app("first/app.py")

    assert typenames(load_app("app")) == ["bank/account"]


def test_a_file_name_need_not_be_a_name_of_python() -> None:
    Path("my-app.py").write_text(HEAD + entity("Account"))

    app = load_app("my-app.py")

    assert typenames(app) == ["bank/account"]
    assert app.name == "my-app"


def test_an_object_that_answers_every_question_with_an_error_is_passed_over() -> None:
    hostile = "class Proxy:\n    def __getattr__(self, name):\n        raise RuntimeError\nproxy = Proxy()\n"
    write(app=hostile + entity("Account"))

    assert typenames(load_app("app.py")) == ["bank/account"]


# --- refusals


def test_nothing_of_that_name() -> None:
    assert refusal("nothing.py") == f"there is no module, file or folder 'nothing.py' here ({Path.cwd()})."
    assert refusal("no.thing") == f"there is no module, file or folder 'no.thing' here ({Path.cwd()})."
    write(app=entity("Account"))
    assert refusal("app.py:Acount") == "app.py has no 'Acount'."


def test_nothing_to_serve() -> None:
    write(empty="", abstract="class Base(Entity):\n    pass\nnumber = 5\n")
    Path("folder").mkdir()

    assert refusal("empty.py") == "empty.py defines no Entity with a typename and no StatefulFunctions."
    assert refusal("abstract.py") == (
        "abstract.py defines no Entity with a typename and no StatefulFunctions. "
        "Base has no typename=, so it is abstract: give it one."
    )
    assert refusal("folder") == "the folder folder has no app.py, no __init__.py and no other module; name the file."


@pytest.mark.parametrize(
    ("name", "why"), [("number", ""), ("nothing", ""), ("Base", ": it has no typename=, so it is abstract")]
)
def test_a_name_that_is_nothing_to_serve(name: str, why: str) -> None:
    write(app="class Base(Entity):\n    pass\nnumber = 5\nnothing = []\n")

    assert refusal(f"app.py:{name}") == (
        f"app.py:{name} is not an Entity with a typename, a StatefulFunctions, or a list of them{why}."
    )


def test_a_file_of_another_kind() -> None:
    Path("app.toml").write_text("")

    assert refusal("app.toml") == "app.toml is not a Python file; APP is a module, a .py file or a folder."


def test_a_class_that_is_declared_wrongly_is_reported_with_its_line_and_without_a_traceback() -> None:
    write(app='class Account(Entity, typename="account"):\n    total: int = persisted()\n    tags: list\n')

    reported = refusal("app.py")

    assert reported.startswith("app.py:2: class Account has 3 problems:\n  - ")
    assert "Traceback" not in reported
    assert "statefun_actors/" not in reported


def test_a_crash_in_the_app_shows_the_apps_own_lines_only() -> None:
    write(app="import helper\n", helper="def f():\n    return 1 / 0\nf()\n")

    assert refusal("app.py") == (
        "app.py can't be imported.\n"
        "\n"
        "Traceback (most recent call last):\n"
        f'  File "{Path("app.py").resolve()}", line 2, in <module>\n'
        "    import helper\n"
        f'  File "{Path("helper.py").resolve()}", line 4, in <module>\n'
        "    f()\n"
        f'  File "{Path("helper.py").resolve()}", line 3, in f\n'
        "    return 1 / 0\n"
        + ("           ~~^~~\n" if sys.version_info >= (3, 11) else "")
        + "ZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("import no_such_module\n", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(:\n", "SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError('no')\n", "ValueError: no"),
    ],
)
@pytest.mark.parametrize("text", ["app.py", "app"])
def test_the_error_of_an_import_is_shown(source: str, end: str, text: str) -> None:
    write(app=source)

    reported = refusal(text)

    assert reported.endswith(end)
    assert "importlib" not in reported
    assert "loading.py" not in reported
