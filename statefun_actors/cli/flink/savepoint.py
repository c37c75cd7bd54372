"""``statefun-actors flink savepoint``: a savepoint of a cluster that goes on running."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from statefun_actors.cli.flink.facts import read_facts
from statefun_actors.cli.output import echo

_FOLDER: Final = click.Path(file_okay=False, path_type=Path)


@click.command("savepoint")
@click.argument("app", metavar="APP")
@click.argument("to", type=_FOLDER, metavar="DIR")
@click.option(
    "--folder", type=_FOLDER, metavar="DIR", help="Folder of the cluster. Default: ./.statefun/flink/<APP's name>"
)
def savepoint(app: str, to: Path, folder: Path | None) -> None:
    """Take a savepoint of the cluster of APP in DIR. The job is not stopped.

    \b
      statefun-actors flink savepoint app.py savepoints

    A later run resumes from it by --from-savepoint. What the job writes after the savepoint, such a run writes again.
    """  # noqa: D301 - click wants the character itself
    from statefun_actors.cli.flink.saved_files import keep_savepoint
    from statefun_actors.cli.loading import load_app
    from statefun_actors.cluster import SavepointError, is_running, take_savepoint

    folder = folder or Path(".statefun", "flink", load_app(app).name)
    match read_facts(folder):
        case {"flink": str(url), "checkpoints": str(checkpoints)} if is_running(folder):
            pass
        case _:
            raise click.ClickException(
                f"no cluster runs in {folder}. Start one by `statefun-actors flink {app}`, or name its folder: "
                "--folder DIR."
            )
    try:
        place = asyncio.run(take_savepoint(url, to.absolute(), stop=False))
        keep_savepoint(folder, Path(checkpoints), place)
    except SavepointError as error:
        raise click.ClickException(str(error)) from error
    echo(f"Savepoint  {place}")
