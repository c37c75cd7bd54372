"""YAML that is small and means no harm to itself alone: refused with its line, in no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from statefun_actors.deploy import ModuleFileError, read_lock, read_module

BOMB = "kind: x.y/egress\nspec:\n  a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"  {name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
TOO_MANY = "at most 100,000 values, with aliases expanded, got more"
TOO_DEEP = "at most 50 levels of lists and mappings, got more"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (BOMB, 8, TOO_MANY),
        ("kind: x.y/egress\nspec: &s\n  self: *s\n", 3, "values that end, got *s, which contains itself"),
        ("a: 1\n<<: &a {<<: *a}\n", 2, "values that end, got *a, which contains itself"),
        ("kind: x.y/egress\nspec:\n  a: " + "[" * 2_000, 3, TOO_DEEP),
        ("kind: x.y/egress\nspec: " + "{a: " * 2_000, 2, TOO_DEEP),
        ("- " * 2_000 + "x", 1, TOO_DEEP),
        ("? " * 2_000 + "x", 1, TOO_DEEP),
        ("a: b\nc: \x00", 2, "YAML, got unacceptable character #x0000: special characters are not allowed"),
        ("a: " + "x" * 2_000_000, 1, "at most 1,048,576 bytes, got more"),
        ("a: b\nc: \x1b[31m: d", 2, "YAML, got unacceptable character #x001b: special characters are not allowed"),
    ],
)
def test_a_file_that_stands_for_too_much_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, problem: str
) -> None:
    path = tmp_path / "module.yaml"
    path.write_text(text, encoding="utf-8")

    for read in (read_module, read_lock):
        with pytest.raises(ModuleFileError) as refused:
            read(path)
        assert str(refused.value) == f"{path}: line {line} (document 1): expected {problem}"


def test_aliases_in_moderation_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "module.yaml"
    path.write_text("kind: x.y/egress\nspec:\n  a: &a [1, 2]\n  b: [*a, *a]\n  id: a/b\n", encoding="utf-8")

    (component,) = read_module(path).components

    assert getattr(component, "spec") == {"a": ["1", "2"], "b": [["1", "2"], ["1", "2"]], "id": "a/b"}  # noqa: B009


def test_a_lock_is_one_document(tmp_path: Path) -> None:
    path = tmp_path / "lock.yaml"
    path.write_text("a/b:\n  n: x/y\n---\na/c: {}\n", encoding="utf-8")

    with pytest.raises(ModuleFileError) as refused:
        read_lock(path)

    assert str(refused.value) == f"{path}: line 4 (document 2): expected one document, got another"
