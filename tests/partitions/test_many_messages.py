"""The response to many messages, some of them for another partition."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors.dispatch import Application
from statefun_actors.http import Forwarding, Guard, Peer, Pending, Request, Response, create_ingress_app, line
from statefun_actors.http.ingress.forwarding import ForwardingRoute
from statefun_actors.partitions import Partition
from tests.partitions.systems import DEADLINE, System, system
from tests.partitions.test_links import HERE, THERE, Cell, kept, seen, until

LINES = b"".join(
    b'{"to":"test/cell/%b","type":"test/pass-on","value":{"to":[],"number":1}}\n' % id.encode() for id in (HERE, THERE)
)


def responses(both: System, patience: float) -> list[Response | None]:
    """What the ingress of the first partition responds to :data:`LINES`, once it does."""
    engine = both.members[0].engine
    forwarding = Forwarding(Partition(0, 2), {}, engine.when_handed_over, patience)
    router = create_ingress_app(Application(Cell), engine, Guard(local=True), forwarding=forwarding)
    request = Request("POST", b"/ingress", [(b"content-type", b"application/jsonl")])
    route = router.route("/ingress")
    assert route is not None
    pending = route.respond(request, LINES)
    assert not isinstance(pending, Response)
    found: list[Response | None] = []
    pending.on_done(found.append)
    return found


async def test_messages_for_a_partition_that_is_down_are_taken_after_a_timeout(tmp_path: Path) -> None:
    async with system(tmp_path, Cell) as both:
        await both.members[1].stop()
        late, waiting = responses(both, 0.01), responses(both, 3_600)
        await until(lambda: late and kept(both) == 2)
        assert [response and response.status for response in late] == [202]
        assert waiting == []
        await both.members[1].start()
        await until(lambda: waiting)
        assert [response and response.status for response in waiting] == [202]
        await until(lambda: seen(both, THERE) == [1, 1] and not kept(both))


class Ended:
    """A route whose requests have ended with *response*."""

    def __init__(self, response: Response | None) -> None:
        self._response = response

    def admit(self, request: Request) -> None:
        """It admits all requests."""

    def address(self, path: bytes) -> None:
        """None: they are about many addresses."""

    def respond(self, request: Request, body: bytes) -> Pending:
        pending = Peer("nobody", Path("nowhere")).forward(request, body, DEADLINE)
        pending.end(self._response)
        return pending


@pytest.mark.parametrize("response", [line(503, "the store failed"), line(422, "it is refused"), None])
async def test_a_failure_does_not_wait_for_a_partition_that_is_down(tmp_path: Path, response: Response | None) -> None:
    async with system(tmp_path, Cell) as both:
        await both.members[1].stop()
        taken = responses(both, 3_600)
        await until(lambda: kept(both) == 1)
        forwarding = Forwarding(Partition(0, 2), {}, both.members[0].engine.when_handed_over, 3_600)
        pending = ForwardingRoute(Ended(response), forwarding).respond(Request("POST", b"/ingress", []), b"")
        assert not isinstance(pending, Response)
        failed: list[Response | None] = []
        pending.on_done(failed.append)
        await until(lambda: failed)
        assert (failed, taken) == ([response], [])
