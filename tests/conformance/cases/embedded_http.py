"""Embedded: HTTP ingress, its messages and replies."""

from __future__ import annotations

from tests.conformance.cases.ingress import Several, ingress
from tests.conformance.doors import JSON, OpenDoor, count
from tests.conformance.sections import EMBEDDED as E

LONG = "io.statefun.types/long"


@E.once(
    "E15",
    "without ?wait there is no caller; with it, it is statefun-actors/ingress and a request id",
    "embedded",
)
async def callers() -> None:
    path = "/ingress/conf/takes-several/a?type=conf/named"
    async with ingress() as http:
        Several.callers.clear()
        assert (await http.ask(path, {"text": "x"})).status == 202
        await http.engine.idle()
        await http.ask(f"{path}&wait=5s", {"text": "x"})
        assert Several.callers == [None, "statefun-actors/ingress"]


@E.door("E16", "what is sent there is the HTTP reply, and the first one wins")
async def first_wins(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s&until=reply", True)
        assert (answer.status, answer.json) == (200, "first")


@E.door("E17", "?wait=5s ends with this message's handler: its reply with 200, or 204")
async def until_handled(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/count/a?wait=5s", 3)
        assert (answer.status, answer.json) == (200, 3)
        assert (await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/bool", True)).status == 204


@E.door("E18", "a wait is a duration such as 500ms, 5s or 5m, and that is the longest")
async def durations(open_door: OpenDoor) -> None:
    async with open_door() as http:
        found = [
            (await http.ask(f"/ingress/conf/count/a?wait={wait}", 0)).status for wait in ("500ms", "5m", "6m", "x")
        ]
        assert found == [200, 200, 400, 400]


@E.door("E19", "?wait=…&until=reply waits for whoever answers, else 504; the message stays delivered")
async def until_reply(open_door: OpenDoor) -> None:
    async with open_door() as http:
        # The first handler ends without a reply; the answer is another entity's, one message later.
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s&until=reply", True)
        assert (answer.status, answer.json) == (200, "first")
        assert (await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s", True)).status == 204
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=20ms&until=reply", False)
        assert answer.status == 504
        assert "the message stays delivered" in answer.text
        assert (await http.ask(f"/ingress/conf/forwarder/a?wait=5s&type={LONG}", 0)).json == 3


@E.door("E20", "422 with the reason where the message was dead-lettered or discarded")
async def given_up(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/string", "why")
        assert (answer.status, answer.text) == (422, "TerminalError: why\n")
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/double", 0.5)
        assert (answer.status, answer.text) == (422, "ValueError: discarded\n")


@E.door("E21", "?type=<typename> with application/json, application/x-protobuf or application/octet-stream")
async def by_query(open_door: OpenDoor) -> None:
    path = "/ingress/conf/takes-several/a?wait=5s&type="
    duration = f"{path}type.googleapis.com/google.protobuf.Duration"
    async with open_door() as http:
        assert (await http.ask(f"{path}conf/named", {"text": "x"})).json == "Named"
        for body, content_type in (
            ("2s", JSON),
            (b"\x08\x02", "application/x-protobuf"),
            (b"\x08\x02", "application/octet-stream"),
        ):
            assert (await http.ask(duration, body, content_type)).json == "Duration"


@E.door("E22", "or Content-Type: application/vnd.<typename>, which is JSON")
async def by_content_type(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s", {"text": "x"}, "application/vnd.conf/named")
        assert answer.json == "Named"


@E.door("E23", "or, where the entity takes one type, none")
async def only_type(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/count/a?wait=5s", b"3", None)).json == 3
        assert (await http.ask("/ingress/conf/takes-several/a?wait=5s", {"text": "x"})).status == 422


@E.door("E24", "the reply body is the value's JSON form as application/json, its typename in Statefun-Type")
async def reply_body(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/count/a?wait=5s", 3)
        assert (answer.text, answer.headers["content-type"], answer.headers["statefun-type"]) == ("3", JSON, LONG)


@E.door("E25", "PUT and POST mean the same")
async def methods(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for at, method in enumerate(("PUT", "POST"), 1):
            assert (await http.ask("/ingress/conf/count/a?wait=5s", 1, method=method)).json == at
        assert (await http.ask("/ingress/conf/count/a", 1, method="GET")).status == 405


@E.door("E26", "ids are percent-decoded and may hold /")
async def ids(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/count/a%2Fb/%C3%BC%20c", 1)).status == 202
        assert await count(http, "a/b/ü c") == 1
