"""Where a module.yaml and the application behind it have drifted apart."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

from statefun_actors import DeadLetter
from statefun_actors.cli import main
from statefun_actors.deploy import (
    Component,
    EagerState,
    EndpointComponent,
    KafkaEgress,
    KafkaIngress,
    Module,
    OtherComponent,
    Topic,
    Transport,
    Wanted,
    YamlPosition,
    differences,
    planned_module,
)
from statefun_actors.model import Expiration
from tests.deploy.apps import Cart, served

URL = "http://shop:8000/statefun"
MINUTES = Transport(call_timeout=timedelta(minutes=2))
ALL = EndpointComponent(functions="shop/*", url=URL, transport=MINUTES, place=YamlPosition(1, 7))
EGRESSES = [KafkaEgress(id=name, address="k:1") for name in ("shop/audited", "shop/dead-letters", "shop/greetings")]


def reported(*components: Component, url: str | None = None) -> list[str]:
    return [str(each) for each in differences(Module(components=components), served(Cart), url)]


@pytest.mark.parametrize("format", ["3.x", "2.0"])
def test_a_planned_file_does_not_differ(format: str) -> None:
    application = served(Cart)
    wanted = Wanted(url="http://shop:8000", format="3.x" if format == "3.x" else "2.0", kafka="k:1", topics=None)

    assert differences(planned_module(application, wanted), application) == []


def test_functions_without_an_endpoint_and_endpoints_without_a_function() -> None:
    other = EndpointComponent(functions="shop/other", url=URL, transport=MINUTES, place=YamlPosition(1, 3))

    assert reported(other, *EGRESSES) == [
        "shop/cart is served, but has no endpoint: Flink can't deliver to it",
        f"line 3: shop/other leads to {URL}, but this application serves no such function",
    ]


def test_endpoints_at_other_hosts_are_other_applications() -> None:
    other = EndpointComponent(functions="other/*", url="http://other:8000/statefun")

    assert reported(ALL, other, *EGRESSES, url="http://shop:8000") == []
    assert reported(ALL, other, *EGRESSES) == []  # the host of shop/* is the application's


def test_other_applications_of_the_job_may_be_at_the_same_host_or_in_the_same_namespace() -> None:
    cart = EndpointComponent(functions="shop/cart", url=URL, transport=MINUTES)
    same_namespace = EndpointComponent(functions="shop/*", url="http://gateway:8000/shop")
    same_host = EndpointComponent(functions="other/*", url="http://shop:8000/other")
    elsewhere = EndpointComponent(functions="third/*", url="http://gateway:8000/shop")

    assert reported(cart, same_namespace, same_host, elsewhere, *EGRESSES) == []


def test_the_path_of_the_other_protocol() -> None:
    assert reported(attrs.evolve(ALL, url="http://shop/statefun/v2"), *EGRESSES) == [
        "line 7: shop/*: /statefun/v2 does not speak the protocol of format 3.x; write /statefun"
    ]


def test_egresses_that_are_sent_to_but_not_defined() -> None:
    assert reported(ALL) == [
        "shop/audited is an egress of Cart, but is not defined: Flink fails the job at the first record",
        "shop/dead-letters is an egress of the dead letters of Cart, but is not defined: Flink fails the job at the "
        "first record",
    ]


@pytest.mark.parametrize(
    "egress",
    [
        KafkaEgress(id="bare/letters", address="k:1", place=YamlPosition(2, 9)),
        OtherComponent(
            kind="io.statefun.kinesis.v1/egress", role="egress", id="bare/letters", spec={}, place=YamlPosition(2, 9)
        ),
    ],
    ids=["kafka", "kinesis"],
)
def test_bare_values_to_an_egress_of_records(egress: Component) -> None:
    application = served(Cart, on_failure=DeadLetter("bare/letters", as_value=True))

    assert [str(each) for each in differences(Module(components=[ALL, *EGRESSES, egress]), application)] == [
        "line 9: bare/letters takes records only, but the application's dead letters are sent bare (as_value=True): "
        "Flink fails the job"
    ]


def test_topics_that_lead_nowhere_or_hold_what_is_not_taken() -> None:
    topics = [
        Topic(topic="a", value_type="shop/add", targets=["shop/cart", "other/one"]),
        Topic(topic="b", value_type="shop/sub", targets=["shop/cart"]),
    ]
    ingress = KafkaIngress(id="shop/in", address="k:1", topics=topics, place=YamlPosition(2, 4))

    assert reported(ALL, ingress, *EGRESSES) == [
        "line 4: shop/in: topic a leads to other/one, which has no endpoint",
        "line 4: shop/in: topic b holds shop/sub, which shop/cart does not take; it takes shop/add, shop/pay",
    ]


@pytest.mark.parametrize(
    ("transport", "difference"),
    [
        (
            attrs.evolve(MINUTES, payload_max_bytes=1000),
            "payload_max_bytes is 1000, less than the body limit of 33554432: Flink can't send a batch that the "
            "endpoint would read",
        ),
        (
            attrs.evolve(MINUTES, payload_max_bytes=1 << 26),
            "payload_max_bytes is 67108864, more than the body limit of 33554432: the endpoint refuses a batch that "
            "Flink sends, which fails the job",
        ),
        (
            attrs.evolve(MINUTES, call_timeout=timedelta(seconds=90)),
            "Flink waits 90s for a reply, and Cart.pay may take 90s: raise the call timeout, or lower the handler's",
        ),
    ],
    ids=["less", "more", "time"],
)
def test_limits_that_do_not_go_together(transport: Transport, difference: str) -> None:
    assert reported(attrs.evolve(ALL, transport=transport), *EGRESSES) == [f"line 7: shop/*: {difference}"]


def old_endpoint(functions: str, line: int, *states: EagerState) -> EndpointComponent:
    return EndpointComponent(
        functions=functions,
        url="http://shop/statefun/v2",
        states=states,
        transport=attrs.evolve(MINUTES, payload_max_bytes=None),
        place=YamlPosition(1, line),
    )


def old(format: str, *states: EagerState) -> list[str]:
    endpoint = old_endpoint("shop/cart", 5, *states)
    module = Module(components=[endpoint, *EGRESSES], format="1.0" if format == "1.0" else "2.0")
    return [str(each) for each in differences(module, served(Cart))]


def test_states_of_a_file_for_2_2() -> None:
    found = old(
        "2.0",
        EagerState(name="items", expiration=Expiration.AFTER_CALL, ttl_ms=86_400_000),
        EagerState(name="seen"),
        EagerState(name="total"),
    )

    assert found == [
        "line 5: shop/cart: state 'items' expires after-invoke 1d, its class says after-write 1d",
        "line 5: shop/cart: state 'sum' is missing in states:; its batches fail",
        "line 5: shop/cart: state 'seen' expires never, its class says after-invoke 90min",
        "line 5: shop/cart: state 'total' is in states:, but is no longer declared",
    ]


@pytest.mark.parametrize("order", [1, -1])
def test_an_endpoint_of_one_function_comes_before_that_of_its_namespace(order: int) -> None:
    states = (
        EagerState(name="items", expiration=Expiration.AFTER_WRITE, ttl_ms=86_400_000),
        EagerState(name="sum"),
        EagerState(name="seen", expiration=Expiration.AFTER_CALL, ttl_ms=5_400_000),
    )
    endpoints = [old_endpoint("shop/*", 9), old_endpoint("shop/cart", 5, *states)][::order]
    module = Module(components=[*endpoints, *EGRESSES], format="2.0")

    assert [str(each) for each in differences(module, served(Cart))] == []


def test_a_file_for_2_0_can_not_say_when_states_expire() -> None:
    never = "never expires: format 1.0 has no expiration; use format 2.0 (StateFun 2.2)"

    assert old("1.0", EagerState(name="items"), EagerState(name="sum"), EagerState(name="seen")) == [
        f"line 5: shop/cart: state 'items' {never}",
        f"line 5: shop/cart: state 'seen' {never}",
    ]


# --- the command

APP = str(Path(__file__).with_name("apps.py"))


def test_the_command_prints_a_file_and_agrees_with_it(tmp_path: Path) -> None:
    printed = CliRunner().invoke(
        main, ["module", APP, "--url", "http://shop:8000", "--kafka", "k:9092", "--topic", "adds:shop/add=shop/cart"]
    )
    (tmp_path / "module.yaml").write_text(printed.stdout, encoding="utf-8")
    checked = CliRunner().invoke(main, ["module", APP, "--check", str(tmp_path / "module.yaml")])

    assert "valueType: shop/add" in printed.stdout
    # The two functions of the app want one egress bare and as records; that can't be right in any file.
    assert (checked.exit_code, checked.stdout) == (
        1,
        f"{tmp_path}/module.yaml: line 34: shop/dead-letters takes records only, but the dead letters of anything are "
        "sent bare (as_value=True): Flink fails the job\n",
    )


def test_the_command_says_when_nothing_differs(tmp_path: Path) -> None:
    cart = f"{APP}:Cart"
    printed = CliRunner().invoke(main, ["module", cart, "--url", "http://shop:8000", "--kafka", "k:9092"])
    (tmp_path / "module.yaml").write_text(printed.stdout, encoding="utf-8")
    checked = CliRunner().invoke(main, ["module", cart, "--check", str(tmp_path / "module.yaml")])

    assert (checked.exit_code, checked.stdout) == (0, f"{tmp_path}/module.yaml agrees with shop/cart.\n")


def test_the_command_says_what_it_could_not_define() -> None:
    printed = CliRunner().invoke(main, ["module", f"{APP}:Cart", "--url", "http://shop:8000"])

    assert printed.stderr == "Not defined without --kafka HOST:PORT: shop/audited, shop/dead-letters\n"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "expected --url, the URL of the application, such as --url http://host:8000."),
        (
            ["--url", "http://a", "--topic", "a"],
            "'a' is not a topic with its targets; write TOPIC=NS/NAME or TOPIC:TYPE=NS/NAME, such as "
            "deposits:bank.Deposit=bank/account.",
        ),
        (["--url", "http://a", "--topic", "a=b"], "'b' is not a list of function types; write TOPIC=NS/NAME"),
        (["--url", "http://a", "--transport", "a"], "'a' is not KEY=VALUE, such as pool_size=512."),
        (
            ["--url", "http://a", "--topic", "a=b/c", "--all-topics"],
            "--all-topics adds every topic; omit --topic or --all-topics.",
        ),
        (["--check", "none.yaml"], "none.yaml can't be read: No such file or directory."),
    ],
)
def test_mistakes_in_the_command(arguments: list[str], text: str) -> None:
    result = CliRunner().invoke(main, ["module", APP, *arguments])

    assert result.exit_code == 2
    assert text in " ".join(result.output.split())


def test_options_come_from_a_settings_file(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text(
        'body-limit = "1K"\n[module]\nurl = "http://a"\nkafka = "k:1"\ntopic = ["adds:shop/add=shop/cart"]\n'
        'transport = ["pool_size=9"]\n',
        encoding="utf-8",
    )
    printed = CliRunner().invoke(main, ["module", APP, "--config", str(config)])

    assert printed.exit_code == 0, printed.output
    for line in ("payload_max_bytes: 1024", "topic: adds", "pool_size: 9", "urlPathTemplate: http://a/statefun"):
        assert line in printed.stdout
