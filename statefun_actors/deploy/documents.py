"""Parses the documents of a YAML file to nodes, in bounded time and memory.

A few lines of YAML can expand to billions of values (aliases of aliases), to a value that contains itself, or to more
levels than Python's stack has. Each is refused with its line before the nodes are used.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any as Untyped
from typing import Final

import yaml

from statefun_actors.deploy.errors import ModuleFileError, Problem, YamlPosition

LARGEST: Final = 1024 * 1024
"""The maximum size of a file, in bytes."""
MOST_VALUES: Final = 100_000
"""The maximum number of values in a file, with aliases expanded."""
DEEPEST: Final = 50
"""The maximum depth of lists and mappings."""


def read_documents(path: Path) -> list[yaml.Node]:
    """The documents in the file *path*, as :func:`documents`; raises OSError if it can't be read."""
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    try:
        return documents(data.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ModuleFileError(str(path), [Problem(YamlPosition(1, line), "", "text in UTF-8", str(error))]) from None


def documents(text: str, name: str) -> list[yaml.Node]:
    """The documents of *text*, without empty ones; *name* is its name in errors.

    Raises:
        ModuleFileError: it is not YAML, or too large, too deep, or contains itself; with document and line.
    """
    if len(text) > LARGEST:
        raise ModuleFileError(name, [Problem(YamlPosition(1, 1), "", f"at most {LARGEST:,} bytes", "more")])
    try:
        found: list[yaml.Node | None] = list(yaml.compose_all(text, Loader=_BoundedLoader))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        place = YamlPosition(1 + sum(each.startswith("---") for each in text.splitlines()[1:line]), line)
        if isinstance(error, _BoundError):
            problem = Problem(place, "", error.expected, error.got)
        else:
            problem = Problem(place, "", "YAML", ", ".join(filter(None, (error.context, error.problem))))
        raise ModuleFileError(name, [problem]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ModuleFileError(name, [Problem(YamlPosition(1, line), "", "YAML", str(error).splitlines()[0])]) from None
    except yaml.YAMLError as error:
        raise ModuleFileError(name, [Problem(YamlPosition(1, 1), "", "YAML", str(error).splitlines()[0])]) from None
    return [node for node in found if node is not None and node.tag != "tag:yaml.org,2002:null"]


class _BoundError(yaml.MarkedYAMLError):
    def __init__(self, expected: str, got: str, mark: Untyped) -> None:
        super().__init__(None, None, f"expected {expected}, got {got}", mark)
        self.expected, self.got = expected, got


class _BoundedLoader(yaml.SafeLoader):
    """Counts the values while it composes them."""

    def __init__(self, stream: Untyped) -> None:
        super().__init__(stream)
        self._depth = 0
        self._values = 0
        self._sizes: dict[str, int] = {}
        """The number of values of each anchor; 0 while it is incomplete."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Untyped = self.peek_event()  # type: ignore[no-untyped-call]
        anchor: str | None = event.anchor
        if isinstance(event, yaml.AliasEvent):
            if anchor is not None and (size := self._sizes.get(anchor)) is not None:
                if not size:
                    raise _BoundError("values that end", f"*{anchor}, which contains itself", event.start_mark)
                self._count(size, event)
            return super().compose_node(parent, index)
        self._count(1, event)
        if self._depth == DEEPEST:
            raise _BoundError(f"at most {DEEPEST} levels of lists and mappings", "more", event.start_mark)
        before = self._values
        if anchor is not None and anchor not in self._sizes:
            self._sizes[anchor] = 0
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor is not None:
            self._sizes[anchor] = self._values - before + 1
        return node

    def compose_document(self) -> yaml.Node | None:
        self._sizes.clear()  # anchors end with their document
        return super().compose_document()

    def _count(self, values: int, event: Untyped) -> None:
        self._values += values
        if self._values > MOST_VALUES:
            raise _BoundError(f"at most {MOST_VALUES:,} values, with aliases expanded", "more", event.start_mark)
