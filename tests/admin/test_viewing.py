"""Views of an entity for people and programs: by the declarations of its class, without expired fields."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Address, Entity, message, persisted
from statefun_actors.admin import form_of, view_entity
from statefun_actors.dispatch import Application
from statefun_actors.model import TypedValue
from statefun_actors.store import EntityRecord, EntityRow
from statefun_actors.store.entity_record import pack as packed
from statefun_actors.types import codec_for, pack

ADA = Address("test/thing", "ada")


@message("test/note")
class Note:
    text: str


class Thing(Entity, typename="test/thing"):
    count: int = persisted(default=3, name="n")
    tags: list[str] = persisted(factory=list, expire_after_write=timedelta(seconds=1))
    note: Note | None = persisted(default=None)
    total: float = persisted(default=0.5, expire_after_call=timedelta(seconds=5))


FUNCTION = Application(Thing).served["test/thing"].function


def row(**state: TypedValue) -> EntityRow:
    return EntityRow(ADA, packed(EntityRecord({**state}, {"tags": 10_000}, 12_000)))


def tags(*texts: str) -> TypedValue:
    codec = codec_for(list[str])
    return TypedValue(codec.typename, codec.encode([*texts]))


def test_fields_come_in_the_order_of_the_class_under_its_names_and_absent_ones_with_their_defaults() -> None:
    view = view_entity(row(note=pack(Note("hi")), n=pack(0)), 12_000, FUNCTION)

    assert list(view.fields.items()) == [("count", 0), ("tags", []), ("note", {"text": "hi"}), ("total", 0.5)]
    assert view.absent == {"tags", "total"}
    assert view.last_call_ms == 12_000


def test_expired_fields_are_absent_and_others_show_their_expiry() -> None:
    stored = row(tags=tags("a"), total=pack(2.5))

    before, after = view_entity(stored, 10_999, FUNCTION), view_entity(stored, 11_000, FUNCTION)

    assert before.expires_ms == {"tags": 11_000, "total": 17_000}
    assert (before.fields["tags"], after.fields["tags"]) == (["a"], [])
    assert after.absent == {"count", "note", "tags"}


def test_a_state_that_no_field_has_is_shown_behind_them() -> None:
    view = view_entity(row(n=pack(1), old=pack("x")), 0, FUNCTION)

    assert list(view.fields) == ["count", "tags", "note", "total", "old"]
    assert view.fields["old"] == "x"


def test_a_value_that_does_not_fit_its_field_is_reported() -> None:
    view = view_entity(row(n=pack("text")), 0, FUNCTION)

    (why,) = view.fields["count"].items()  # type: ignore[attr-defined]
    assert why[0] == "unreadable"
    assert "Thing('ada').count" in why[1]


def test_without_a_class_states_are_shown_under_their_own_names() -> None:
    view = view_entity(row(n=pack(1), note=pack(Note("hi"))), 0)

    assert view.fields == {"n": 1, "note": {"text": "hi"}}


def test_a_row_that_is_none_says_so() -> None:
    view = view_entity(EntityRow(ADA, b"\xff"), 0, FUNCTION)

    assert list(view.fields) == ["unreadable"]
    assert str(view.fields["unreadable"]).startswith(f"the stored state of {ADA} is damaged: ")
    assert (view.absent, view.expires_ms, view.last_call_ms) == (frozenset(), {}, 0)


def test_a_value_without_a_json_form_is_shown_as_its_bytes() -> None:
    assert form_of(TypedValue("a/b", b"\xff")) == {"type": "a/b", "base64": "/w=="}
    assert form_of(TypedValue("a/b", b'{"x": 1}')) == {"x": 1}
    assert form_of(TypedValue("a/b", b"{x")) == {"type": "a/b", "base64": "e3g="}
    assert form_of(TypedValue("io.statefun.types/long", b"\xff")) == {
        "type": "io.statefun.types/long",
        "base64": "/w==",
    }
