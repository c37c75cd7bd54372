"""``egress=`` of a runtime with files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime, DefinitionError
from tests.client.bank import Account


def test_an_egress_writes_no_file_of_the_store_or_of_another_egress(tmp_path: Path) -> None:
    store, shared, again = tmp_path / "state.db", tmp_path / "out.jsonl", f"{tmp_path}/../{tmp_path.name}/out.jsonl"

    async def work() -> None:
        egress = {"a/lock": f"{store}.lock", "a/one": str(shared), "a/two": again}
        async with AsyncRuntime(Account, store=f"sqlite:///{store}", egress=egress):
            pass

    with pytest.raises(DefinitionError) as refused:
        asyncio.run(work())

    assert refused.value.problems == (
        f"egress= a/lock: expected a file that nothing else uses, got {store}.lock, "
        f"which belongs to the store {store}; name another file",
        f"egress= a/two: expected a file that nothing else uses, got {again}, "
        "which egress= a/one uses; name another file",
    )
    assert list(tmp_path.iterdir()) == []
