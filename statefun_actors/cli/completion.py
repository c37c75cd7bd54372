"""``statefun-actors completion``: shell completion of commands and options."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

_PROGRAM = "statefun-actors"
_VARIABLE = "_STATEFUN_ACTORS_COMPLETE"  # what click derives from the program's name


@click.command
@click.argument("shell", required=False, metavar="[SHELL]", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str | None) -> None:
    """Print the script that completes commands and options in SHELL: bash, zsh or fish. Default: $SHELL.

    \b
      bash   eval "$(statefun-actors completion bash)"            in ~/.bashrc
      zsh    eval "$(statefun-actors completion zsh)"             in ~/.zshrc
      fish   statefun-actors completion fish | source             in ~/.config/fish/config.fish
    """  # noqa: D301 - click wants the character itself
    shell = shell or Path(os.environ.get("SHELL", "")).name
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"expected the name of a shell, bash, zsh or fish; $SHELL is {shell or 'nothing'!r}.")
    click.echo(found(click.get_current_context().find_root().command, {}, _PROGRAM, _VARIABLE).source())
