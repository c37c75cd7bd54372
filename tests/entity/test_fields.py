"""State goes in when it is touched, and out when its bytes have changed."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import attrs
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from statefun_actors import Address, Discard, Entity, TypedValue, handles, message, persisted
from statefun_actors.model import Expiration, StateSpec
from statefun_actors.types import codec_for, pack, value_of
from tests.dispatch.world import World, text_of

LONG = "io.statefun.types/long"
DOUBLE = "io.statefun.types/double"
JSON = "statefun-actors/json"

FORTY_TWO = TypedValue(LONG, b"\x09" + (42).to_bytes(8, "little"))
UNREADABLE = TypedValue(LONG, b"\xff")


@message("test/do")
class Do:
    """What a test's entity is to do: names one of the functions in ``DEEDS``."""

    name: str


DEEDS: dict[str, Callable[[Any], object]] = {}


def do(deed: Callable[[Any], object]) -> Do:
    """The message that has the entity do *deed* with itself; what that returns is dropped."""
    name = f"{deed.__qualname__}-{len(DEEDS)}"
    DEEDS[name] = deed
    return Do(name)


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)
    history: list[str] = persisted(factory=list)
    owner: str | None = persisted(default=None)
    ratio: float = persisted(default=0.0)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


class Guarded(Account, typename="bank/guarded", on_failure=Discard()):
    pass


def sets(name: str, value: object) -> Do:
    return do(lambda self: setattr(self, name, value))


def reads(name: str) -> Do:
    return do(lambda self: getattr(self, name))


@pytest.fixture(params=[Account, Guarded])
def served(request: pytest.FixtureRequest) -> type[Account]:
    """The same behaviour, whether each message is settled on its own or the whole batch at its end."""
    kind: type[Account] = request.param
    return kind


async def changes(world: World, *messages: object) -> dict[str, TypedValue | None]:
    return dict((await world.done(*messages)).changes)


async def test_only_changed_fields_are_written_back(served: type[Account]) -> None:
    world = World(served, {"balance": 5, "owner": "ada", "ratio": 0.5, "history": codec_json(["a"])})

    def touch_all(self: Account) -> None:
        self.balance += 1
        assert (self.owner, self.ratio, self.history) == ("ada", 0.5, ["a"])

    assert await changes(world, do(touch_all)) == {"balance": pack(6)}


def codec_json(value: list[str]) -> TypedValue:
    return TypedValue(JSON, codec_for(list[str]).encode(value))


async def test_nothing_touched_is_nothing_written(served: type[Account]) -> None:
    world = World(served, {"balance": UNREADABLE, "history": TypedValue("other/type", b"?")})

    assert await changes(world, do(lambda self: None)) == {}


async def test_changes_in_place_are_found(served: type[Account]) -> None:
    world = World(served, {"history": codec_json(["a"])})

    assert await changes(world, do(lambda self: self.history.append("b"))) == {"history": codec_json(["a", "b"])}
    assert await changes(world, do(lambda self: self.history.clear())) == {"history": codec_json([])}


async def test_changes_are_in_the_order_of_declaration(served: type[Account]) -> None:
    def all_backwards(self: Account) -> None:
        self.ratio, self.owner = 1.5, "ada"
        self.history.append("a")
        self.balance = 1

    assert list(await changes(World(served), do(all_backwards))) == ["balance", "history", "owner", "ratio"]


async def test_a_field_is_written_once_after_several_changes(served: type[Account]) -> None:
    messages = [sets("balance", number) for number in range(1, 10)]

    assert await changes(World(served), *messages) == {"balance": pack(9)}


async def test_a_value_changed_back_is_unchanged(served: type[Account]) -> None:
    world = World(served, {"balance": 5, "owner": "ada", "history": codec_json(["a"])})

    def back(self: Account) -> None:
        self.balance, self.owner = 5, "ada"
        self.history.remove("b")

    def forth(self: Account) -> None:
        self.balance, self.owner = 6, "bea"
        self.history.append("b")

    assert await changes(world, do(forth), do(back)) == {}


async def test_deleted_and_assigned_as_it_was_is_unchanged(served: type[Account]) -> None:
    def again(self: Account) -> None:
        del self.balance
        self.balance = 5

    assert await changes(World(served, {"balance": 5}), do(again)) == {}


