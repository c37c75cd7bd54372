"""Random tokens: those of a process and of its forked children all differ."""

from __future__ import annotations

import os
import re

import pytest

from statefun_actors.dispatch import random_token


def test_tokens_have_128_bits_and_all_differ() -> None:
    tokens = [random_token() for _ in range(1_000)]

    assert len(set(tokens)) == 1_000
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)


@pytest.mark.needs("linux")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # forking is what is tested
def test_a_forked_child_draws_other_tokens() -> None:
    random_token()  # more are drawn ahead
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, "".join(random_token() for _ in range(100)).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        digits = pipe.read()
    os.waitpid(child, 0)
    drawn = {digits[at : at + 32] for at in range(0, len(digits), 32)}

    assert len(drawn) == 100
    assert not drawn & {random_token() for _ in range(100)}
