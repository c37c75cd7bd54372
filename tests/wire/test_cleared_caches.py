"""The caches of addresses are shared by all threads, and one of them clears a full cache while others look into it."""

from __future__ import annotations

import pytest

from statefun_actors.address import Address
from statefun_actors.model import Batch, Invocation, TypedValue
from statefun_actors.wire import Dialect, v2, v3
from tests.wire.reference import BOTH, request

TARGET = Address("bank/account", "ada")
# Empty values: invocations with others are known by their prefixes in 3.x, without a look at the caller.
BATCH = Batch(
    TARGET, {}, [Invocation(TypedValue("bank/deposit", b""), Address("bank/user", f"user-{n}")) for n in range(3)]
)


class Cleared(dict[bytes, Address | None]):
    """Another thread clears it after an ``in`` that is true."""

    def __contains__(self, key: object, /) -> bool:
        found = super().__contains__(key)
        if found:
            self.clear()
        return found


@pytest.mark.parametrize("dialect", BOTH, ids=lambda dialect: dialect.protocol)
def test_a_caller_is_found_although_the_cache_is_cleared(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    for callers in (v2._callers, v3._callers):
        monkeypatch.setattr(callers, "known", Cleared())
    data = request(dialect, BATCH)

    assert [dialect.read(data) for _ in range(3)] == [BATCH] * 3
