"""How the cost of a message grows: ``python -m tests.benchmarks.curves [NAME ...] [--full] [--svg FILE]``.

Each curve varies one size (entities stored, fields, bytes of state, messages in a batch, messages sent by one, open
asks, pending timers) and shows µs of processor time for a message on the embedded engine over SQLite.
Sizes take turns, round by round, and medians are shown. The *exponent* is the slope between the two largest sizes, both
axes logarithmic: 0 is a constant cost, 1 a cost in proportion to the size; above 1.2 the curve is super-linear, and the
command exits with 1.
"""

from __future__ import annotations

import asyncio
import gc
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs

from tests.benchmarks.figures import Figure, parser_of, report
from tests.benchmarks.growing import Measure, asks, batch, entities, fan_out, fields, one_asker, state, timers

ROUNDS: Final = 3
SUPER_LINEAR: Final = 1.2


@attrs.frozen
class Curve:
    """One size that is varied, as *measure* does, over *sizes*; *full* are those of ``--full``."""

    label: str
    measure: Measure
    sizes: Sequence[int]
    full: Sequence[int] = ()


CURVES: Final = {
    "entities": Curve("entities stored", entities, (100, 1_000, 10_000, 100_000), (1_000_000,)),
    "fields": Curve("fields of an entity", fields, (1, 10, 100, 1_000)),
    "state": Curve("bytes of state", state, (10, 1_000, 100_000, 1_000_000)),
    "batch": Curve("messages in a batch", batch, (1, 10, 100, 1_000)),
    "fan-out": Curve("messages sent by one", fan_out, (1, 10, 100, 1_000)),
    "asks": Curve("open asks", asks, (10, 1_000, 10_000), (100_000,)),
    "one-asker": Curve("open asks of one entity", one_asker, (10, 1_000, 10_000), (100_000,)),
    "timers": Curve("pending timers", timers, (10, 1_000, 10_000, 100_000), (1_000_000,)),
}


def points(curve: Curve, sizes: Sequence[int]) -> dict[int, float]:
    """Size → µs of processor time for a message, the median of the rounds."""
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(ROUNDS):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                gc.collect()
                taken[size].append(asyncio.run(curve.measure(Path(folder) / "store.db", size)))
    return {size: statistics.median(values) for size, values in taken.items()}


def exponent(found: dict[int, float]) -> float:
    """The slope between the two largest sizes, both axes logarithmic."""
    (size, cost), (larger, more) = list(found.items())[-2:]
    return math.log(more / cost) / math.log(larger / size)


def plot(found: dict[str, dict[int, float]], path: Path) -> None:
    """Write one panel for each curve to *path*, as SVG."""
    import matplotlib.pyplot as plt  # half a second, which only who plots should wait

    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "curves", "font.size": 8})
    columns = min(4, len(found))
    rows = math.ceil(len(found) / columns)
    figure, panels = plt.subplots(rows, columns, figsize=(2.4 * columns, 2.1 * rows), squeeze=False)
    for panel in panels.flat[len(found) :]:
        panel.set_visible(False)
    for panel, (name, curve) in zip(panels.flat, found.items(), strict=False):
        panel.loglog(list(curve), list(curve.values()), marker="o", markersize=3, linewidth=1)
        panel.set_title(CURVES[name].label, fontsize=8)
        panel.set_ylim(bottom=1, top=10_000)
        panel.minorticks_off()
    figure.supylabel("µs of processor time for a message", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(CURVES)} (default: all)")
    parser.add_argument("--full", action="store_true", help="larger sizes, too; takes minutes")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="plot the curves to FILE, too")
    parser.add_argument("--smallest", action="store_true", help="the two smallest sizes alone, to try the command")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in CURVES]:
        parser.error(f"unknown curve {unknown[0]!r}; expected one of: {', '.join(CURVES)}")
    figures, all_found = list[Figure](), dict[str, dict[int, float]]()
    for name in arguments.names or CURVES:
        curve = CURVES[name]
        sizes = curve.sizes[:2] if arguments.smallest else (*curve.sizes, *(curve.full if arguments.full else ()))
        all_found[name] = found = points(curve, sizes)
        slope = exponent(found)
        costs = "   ".join(f"{size:,}: {cost:,.0f} µs" for size, cost in found.items())
        print(f"{curve.label:24} {costs}   exponent {slope:+.2f}")
        figures.append(
            Figure(name=f"growth with {curve.label}: exponent", ours=[slope], aim=SUPER_LINEAR, at_least=False, unit="")
        )
    if arguments.svg is not None:
        plot(all_found, arguments.svg)
    report(figures, arguments)


if __name__ == "__main__":
    main()