@pytest.mark.parametrize(("name", "default"), [("balance", 0), ("owner", None), ("ratio", 0.0), ("history", [])])
async def test_absent_reads_as_the_default(served: type[Account], name: str, default: object) -> None:
    read: list[object] = []

    assert await changes(World(served), do(lambda self: read.append(getattr(self, name)))) == {}
    assert read == [default]


@pytest.mark.parametrize(("name", "default"), [("balance", 0), ("ratio", 0.0), ("history", [])])
async def test_assigning_to_an_absent_field_writes_even_the_default(
    served: type[Account], name: str, default: object
) -> None:
    written = await changes(World(served), sets(name, default))
    written_after_reading = await changes(World(served), reads(name), sets(name, default))

    assert list(written) == list(written_after_reading) == [name]


async def test_assigning_none_to_an_absent_field_writes_nothing(served: type[Account]) -> None:
    assert await changes(World(served), sets("owner", None)) == {}


async def test_a_factory_default_that_is_changed_in_place_is_written(served: type[Account]) -> None:
    world = World(served)

    def later(self: Account) -> None:
        self.history.append("a")

    assert await changes(world, reads("history"), reads("history"), do(later)) == {"history": codec_json(["a"])}


async def test_empty_and_false_values_are_values(served: type[Account]) -> None:
    world = World(served, {"owner": "", "balance": 0, "ratio": 0.0, "history": codec_json([])})
    read: list[object] = []

    await world.done(do(lambda self: read.append((self.owner, self.balance, self.ratio, self.history))))

    assert read == [("", 0, 0.0, [])]
    assert await changes(World(served), sets("owner", "")) == {"owner": TypedValue("io.statefun.types/string", b"")}


async def test_none_deletes_an_optional_field(served: type[Account]) -> None:
    assert await changes(World(served, {"owner": "ada"}), sets("owner", None)) == {"owner": None}


async def test_del_deletes_any_field_read_or_not(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner
        assert self.owner is None
        assert self.balance == 5
        del self.balance
        assert self.balance == 0
        del self.history
        assert self.history == []

    world = World(served, {"owner": "ada", "balance": 5, "history": codec_json(["a"])})

    assert await changes(world, do(delete)) == {"balance": None, "history": None, "owner": None}


async def test_deleting_what_is_absent_changes_nothing(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner
        del self.owner
        del self.history

    assert await changes(World(served), do(delete)) == {}


async def test_written_and_deleted_in_one_batch_never_was(served: type[Account]) -> None:
    def delete(self: Account) -> None:
        del self.owner

    assert await changes(World(served), sets("owner", "ada"), do(delete)) == {}
    assert await changes(World(served, {"owner": "bea"}), sets("owner", "ada"), do(delete)) == {"owner": None}


async def test_a_deleted_field_starts_again_from_its_default(served: type[Account]) -> None:
    def restart(self: Account) -> None:
        assert self.history == ["a"]
        del self.history
        self.history.append("b")

    world = World(served, {"history": codec_json(["a"]), "balance": 5})

    def count(self: Account) -> None:
        del self.balance
        self.balance += 1

    assert await changes(world, do(restart), do(count)) == {"history": codec_json(["b"]), "balance": pack(1)}


async def test_clear_deletes_all_fields(served: type[Account]) -> None:
    def clear(self: Account) -> None:
        self.balance = 7
        self.clear()
        assert (self.balance, self.history, self.owner) == (0, [], None)

    world = World(served, {"balance": 5, "history": codec_json(["a"])})

    assert await changes(world, do(clear)) == {"balance": None, "history": None}


class Two(Account, typename="bank/two"):
    future: list[str] = persisted(factory=list)


async def test_one_object_in_two_fields_is_stored_for_each() -> None:
    def share(self: Two) -> None:
        self.history = self.future
        self.future.append("a")

    assert await changes(World(Two), do(share)) == {"history": codec_json(["a"]), "future": codec_json(["a"])}


async def test_a_value_that_is_not_canonical_is_not_rewritten_by_reading(served: type[Account]) -> None:
    spaced = TypedValue(JSON, b'[ "a" ]')
    repeated = TypedValue(LONG, FORTY_TWO.value + FORTY_TWO.value)
    world = World(served, {"history": spaced, "balance": repeated})
    read: list[object] = []

    def look(self: Account) -> None:
        read.append((self.history, self.balance))

    assert await changes(world, do(look), do(look)) == {}
    assert read == [(["a"], 42), (["a"], 42)]
    assert await changes(world, do(lambda self: self.history.append("b"))) == {"history": codec_json(["a", "b"])}


async def test_an_int_of_the_other_typename_is_read_and_kept_until_it_changes(served: type[Account]) -> None:
    short = TypedValue("io.statefun.types/int", b"\x0d" + (42).to_bytes(4, "little"))
    world = World(served, {"balance": short})

    assert await changes(world, reads("balance")) == {}
    assert await changes(world, do(lambda self: setattr(self, "balance", self.balance + 1))) == {"balance": pack(43)}


@pytest.mark.parametrize(
    ("typename", "data"),
    [("io.statefun.types/int", b"\x0d\x05\0\0\0"), ("type.googleapis.com/google.protobuf.Int64Value", b"\x08\x05")],
)
async def test_assigning_what_is_stored_under_another_typename_is_no_change(
    served: type[Account], typename: str, data: bytes
) -> None:
    world = World(served, {"balance": TypedValue(typename, data)})

    assert await changes(world, sets("balance", 5)) == {}
    assert await changes(world, sets("balance", 6)) == {"balance": pack(6)}


async def test_assigning_over_what_can_not_be_read_under_another_typename_is_a_change(served: type[Account]) -> None:
    world = World(served, {"balance": TypedValue("io.statefun.types/int", b"\xff")})

    assert await changes(world, sets("balance", 5)) == {"balance": pack(5)}


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0xFFF8000000000002, 0x7FF0000000000000, 0x8000000000000000])
async def test_a_float_field_keeps_every_float_exactly(served: type[Account], bits: int) -> None:
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    world = World(served)

    await world.done(sets("ratio", value))

    assert world.state["ratio"] == TypedValue(DOUBLE, b"\x09" + bits.to_bytes(8, "little"))
    assert await changes(world, reads("ratio")) == {}
    assert await changes(world, sets("ratio", value)) == {}


