"""What one test sees of the Flink that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from statefun_actors import Address, Entity
from tests.flink.app import Count, Counter, Seen
from tests.flink.egresses import OUT
from tests.flink.jvm import FlinkJvm, Record, Started


class Flink:
    """The job, with ids and records of this test alone.

    Args:
        jvm: the job.
        name: of the test.
    """

    def __init__(self, jvm: FlinkJvm, name: str) -> None:
        self.jvm = jvm
        self._name = name
        self._since = self._scanned = len(jvm.events)
        self._mine: dict[str, list[Record]] = {}
        self._crashes = 0
        self._behind = 0
        self._settled = 0

    def at(self, kind: type[Entity] | str, id: str = "ada") -> Address:
        """The address of an entity, or of a function by its typename; its id belongs to this test."""
        id = f"{self._name}.{id}"
        return Address(kind, id) if isinstance(kind, str) else kind.at(id)

    def send(self, target: Address, *messages: object) -> None:
        self.jvm.send(target, *messages)

    def send_all(self, messages: Iterable[tuple[Address, object]]) -> None:
        self.jvm.send_all(messages)

    def checkpoint(self) -> None:
        """All that this test has seen so far is in a complete checkpoint on return: no crash brings it back."""
        self.settle()  # the source has handed that over since, so the checkpoint is younger than what was seen
        self._behind = self.jvm.checkpoint()

    def crash(self) -> None:
        """Fail the job; return when it runs again, from :meth:`checkpoint` or a later one."""
        assert self._behind > 0, "take a checkpoint first: without one, a job that forgets everything passes as well"
        self._crashes += 1
        self._assert_restored(self.jvm.crash())

    def _assert_restored(self, start: Started) -> None:
        assert start.restored, f"the job began anew, not from a checkpoint\n{self.jvm.log()}"
        assert start.offset >= self._behind, f"it went back to message {start.offset}, before the last checkpoint"

    def records(self, egress: str = OUT) -> list[Record]:
        """The records so far from ids of this test."""
        mine = f"{self._name}.".encode()
        for event in self.jvm.events[self._scanned :]:
            self._scanned += 1
            if isinstance(event, Record) and mine in event.value.value:
                self._mine.setdefault(event.egress, []).append(event)
        return self._mine.setdefault(egress, [])

    def until(self, reached: Callable[[], bool], what: str) -> None:
        """Return once *reached()*; fails with *what* and what was seen instead."""
        self.jvm.wait(reached, what)

    def wait_records(self, count: int, egress: str = OUT) -> list[Record]:
        """*count* records of this test, from its beginning."""
        self.until(lambda: len(self.records(egress)) >= count, f"{count} records of {egress}")
        return self.records(egress)

    def seen(self, at_least: int = 0) -> list[tuple[str, int]]:
        """The reports so far, as (event, number); waits for *at_least* this number."""
        self.until(lambda: len(self._told()) >= at_least, f"{at_least} things told")
        return [(what, number) for _, what, number in self._told()]

    def told(self, what: str) -> bool:
        """Whether *what* has been reported."""
        return any(each == what for _, each, _ in self._told())

    def wait_restart(self) -> None:
        """Return once the job has failed by itself and runs again."""
        self._crashes += 1
        self.until(lambda: self.restarts() == self._crashes, "the job to run again")
        self._assert_restored(self.jvm.last_start)

    def told_by_run(self) -> list[dict[str, list[int]]]:
        """The reports between starts of the job: (sender, event) → the numbers in order, with repeats."""
        mine = f"{self._name}.".encode()
        runs: list[dict[str, list[int]]] = [{}]
        for event in self.jvm.events[self._since :]:
            if isinstance(event, Started):
                runs.append({})
            elif isinstance(event, Record) and mine in event.value.value:
                id, what, number = seen_in(event)
                if not id.startswith(f"{self._name}.settled-"):
                    runs[-1].setdefault(f"{what} {id}", []).append(number)
        return runs

    def restarts(self) -> int:
        """How often the job was started since this test began."""
        return sum(isinstance(event, Started) for event in self.jvm.events[self._since :])

    def _told(self) -> list[tuple[str, str, int]]:
        told = map(seen_in, self.records())
        return [each for each in told if not each[0].startswith(f"{self._name}.settled-")]

    def settle(self) -> None:
        """Wait until all earlier messages are delivered and the job runs."""
        self._settled += 1
        target = self.at(Counter, f"settled-{self._settled}")
        self.send(target, Count(1))
        self.until(lambda: any(seen_in(each)[0] == target.id for each in self.records()), "an answer")

    def assert_up(self) -> None:
        """The job has failed only as often as this test made it fail, and is up."""
        self.settle()
        assert self.restarts() == self._crashes, f"the job failed by itself\n{self.jvm.log()}"


def seen_in(record: Record) -> tuple[str, str, int]:
    """Who, what, how many."""
    held = record.json
    seen = Seen(str(held["id"]), str(held["what"]), int(str(held.get("number", 0))))
    return seen.id, seen.what, seen.number
