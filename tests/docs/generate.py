"""Writes the pages that are made of other sources: reference.md, llms.txt and llms-full.txt in statefun_actors/docs.

    python -m tests.docs.generate            writes them
    python -m tests.docs.generate --check    exits with 1, naming the files, where they differ from their sources

griffe reads the package without importing it: names, signatures and docstrings, whose sections it knows.
"""

from __future__ import annotations

import gc
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any as Untyped
from typing import Final

import griffe

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "statefun_actors" / "docs"
MODULES: Final = {
    "statefun_actors": "What applications use.",
    "statefun_actors.runtime": "What can be read of a runtime, and its options.",
    "statefun_actors.testing": "The test kit.",
    "statefun_actors.testing.strategies": "Property tests with Hypothesis (extra `[hypothesis]`).",
    "statefun_actors.testing.checks": "Checks for a store, a sink, a source or a clock of your own.",
    "statefun_actors.client": "Clients of an engine in another process (extra `[client]`).",
    "statefun_actors.telemetry": "Metrics for Prometheus (extra `[metrics]`), OpenTelemetry's traces (extra `[otel]`).",
    "statefun_actors.compat.statefun3": "The names of Apache's SDK 3.x.",
    "statefun_actors.compat.statefun2": "The names of Apache's SDK 2.x.",
}
ORDER: Final = (
    "tutorial", "entities", "state", "messages", "failures", "conversations", "time", "testing", "evolution", "library",
    "http", "console", "kafka", "operations", "telemetry", "security", "flink", "other-languages", "gateway",
    "functions", "compat", "coming-from", "questions", "commands", "limits", "performance", "how-it-works",
    "comparison",
    "reference",
)  # fmt: skip
"""The pages in the order in which they are best read."""


