"""The end of a run of several partitions: found exactly when nothing is left to do."""

from __future__ import annotations

import heapq
import random
from collections import deque

import attrs
import pytest

from statefun_actors.cli.run.rest import Link, Rest, all_at_rest


def rest(handed_over: dict[Link, int], taken: dict[Link, int], until: int | None = None) -> Rest:
    return Rest(until=until, idle=True, pending=False, failing=None, failed=False, handed_over=handed_over, taken=taken)


def test_partitions_without_a_report_are_not_at_rest() -> None:
    assert not all_at_rest([None, rest({}, {})], 0)
    assert all_at_rest([rest({}, {}), rest({}, {})], 0)


def test_what_one_has_handed_over_another_has_taken() -> None:
    first = rest({(1, None): 7, (1, "a/b"): 3}, {(1, None): 0})
    assert all_at_rest([first, rest({(0, None): 0}, {(0, None): 7, (0, "a/b"): 3})], 0)
    assert not all_at_rest([first, rest({(0, None): 0}, {(0, None): 6, (0, "a/b"): 3})], 0)
    assert not all_at_rest([first, rest({(0, None): 0}, {(0, None): 7, (0, "a/b"): 0})], 0)
    assert not all_at_rest([first, rest({(0, None): 2}, {(0, None): 7, (0, "a/b"): 3})], 0)


def test_a_report_holds_until_the_next_delayed_message_is_due() -> None:
    reports = [rest({}, {}), rest({}, {}, until=1_000)]
    assert all_at_rest(reports, 999)
    assert not all_at_rest(reports, 1_000)


@attrs.define
class Worker:
    """A partition that handles messages; each may send others, in order, or delay one, until enough were sent."""

    number: int
    count: int
    inbox: deque[tuple[int, int]] = attrs.field(factory=deque)
    sent: dict[int, int] = attrs.field(factory=dict)
    unconfirmed: int = 0
    taken: dict[int, int] = attrs.field(factory=dict)
    work: int = 0
    due: list[int] = attrs.field(factory=list)
    """A heap of the due times of delayed messages."""

    def is_due(self, now: int) -> bool:
        return bool(self.due) and self.due[0] <= now

    def report(self, now: int) -> Rest | None:
        if self.work or self.unconfirmed or self.is_due(now):
            return None
        return rest(
            {(to, None): seq for to, seq in self.sent.items()},
            {(sender, None): seq for sender, seq in self.taken.items()},
            self.due[0] if self.due else None,
        )


@pytest.mark.parametrize("seed", range(200))
def test_no_message_is_left_when_the_end_is_found_in_any_order_of_events(seed: int) -> None:
    chance = random.Random(seed)
    count = chance.randint(2, 4)
    workers = [Worker(number, count, work=chance.randint(0, 2)) for number in range(count)]
    reports: list[Rest | None] = [None] * count
    budget, found, now = chance.randint(0, 40), False, 0
    for now in range(100_000):
        worker = chance.choice(workers)
        match chance.randrange(4):
            case 0 if worker.work:  # a message is handled
                worker.work -= 1
                if budget and chance.random() < 0.3:
                    budget -= 1
                    heapq.heappush(worker.due, now + chance.randint(1, 60))
                elif budget and chance.random() < 0.7:
                    budget -= 1
                    to = workers[(worker.number + chance.randint(1, count - 1)) % count]
                    worker.sent[to.number] = worker.sent.get(to.number, 0) + 1
                    worker.unconfirmed += 1
                    to.inbox.append((worker.number, worker.sent[to.number]))
            case 1 if worker.inbox:  # a record is taken, and its sender knows
                sender, seq = worker.inbox.popleft()
                worker.taken[sender] = seq
                worker.work += 1
                workers[sender].unconfirmed -= 1
            case 2 if worker.is_due(now):
                heapq.heappop(worker.due)
                worker.work += 1
            case 3:
                if (report := worker.report(now)) is not None:
                    reports[worker.number] = report
            case _:
                pass
        if all_at_rest(reports, now):
            found = True
            break
    assert found
    assert not any(worker.work or worker.inbox or worker.is_due(now) for worker in workers)
