"""The functions that keep open asks and recurring messages: routed where an application calls them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from statefun_actors import Address, Entity, NoAnswer, answers, handles
from statefun_actors.cli import main
from statefun_actors.cli.serve.command import further_routes
from statefun_actors.deploy import (
    EagerState,
    EndpointComponent,
    Format,
    Module,
    Wanted,
    YamlPosition,
    differences,
    local_module,
    locked,
    planned_module,
)
from statefun_actors.dispatch import Application
from tests.cli.commands import started
from tests.deploy.apps import Cart, functions, served

URL = "http://shop:8000"
STOCK = Address("other/stock", "pen")


class Order(Entity, typename="shop/order"):
    @handles
    def place(self, message: str) -> None:
        self.ask(STOCK, message, then=self.reserved)

    @answers
    def reserved(self, answer: int | NoAnswer) -> None: ...


class Clock(Entity, typename="shop/clock"):
    @handles
    def start(self, message: str) -> None:
        self.send_every(timedelta(hours=1), STOCK, message, name="beat")


class Chime(Entity, typename="shop/chime"):
    @handles
    def start(self, message: str) -> None:
        begin(self)


def begin(chime: Chime) -> None:
    chime.send_every(timedelta(hours=1), STOCK, "beat", name="beat")


class Stopper(Entity, typename="shop/stopper"):
    @handles
    def stop(self, message: str) -> None:
        self.cancel_every(message)


def routed(*items: object, format: Format = "3.x", per_function: bool = False, own: bool = True) -> Sequence[str]:
    wanted = Wanted(url=URL, format=format, per_function=per_function, own_functions=own)
    return [each.functions for each in planned_module(served(*items), wanted).endpoints]


@pytest.mark.parametrize("cls", [Order, Clock, Chime, Stopper])
def test_they_are_routed_where_a_class_takes_answers_or_sends_recurring_messages(cls: type[Entity]) -> None:
    assert routed(cls) == ["shop/*", "statefun-actors/*"]


def test_they_are_not_routed_where_nothing_calls_them_or_another_application_serves_them() -> None:
    assert routed(Cart, functions) == ["shop/*"]
    assert routed(Order, own=False) == ["shop/*"]


def test_each_has_an_endpoint_of_its_own_where_functions_have() -> None:
    each = ["shop/order", "statefun-actors/reply", "statefun-actors/schedule"]

    assert routed(Order, per_function=True) == each
    assert routed(Order, per_function=True, own=False) == each[:1]


@pytest.mark.parametrize("format", ["1.0", "2.0"])
def test_in_2_x_they_are_routed_with_their_states(format: Format) -> None:
    planned = planned_module(served(Order), Wanted(url=URL, format=format))

    assert {each.functions: (each.url, each.states) for each in planned.endpoints} == {
        "shop/order": (f"{URL}/statefun/v2", []),
        "statefun-actors/reply": (f"{URL}/statefun/v2", [EagerState(name="ask"), EagerState(name="early")]),
        "statefun-actors/schedule": (
            f"{URL}/statefun/v2",
            [EagerState(name="schedule"), EagerState(name="generation")],
        ),
    }
    assert differences(planned, served(Order)) == []


def test_no_topic_leads_to_them() -> None:
    planned = planned_module(served(Order), Wanted(url=URL, kafka="k:1", topics=None))

    assert [topic.topic for ingress in planned.kafka_ingresses for topic in ingress.topics] == ["shop.order.string"]


def test_a_lock_file_lists_no_states_of_them() -> None:
    assert "statefun-actors/reply" not in locked(served(Order))


# --- checking


def found(module: Module, *items: object, own: bool = True) -> list[str]:
    return [str(each) for each in differences(module, served(*items), own_functions=own)]


def test_a_check_misses_their_routes() -> None:
    module = planned_module(served(Order), Wanted(url=URL, own_functions=False))

    assert found(module, Order) == [
        "statefun-actors/reply is called by Order, but has no endpoint: Flink can't deliver asks and "
        "recurring messages",
        "statefun-actors/schedule is called by Order, but has no endpoint: Flink can't deliver asks and "
        "recurring messages",
    ]
    assert found(module, Order, own=False) == []


def test_a_check_is_content_with_routes_to_any_application() -> None:
    module = planned_module(served(Order), Wanted(url=URL))
    ours, theirs = module.components
    assert isinstance(theirs, EndpointComponent)
    elsewhere = attrs.evolve(theirs, url="http://other:8000/statefun")

    assert found(attrs.evolve(module, components=[ours, elsewhere]), Order) == []


def test_an_application_that_does_not_call_them_may_serve_them_for_others() -> None:
    planned = planned_module(served(Cart), Wanted(url=URL, kafka="k:1"))
    own = EndpointComponent(functions="statefun-actors/*", url=f"{URL}/statefun")

    assert found(attrs.evolve(planned, components=[*planned.components, own]), Cart) == []


def test_a_check_of_2_x_compares_their_states() -> None:
    module = planned_module(served(Order), Wanted(url=URL, format="2.0"))
    components = [
        attrs.evolve(each, states=[], place=YamlPosition(1, 9))
        if isinstance(each, EndpointComponent) and each.functions == "statefun-actors/reply"
        else each
        for each in module.components
    ]

    assert found(attrs.evolve(module, components=components), Order) == [
        "line 9: statefun-actors/reply: state 'ask' is missing in states:; its batches fail",
        "line 9: statefun-actors/reply: state 'early' is missing in states:; its batches fail",
    ]


# --- commands

APP = """
from datetime import timedelta
from statefun_actors import Discard, Entity, handles

class Clock(Entity, typename="shop/clock", on_failure=Discard(attempts=1)):
    @handles(str)
    def start(self, message: str) -> None:
        self.send_every(timedelta(hours=1), self.address, message, name="beat")
"""


def test_module_leaves_them_out_and_out_of_a_check_where_it_is_asked_to(tmp_path: Path) -> None:
    app, file = tmp_path / "app.py", tmp_path / "module.yaml"
    app.write_text(APP, encoding="utf-8")

    def module(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["module", str(app), *arguments])
        return result.exit_code, result.output

    _, whole = module("--url", URL)
    _, without = module("--url", URL, "--no-own-functions")
    file.write_text(without, encoding="utf-8")
    code, output = module("--check", str(file))

    assert "functions: statefun-actors/*" in whole
    assert "statefun-actors" not in without
    assert code == 1
    assert output.startswith(f"{file}: statefun-actors/reply is called by Clock, but has no endpoint")
    assert module("--check", str(file), "--no-own-functions") == (0, f"{file} agrees with shop/clock.\n")


def test_serve_names_them_at_start_where_they_have_to_be_routed(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")

    with started("serve", "app.py", "--bind", "127.0.0.1:0", folder=tmp_path) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()

    assert first.startswith("Serving shop/clock at http://127.0.0.1:")
    assert second == (
        "module.yaml must also route statefun-actors/reply and statefun-actors/schedule, here or to another "
        "application: Clock calls them.\n"
    )
    assert further_routes(Application(Cart)) is None


def test_a_local_cluster_calls_them_here() -> None:
    file = Module(
        components=[
            EndpointComponent(functions="shop/order", url="http://far:1/statefun"),
            EndpointComponent(functions="statefun-actors/*", url="http://other:1/statefun"),
        ]
    )

    assert [each.url for each in local_module(file, served(Order), "http://127.0.0.1:7", None).endpoints] == [
        "http://127.0.0.1:7/statefun",
        "http://127.0.0.1:7/statefun",
    ]
