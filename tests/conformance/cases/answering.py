"""Answers from outside to open asks: ``POST /replies/<token>``."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.asking import REPLY, Open, failed, order
from statefun_actors.types import pack
from tests.conformance.cases.ingress import Ingress, ingress
from tests.conformance.engine import Start
from tests.conformance.sections import ASKING as A

INT = "?type=io.statefun.types/int"
STRING = "?type=io.statefun.types/string"


class Choice(Entity, typename="conf/choice"):
    """Opens a reply address, and notes its answers."""

    chosen: list[str] = persisted(factory=list)

    @handles
    def begin(self, message: int) -> str:
        return self.reply_address(then=self.choose, timeout=timedelta(seconds=message)).id

    @answers
    def choose(self, answer: int | str | NoAnswer) -> None:
        self.chosen.append(answer.reason if isinstance(answer, NoAnswer) else repr(answer))


async def opened(http: Ingress, id: str = "a", seconds: int = 3_600) -> str:
    """The path that answers a new reply address of the choice *id*."""
    return f"/replies/{(await http.ask(f'/ingress/conf/choice/{id}?wait=5s', seconds)).json}"


async def post(http: Ingress, path: str, body: object, **headers: str) -> int:
    return (await http.ask(path, body, method="POST", **headers)).status


async def chosen(http: Ingress, id: str = "a") -> object:
    await http.engine.idle()
    return http.engine.view.state(Choice.at(id))["chosen"]


@A.once("A27", "POST /replies/<token> answers it: 202 for the one that became the answer, 404 for others", "embedded")
async def first_counts() -> None:
    async with ingress(Choice) as http:
        path = await opened(http)
        found = await asyncio.gather(*(post(http, path + INT, number) for number in range(5)))

        assert sorted(found) == [202, 404, 404, 404, 404]
        assert await chosen(http) == pack([repr(found.index(202))])


@A.once("A28", "answered, expired and unknown are alike: 404 with one and the same body", "embedded")
async def alike() -> None:
    async with ingress(Choice) as http:
        answered, expired = await opened(http), await opened(http, "b", 5)
        assert await post(http, answered + INT, 1) == 202
        http.clock.set_ms(http.clock.now_ms() + 6_000)
        await http.engine.idle()
        paths = [answered, expired, f"/replies/{'0' * 32}", "/replies/x", "/replies/"]
        found = [await http.ask(path + INT, 2, method="POST") for path in paths]

        assert {answer.status for answer in found} == {404}
        assert len({answer.text for answer in found}) == 1
        assert await chosen(http, "b") == pack(["timeout"])


@A.once(
    "A29", "a type that then doesn't take is 422 and leaves it open; bodies and types as for the ingress", "embedded"
)
async def unfit() -> None:
    async with ingress(Choice) as http:
        path = await opened(http)
        found = [
            await post(http, f"{path}?type=io.statefun.types/bool", True),
            await post(http, path + INT, "text"),
            await post(http, path, 1),
            await post(http, path + STRING, "yes"),
        ]

        assert found == [422, 422, 422, 202]
        assert await chosen(http) == pack(["'yes'"])


@A.once("A30", "only POST, else 405; ?wait is 400; both leave it open", "embedded")
async def only_post() -> None:
    async with ingress(Choice) as http:
        path = await opened(http)
        found = [(await http.ask(path + INT, 1, method=method)).status for method in ("PUT", "GET", "DELETE")]
        found.append(await post(http, f"{path}{INT}&wait=5s", 1))
        found.append(await post(http, path + INT, 2))

        assert found == [405, 405, 405, 400, 202]
        assert await chosen(http) == pack(["2"])


@A.once("A31", "Idempotency-Key works: a repeat gets the first result, one with another body is 409", "embedded")
async def repeated() -> None:
    async with ingress(Choice) as http:
        path = await opened(http)
        bodies = (1, 1, 2)
        assert [await post(http, path + INT, body, idempotency_key="k") for body in bodies] == [202, 202, 409]
        assert await chosen(http) == pack(["1"])


@A.once("A32", "the Host and Origin checks stay", "embedded")
async def guarded() -> None:
    async with ingress(Choice) as http:
        path = await opened(http) + INT
        assert await post(http, path, 1, origin="https://other.example") == 403
        assert await post(http, path, 1, host="other.example") == 403
        assert await post(http, path, 2) == 202
        assert await chosen(http) == pack(["2"])


@A.once(
    "A33", "from outside, function types of the namespace statefun-actors are reached by /replies alone", "embedded"
)
async def nowhere_else() -> None:
    async with ingress(Choice) as http:
        token = (await opened(http)).removeprefix("/replies/")
        assert (await http.ask(f"/ingress/statefun-actors/reply/{token}{INT}", 1)).status == 404
        assert await post(http, f"/replies/{token}{INT}", 2) == 202
        assert await chosen(http) == pack(["2"])


@A.once("A34", "a token counts with the quotes of the reply that it was, and in no other spelling", "embedded")
async def spelled() -> None:
    async with ingress(Choice) as http:
        token = (await opened(http)).removeprefix("/replies/")
        wrong = [token.upper(), token[:8], f"{token}0", token[:-1], f"{token}/", f"%20{token}"]
        found = [await post(http, f"/replies/{each}{INT}", 1) for each in wrong if each != token]

        assert set(found) == {404}
        assert await post(http, f"/replies/%22{token}%22{INT}", 2) == 202
        assert await chosen(http) == pack(["2"])


@A.case("A35", "what comes from outside without a caller is kept for no opening, and is no failure of a target")
async def from_outside(start: Start) -> None:
    token = Address(REPLY, "e" * 32)
    opening = order(Open(Choice.at("a"), "choose", None, None, 5_000, 0))
    async with start(Choice) as engine:
        await engine.tell(token, 5)
        await engine.tell(token, opening, caller=Choice.at("a"))
        await engine.tell(token, failed("no"))
        await engine.tell(token, 6)

        assert engine.state(Choice.at("a"))["chosen"] == ["6"]