async def test_floats_are_compared_by_their_bits(served: type[Account]) -> None:
    world = World(served, {"ratio": 0.0})

    assert await changes(world, sets("ratio", -0.0)) == {"ratio": pack(-0.0)}
    assert await changes(world, sets("ratio", -0.0)) == {}
    assert await changes(world, sets("ratio", 0.0)) == {"ratio": pack(0.0)}
    assert math.copysign(1, 0.0) == 1


async def test_a_default_int_of_a_float_field_reads_as_a_float() -> None:
    class Meter(Account, typename="bank/meter"):
        level: float = persisted(default=1)

    read: list[object] = []
    await World(Meter).done(do(lambda self: read.append(repr(self.level))))

    assert read == ["1.0"]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("balance", None, "Account.balance: expected `int`, got `None`"),
        ("balance", "5", "Account.balance: expected `int`, got `str`"),
        ("balance", True, "Account.balance: expected `int`, got `bool`"),
        ("balance", 1 << 63, f"Account.balance: expected an int of 64 bits, got {1 << 63}"),
        ("owner", 5, "Account.owner: expected `str` or None, got `int`"),
        ("owner", "\ud800", "Account.owner: expected text that UTF-8 can encode, got '\\ud800', "
            "which holds a lone surrogate"),
        ("history", ["a", 5], "Account.history: expected `str`, got `int` - at `$[1]`"),
        ("history", ("a",), "Account.history: expected `list[str]`, got `tuple`"),
        ("history", None, "Account.history: expected `list[str]`, got `None`"),
    ],
)  # fmt: skip
async def test_a_value_that_does_not_fit_fails_its_message(name: str, value: object, error: str) -> None:
    failed = await World(Account).failed(sets(name, value))

    assert failed.index == 0
    assert text_of(failed.error) == f"FieldMismatchError: {error}"


async def test_the_message_that_does_not_fit_is_undone_and_the_rest_goes_on() -> None:
    world = World(Guarded)

    def both(self: Account) -> None:
        self.balance = 7
        self.owner = 5  # type: ignore[assignment]

    outcome = await world.done(sets("balance", 1), do(both), do(lambda self: self.history.append("a")))

    assert outcome.changes == {"balance": pack(1), "history": codec_json(["a"])}
    assert [(failure.index, text_of(failure.error)) for failure in outcome.failures] == [
        (1, "FieldMismatchError: Guarded.owner: expected `str` or None, got `int`")
    ]


