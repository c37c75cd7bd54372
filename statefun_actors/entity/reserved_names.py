"""Reserved names of entities, and the problems of classes that use them for something else."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Final

from statefun_actors.definition import Persisted

ENTITY_NAMES: Final = frozenset(
    {
        "address",
        "ask",
        "at",
        "caller",
        "cancel",
        "cancel_every",
        "clear",
        "id",
        "now",
        "reply",
        "reply_address",
        "send",
        "send_after",
        "send_egress",
        "send_every",
    }
)
_ENGINE_NAMES: Final = frozenset(
    {
        "__address_type__", "__attrs_init__", "__attrs_post_init__", "__attrs_pre_init__", "__declared__",
        "__delattr__", "__detached__", "__dict__", "__function_type__", "__getattr__", "__getattribute__",
        "__init__", "__new__", "__on_failure__", "__scope__", "__setattr__", "__slots__",
    }
)  # fmt: skip


def body_problems(body: Mapping[str, object]) -> Iterator[str]:
    """The problems of the names in the body of an entity class."""
    for name, item in body.items():
        if name in ENTITY_NAMES:
            yield hides(name)
        elif name in _ENGINE_NAMES:
            yield f"{name} is reserved: the engine creates the instances; give fields their defaults in persisted(...)"
        elif isinstance(item, functools.cached_property):
            yield f"{name}: a cached_property would lose its value after the batch; write @property"
        elif isinstance(item, Persisted) and name.startswith("_"):
            yield f"{name}: a field's name must not begin with _; choose another one"
        elif isinstance(item, Persisted) and name == "self":
            yield "a field can't be named self; choose another name"


def hides(name: str) -> str:
    return f"{name!r} hides an attribute of Entity; choose another name"


def foreign_base_problems(cls: type, entity: type) -> Iterator[str]:
    """The problems of those bases of *cls* that do not derive from *entity*."""
    mro = cls.__mro__
    for place, base in enumerate(mro):
        if issubclass(base, entity) or base is object or base.__module__ in ("typing", "abc"):
            continue
        if base.__dictoffset__:
            yield (
                f"the base {base.__name__} accepts any attribute, which would be lost silently; "
                "derive it from Entity (without a typename), or give it `__slots__ = ()`"
            )
        for name, item in vars(base).items():
            if isinstance(item, Persisted):
                yield (
                    f"{base.__name__}.{name} is not a field, since {base.__name__} is not an Entity; "
                    "derive it from Entity (without a typename)"
                )
            elif name in ENTITY_NAMES and place < mro.index(entity):
                yield f"{base.__name__}.{name} hides an attribute of Entity; choose another name"
            elif name in _ENGINE_NAMES - {"__dict__", "__slots__"}:
                yield f"{base.__name__}.{name} is never called, since the engine creates the instances; remove it"
