"""Checks for whoever writes a store, a sink, a source or a clock for the embedded engine. Ours pass them.

::

    @pytest.mark.parametrize("check", STORE_CHECKS, ids=lambda check: check.__name__)
    async def test_my_store(check, tmp_path):
        await check(MyStore(tmp_path / "store"))

- Each of ``STORE_CHECKS`` takes an empty store of its own: :class:`statefun_actors.store.Store` is the contract.
- Each of ``SINK_CHECKS`` takes a :class:`SinkTarget`: :class:`statefun_actors.engine.Sink` is the contract.
- Each of ``SOURCE_CHECKS`` takes a :class:`SourceInput`: :class:`statefun_actors.engine.Source` is the contract.
- Each of ``CLOCK_CHECKS`` takes a :class:`ClockSetup`: :class:`statefun_actors.engine.Clock` is the contract.

A check raises AssertionError where the contract is broken.
"""

from statefun_actors.testing.checks import clock_calls, store_contents, store_order, store_reading
from statefun_actors.testing.checks.clocks import CLOCK_CHECKS, ClockCheck, ClockSetup
from statefun_actors.testing.checks.common import STORE_CHECKS, Check
from statefun_actors.testing.checks.running import Numbers
from statefun_actors.testing.checks.sinks import SINK_CHECKS, SinkCheck, SinkTarget
from statefun_actors.testing.checks.sources import SOURCE_CHECKS, SourceCheck, SourceInput

__all__ = [
    "CLOCK_CHECKS",
    "SINK_CHECKS",
    "SOURCE_CHECKS",
    "STORE_CHECKS",
    "Check",
    "ClockCheck",
    "ClockSetup",
    "Numbers",
    "SinkCheck",
    "SinkTarget",
    "SourceCheck",
    "SourceInput",
    "clock_calls",
    "store_contents",
    "store_order",
    "store_reading",
]
