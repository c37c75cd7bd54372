"""The conformance cases on Flink can fail; and what Flink is said to refuse, it refuses."""

from __future__ import annotations

import pytest

from statefun_actors.wire.writing import Writer
from tests.conformance.suite import case
from tests.flink.conformance import FLINK
from tests.flink.jvm import FlinkError

pytestmark = pytest.mark.flink


async def test_a_token_that_is_pending_twice_turns_a_case_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Writer, "_cancel", lambda *_: None)

    with pytest.raises(FlinkError, match="the job failed"):
        await case("B39").function(FLINK.start)


async def test_a_state_of_another_type_than_the_declared_one_fails_the_job() -> None:
    with pytest.raises(FlinkError, match="the job failed"):
        await case("V24").function(FLINK.start)
