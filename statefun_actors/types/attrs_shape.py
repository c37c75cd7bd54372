"""Shape of an attrs class: a JSON object with one member for each attribute.

Reading accepts what other versions of the class wrote: unknown members are ignored, missing ones get the attribute's
default. Instances are created by ``__init__``, so converters and validators run.

``dump`` and ``load`` are generated as source code for each class, as attrs generates ``__init__``: a loop over the
attributes takes twice as long, and every message and field of such a class is converted here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import attrs

from statefun_actors.interrupts import of_user_code
from statefun_actors.text import describe
from statefun_actors.types.attrs_objects import is_frozen, other_attributes
from statefun_actors.types.mismatch import Mismatch, member, shown
from statefun_actors.types.shape import TYPE_KEY, One, Shape, wrong_type
from statefun_actors.types.sharing import Unshared, unshared_with_attributes, unshared_without

_MISSING: Any = object()


class Member(NamedTuple):
    """One attribute, and the shape of its values."""

    attribute: attrs.Attribute[Any]
    shape: Shape


def attrs_shape(cls: type, spelling: str, members: Sequence[Member], *, strict: str | None = None) -> Shape:
    """The shape of the attrs class *cls*; *members* are all its attributes, in order.

    *strict*: the typename of the class, if objects with unknown members are refused.
    """
    return Shape(
        spelling,
        _dump(cls, spelling, members),
        _load(cls, spelling, members, strict),
        hashable=cls.__hash__ is not None,
        merges=any(shape.merges for _, shape in members),
        unshared=_unshared(cls, members),
    )


def runs_user_code(cls: type) -> bool:
    """Whether creating an instance runs converters, validators or other code that may refuse or change values."""
    return (
        hasattr(cls, "__attrs_post_init__")
        or hasattr(cls, "__attrs_pre_init__")
        or any(each.converter is not None or each.validator is not None for each in attrs.fields(cls))
    )


def _unshared(cls: type, members: Sequence[Member]) -> Unshared | None:
    unshared = unshared_with_attributes({each.name: shape.unshared for each, shape in members}, frozen=is_frozen(cls))
    more = other_attributes(cls)
    return unshared if more is None else unshared_without(more, unshared)


def _dump(cls: type, spelling: str, members: Sequence[Member]) -> One:
    places = {each.attribute.name: index for index, each in enumerate(members)}
    lines = ["if value.__class__ is not cls:", "    raise wrong_type(spelling, value)", "try:", "    at = ''"]
    names: dict[str, object] = {"cls": cls, "spelling": spelling, "wrong_type": wrong_type}
    for index, (attribute, shape) in enumerate(members):
        names[f"dump_{index}"] = shape.dump
        lines += [f"    at = {attribute.name!r}", f"    v{index} = value.{attribute.name}"]
        lines += _converted(index, shape, "dump", "    ")
    lines += [
        "except Mismatch as mismatch:",
        "    mismatch.under(member(at))",
        "    raise",
        "except AttributeError:",
        "    raise Mismatch('a value', 'an attribute that was never set').under(member(at)) from None",
        f"return {{{', '.join(f'{name!r}: v{index}' for name, index in sorted(places.items()))}}}",
    ]
    return _function(f"dump {spelling}", "value", lines, names)


def _load(cls: type, spelling: str, members: Sequence[Member], strict: str | None) -> One:
    lines = [
        "if obj.__class__ is not dict:",
        "    raise wrong_type(spelling, obj)",
        "try:",
        "    at, get = '', obj.get",
    ]
    names: dict[str, object] = {"spelling": spelling, "wrong_type": wrong_type, "MISSING": _MISSING}
    if strict is not None:
        known = [each.attribute.name for each in members]
        names |= {"KNOWN": frozenset((*known, TYPE_KEY)), "refuse_unknown": _refuse_unknown(spelling, strict, known)}
        # Members of unions, and items of containers of unknown type, have the typename of the class as well.
        lines[2:2] = [
            f"if not obj.keys() <= KNOWN or obj.get({TYPE_KEY!r}, {strict!r}) != {strict!r}:",
            "    refuse_unknown(obj)",
        ]
    positional: list[str] = []
    keywords: list[str] = []
    after_init: list[str] = []
    for index, (attribute, shape) in enumerate(members):
        names |= {f"load_{index}": shape.load, f"default_{index}": attribute.default}
        lines += [f"    at = {attribute.name!r}", f"    v{index} = get({attribute.name!r}, MISSING)"]
        if not attribute.init:
            lines += [f"    if v{index} is not MISSING:", *_converted(index, shape, "load", "        ")]
            after_init += [f"if v{index} is not MISSING:", f"    set_attribute(result, {attribute.name!r}, v{index})"]
            continue
        lines += [f"    if v{index} is MISSING:"]
        if attribute.default is attrs.NOTHING:
            lines += [f"        raise Mismatch({f'`{shape.spelling}`'!r}, 'nothing')"]
        elif isinstance(attribute.default, attrs.Factory):  # type: ignore[arg-type]
            names[f"default_{index}"] = attrs.NOTHING  # __init__ calls the factory for NOTHING
            lines += [f"        v{index} = default_{index}"]
        else:
            lines += [f"        v{index} = default_{index}"]
        lines += ["    else:", *_converted(index, shape, "load", "        ")]
        if attribute.kw_only:
            keywords.append(f"{attribute.alias}=v{index}")
        else:
            positional.append(f"v{index}")
    names |= {"make": _constructor(cls), "refused": _refused(spelling), "set_attribute": object.__setattr__}
    lines += [
        "except Mismatch as mismatch:",
        "    mismatch.under(member(at))",
        "    raise",
        "try:",
        f"    result = make({', '.join((*positional, *keywords))})",
        "except RecursionError:",
        "    raise",
        "except BaseException as error:",
        "    raise refused(error) from None",
        *after_init,
        "return result",
    ]
    return _function(f"load {spelling}", "obj", lines, names)


def _converted(index: int, shape: Shape, half: str, indent: str) -> list[str]:
    """Source lines that convert variable *index* in place; values that pass the quick test skip the call."""
    if shape.passes is None:
        return [f"{indent}v{index} = {half}_{index}(v{index})"]
    test = shape.passes.format(v=f"v{index}")
    return [f"{indent}if not ({test}):", f"{indent}    v{index} = {half}_{index}(v{index})"]


def _function(title: str, argument: str, lines: Sequence[str], names: dict[str, object]) -> One:
    source = "\n    ".join((f"def written({argument}):", *lines))
    scope: dict[str, Any] = {"Mismatch": Mismatch, "member": member, **names}
    exec(compile(source, f"<{title}>", "exec"), scope)  # noqa: S102 - source is made of identifiers and the text above
    written: One = scope["written"]
    return written


def _constructor(cls: type) -> Callable[..., Any]:
    """The function that creates an instance from attributes: the class, or attrs' own __init__ if the user wrote
    another.
    """
    own_init = vars(cls).get("__attrs_init__")
    if own_init is None:
        return cls

    def make(*positional: Any, **named: Any) -> Any:
        value: Any = object.__new__(cls)
        own_init(value, *positional, **named)
        return value

    return make


def _refuse_unknown(spelling: str, name: str, known: Sequence[str]) -> Callable[[dict[str, Any]], NoReturn]:
    def refuse(obj: dict[str, Any]) -> NoReturn:
        unknown = ", ".join(shown(key) for key in obj if key not in known and (key != TYPE_KEY or obj[key] != name))
        keys = f"no keys but {', '.join(map(repr, known))}" if known else "no keys"
        raise Mismatch(f"`{spelling}` with {keys}", unknown)

    return refuse


def _refused(spelling: str) -> Callable[[BaseException], Mismatch]:
    def refused(error: BaseException) -> Mismatch:
        return Mismatch(f"values that `{spelling}` accepts", describe(error), of_user_code(error))

    return refused
