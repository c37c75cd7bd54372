"""The brokers of several ingresses and egresses are asked at the same time, and can be given up at any time."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from statefun_actors.connectors.kafka import ask_clusters
from statefun_actors.deploy import KafkaEgress, KafkaIngress
from tests.kafka.broker import CLUSTER
from tests.kafka.topics import Topics

pytestmark = pytest.mark.kafka


async def test_brokers_that_take_connections_and_say_nothing_are_asked_at_the_same_time_and_given_up_at_once() -> None:
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as sockets:
        servers = [sockets.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        for server in servers:
            server.setblocking(False)
        ports = [server.getsockname()[1] for server in servers]
        asking = asyncio.create_task(
            ask_clusters([KafkaEgress(id=f"shop/{port}", address=f"127.0.0.1:{port}") for port in ports])
        )
        async with asyncio.timeout(14):  # less than one of them is waited for
            for connection, _ in await asyncio.gather(*map(loop.sock_accept, servers)):
                sockets.enter_context(connection)
            asking.cancel()
            await asyncio.wait([asking])

    assert asking.cancelled()


async def test_each_component_has_the_cluster_of_its_brokers(topics: Topics, caplog: pytest.LogCaptureFixture) -> None:
    name = topics.make()
    ingress = KafkaIngress(id="shop/in", address=topics.address, topics=[], properties={"isolation.level": "x"})
    egress = KafkaEgress(id="shop/out", address=topics.address, properties={"max.request.size": "1"})

    found = await ask_clusters([ingress, egress])

    assert {key: facts.id for key, facts in found.items()} == {"ingress shop/in": CLUSTER, "egress shop/out": CLUSTER}
    assert all(facts.topics is not None and name in facts.topics for facts in found.values())
    assert caplog.messages == []  # of properties that are for one kind of client only
