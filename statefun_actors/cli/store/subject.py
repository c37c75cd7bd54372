"""The function type or the entity that a word of a command names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from statefun_actors.address import Address
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.store import ReadOnlyStore


def is_subject(word: str) -> bool:
    """Whether *word* looks like a function type or an address, and not like APP."""
    return "/" in word.strip("/") and not word.endswith(".py") and not Path(word).exists()


def subject_of(reader: ReadOnlyStore, place: StoreLocation, word: str) -> str | Address:
    """The function type or the address that is written *word*.

    Raises:
        click.UsageError: it is neither, or of no type that is stored or served.
    """
    from statefun_actors.address import check_typename
    from statefun_actors.admin import known_types, type_or_address
    from statefun_actors.errors import InvalidAddressError

    types = known_types(reader, place.app)
    if (found := type_or_address(word, types)) is not None:
        return found
    try:
        check_typename(word, "a type is <namespace>/<name>, an address <namespace>/<name>/<id>")
    except InvalidAddressError as error:
        raise click.UsageError(str(error)) from error
    there = ", ".join(sorted(types)) or "no types at all"
    raise click.UsageError(f"there is nothing of {word!r} in {place.store}; there are {there}.")
