"""Records to an HTTP endpoint: their form and order, and retries until the endpoint takes each."""

from __future__ import annotations

import asyncio
from typing import ClassVar

import pytest

from statefun_actors import Entity, handles, kafka_record, message
from statefun_actors.connectors.http import REFUSED_RECORDS, HttpSink, HttpSinkOptions
from statefun_actors.engine import Engine
from statefun_actors.store import MemoryStore
from statefun_actors.types import codec_for, pack, value_of
from tests.connectors.receiver import Post, Receiver, answer
from tests.engine.engines import failing_egress, running, until
from tests.engine.engines import send as post

OUT = "bank/receipts"


@message("test/receipt")
class Receipt:
    n: int


class Teller(Entity, typename="test/teller"):
    """A number goes out with the entity's id as key, text without a key."""

    posts: ClassVar[int] = 0

    @handles(int)
    def tell(self, message: int) -> None:
        self.send_egress(OUT, kafka_record(topic="r", key=self.id, value=Receipt(n=message)))

    @handles(str)
    def tell_without_a_key(self, message: str) -> None:
        self.send_egress(OUT, message)


class Naps:
    """A sleep of one iteration of the event loop, which records the requested time."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        await asyncio.sleep(0)


def sink_to(receiver: Receiver, naps: Naps | None = None, **options: float) -> HttpSink:
    known = {"test/receipt": codec_for(Receipt)}
    return HttpSink(receiver.url, known, options=HttpSinkOptions(**options), sleep=naps or Naps())  # type: ignore[arg-type]


def send(engine: Engine, id: str, *numbers: int) -> None:
    for number in numbers:
        post(engine, Teller.at(id), pack(number))


def numbers(posts: list[Post], key: str | None = None) -> list[int]:
    return [post.json["value"]["n"] for post in posts if key is None or post.json["key"] == key]


async def test_a_record_is_one_post_of_its_json_form_with_an_id_of_its_own() -> None:
    store = MemoryStore()
    async with Receiver() as receiver:
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "ada", 1)
            post(engine, Teller.at("ada"), pack("plain"))
            await engine.idle()
        first, second = receiver.posts

        assert first.path == "/records?x=1"
        assert first.json == {"topic": "r", "key": "ada", "value": {"n": 1}}
        assert second.json == {"type": "io.statefun.types/string", "value": "plain"}
        assert first.headers["content-type"] == "application/json"
        assert first.headers["statefun-egress"] == OUT
        assert len({first.id, second.id}) == 2
        assert first.id.partition("-")[0] == second.id.partition("-")[0]
        assert store.counts()["egress"] == 0


async def test_records_of_one_key_are_sent_in_order_and_those_of_others_concurrently() -> None:
    letting_go = asyncio.Event()

    async def hold(post: Post) -> bytes:
        await letting_go.wait()
        return answer(200)

    async with Receiver(hold) as receiver:
        async with running(Teller, sinks={OUT: sink_to(receiver, in_flight=5)}) as engine:
            for key in "abc":
                send(engine, key, *range(10))
            await until(lambda: receiver.under_way == 3)
            await engine.durable()
            first = sorted((post.json["key"], post.json["value"]["n"]) for post in receiver.posts)
            for text in "wxyz":
                post(engine, Teller.at("d"), pack(text))
            await until(lambda: receiver.under_way == 5)
            letting_go.set()
            await engine.idle()

        assert first == [("a", 0), ("b", 0), ("c", 0)]
        assert receiver.most_under_way == 5
        keyed = [post for post in receiver.accepted if "key" in post.json]
        assert [numbers(keyed, key) for key in "abc"] == [list(range(10))] * 3


@pytest.mark.parametrize(
    ("bad", "naps"),
    [
        pytest.param(answer(500), [0.2, 0.4, 0.8], id="500"),
        pytest.param(answer(503), [0.2, 0.4, 0.8], id="503"),
        pytest.param(answer(503, retry_after="7"), [7, 7, 7], id="503 with Retry-After"),
        pytest.param(answer(429, retry_after="3"), [3, 3, 3], id="429 with Retry-After"),
        pytest.param(answer(408), [0.2, 0.4, 0.8], id="408"),
        pytest.param(answer(409), [0.2, 0.4, 0.8], id="409"),
        pytest.param(answer(404), [0.2, 0.4, 0.8], id="404"),
        pytest.param(answer(401), [0.2, 0.4, 0.8], id="401"),
        pytest.param(answer(302, location="/elsewhere"), [0.2, 0.4, 0.8], id="302"),
        pytest.param(None, [0.2, 0.4, 0.8], id="broken off"),
        pytest.param(b"nonsense\r\n\r\n", [0.2, 0.4, 0.8], id="no HTTP"),
    ],
)
async def test_a_failed_record_is_sent_again_with_the_same_id_before_the_next(
    bad: bytes | None, naps: list[float]
) -> None:
    async def thrice(post: Post) -> bytes | None:
        return bad if len(receiver.posts) <= 3 else answer(204)

    waited, store = Naps(), MemoryStore()
    async with Receiver(thrice) as receiver:
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver, waited)}) as engine:
            send(engine, "a", 1, 2)
            await engine.idle()

        assert numbers(receiver.posts) == [1, 1, 1, 1, 2]
        assert len({post.id for post in receiver.posts}) == 2
        assert waited.taken == naps
        assert store.counts()["egress"] == 0


async def test_a_record_that_the_receiver_chokes_on_holds_up_only_what_has_its_key() -> None:
    async def choke(post: Post) -> bytes:
        return answer(500 if post.json["key"] == "bad" else 200)

    store = MemoryStore()
    async with Receiver(choke) as receiver:
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "bad", 1, 2)
            send(engine, "good", *range(50))
            await engine.idle()
            failing = failing_egress(engine)

        assert numbers(receiver.accepted, "good") == list(range(50))
        assert set(numbers(receiver.posts, "bad")) == {1}
        reason = "500 Internal Server Error"  # of all that is left, or of some while others are sent
        assert failing in ({OUT: reason}, {OUT: f"some records wait for their next attempt: {reason}"})
        assert store.counts()["egress"] == 2


@pytest.mark.parametrize("status", [400, 413, 415, 422])
async def test_a_record_that_is_refused_permanently_is_set_aside_with_the_reason_and_the_rest_continues(
    status: int,
) -> None:
    async def refuse(post: Post) -> bytes:
        return answer(status, '{"error":  "no ones here"}') if post.json["value"]["n"] == 1 else answer(200)

    store = MemoryStore()
    async with Receiver(refuse) as receiver:
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "a", 0, 1, 2)
            await engine.idle()
        [kept] = store.egress_after(0, 10)
        reported = value_of(kept.value)

        assert numbers(receiver.accepted) == [0, 2]
        assert len(receiver.posts) == 3
        assert kept.egress == REFUSED_RECORDS
        assert isinstance(reported, dict)
        assert reported.pop("reason").endswith(': {"error": "no ones here"}')
        assert reported == {
            "egress": OUT,
            "id": receiver.posts[1].id,
            "status": status,
            "record": {"topic": "r", "key": "a", "value": {"n": 1}},
        }


async def test_a_record_about_a_refusal_is_never_refused_but_tried_again() -> None:
    async def refuse_all(post: Post) -> bytes:
        return answer(400)

    store = MemoryStore()
    async with Receiver(refuse_all) as receiver:
        sinks = {OUT: sink_to(receiver), REFUSED_RECORDS: sink_to(receiver)}
        async with running(Teller, store=store, sinks=sinks) as engine:
            send(engine, "a", 0)
            await engine.idle()

        assert [record.egress for record in store.egress_after(0, 10)] == [REFUSED_RECORDS]


async def test_while_an_endpoint_is_down_one_attempt_at_a_time_is_made_and_then_everything_gets_through() -> None:
    naps = Naps()
    receiver = Receiver()
    await receiver.start()
    await receiver.stop()
    async with running(Teller, sinks={OUT: sink_to(receiver, naps)}) as engine:
        for key in range(100):
            send(engine, str(key), 1)
        await until(lambda: engine.view.failing_egress)
        await engine.idle()
        failing = failing_egress(engine)
        await receiver.start()
        await until(lambda: not engine.view.failing_egress)
        await engine.idle()
        await receiver.stop()

    assert failing == {OUT: "no connection: All connection attempts failed"}
    assert naps.taken[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert len(receiver.accepted) == len({post.id for post in receiver.accepted}) == 100


async def test_an_endpoint_that_hangs_is_given_up_after_the_timeout_and_asked_again() -> None:
    async def hang_once(post: Post) -> bytes:
        if len(receiver.posts) == 1:
            await asyncio.Event().wait()
        return answer(200)

    async with Receiver(hang_once) as receiver:
        async with running(Teller, sinks={OUT: sink_to(receiver, timeout=0.3)}) as engine:
            send(engine, "a", 1)
            await engine.idle()

        assert len(receiver.posts) >= 2  # on a busy machine, the second may take too long, too
        assert len({post.id for post in receiver.posts}) == 1


async def test_an_answer_without_end_is_read_no_further_than_it_matters() -> None:
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 200_000

    async def on_and_on(post: Post) -> bytes:
        return endless

    async with Receiver(on_and_on) as receiver:
        async with running(Teller, sinks={OUT: sink_to(receiver)}) as engine:
            send(engine, "a", 1, 2)
            await engine.idle()

        assert numbers(receiver.accepted) == [1, 2]


async def test_a_receiver_that_drops_repeats_has_each_record_once_through_restarts_of_both_sides() -> None:
    store, receiver, seen = MemoryStore(), Receiver(), dict[str, int]()

    async def unsteady(post: Post) -> bytes | None:
        seen.setdefault(post.id, post.json["value"]["n"])
        return answer(200) if len(receiver.posts) % 3 else None  # taken, and yet not answered

    receiver.answering = unsteady
    for start in range(0, 60, 20):
        await receiver.start()
        async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
            for number in range(start, start + 20):
                send(engine, str(number % 4), number)
            posts = len(receiver.posts)
            await until(lambda posts=posts: len(receiver.posts) > posts + 5)  # type: ignore[misc]
        await receiver.stop()
    await receiver.start()
    async with running(Teller, store=store, sinks={OUT: sink_to(receiver)}) as engine:
        await engine.idle()
    await receiver.stop()

    assert sorted(seen.values()) == list(range(60))
    assert len(receiver.posts) > 60
    assert store.counts()["egress"] == 0


async def test_a_position_of_another_kind_of_sink_begins_ids_of_its_own() -> None:
    sink = HttpSink("http://127.0.0.1/")

    begun = sink.resume('{"file":"x","size":1,"records":1}')
    again = HttpSink("http://127.0.0.1/").resume(begun)

    assert begun is not None
    assert again is None
