"""Fields with a time to live: what renews it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from statefun_actors import Discard, Entity, handles, persisted
from statefun_actors.model import Expiration, StateSpec
from statefun_actors.types import pack
from tests.dispatch.world import World
from tests.entity.deeds import DEEDS, JSON, Do, changes, codec_json, do


class Session(Entity, typename="web/session"):
    token: str = persisted(default="", expire_after_write=timedelta(hours=1))
    pages: list[str] = persisted(factory=list, expire_after_write=timedelta(hours=1))
    user: str | None = persisted(default=None, expire_after_call=timedelta(days=1.5))

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


class GuardedSession(Session, typename="web/guarded", on_failure=Discard()):
    pass


def test_times_to_live_are_declared_in_milliseconds() -> None:
    assert list(World(Session).function.states) == [
        StateSpec("token", "io.statefun.types/string", Expiration.AFTER_WRITE, 3_600_000),
        StateSpec("pages", JSON, Expiration.AFTER_WRITE, 3_600_000),
        StateSpec("user", "io.statefun.types/string", Expiration.AFTER_CALL, 129_600_000),
    ]


@pytest.mark.parametrize("kind", [Session, GuardedSession])
async def test_any_assignment_renews_a_field_that_expires_after_its_last_write(kind: type[Session]) -> None:
    state: dict[str, object] = {"token": "t", "pages": codec_json(["a"]), "user": "ada"}
    world = World(kind, state)

    def same(self: Session) -> None:
        self.token = "t"
        self.pages = self.pages
        self.user = "ada"

    assert await changes(world, do(same)) == {"token": pack("t"), "pages": codec_json(["a"])}
    assert await changes(world, do(lambda self: None), do(same), do(lambda self: self.token)) == {
        "token": pack("t"),
        "pages": codec_json(["a"]),
    }


@pytest.mark.parametrize("kind", [Session, GuardedSession])
async def test_reading_it_does_not_renew_it(kind: type[Session]) -> None:
    world = World(kind, {"token": "t", "pages": codec_json(["a"])})

    assert await changes(world, do(lambda self: (self.token, self.pages))) == {}


@pytest.mark.parametrize("kind", [Session, GuardedSession])
async def test_it_can_be_renewed_and_then_deleted(kind: type[Session]) -> None:
    world = World(kind, {"token": "t"})

    def delete(self: Session) -> None:
        self.token = "u"
        del self.token

    def renew(self: Session) -> None:
        del self.token
        self.token = "t"

    assert await changes(World(kind, {"token": "t"}), do(delete)) == {"token": None}
    assert await changes(world, do(renew)) == {"token": pack("t")}


async def test_an_assignment_that_is_undone_renews_nothing() -> None:
    world = World(GuardedSession, {"token": "t"})

    def fail(self: Session) -> None:
        self.token = "t"
        raise RuntimeError

    assert await changes(world, do(fail), do(lambda self: self.token)) == {}
