"""The applications of examples/polyglot and a greeter in Java, in the job behind the tests' gateways: processes."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from statefun_actors.cluster.build_cache import digest, made
from statefun_actors.cluster.jvm import SMALL_FLAGS
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.deploy import Component, EndpointComponent, KafkaEgress, KafkaIngress, read_module
from tests.flink.served import Served, ServedApp
from tests.last_use import FLINK_OVER_KAFKA, end_with
from tests.needs import skip_or_fail

EXAMPLE: Final = Path(__file__).parents[2] / "examples" / "polyglot"
BUILD_SECONDS: Final = 600.0
_PYTHON, _JAVA, _JAVASCRIPT, _GREETER = 8001, 8002, 8003, 8004
TOPICS: Final = ("receipts", "means", "greetings")
"""What they write to."""
_HERE: Final = Path(__file__).parent


def components(broker: str) -> list[Component]:
    """Those of the two module files, at reserved ports; the job that they join has the library's own functions."""
    return [
        _moved(each, broker)
        for file in (EXAMPLE / "module.yaml", _HERE / "greeter.yaml")
        for each in read_module(file).components
        if not (isinstance(each, EndpointComponent) and each.functions == "statefun-actors/*")
    ]


@functools.cache
def start() -> None:
    """Start all, once; they end with the job. One that can't be built skips the test (``CI=true``: fails it)."""
    jars, modules = _jars(), _modules()
    java = [_path("java"), "-Xmx64m", *SMALL_FLAGS, "-cp", f"{jars / 'polyglot.jar'}{os.pathsep}{jars / 'jars' / '*'}"]
    node = [_path("node"), str(EXAMPLE / "javascript" / "serve.js")]
    for application in (
        ServedApp(EXAMPLE / "polyglot.py", _ports()[_PYTHON].number),
        Served([*java, "polyglot.Serve", str(_ports()[_JAVA].number)]),
        Served([*java, "Greeter", str(_ports()[_GREETER].number)]),
        Served([*node, str(_ports()[_JAVASCRIPT].number)], {"NODE_PATH": str(modules)}),
    ):
        end_with(FLINK_OVER_KAFKA, application.close)
        application.start()


@functools.cache
def _ports() -> Mapping[int, ReservedPort]:
    """What stands for the ports in the module files."""
    ports = {port: ReservedPort() for port in (_PYTHON, _JAVA, _JAVASCRIPT, _GREETER)}
    for each in ports.values():
        end_with(FLINK_OVER_KAFKA, each.release)
    return ports


def _moved(component: Component, broker: str) -> Component:
    match component:
        case EndpointComponent(url=url):
            for port, reserved in _ports().items():
                url = url.replace(f"http://127.0.0.1:{port}", reserved.url)
            return attrs.evolve(component, url=url)
        case KafkaIngress() | KafkaEgress():
            return attrs.evolve(component, address=broker)
        case _:
            raise AssertionError(f"an endpoint, an ingress or an egress, got {component}")


def _jars() -> Path:
    """The folder ``target`` of the project in Java, built together with the greeter."""
    sources = sorted(path for path in (EXAMPLE / "java").rglob("*") if path.is_file() and "target" not in path.parts)
    greeter = _HERE / "Greeter.java"
    key = digest(*(path.read_bytes() for path in (*sources, EXAMPLE / "shipping.proto", greeter)))

    def build(folder: Path) -> None:
        shutil.copytree(EXAMPLE / "java", folder / "java", ignore=shutil.ignore_patterns("target"))
        shutil.copy(EXAMPLE / "shipping.proto", folder)
        shutil.copy(greeter, folder / "java" / "src" / "main" / "java")
        _run("mvn", "-B", "-q", "-f", "java", "package", folder=folder)

    return made(f"polyglot-java-{key}", build) / "java" / "target"


def _modules() -> Path:
    """The folder ``node_modules`` of the packages that the project in JavaScript needs."""
    wanted = EXAMPLE / "javascript" / "package.json"

    def install(folder: Path) -> None:
        shutil.copy(wanted, folder)
        _run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", folder=folder)

    return made(f"polyglot-node-{digest(wanted.read_bytes())}", install) / "node_modules"


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=BUILD_SECONDS,
    )  # fmt: skip
    if done.returncode != 0:
        skip_or_fail(f"{' '.join(command)} failed\n{done.stdout[-4_000:]}")


def _path(program: str) -> str:
    found = shutil.which(program)
    assert found is not None  # the mark "needs" of the tests has looked
    return found
