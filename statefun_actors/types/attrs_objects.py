"""What objects of an attrs class may be changed to, and have besides their attributes."""

from __future__ import annotations

from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any

import attrs


def is_frozen(cls: type) -> bool:
    """Whether attrs made *cls* frozen: such a class has the ``__setattr__`` of attrs."""
    return cls.__setattr__.__name__ == "_frozen_setattrs"


def other_attributes(cls: type) -> Callable[[Any], bool] | None:
    """Whether an object of *cls* has attributes that are not those of attrs; None: it can't have any.

    A ``functools.cached_property`` keeps its value in one: in a slot, or in ``__dict__``.
    """
    known = {attribute.name for attribute in attrs.fields(cls)}
    if is_frozen(cls):
        known.add("_attrs_cached_hash")  # it follows from the attributes
    slots = [
        descriptor.__get__
        for base in cls.__mro__
        for name, descriptor in vars(base).items()
        if isinstance(descriptor, MemberDescriptorType) and name not in known
    ]
    has_dict = cls.__dictoffset__ != 0
    if not slots and not has_dict:
        return None

    def has_others(value: Any) -> bool:
        if has_dict and not value.__dict__.keys() <= known:
            return True
        for get in slots:
            try:
                get(value)
            except AttributeError:  # it is not set
                continue
            return True
        return False

    return has_others
