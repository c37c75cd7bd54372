"""``statefun-actors new NAME``: creates a folder with an entity, its tests, settings, a container file and CI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from statefun_actors.cli.output import write
from statefun_actors.model import RESERVED_NAMESPACES

_TEMPLATES = ("worker", "web", "flink")


@click.command()
@click.argument("name")
@click.option(
    "--template",
    type=click.Choice(_TEMPLATES),
    default="worker",
    show_default=True,
    help="worker: `run` with HTTP and files; web: inside a FastAPI application; flink: behind a Flink cluster.",
)
def new(name: str, template: str) -> None:
    """Create the folder NAME with a project that runs.

    It has an entity, its tests in virtual time, settings, type checks, a container file, CI and a README. NAME is a
    path whose last part is a lower-case name, such as shop or projects/my-shop.

      statefun-actors new shop --template web
    """
    folder = Path(name)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", folder.name):
        raise click.UsageError(f"expected a lower-case name such as my-shop, got {folder.name!r}")
    if folder.name in RESERVED_NAMESPACES:
        raise click.UsageError(f"expected a name of your own such as my-shop, got {folder.name!r}, which is reserved")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.ClickException(f"{folder} exists already and is not empty; choose another name")
    created = []
    try:
        for kind in ("all", template):
            for path, text in _files(files("statefun_actors.cli.new").joinpath("templates", kind)):
                place = folder / path.removesuffix(".tmpl").replace("dot_", ".")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text.replace("PROJECT", folder.name), encoding="utf-8")
                created.append(place)
    except OSError as error:
        raise click.ClickException(f"{folder} can't be created: {error.strerror}; choose another place") from error
    for place in sorted(created):
        write(str(place))
    write(f"\nNext: cd {folder} && python -m pip install -e '.[dev]' && python -m pytest, and read README.md.")


def _files(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    """The files in *folder*, by their paths in it, with their texts."""
    for item in folder.iterdir():
        if item.is_dir():
            yield from _files(item, f"{inside}{item.name}/")
        else:
            yield f"{inside}{item.name}", item.read_text(encoding="utf-8")
