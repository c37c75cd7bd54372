"""The group that all commands belong to."""

from __future__ import annotations

import click

from statefun_actors.cli.completion import completion
from statefun_actors.cli.docs import docs
from statefun_actors.cli.flink.command import flink
from statefun_actors.cli.module.command import module
from statefun_actors.cli.output import Commands
from statefun_actors.cli.run.command import run
from statefun_actors.cli.serve.command import serve
from statefun_actors.cli.store.asks import asks
from statefun_actors.cli.store.backup import backup
from statefun_actors.cli.store.check import check
from statefun_actors.cli.store.dead_letters import dead_letters
from statefun_actors.cli.store.egress import egress
from statefun_actors.cli.store.export import export
from statefun_actors.cli.store.failing import failing
from statefun_actors.cli.store.import_ import import_
from statefun_actors.cli.store.restore import restore
from statefun_actors.cli.store.schedules import schedules
from statefun_actors.cli.store.send import send
from statefun_actors.cli.store.state import state
from statefun_actors.cli.store.timers import timers


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="statefun-actors", message="statefun-actors %(version)s")
def main() -> None:
    """Durable actors as plain Python classes.

    Write an Entity per user, device or order in a Python file, and run it:

    \b
      statefun-actors run app.py
      statefun-actors run app.py --input events.jsonl --until-idle
      statefun-actors serve app.py
      statefun-actors flink app.py --kafka

    run keeps the state of each entity in ./.statefun/; it survives crashes. serve is called by an Apache Flink Stateful
    Functions cluster, which keeps the state; flink starts such a cluster here. The other commands inspect, repair and
    move the stores of run, with or without an engine running on them.

    The exit code is 0 on success, 1 after an error, 2 for a mistake in the command or in the application.
    """  # noqa: D301 - click wants the character itself


main.add_command(docs)
main.add_command(flink)
main.add_command(module)
main.add_command(run)
main.add_command(serve)
for command in (
    send,
    state,
    timers,
    asks,
    schedules,
    egress,
    dead_letters,
    failing,
    export,
    import_,
    backup,
    restore,
    check,
    completion,
):
    main.add_command(command)