async def test_in_a_batch_of_many_without_a_policy_any_message_may_be_at_fault() -> None:
    failed = await World(Account).failed(sets("balance", "5"), sets("owner", "ada"))

    assert failed.index is None


@pytest.mark.parametrize("swallow", [False, True])
async def test_state_that_can_not_be_read_fails_the_batch_when_it_is_read(served: type[Account], swallow: bool) -> None:
    def read(self: Account) -> None:
        try:
            self.balance += 1
        except ValueError:
            if not swallow:
                raise
            self.balance = 0

    failed = await World(served, {"balance": UNREADABLE}).failed(sets("owner", "ada"), do(read))

    assert failed.index is None
    assert text_of(failed.error) == (
        f"StateDecodeError: the stored state {served.__name__}.balance can't be read: expected `int`, "
        "got 1 bytes of 'io.statefun.types/long': malformed protobuf: a varint that does not end. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_state_of_another_type_can_not_be_read(served: type[Account]) -> None:
    failed = await World(served, {"balance": "five"}).failed(reads("balance"))

    assert text_of(failed.error) == (
        f"StateDecodeError: the stored state {served.__name__}.balance can't be read: expected `int`, "
        "got state of type 'io.statefun.types/string'. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_state_that_can_not_be_read_may_be_overwritten_or_deleted_unread(served: type[Account]) -> None:
    world = World(served, {"balance": UNREADABLE, "history": UNREADABLE})

    def delete(self: Account) -> None:
        del self.history
        self.balance = 3

    assert await changes(world, do(delete)) == {"balance": pack(3), "history": None}


async def test_unreadable_state_is_found_again_after_many_good_batches(served: type[Account]) -> None:
    world = World(served, {"balance": 5})
    for _ in range(3):
        await world.done(do(lambda self: setattr(self, "balance", self.balance + 1)))
    world.state["balance"] = UNREADABLE

    assert await changes(world, sets("owner", "ada")) == {"owner": pack("ada")}
    assert "can't be read" in str((await world.failed(reads("balance"))).error)


class Renamed(Entity, typename="bank/renamed"):
    sum: int = persisted(default=0, name="balance")

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_a_renamed_field_keeps_its_state() -> None:
    world = World(Renamed, {"balance": 5})

    assert await changes(world, do(lambda self: setattr(self, "sum", self.sum + 1))) == {"balance": pack(6)}
    assert (await world.missing({}, do(lambda self: None))).specs == [StateSpec("balance", LONG)]


def from_text(stored: TypedValue) -> int:
    if stored.typename != "io.statefun.types/string":
        raise LookupError("no text")
    return int(value_of(stored))


class Converted(Entity, typename="bank/converted"):
    balance: int = persisted(default=0, convert=from_text)
    lines: list[str] = persisted(factory=list, convert=lambda stored: [stored.value.decode()])
    owner: str | None = persisted(default=None, convert=lambda stored: None)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_convert_reads_state_of_an_older_type_without_rewriting_it() -> None:
    world = World(Converted, {"balance": "5", "lines": TypedValue("cart/line", b"a"), "owner": 5})
    read: list[object] = []

    assert await changes(world, do(lambda self: read.append((self.balance, self.lines, self.owner)))) == {}
    assert read == [(5, ["a"], None)]


async def test_converted_state_is_written_in_the_new_type_once_it_changes() -> None:
    world = World(Converted, {"balance": "5", "lines": TypedValue("cart/line", b"a")})

    def change(self: Converted) -> None:
        self.balance += 1
        self.lines.append("b")

    assert await changes(world, do(change)) == {"balance": pack(6), "lines": codec_json(["a", "b"])}


async def test_convert_is_asked_where_the_shape_changed_within_one_typename() -> None:
    world = World(Converted, {"lines": TypedValue(JSON, b'{"a": 1}')})
    read: list[object] = []

    await world.done(do(lambda self: read.append(self.lines)))

    assert read == [['{"a": 1}']]


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        (pack("x"), "3 bytes of 'io.statefun.types/string': convert= raised "
            "ValueError(\"invalid literal for int() with base 10: 'x'\")"),
        (pack(0.5), "9 bytes of 'io.statefun.types/double': convert= raised LookupError('no text')"),
        (UNREADABLE, "1 bytes of 'io.statefun.types/long': malformed protobuf: a varint that does not end; and "
            "convert= raised LookupError('no text')"),
    ],
)  # fmt: skip
async def test_state_that_convert_can_not_read_either_fails_the_batch(stored: TypedValue, reason: str) -> None:
    failed = await World(Converted, {"balance": stored}).failed(reads("balance"))

    assert str(failed.error) == (
        f"the stored state Converted.balance can't be read: expected `int`, got {reason}. "
        "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
    )


