"""The lists of supported types in error texts are derived from one table; the documentation has the same."""

from __future__ import annotations

from pathlib import Path

from statefun_actors.types.supported import (
    CONTAINER_NAMES,
    FIELD_TYPES,
    KEY_TYPES,
    PRIMITIVE_NAMES,
    SENDABLE_TYPES,
    SINGLE_VALUE_NAMES,
)


def test_the_lists_in_error_texts_are_these() -> None:
    names = (
        "bool, int, float, str, bytes, list, dict, tuple, set, frozenset, "
        "datetime, date, timedelta, Decimal, UUID, Address, Enum"
    )

    assert f"{names}, protobuf messages, attrs classes, X | None, unions of @message classes" == FIELD_TYPES
    assert KEY_TYPES == "str, int, UUID, date, datetime, Decimal, or an Enum of str or of int"
    assert f"a protobuf message, a @message class, or {names}" == SENDABLE_TYPES


def test_the_documentation_lists_the_same_types() -> None:
    page = (Path(__file__).parents[2] / "statefun_actors/docs/entities.md").read_text(encoding="utf-8")

    groups = ", ".join(f"`{' '.join(names)}`" for names in (PRIMITIVE_NAMES, CONTAINER_NAMES, SINGLE_VALUE_NAMES))
    assert f"- **Field types**: {groups}, attrs classes" in page
