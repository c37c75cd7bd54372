"""What one batch does: classes that could not do it are refused when they are defined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from statefun_actors import Entity, handles, persisted
from tests.conformance.cases.vocabulary import problems_of
from tests.conformance.sections import BATCHES as B

declare: Any = persisted  # what the type checker refuses is what is tried


def problems(annotations: Mapping[str, object], typename: str = "conf/defined", **body: object) -> list[str]:
    """What is wrong with the class of these annotations and this body."""
    make: Any = type(Entity)
    namespace = {"__module__": __name__, "__qualname__": "Cart", "__annotations__": dict(annotations), **body}
    return problems_of(lambda: make("Cart", (Entity,), namespace, typename=typename))


@B.once("B66", "definition error: a persisted() without a default that is not optional")
def no_default() -> None:
    assert problems({"total": int}, total=declare()) == [
        "total: a field that is not optional needs a default: persisted(default=...) or persisted(factory=...)"
    ]


@B.once("B67", "definition error: an optional one with a default other than None")
def optional_default() -> None:
    assert problems({"total": int | None}, total=declare(default=0)) == [
        "total: an optional field's default is None, got 0; remove `| None`, or the default"
    ]


@B.once("B68", "definition error: persisted(type=) against the annotation")
def contradiction() -> None:
    assert problems({"total": int}, total=declare(default=0, type=str)) == [
        "total: persisted(type=str) contradicts the annotation int; remove one"
    ]


@B.once("B69", "definition error: a mutable default=")
def mutable_default() -> None:
    assert problems({"total": list[str]}, total=declare(default=[])) == [
        "total: default=[] is mutable and would be shared; write factory=list"
    ]


@B.once("B70", "definition error: both expirations")
def both_expirations() -> None:
    day = timedelta(days=1)
    assert problems({"total": int}, total=declare(default=0, expire_after_write=day, expire_after_call=day)) == [
        "total: give expire_after_write= or expire_after_call=, not both"
    ]


@B.once("B71", "definition error: two fields with one state name")
def one_state_name() -> None:
    found = problems({"total": int, "sum": int}, total=declare(default=0), sum=declare(default=0, name="total"))
    assert found == ["total and sum are both stored as 'total'; rename one of the two"]


@B.once("B72", "definition error: an annotated attribute without persisted(); write that, or ClassVar")
def no_persisted() -> None:
    assert problems({"limit": int}, limit=3) == [
        "limit: an annotated attribute is not a field; "
        "write `limit: ... = persisted(default=...)` to keep it, or ClassVar[...] to share it"
    ]


@B.once("B73", "definition error: a bare @handles without an annotation")
def bare_handles() -> None:
    def take(self, message): ...  # type: ignore[no-untyped-def] # that is what is tried

    assert problems({}, take=handles(take)) == [
        "take: it has no message type; write @handles(Type), or annotate `message: Type`"
    ]


@B.once("B74", "definition error: a field that begins with _")
def underscore() -> None:
    assert problems({"_total": int}, _total=declare(default=0)) == [
        "_total: a field's name must not begin with _; choose another one"
    ]


@B.once("B75", "definition error: the reserved namespaces statefun-actors and io.statefun")
def reserved() -> None:
    for namespace in ("statefun-actors", "io.statefun"):
        assert problems({}, typename=f"{namespace}/cart") == [
            f"typename='{namespace}/cart': the namespace '{namespace}' is reserved; choose your own"
        ]


@B.once("B76", "everything wrong with a class is reported at once")
def at_once() -> None:
    assert len(problems({"_total": int, "sum": int}, typename="cart", _total=declare(default=0), sum=declare())) == 3
