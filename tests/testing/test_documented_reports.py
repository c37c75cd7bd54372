"""The reports that the page on testing shows are those of its tests; the checks that it shows pass."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings

import statefun_actors
from statefun_actors.testing import SimulationError
from statefun_actors.testing.checks import CLOCK_CHECKS, SINK_CHECKS

pytest_plugins = ["pytester"]

PAGE = Path(statefun_actors.__file__).parent / "docs" / "testing.md"
README = Path(__file__).parents[2] / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def executed(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module *name* of *code*, which the next ones can import."""
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(code, name, "exec"), vars(module))
    return module


def block_and_report(text: str) -> tuple[str, str]:
    """The block of Python in which *text* is, and the report after it."""
    [index] = [index for index, (_, code) in enumerate(BLOCKS) if text in code]
    return BLOCKS[index][1], BLOCKS[index + 1][1]


def test_the_report_of_a_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    code, report = block_and_report("def test_coupons(")
    module = executed("test_coupons", code, monkeypatch)

    with pytest.raises(SimulationError) as raised:
        module.test_coupons()

    assert f"{raised.value}\n" == report


def test_the_report_of_a_failed_test_with_a_runtime(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    code, report = block_and_report("def test_alike(")
    pytester.makepyfile(bank=bank(), test_alike=code)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # that of Hypothesis imports it in every run

    lines = pytester.runpytest_subprocess(
        "-q", "-p", "statefun_actors.pytest_plugin", "-p", "no:cacheprovider"
    ).outlines

    shown = report.splitlines()
    at = lines.index(shown[0])
    assert lines[at : at + len(shown)] == shown


def test_the_checks_of_a_sink_and_of_clocks_pass(pytester: pytest.Pytester) -> None:
    sink, clock = (code for _, code in BLOCKS if "_CHECKS, ids=" in code)
    pytester.makepyfile(test_my_sink=sink, test_my_clock=clock)

    result = pytester.runpytest_inprocess("-q", "-p", "no:xdist", "-p", "no:asyncio", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=len(SINK_CHECKS) + len(CLOCK_CHECKS))


def bank() -> str:
    """The module ``bank`` of the README."""
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    [found] = [block for block in blocks if '@message("bank/deposit")' in block]
    return str(found)


def test_the_script_of_a_property(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    executed("bank", bank(), monkeypatch)
    code, report = block_and_report("TestBank = ")
    module = executed("test_property", code, monkeypatch)
    case = module.TestBank()
    case.settings = settings(
        max_examples=100, stateful_step_count=3, deadline=None, derandomize=True, database=None,
        phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip

    with pytest.raises(AssertionError) as raised:
        case.runTest()

    script = "\n".join([capsys.readouterr().out, *getattr(raised.value, "__notes__", [])])
    assert "\n".join(line for line in script.splitlines() if line in report.splitlines()) == report.rstrip("\n")
