"""``--certfile``, ``--keyfile`` and ``--ca-certs`` of ``serve`` and ``gateway``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

if TYPE_CHECKING:
    from statefun_actors.http import Tls

_Command = TypeVar("_Command", bound=Callable[..., None])
_FILE: Final = click.Path(dir_okay=False, path_type=Path)


def tls_options(command: _Command) -> _Command:
    """Decorator: the command takes the files of certificates, as ``certfile``, ``keyfile`` and ``ca_certs``."""
    for option in (
        click.option(
            "--ca-certs", type=_FILE, metavar="FILE",
            help="Certificates, PEM; clients must have one that they signed: mutual TLS.",
        ),
        click.option("--keyfile", type=_FILE, metavar="FILE", help="Private key of that certificate, PEM."),
        click.option("--certfile", type=_FILE, metavar="FILE", help="Certificate of this server, PEM. Serves HTTPS."),
    ):  # fmt: skip
        command = option(command)
    return command


def read_tls(certfile: Path | None, keyfile: Path | None, ca_certs: Path | None) -> Tls | None:
    """The certificates that the options name; None: plain HTTP.

    Raises:
        click.UsageError: one is missing, or can't be used.
    """
    from statefun_actors.http import Tls

    if certfile is None or keyfile is None:
        if certfile or keyfile or ca_certs:
            raise click.UsageError("TLS needs both --certfile and --keyfile; --ca-certs requires them.")
        return None
    try:
        return Tls(certfile=certfile, keyfile=keyfile, ca_certs=ca_certs)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
