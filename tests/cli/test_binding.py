"""``--bind``: sockets of several processes share a port with each other, and with nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from statefun_actors.cli.binding import listeners
from statefun_actors.cli.run.listening import listening_at


@pytest.mark.parametrize("held_by", [1, 2])
@pytest.mark.parametrize("wanted", [1, 2])
def test_a_port_that_another_command_uses_is_refused(held_by: int, wanted: int) -> None:
    """The kernel would let several processes of two commands share it, and each would get requests of the other."""
    (held,) = listeners(["127.0.0.1:0"], processes=held_by)
    try:
        with pytest.raises(click.ClickException) as caught:
            listeners(["127.0.0.1:0", held.name], processes=wanted, instead=" Choose another.")
        expected = f"can't listen at {held.name}: Address already in use. Choose another."
        assert caught.value.message == expected
    finally:
        held.close()


def test_a_port_is_free_again_once_it_is_closed(tmp_path: Path) -> None:
    (first,) = listeners(["127.0.0.1:0"], processes=2)
    first.close()
    again = listeners([first.name, f"unix:{tmp_path / 'sock'}"], processes=2)
    try:
        assert [len(each.sockets) for each in again] == [2, 2]
    finally:
        for each in again:
            each.close()


def test_other_machines_need_a_token_or_a_certificate() -> None:
    (held,) = listening_at(["0.0.0.0:0"], None, 1, known_clients=True)
    held.close()
    with pytest.raises(click.UsageError) as caught:
        listening_at(["0.0.0.0:0"], None, 1)

    assert re.fullmatch(
        r"anyone who can reach 0\.0\.0\.0:\d+ could send messages; set a bearer token with --token TEXT\.",
        caught.value.message,
    )
