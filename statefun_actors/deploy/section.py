"""Reads a mapping in a YAML document key by key.

A problem is recorded with its position, and a placeholder is returned, so that all problems are reported at once; the
caller must check the problems before it uses the values. Scalars are read as text, as StateFun does: ``id: 07`` is not
a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import Final, TypeVar, get_args

import attrs
import yaml

from statefun_actors.deploy.durations import read_duration
from statefun_actors.deploy.errors import Problem, YamlPosition

_T = TypeVar("_T")
_D = TypeVar("_D")
_MISSING: Final = "nothing"
_STRING: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"


@attrs.frozen
class Findings:
    """The problems of a file, and its unknown keys, which StateFun ignores."""

    problems: list[Problem] = attrs.field(factory=list)
    ignored: list[Problem] = attrs.field(factory=list)


class Section:
    """The mapping *node* at *path* of document number *document*."""

    def __init__(self, node: yaml.Node, document: int, path: str, findings: Findings) -> None:
        self._node, self._document, self._path, self._findings = node, document, path, findings
        self._read: set[str] = set()
        self._values: dict[str, yaml.Node] = {}
        self._is_none = False
        """Whether it is not a mapping: that is one problem, and its keys are no further ones."""
        if not isinstance(node, yaml.MappingNode):
            self._note(path, node, "a mapping")
            self._is_none = True
            return
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else _shown(key)
            if name in self._values:
                self._note(self._at(name), key, "each key once", f"{name!r} again")
            elif value.tag != _NULL:  # a key without a value counts as missing
                self._values[name] = value

    @property
    def place(self) -> YamlPosition:
        return YamlPosition(self._document, self._node.start_mark.line + 1)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def keys(self) -> list[str]:
        return list(self._values)

    def problem(self, key: str, expected: str, got: str | None = None) -> None:
        """Record a problem with the value at *key*."""
        self._note(self._at(key), self._values.get(key), expected, got)

    # --- values

    def text(self, key: str, expected: str = "a text", default: str | None = None) -> str:
        """The scalar at *key*, which is required without a *default*."""
        node = self._take(key)
        if node is None and default is not None:
            return default
        if isinstance(node, yaml.ScalarNode) and node.value:
            return str(node.value)
        self._note(self._at(key), node, expected)
        return default or ""

    def string(self, key: str, expected: str) -> str:
        """:meth:`text`, which must not look like a number, a boolean or a date."""
        node = self._values.get(key)
        if isinstance(node, yaml.ScalarNode) and node.value and node.tag != _STRING:
            self._take(key)
            self._note(self._at(key), node, f"{expected} in quotes")
            return ""
        return self.text(key, expected)

    def parsed(self, key: str, expected: str, parse: Callable[[str], _T], default: _D) -> _T | _D:
        """The scalar at *key*, parsed by *parse* (which may raise ValueError); *default* if missing."""
        node = self._take(key)
        if node is None:
            return default
        if isinstance(node, yaml.ScalarNode):
            try:
                return parse(node.value)
            except ValueError:
                pass
        self._note(self._at(key), node, expected)
        return default

    def required(self, key: str, expected: str, parse: Callable[[str], _T], stand_in: _T) -> _T:
        """As :meth:`parsed`, of a required key."""
        if key not in self:
            self.problem(key, expected)
        return self.parsed(key, expected, parse, stand_in)

    def whole(self, key: str, default: _D) -> int | _D:
        return self.parsed(key, "a whole number, more than 0", _positive, default)

    def boolean(self, key: str) -> bool | None:
        return self.parsed(key, "true or false", _boolean, None)

    def duration(self, key: str, default: _D) -> timedelta | _D:
        return self.parsed(key, "a duration such as 2min or 500ms", read_duration, default)

    def one_of(self, key: str, choices: object, default: str, *, any_case: bool = False) -> Untyped:
        """One of the values of the Literal *choices*."""
        allowed = get_args(choices)

        def parse(text: str) -> object:
            return allowed[allowed.index(text.lower() if any_case else text)]

        return self.parsed(key, f"one of {', '.join(allowed)}", parse, default)

    def texts(self, key: str) -> list[str]:
        """The list of scalars at *key*, which is required."""
        return [text for _, text in self._scalars(key)]

    def typename(self, key: str, what: str) -> str:
        """The ``<namespace>/<name>`` at *key*, which is required."""
        return self.required(key, f"{what} <namespace>/<name>", _typename, "")

    def typenames(self, key: str, what: str) -> list[str]:
        """The non-empty list of ``<namespace>/<name>`` at *key*, which is required."""
        found = []
        for node, text in self._scalars(key):
            try:
                found.append(_typename(text))
            except ValueError:
                self._note(self._at(key), node, f"{what} <namespace>/<name>")
        return found

    def properties(self, key: str) -> Mapping[str, str]:
        """A list of mappings from one text to another; {} if missing."""
        if (node := self._take(key)) is None:
            return {}
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [None]
        pairs = [pair for each in nodes if isinstance(each, yaml.MappingNode) for pair in each.value]
        fits = all(isinstance(each, yaml.MappingNode) and len(each.value) == 1 for each in nodes)
        if fits and all(isinstance(side, yaml.ScalarNode) for pair in pairs for side in pair):
            return {name.value: value.value for name, value in pairs}
        self._note(self._at(key), node, "a list of `name: value`")
        return {}

    # --- nested sections

    def section(self, key: str) -> Section:
        """The mapping at *key*, which is required."""
        node = self._take(key)
        if node is None:
            self.problem(key, "a mapping")
            section = Section(yaml.MappingNode("", [], self._node.start_mark), 0, "", Findings())
            section._is_none = True
            return section
        return Section(node, self._document, self._at(key), self._findings)

    def optional_section(self, key: str) -> Section | None:
        return self.section(key) if key in self else None

    def sections(self, key: str) -> Iterator[Section]:
        """Each mapping in the list at *key*; none if missing."""
        for number, node in enumerate(self._items(key)):
            yield Section(node, self._document, f"{self._at(key)}[{number}]", self._findings)

    def items(self, key: str) -> Iterator[Section | str]:
        """Each mapping or scalar in the list at *key*; none if missing."""
        for number, node in enumerate(self._items(key)):
            if isinstance(node, yaml.ScalarNode):
                yield str(node.value)
            else:
                yield Section(node, self._document, f"{self._at(key)}[{number}]", self._findings)

    # --- the rest

    def plain(self) -> dict[str, object]:
        """All of it as Python values."""
        self._read.update(self._values)
        return {key: _plain(node) for key, node in self._values.items()}

    def done(self, known: Iterable[str] = ()) -> None:
        """Record every key that was not read as one that StateFun ignores; it also knows those in *known*."""
        expected = f"a key among {', '.join(sorted({*self._read, *known}))}"
        for key, node in self._values.items():
            if key not in self._read:
                place = YamlPosition(self._document, node.start_mark.line + 1)
                self._findings.ignored.append(Problem(place, self._at(key), expected, repr(key)))

    # --- inside

    def _take(self, key: str) -> yaml.Node | None:
        self._read.add(key)
        return self._values.get(key)

    def _items(self, key: str) -> Sequence[yaml.Node]:
        node = self._take(key)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._note(self._at(key), node, "a list")
            return ()
        return tuple(node.value)

    def _scalars(self, key: str) -> Iterator[tuple[yaml.Node, str]]:
        nodes = self._items(key)
        if not nodes and (key not in self or isinstance(self._values[key], yaml.SequenceNode)):
            self.problem(key, "a list that is not empty")
        for node in nodes:
            if isinstance(node, yaml.ScalarNode):
                yield node, str(node.value)
            else:
                self._note(self._at(key), node, "a list of texts")

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _note(self, path: str, node: yaml.Node | None, expected: str, got: str | None = None) -> None:
        if self._is_none:
            return
        mark = (node or self._node).start_mark
        place = YamlPosition(self._document, mark.line + 1)
        self._findings.problems.append(
            Problem(place, path, expected, got or (_MISSING if node is None else _shown(node)))
        )


def _positive(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


def _boolean(text: str) -> bool:
    return ("false", "true").index(text.lower()) == 1


def _typename(text: str) -> str:
    namespace, _, name = text.rpartition("/")
    if not namespace or not name:
        raise ValueError(text)
    return text


def _shown(node: yaml.Node) -> str:
    match node:
        case yaml.ScalarNode(value=value):
            return repr(value) if value else _MISSING
        case yaml.SequenceNode():
            return "a list" if node.value else "an empty list"
        case _:
            return "a mapping"


def _plain(node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode(value=pairs):
            return {str(key.value): _plain(value) for key, value in pairs}
        case yaml.SequenceNode(value=items):
            return [_plain(item) for item in items]
        case _:
            return None if node.tag == _NULL else str(node.value)
