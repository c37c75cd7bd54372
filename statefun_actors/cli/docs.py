"""``statefun-actors docs``: the pages of the documentation, which are part of the package."""

from __future__ import annotations

import sys
from importlib.resources import files

import click

from statefun_actors.cli.output import write


@click.command()
@click.argument("topic", required=False)
def docs(topic: str | None) -> None:
    """Show a page of the documentation of this version, or list the pages.

    On a terminal it is formatted; elsewhere it is Markdown. ``llms-full`` is all pages in one, for language models.
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
    else:
        raise click.UsageError(f"no page {topic!r}; expected one of: {', '.join(sorted(pages))}")


def _show(text: str) -> None:
    if not sys.stdout.isatty():
        write(text.rstrip("\n"))
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
