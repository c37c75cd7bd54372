"""Endpoints of other applications in the same job are named while they can't be reached."""

from __future__ import annotations

import asyncio
import socket

from statefun_actors.cli.flink.other_endpoints import other_endpoints, watch_endpoints
from statefun_actors.cluster.reserved_ports import ReservedPort
from statefun_actors.deploy import EndpointComponent, Module

OWN = "http://127.0.0.1:7/statefun"


def module(*urls: str) -> Module:
    return Module(components=[EndpointComponent(functions=f"f{n}/*", url=url) for n, url in enumerate(urls)])


def test_other_endpoints_are_those_at_other_addresses() -> None:
    found = other_endpoints(
        module(
            OWN, "https://far/x", "http://far:1/{function.name}", "http+unix:///socket", "http://[::1]:8/x",
            "http://{function.name}.shop:80/x",
        ),
        OWN,
    )  # fmt: skip

    assert [(each.functions, each.host, each.port) for each in found] == [
        ("f1/*", "far", 443), ("f2/*", "far", 1), ("f4/*", "::1", 8)
    ]  # fmt: skip


async def test_an_endpoint_that_is_down_is_named_and_so_is_its_return() -> None:
    port = ReservedPort()
    url = f"{port.url}/statefun"
    with socket.create_server(("127.0.0.1", 0)) as up:
        others = other_endpoints(module(url, f"http://127.0.0.1:{up.getsockname()[1]}/statefun"), OWN)
        async with asyncio.timeout(60):
            lines = watch_endpoints(others, tick=0.01)
            first = await anext(lines)
            with socket.socket() as back:
                back.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                back.bind(("127.0.0.1", port.number))
                back.listen()
                second = await anext(lines)
            third = await anext(lines)

    port.release()
    assert first == third == (
        f"Warning: the endpoint of f0/*, {url}, can't be reached: connection refused. Flink keeps messages for it and "
        "calls again; start it before the timeout of a call fails the job."
    )  # fmt: skip
    assert second == f"The endpoint of f0/*, {url}, is there."


async def test_a_host_that_can_be_none_does_not_end_the_watch() -> None:
    async with asyncio.timeout(60):
        line = await anext(watch_endpoints(other_endpoints(module("http://a..b/x"), OWN)))

    assert line == (
        "Warning: the endpoint of f0/*, http://a..b/x, can't be reached: 'a..b' is not the name of a host. Flink keeps "
        "messages for it and calls again; start it before the timeout of a call fails the job."
    )
