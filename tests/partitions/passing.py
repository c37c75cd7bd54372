"""Cells that pass numbers on to each other in turn, and what they must have got after that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from statefun_actors.admin import read_entities
from statefun_actors.partitions import partition_of
from tests.partitions.cells import Cell

CELLS: Final = [f"cell-{number}" for number in range(12)]


def receiver(sender: str, number: int) -> str:
    """The cell to which *sender* passes *number* on."""
    return CELLS[(CELLS.index(sender) + number) % len(CELLS)]


def check_passed(store: Path, sent: Mapping[str, int] | None = None, *, last_to_itself: bool = False) -> int:
    """Each number that a cell in *store* has added was passed on once, and arrived in the order of its sender.

    Args:
        store: with partitions.
        sent: how many numbers each cell has got; None: as many as it has.
        last_to_itself: whether each cell got its last number back.

    Returns:
        How many numbers went from one of the partitions to another.
    """
    found = dict(read_entities(store, Cell))
    if sent is None:
        sent = {id: len(found[id].numbers) if id in found else 0 for id in CELLS}
    assert {id: cell.numbers for id, cell in found.items()} == {id: list(range(sent[id])) for id in found}
    expected: dict[tuple[str, str], list[int]] = defaultdict(list)
    for sender in CELLS:
        for number in range(sent[sender]):
            is_last = last_to_itself and number == sent[sender] - 1
            expected[sender, sender if is_last else receiver(sender, number)].append(number)
    passed: dict[tuple[str, str], list[int]] = defaultdict(list)
    for id, cell in found.items():
        for sender, number in cell.passed:
            passed[sender, id].append(number)
    assert passed == expected
    count = sum(1 for each in store.iterdir() if each.name.isdecimal())
    return sum(
        len(numbers)
        for (sender, id), numbers in passed.items()
        if partition_of(Cell.at(sender), count) != partition_of(Cell.at(id), count)
    )
