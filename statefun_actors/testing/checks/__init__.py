"""Checks for whoever writes a store for the embedded engine. The memory store and SQLite pass them.

::

    @pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
    async def test_my_store(check, tmp_path):
        await check(MyStore(tmp_path / "store"))

Each check takes an empty store of its own, and raises AssertionError where the store breaks the contract of
``statefun_actors.store.Store``.
"""

from statefun_actors.testing.checks import store_contents, store_order, store_reading
from statefun_actors.testing.checks.common import STORE_CHECKS, Check

__all__ = ["STORE_CHECKS", "Check", "store_contents", "store_order", "store_reading"]