def generated() -> dict[Path, str]:
    """The text of every generated file."""
    reference = re.sub(r"\n{3,}", "\n\n", "\n".join(_reference())).rstrip() + "\n"
    pages = {
        name: reference if name == "reference" else (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ORDER
    }
    if missing := {page.stem for page in DOCS.glob("*.md")} - set(ORDER) - {"reference"}:
        raise SystemExit(
            f"expected every page in ORDER of tests/docs/generate.py; missing: {', '.join(sorted(missing))}"
        )
    return {
        DOCS / "reference.md": reference,
        DOCS / "llms.txt": "\n".join(_overview(pages)) + "\n",
        DOCS / "llms-full.txt": _introduction() + "\n" + "\n".join(pages.values()),
    }


def _introduction() -> str:
    """The README up to its first section."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text[: text.index("\n## ")].rstrip() + "\n"


def _overview(pages: dict[str, str]) -> Iterator[str]:
    title, _, rest = _introduction().partition("\n")
    yield from (title, "", "> " + " ".join(rest.split()), "", "## Documentation", "")
    for name, text in pages.items():
        heading, _, body = text.partition("\n")
        first = re.split(r"(?<=\.)\s", " ".join(body.split()), maxsplit=1)[0]
        yield f"- [{heading.removeprefix('# ')}]({name}.md): {first}"


def _reference() -> Iterator[str]:
    yield from ("# Reference of all public names", "")
    yield "The public classes, functions and errors with their signatures and docstrings, module by module."
    logging.getLogger("griffe").setLevel(logging.ERROR)  # it misses the arguments of generated constructors
    loaded = griffe.load("statefun_actors", search_paths=[ROOT], docstring_parser="google", allow_inspection=False)
    seen: set[str] = set()
    options: _Options = _Options()
    public = {name for module in MODULES for name in _exports(loaded, module)}
    for module, title in MODULES.items():
        yield from ("", f"## `{module}`", "", title)
        found = {name: _target(loaded, module, name) for name in _exports(loaded, module)}
        new = {name: item for name, item in found.items() if item.path not in seen}
        seen.update(item.path for item in new.values())
        errors = [name for name in new if name.endswith("Error")]
        for name in (*(name for name in new if name not in errors), *errors):
            options.update((_final(loaded, path).path, user) for path, user in _options(name, new[name]))
            yield from _entry(name, new[name], public)
    yield from ("", "## Options", "", "The keyword arguments that several functions share.")
    for path, users in options.items():
        spelled = ", ".join(f"`{user}`" for user in dict.fromkeys(users))
        yield from ("", f"### Options of {spelled}", "", *_option_lines(loaded, path))


def _exports(loaded: Untyped, module: str) -> Sequence[str]:
    """The names that *module* exports, without modules in it."""
    found = _module(loaded, module)
    return sorted(str(name) for name in found.exports or () if f"{found.path}.{name}" not in _modules_in(found))


def _modules_in(module: Untyped) -> AbstractSet[str]:
    """The paths of the modules in *module* that have no member of their own name, which stands for it then."""
    return {each.path for name, each in module.modules.items() if name not in each.members}


def _module(loaded: Untyped, module: str) -> Untyped:
    inner = module.removeprefix("statefun_actors").lstrip(".")
    return loaded[inner] if inner else loaded


def _target(loaded: Untyped, module: str, name: str) -> Untyped:
    """What *name* is: where names are loaded on use, the source says so for type checkers."""
    item = _module(loaded, module).members[name]
    while item.is_alias or item.is_module:
        # A function may stand in a module of its name.
        item = item.members[name] if item.is_module else loaded[item.target_path.removeprefix("statefun_actors.")]
    return item


def _entry(name: str, item: Untyped, public: AbstractSet[str]) -> Iterator[str]:
    yield from ("", f"### `{name}`", "")
    if item.is_attribute:
        if item.docstring:
            yield from _text(item)
        return
    if item.is_function:
        yield from ("```text", *_signatures(item), "```", "")
        yield from _text(item)
        return
    bases = [str(base).rsplit(".", 1)[-1] for base in item.bases]
    ours = {base for base, found in zip(bases, item.bases, strict=True) if _is_ours(found)}
    bases = [base for base in bases if base in public or base not in ours]  # members of others are listed as its own
    if bases:
        yield from (f"Subclass of {', '.join(f'`{base}`' for base in bases)}.", "")
    init = item.members.get("__init__", item.members.get("__new__"))
    if init is not None and init.is_function and not name.endswith("Error"):
        made = [re.sub(r"^__(init|new)__\((cls, )?", f"{name}(", line) for line in _signatures(init)]
        yield from ("```text", *made, "```", "")
    elif fields := [_field(each) for each in item.members.values() if _is_field(each)]:
        yield from ("```text", f"{name}({', '.join(fields)})", "```", "")
    yield from _text(item)
    if name.endswith("Error") and "etry" not in (item.docstring.value if item.docstring else ""):
        helps = _retryable(item)
        yield from (f"A retry {'helps once the cause is mended' if helps else 'of the same call does not help'}.", "")
    for member_name, member in _members(item).items():
        if member_name.startswith("_") or not member.docstring:
            continue
        kind = "" if member.is_function else "attribute "
        spelled = "; ".join(_signatures(member)) if member.is_function else member_name
        yield from ("", f"- {kind}`{spelled}`", "")
        yield from (f"  {line}".rstrip() for line in _text(member))


def _members(item: Untyped) -> dict[str, Untyped]:
    """The members of *item*, then those that it inherits from classes of this package."""
    own = {name: member for name, member in item.members.items() if not member.is_alias}
    inherited = {
        name: member.final_target
        for name, member in (item.inherited_members if item.is_class else {}).items()
        if member.final_target.path.startswith("statefun_actors.")
    }
    return own | {name: member for name, member in inherited.items() if name not in own}


def _is_ours(base: Untyped) -> bool:
    return str(getattr(base, "canonical_path", "")).startswith("statefun_actors.")


class _Options(dict[str, list[str]]):
    """The names of the functions that take keyword arguments of a TypedDict, by its path."""

    def update(self, found: Iterator[tuple[str, str]]) -> None:  # type: ignore[override]
        for path, user in found:
            self.setdefault(path, []).append(user)


def _options(name: str, item: Untyped) -> Iterator[tuple[str, str]]:
    """The TypedDicts of the keyword arguments of *item* and its methods, with the names of these."""
    members = item.members.values() if item.is_class else ()
    functions = [(name, item)] if item.is_function else []
    functions += [
        (name if each.name == "__init__" else f"{name}.{each.name}", each)
        for each in members
        if not each.is_alias and each.is_function and (each.name == "__init__" or not each.name.startswith("_"))
    ]
    for user, function in functions:
        for form in function.overloads or [function]:
            for parameter in form.parameters:
                if str(parameter.annotation).startswith("Unpack["):
                    yield parameter.annotation.slice.canonical_path, user


def _final(loaded: Untyped, path: str) -> Untyped:
    item = loaded[path.removeprefix("statefun_actors.")]
    while item.is_alias:
        item = loaded[item.target_path.removeprefix("statefun_actors.")]
    return item


def _option_lines(loaded: Untyped, path: str) -> Iterator[str]:
    item = _final(loaded, path)
    for base in item.bases:
        if getattr(base, "canonical_path", "").startswith("statefun_actors."):
            yield from _option_lines(loaded, base.canonical_path)
    documented = {
        part.name: part.description
        for section in (item.docstring.parsed if item.docstring else ())
        if section.kind.value in ("parameters", "attributes")
        for part in section.value
    }
    for name, member in item.members.items():
        if member.is_attribute:
            text = member.docstring.value if member.docstring else documented.get(name, "")
            yield f"- `{name}: {member.annotation}`{': ' if text else ''}{_inline(' '.join(text.split()))}"


def _retryable(error: Untyped) -> bool:
    """The value of ``retryable`` in the class *error* or the nearest of its bases that sets it."""
    own = error.members.get("retryable")
    if own is not None:
        return str(own.value) == "True"
    return any(_retryable(base) for base in error.resolved_bases if base.is_class and base.path.startswith("statefun"))


def _is_field(member: Untyped) -> bool:
    return bool(member.is_attribute and member.annotation is not None and not member.name.startswith("_")) and not (
        {"property", "class-attribute"} >= member.labels and "ClassVar" in str(member.annotation)
    )


def _field(member: Untyped) -> str:
    return f"{member.name}: {member.annotation}{'' if member.value is None else f' = {member.value}'}"


def _signatures(function: Untyped) -> list[str]:
    forms = function.overloads or [function]
    return [form.signature() for form in forms]


def _text(item: Untyped) -> Iterator[str]:
    """The docstring of *item* as Markdown."""
    if not item.docstring:
        return
    for section in item.docstring.parsed:
        if section.kind.value == "text":
            yield from _prose(section.value)
            yield ""
        elif section.kind.value == "admonition":
            yield from (f"{section.title}: {_inline(section.value.description)}", "")
        else:
            yield from (f"{section.kind.value.capitalize()}:", "")
            for part in section.value:
                label = getattr(part, "name", None) or part.annotation
                spelled = f"`{label}`: " if label else ""
                yield f"- {spelled}{_inline(' '.join(part.description.split()))}"
            yield ""


def _prose(text: str) -> Iterator[str]:
    """A text in reStructuredText's few forms: a block after ``::`` is code, indented by four spaces."""
    lines = text.splitlines()
    in_code, indent = False, ""
    for index, line in enumerate(lines):
        if in_code and line and not line.startswith(indent):
            in_code = False
        if in_code:
            yield f"    {line.removeprefix(indent)}".rstrip()
        elif line.endswith("::"):
            first = next((each for each in lines[index + 1 :] if each), "")
            in_code, indent = True, first[: len(first) - len(first.lstrip())]
            yield _inline(line.removesuffix(":").removesuffix(":"))
        else:
            yield _inline(line)


def _inline(text: str) -> str:
    text = re.sub(r":\w+:`~?([^`]+)`", lambda found: f"`{found[1].lstrip('.').rsplit('.', 1)[-1]}`", text)
    return text.replace("``", "`")


def main() -> None:
    gc.disable()  # griffe makes a million objects that stay; to look at them again and again is a quarter of the time
    texts = generated()
    if "--check" in sys.argv[1:]:
        stale = [path.name for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text]
        if stale:
            raise SystemExit(f"differ from their sources: {', '.join(stale)}. Run `python -m tests.docs.generate`.")
        return
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
