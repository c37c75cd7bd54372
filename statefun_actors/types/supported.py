"""The supported types, as error texts list them. All lists are derived from the tables of shapes and keys.

docs/entities.md has the same list; a test compares the two.
"""

from __future__ import annotations

from typing import Final

from statefun_actors.types.dict_keys import KEY_CLASSES
from statefun_actors.types.leaves import LEAVES
from statefun_actors.types.primitives import PRIMITIVES

CONTAINERS: Final = (list, dict, tuple, set, frozenset)


PRIMITIVE_NAMES: Final = [cls.__name__ for cls in PRIMITIVES]
CONTAINER_NAMES: Final = [cls.__name__ for cls in CONTAINERS]
SINGLE_VALUE_NAMES: Final = [*(shape.spelling for cls, shape in LEAVES.items() if cls not in PRIMITIVES), "Enum"]
"""Classes without parts, except the primitives."""

FIELD_TYPES: Final = ", ".join(
    [
        *PRIMITIVE_NAMES,
        *CONTAINER_NAMES,
        *SINGLE_VALUE_NAMES,
        *("protobuf messages", "attrs classes", "X | None", "unions of @message classes"),
    ]
)
KEY_TYPES: Final = f"{', '.join(cls.__name__ for cls in KEY_CLASSES)}, or an Enum of str or of int"
SENDABLE_TYPES: Final = (
    f"a protobuf message, a @message class, or {', '.join([*PRIMITIVE_NAMES, *CONTAINER_NAMES, *SINGLE_VALUE_NAMES])}"
)
