"""Delayed messages for functions that another endpoint than that of the ingress function serves."""

from __future__ import annotations

import asyncio

import pytest

from statefun_actors import Address
from statefun_actors.deploy import gateway_routes, read_module
from statefun_actors.gateway import Gateway
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, Taken
from statefun_actors.types import pack
from tests.gateway.session import GatewayJob
from tests.kafka.topics import SECONDS
from tests.kafka.waiting import until

pytestmark = [pytest.mark.flink, pytest.mark.kafka]

REFUSED = (
    "the endpoint of statefun-actors/ingress serves no java/post, so a message to it would fail the Flink job; if "
    "another application of the job serves it, start that endpoint with --other-functions java/post"
)


def delayed(function: str) -> IngressMessage:
    return IngressMessage(Address(function, "1"), pack("hello"), delay_ms=3_600_000)


async def test_the_client_learns_what_to_do_where_the_job_refuses_one(job: GatewayJob) -> None:
    backend = Gateway(gateway_routes(read_module(job.module)))
    loop = asyncio.get_running_loop()
    answers: list[asyncio.Future[Answer]] = [loop.create_future() for _ in range(3)]
    backend.start()
    try:
        await until(lambda: backend.unready() is None)
        backend.take(delayed("java/post"), answers[0].set_result)
        backend.take_all([delayed("java/post"), delayed("test/echo")], answers[1].set_result)
        backend.take(delayed("test/echo"), answers[2].set_result)
        found = await asyncio.wait_for(asyncio.gather(*answers), SECONDS)
    finally:
        await backend.close()

    assert found == [GivenUp(REFUSED), GivenUp(f"1 of 2 are refused, and the others taken: {REFUSED}"), Taken()]
