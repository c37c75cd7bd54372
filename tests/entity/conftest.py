"""Entities of a policy and of none, which settle a batch in two ways."""

from __future__ import annotations

import pytest

from tests.entity.deeds import Account, Guarded


@pytest.fixture(params=[Account, Guarded])
def served(request: pytest.FixtureRequest) -> type[Account]:
    """The same behaviour, whether each message is settled on its own or the whole batch at its end."""
    kind: type[Account] = request.param
    return kind
