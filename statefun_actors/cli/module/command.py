"""``statefun-actors module``: the module.yaml of an application, printed or checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from typing import Any as Untyped

import attrs
import click

from statefun_actors.cli.module.file_options import module_options, wanted_of
from statefun_actors.cli.module.requirements import served_by
from statefun_actors.cli.output import echo, write
from statefun_actors.cli.settings_options import settings_options
from statefun_actors.settings import ENDPOINT_DEFAULTS

if TYPE_CHECKING:
    from statefun_actors.deploy import Format, Lock, Module, Served
    from statefun_actors.settings import Settings

_FILE: Final = click.Path(dir_okay=False, path_type=Path)
_K8S: Final = "k8s"


@click.command
@click.argument("app", metavar="APP")
@click.option(
    "--url", metavar="URL",
    help="URL of the application for Flink; without a path, it gets that of serve: "
    "http://host:8000, or http://host:8000/{function.name}.",
)  # fmt: skip
@click.option(
    "--format", type=click.Choice(["3.x", "2.0", "1.0", _K8S]), default="3.x", show_default=True,
    help="2.0 is for StateFun 2.2, 1.0 for StateFun 2.0 and 2.1; k8s prints Kubernetes manifests of the application "
    "and of a StateFun 3.x cluster.",
)  # fmt: skip
@click.option("--image", metavar="IMAGE", help="With --format k8s: the container image of the application.")
@click.option(
    "--checkpoints", metavar="URI",
    help="With --format k8s: where Flink keeps checkpoints, such as s3://bucket/folder.",
)  # fmt: skip
@click.option("--kafka", metavar="HOST:PORT", help="Kafka's brokers. Without them, no topics and egresses are written.")
@click.option(
    "--check", type=_FILE, metavar="FILE", help="Report where FILE differs from the application, and exit with 1."
)
@click.option(
    "--lock", type=_FILE, metavar="FILE",
    help="Update FILE, the list of states that savepoints may contain; but if Flink would refuse a change, report it "
    "and exit with 1.",
)  # fmt: skip
@click.option(
    "--no-own-functions", "own_functions", flag_value=False, default=True,
    help="Omit statefun-actors/reply, statefun-actors/schedule and statefun-actors/ingress, which asks, recurring "
    "messages and gateways need; for when another application of the same Flink job serves them.",
)  # fmt: skip
@module_options
@settings_options(ENDPOINT_DEFAULTS)
def module(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    app: str,
    url: str | None,
    format: Format | Literal["k8s"],
    image: str | None,
    checkpoints: str | None,
    kafka: str | None,
    check: Path | None,
    lock: Path | None,
    own_functions: bool,
    settings: Settings,
    **written: Untyped,
) -> None:
    """Print or check the module.yaml of an application.

    APP is a module, a .py file or a folder, optionally followed by :name.

    \b
      statefun-actors module app.py --url http://app:8000 --kafka kafka:9092 --topic deposits=bank/account
      statefun-actors module app.py --check module.yaml
      statefun-actors module app.py --lock states.yaml
      statefun-actors module app.py --url http://app:8000 --format k8s --image app:1 --checkpoints s3://bucket/app

    Function types, states, limits and timeouts come from the application, and so do egresses that its source names.
    A checked file may have more: other applications, whose endpoints are at other hosts, and properties of Kafka. Run
    --lock before each deployment: it finds changes that Flink would refuse, of the type of a state, or of whether it
    expires. When it expires may change: Flink applies that from the next start of the job on.
    """  # noqa: D301 - click wants the character itself
    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.deploy import Deployed, planned_module, write_manifests, write_module
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError

    loaded = load_app(app)
    try:
        application = Application(*loaded.served, settings=settings)
        application.refuse_renamed()
        served = served_by(application, settings)
        if check is not None:
            raise SystemExit(_check(check, served, url, own_functions=own_functions))
        if lock is not None:
            raise SystemExit(_lock(lock, served))
        if url is None:
            raise click.UsageError("expected --url, the URL of the application, such as --url http://host:8000.")
        if len({format == _K8S, image is not None, checkpoints is not None}) > 1:
            raise click.UsageError("--format k8s needs --image and --checkpoints, and these need --format k8s.")
        wanted = attrs.evolve(
            wanted_of(written, loaded.name, url),
            format="3.x" if format == _K8S else format,
            kafka=kafka,
            own_functions=own_functions,
        )
        planned = planned_module(served, wanted)
        text = write_module(planned)
        if image is not None and checkpoints is not None:
            deployed = Deployed(app=app, url=url, image=image, checkpoints=checkpoints.rstrip("/"))
            text = write_manifests(planned, served, deployed)
    except DefinitionError as error:
        raise AppError(str(error)) from error
    write(text.removesuffix("\n"))  # YAML escapes what is not printable
    if kafka is None and served.all_egresses:
        echo(f"Not defined without --kafka HOST:PORT: {', '.join(served.all_egresses)}", err=True)


def _lock(path: Path, served: Served) -> int:
    """The exit code."""
    from statefun_actors.deploy import check_compatible, locked, write_lock

    before = read_lock_file(path) if path.exists() else {}
    refusals = check_compatible(before, served)
    for refusal in refusals:
        echo(f"{path}: {refusal}")
    if refusals:
        return 1
    write_lock(path, now := locked(served, before))
    states = sum(map(len, now.values()))
    echo(f"{path} holds {states} {'state' if states == 1 else 'states'} of {', '.join(now) or 'nothing'}.")
    return 0


def read_lock_file(path: Path) -> Lock:
    """Read the lock file at *path*. A fault in it ends the command with 2."""
    from statefun_actors.cli.loading import AppError
    from statefun_actors.deploy import ModuleFileError, read_lock

    try:
        return read_lock(path)
    except OSError as error:
        raise AppError(f"{path} can't be read: {error.strerror}.") from None
    except ModuleFileError as error:
        raise AppError(str(error)) from None


def read(path: Path) -> Module:
    """Read the module.yaml at *path*. A fault in it ends the command with 2."""
    from statefun_actors.cli.loading import AppError
    from statefun_actors.deploy import ModuleFileError, read_module

    try:
        return read_module(path)
    except OSError as error:
        raise AppError(f"{path} can't be read: {error.strerror}.") from None
    except ModuleFileError as error:
        raise AppError(str(error)) from None


def _check(path: Path, served: Served, url: str | None, *, own_functions: bool) -> int:
    """The exit code."""
    from statefun_actors.deploy import differences

    found = differences(read(path), served, url, own_functions=own_functions)
    if not found:
        echo(f"{path} agrees with {', '.join(served.typenames)}.")
        return 0
    for difference in found:
        echo(f"{path}: {difference}")
    return 1
