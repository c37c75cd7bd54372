"""``statefun-actors docs``: the pages of the documentation, and the entries of the reference, from the package."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from typing import Final

import click

from statefun_actors.cli.output import write

_ENTRY: Final = re.compile(r"^(?=### `)", re.MULTILINE)
_SECTION: Final = re.compile(r"^## ", re.MULTILINE)


@click.command()
@click.argument("topic", required=False)
def docs(topic: str | None) -> None:
    """Show a page of the documentation of this version, or list the pages.

    TOPIC is a page, or a public name, whose entry in the reference is shown: docs persisted, docs StoreError. Of a name
    with a dot (docs Entity.ask), its class is shown. On a terminal the text is formatted; elsewhere it is Markdown.
    llms-full is all pages in one, for language models.
    """
    files_ = {page.name: page for page in files("statefun_actors").joinpath("docs").iterdir()}
    pages = {name.removesuffix(".md"): page for name, page in files_.items() if name.endswith(".md")}
    if topic is None:
        for name in sorted(pages):
            title = pages[name].read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
            write(f"{name:<14} {title}")
    elif topic in pages:
        _show(pages[topic].read_text(encoding="utf-8"))
    elif f"{topic}.txt" in files_:
        write(files_[f"{topic}.txt"].read_text(encoding="utf-8").rstrip("\n"))
    elif entries := _entries(pages["reference"].read_text(encoding="utf-8"), topic):
        _show("\n\n".join(entries))
    else:
        raise click.UsageError(
            f"no page and no public name {topic!r}; expected a name of the reference, such as persisted, or one of: "
            f"{', '.join(sorted(pages))}"
        )


def _entries(reference: str, name: str) -> list[str]:
    """The entries of the public *name* in the text *reference*, one for each module that has it.

    Of a name with dots, the first part that has entries counts: a class before its method, a name after its module.
    """
    found = [_SECTION.split(entry, maxsplit=1)[0].rstrip() for entry in _ENTRY.split(reference)]
    each = ([entry for entry in found if entry.partition("\n")[0] == f"### `{part}`"] for part in name.split("."))
    return next(filter(None, each), [])


def _show(text: str) -> None:
    if not sys.stdout.isatty():
        write(text.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
