"""The chart of the overview: messages a second of the last minutes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import pytest

from statefun_actors.console.rates import HEIGHT, WIDTH, Rates, chart
from tests.console.served import Box, Put, site


@pytest.mark.parametrize(
    ("samples", "now", "most"),
    [
        ([(0.0, 0), (5.0, 0)], 0.0, 0.0),
        ([(0.0, 0), (5.0, 50), (10.0, 50)], 0.0, 10.0),
        ([(100.0, 7), (105.0, 12), (110.0, 112)], 20.0, 20.0),
        ([(3.0, 0), (3.0, 1)], 1_000.0, 1_000.0),  # a clock without progress
    ],
)
def test_the_rates_are_those_between_two_samples(samples: Sequence[tuple[float, int]], now: float, most: float) -> None:
    made = chart(samples)

    assert (made.now, made.most, made.seconds) == (now, most, samples[-1][0] - samples[0][0])


def test_the_line_ends_at_the_right_edge_and_stays_in_the_box() -> None:
    made = chart([(at * 5.0, at * at) for at in range(61)])

    points = [tuple(map(float, point.split(","))) for point in made.points.split()]
    assert len(points) == 60
    assert points[-1] == (WIDTH, 1.0)
    assert all(0 <= x <= WIDTH and 1 <= y <= HEIGHT - 1 for x, y in points)


def test_a_counter_is_sampled_until_it_is_closed() -> None:
    async def work() -> None:
        number = 0
        rates = Rates(lambda: number)
        number = 40
        first = rates.chart()
        assert first.now == first.most > 0
        rates.close()
        assert all(handle.cancelled() for handle in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    asyncio.run(work())


async def test_the_overview_has_the_charts() -> None:
    async with site(store=None) as console:
        await console.runtime.tell(Box.at("ada"), Put("x"))
        text = (await console.get("/console/")).text

    assert re.search(r'<polyline points="240.0,1.0"/>', text)
    for what in ("messages a second in", "messages a second handled", "epochs a second"):
        assert re.search(rf"[\d.,]+ {what} now, [\d.,]+ at most in the last ", text)
    assert "a second" not in text.split("<h2>")[1]
