"""Each extra alone, and all together, on the lowest and the newest versions that pyproject.toml admits."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from readme_renderer import markdown

from tests.needs import skip_or_fail

ROOT: Final = Path(__file__).parents[2]
LOWEST: Final = Path(__file__).with_name("lowest.txt")
IMPORTED: Final = {
    "client": "statefun_actors.client",
    "hypothesis": "statefun_actors.testing.strategies",
    "kafka": "confluent_kafka, statefun_actors.connectors.kafka",
    "metrics": "prometheus_client, statefun_actors.telemetry",
    "otel": "opentelemetry.sdk.trace, statefun_actors.telemetry",
    "reload": "watchfiles, statefun_actors.cli",
}
"""What each extra is for: it can be imported where only that extra is installed."""


def project() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return read


def test_the_constraints_are_the_lower_bounds() -> None:
    extras: dict[str, list[str]] = project()["optional-dependencies"]
    wanted = [*project()["dependencies"], *(each for name, extra in extras.items() if name != "dev" for each in extra)]
    bounds = [re.fullmatch(r"([a-z0-9-]+)>=([\d.]+)(?:,<[\d.]+)?", line) for line in wanted]
    lowest = [line for line in LOWEST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]

    assert sorted(f"{bound[1]}=={bound[2]}" for bound in bounds if bound is not None) == lowest
    assert len(bounds) == len(lowest)


def test_each_extra_is_tried() -> None:
    assert set(IMPORTED) == set(project()["optional-dependencies"]) - {"dev"}


def test_the_readme_renders_as_on_an_index() -> None:
    text = (ROOT / project()["readme"]).read_text(encoding="utf-8")

    rendered = markdown.render(text)

    assert rendered is not None
    assert rendered.count("<table>") == len(re.findall(r"^\|[-| ]+\|$", text, re.MULTILINE))
    assert rendered.count("<pre") == len(re.findall(r"^```\w", text, re.MULTILINE))


@pytest.mark.slow  # installs everything anew
@pytest.mark.parametrize("versions", ["lowest", "newest"])
@pytest.mark.parametrize("extras", ["", *IMPORTED, ",".join(IMPORTED)], ids=lambda extras: extras or "none")
def test_extras_can_be_installed_and_imported(tmp_path: Path, extras: str, versions: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path)], check=True)
    python = tmp_path / "bin" / "python"
    constraints = ["--constraint", str(LOWEST)] if versions == "lowest" else []
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    what = f"{ROOT}[{extras}]" if extras else str(ROOT)
    installed = subprocess.run(
        [*pip, "install", "--quiet", *constraints, what], capture_output=True, text=True, check=False
    )
    if "No matching distribution" in installed.stderr or "Retrying" in installed.stderr:
        skip_or_fail(installed.stderr)
    modules = ", ".join(
        ["statefun_actors", "statefun_actors.cli", *(IMPORTED[name] for name in extras.split(",") if name)]
    )
    imported = subprocess.run(
        [str(python), "-W", "error", "-c", f"import {modules}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert installed.returncode == 0, installed.stderr
    assert subprocess.run([*pip, "check"], check=False, capture_output=True).returncode == 0
    assert imported.returncode == 0, imported.stderr
    assert (
        subprocess.run(
            [str(tmp_path / "bin" / "statefun-actors"), "--help"], check=False, capture_output=True
        ).returncode
        == 0
    )