async def test_the_result_of_convert_must_fit() -> None:
    class Bad(Converted, typename="bank/bad"):
        balance: int = persisted(default=0, convert=lambda stored: "5")

    failed = await World(Bad, {"balance": "5"}).failed(reads("balance"))

    assert "convert= returned a value of another type: expected `int`, got `str`." in str(failed.error)


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


@attrs.define
class Line:
    sku: str
    count: int = 1


@attrs.frozen
class Point:
    x: int


class Kinds(Entity, typename="bank/kinds"):
    seen: Timestamp | None = persisted(default=None)
    lines: dict[str, Line] = persisted(factory=dict)
    point: Point = persisted(default=Point(0))
    answer_to: Address | None = persisted(default=None)

    @handles
    def obey(self, message: Do) -> None:
        DEEDS[message.name](self)


async def test_values_of_users_classes_are_changed_in_place_too() -> None:
    world = World(Kinds)

    def first(self: Kinds) -> None:
        self.seen = Timestamp(seconds=5)
        self.lines["a"] = Line("a")
        self.point = Point(0)
        self.answer_to = Kinds.at("bea")

    def second(self: Kinds) -> None:
        assert self.seen is not None
        self.seen.seconds += 1
        self.lines["a"].count += 1
        assert self.point == Point(0)
        assert self.answer_to == Address("bank/kinds", "bea")

    assert list(await changes(world, do(first))) == ["seen", "lines", "point", "answer_to"]
    assert await changes(world, do(second)) == {
        "seen": pack(Timestamp(seconds=6)),
        "lines": TypedValue(JSON, b'{"a":{"count":2,"sku":"a"}}'),
    }


async def test_an_entity_may_have_no_fields() -> None:
    class Stateless(Entity, typename="bank/stateless"):
        @handles
        def obey(self, message: Do) -> None: ...

    assert await changes(World(Stateless), do(lambda self: None)) == {}


async def test_states_that_are_no_longer_declared_are_ignored(served: type[Account]) -> None:
    world = World(served)
    world.state["old"] = pack(5)

    assert await changes(world, sets("balance", 1)) == {"balance": pack(1)}


async def test_states_that_the_batch_lacks_are_asked_for_in_the_order_of_declaration(served: type[Account]) -> None:
    ran: list[int] = []

    missing = await World(served).missing({"history": None, "other": None}, do(lambda self: ran.append(1)))

    assert missing.specs == [
        StateSpec("balance", LONG),
        StateSpec("owner", "io.statefun.types/string"),
        StateSpec("ratio", DOUBLE),
    ]
    assert not ran


SPACED = TypedValue(JSON, b'[ "a" ]')  # as another SDK may write it


def changes_and_replaces(account: Account) -> None:
    account.history.append("b")
    account.history = list(account.history)


def replaces_and_changes(account: Account) -> None:
    before = account.history
    account.history = [*before, "b"]
    before.append("b")


def changes_back(account: Account) -> None:
    account.history.append("b")
    account.history = account.history[:1]


@pytest.mark.parametrize("kind", [Account, Guarded])
@pytest.mark.parametrize("stored", [SPACED, pack(["a"])])
@pytest.mark.parametrize(
    ("deed", "changes"),
    [
        (changes_and_replaces, {"history": TypedValue(JSON, b'["a","b"]')}),
        (replaces_and_changes, {"history": TypedValue(JSON, b'["a","b"]')}),
        (changes_back, {}),
    ],
)
async def test_a_change_is_found_whether_the_old_value_was_changed_or_replaced(
    kind: type[Account], stored: TypedValue, deed: Callable[[Account], None], changes: dict[str, TypedValue]
) -> None:
    world = World(kind, {"history": stored})

    assert (await world.done(do(deed))).changes == changes
