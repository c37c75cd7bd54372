"""The group that all commands belong to."""

from __future__ import annotations

from typing import Final

import click

from statefun_actors.cli.lazy_commands import CommandPlace, LazyCommands

_PLACES: Final = {
    "demo": CommandPlace("demo:demo", "Run an example: a month of real flights."),
    "docs": CommandPlace("docs:docs", "Show a page of the documentation of this version, or list all."),
    "flink": CommandPlace("flink.command:flink", "Run an application on a real Flink cluster of this machine."),
    "gateway": CommandPlace("gateway.command:gateway", "Take messages over HTTP for a Flink cluster."),
    "new": CommandPlace("new.command:new", "Create a project to begin with."),
    "module": CommandPlace("module.command:module", "Print or check the module.yaml of an application."),
    "run": CommandPlace("run.command:run", "Run an application here, its state in one SQLite file."),
    "serve": CommandPlace("serve.command:serve", "Serve an application to a Flink cluster."),
    "completion": CommandPlace("completion:completion", "Print the shell completion script."),
    "send": CommandPlace("store.send:send", "Send a message to an entity or a function."),
    "state": CommandPlace("store.state:state", "Show what entities know; set a field."),
    "history": CommandPlace("store.history:history", "Show what happened to an entity: messages, fields, errors."),
    "timers": CommandPlace("store.timers:timers", "List delayed messages; fire or cancel them."),
    "asks": CommandPlace("store.asks:asks", "List open asks; answer or cancel them."),
    "schedules": CommandPlace("store.schedules:schedules", "List recurring messages."),
    "egress": CommandPlace("store.egress:egress", "Show egress records that are kept."),
    "dead-letters": CommandPlace(
        "store.dead_letters:dead_letters", "List messages that were given up; retry, edit or discard them."
    ),
    "failing": CommandPlace("store.failing:failing", "List messages that keep failing; retry or drop them."),
    "pause": CommandPlace("store.pausing:pause", "Let the messages of entities wait; list what is paused."),
    "resume": CommandPlace("store.pausing:resume", "Handle the messages of paused entities again."),
    "export": CommandPlace("store.export:export", "Write a store as lines of JSON."),
    "import": CommandPlace("store.import_:import_", "Create a store from lines of JSON."),
    "backup": CommandPlace("store.backup:backup", "Copy a store, live or not."),
    "restore": CommandPlace("store.restore:restore", "Replace a store by a backup."),
    "check": CommandPlace("store.check:check", "Check whether a store is sound, and whether APP can resume from it."),
}


@click.group(
    cls=LazyCommands, places=_PLACES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
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
