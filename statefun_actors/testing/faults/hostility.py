"""``Faults``: the faults that a simulation may inject. ``Hostility``: those of one run."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import attrs

from statefun_actors.testing.faults.choices import Choices


@attrs.frozen(kw_only=True)
class Faults:
    """The kinds of faults that a simulation may inject. All of them happen on both engines.

    Args:
        batches: messages of one address are handled in batches of other sizes, and epochs end elsewhere.
        reloads: entities leave memory after each commit, and are read from their bytes again.
        twice: every batch runs twice, as after a crash that lost what the first run did.
        order: messages of different senders overtake each other. Those of one sender to one target never do.
        kills: the process ends before or after a commit, or the store fails a commit; the engine starts again from
            its store.
        repeats: clients send their messages, and their answers to reply addresses, again under the same key, although
            they were taken.
        egress: the targets of egresses refuse records for a while, and take long.
        wires: batches take the wire of Flink 3.x, the wire of Flink 2.x, and the direct call of the embedded engine in
            turn: they are encoded as a request, run by the code of the HTTP endpoint, and the reply is decoded.
        late: answers to asks are late: time passes first, so their timeouts may fire before. The result of a run
            depends on that, so None, the default, uses it only with an invariant; True always.
        jumps: the clock jumps before messages from outside and while the process is down, by up to a day ahead, or a
            minute back. None and True as for ``late``.
    """

    batches: bool = True
    reloads: bool = True
    twice: bool = True
    order: bool = True
    kills: bool = True
    repeats: bool = True
    egress: bool = True
    wires: bool = True
    late: bool | None = None
    jumps: bool | None = None


_RATES: Final = (0.0, 0.05, 0.25, 0.6)
_BATCHES: Final = (None, 1, 2, 3)
_JUMPS_MS: Final = (0, 1_000, 3_600_000, 86_400_000, -60_000)
_PATHS: Final = 3
"""The paths that batches take in turn: two wires, and the direct call."""
_ENDS: Final = ("before", "after", "failed")


class Hostility:
    """The faults of one run, decided by *choices*.

    Args:
        faults: the kinds of faults that are possible.
        choices: the source of decisions.
        results_vary: allow faults that may change the results of a correct entity: late answers, jumps of the clock.
    """

    def __init__(self, faults: Faults, choices: Choices, *, results_vary: bool = False) -> None:
        self._choices = choices
        # Each run has its own mix, so that frequent faults do not hide rare combinations.
        self.batch = _BATCHES[choices.pick(len(_BATCHES))] if faults.batches else None
        self.epoch = _BATCHES[choices.pick(len(_BATCHES))] if faults.batches else None
        self.reloads = bool(faults.reloads and choices.pick(2))
        self.twice = bool(faults.twice and choices.pick(2))
        self.overtaking = _RATES[choices.pick(len(_RATES))] if faults.order else 0.0
        self.killing = _RATES[choices.pick(len(_RATES))] if faults.kills else 0.0
        self.lateness = _RATES[choices.pick(len(_RATES))] if _used(faults.late, results_vary) else 0.0
        self.jumping = _RATES[choices.pick(len(_RATES))] if _used(faults.jumps, results_vary) else 0.0
        self.repeating = _RATES[choices.pick(len(_RATES))] if faults.repeats else 0.0
        self.tokens = choices.pick(1_000)
        """The seed of reply addresses and other tokens."""
        # A third of the runs has sinks, whose further commits take time.
        self.sinks = faults.egress and choices.pick(3) == 2
        """Whether each egress has a sink, to whose target faults may happen."""
        self.refusing = _RATES[choices.pick(len(_RATES))] if self.sinks else 0.0
        self.wires = choices.pick(_PATHS + 1) if faults.wires else 0
        """The path of the first batch, counted from 1; 0: all batches take the direct call."""
        self._paused = 0

    def overtaken(self) -> bool:
        """Whether the next message is held back, so that others overtake it."""
        return self.overtaking > 0 and self._choices.happens(self.overtaking)

    def pick(self, count: int) -> int:
        """A number from 0 to *count* - 1; always 0 if the order must not change."""
        return self._choices.pick(count) if self.overtaking > 0 and count > 1 else 0

    def late(self) -> bool:
        """Whether the next message of a conversation is late."""
        return self.lateness > 0 and self._choices.happens(self.lateness)

    def timeout_first(self) -> bool:
        """Whether a late message arrives only after the next timeout."""
        return self.lateness > 0 and bool(self._choices.pick(2))

    def repeated(self) -> bool:
        """Whether a client sends its message once more."""
        return self.repeating > 0 and self._choices.happens(self.repeating)

    def egress_refuses(self) -> bool:
        """Whether the target of an egress refuses the next write."""
        return self.refusing > 0 and self._choices.happens(self.refusing)

    def pick_of_egress(self, count: int) -> int:
        """A number from 0 to *count* - 1, for the pace of an egress."""
        return self._choices.pick(count)

    def jump_ms(self) -> int:
        """The jump of the clock now, in milliseconds; 0 for none."""
        if not self.jumping or not self._choices.happens(self.jumping):
            return 0
        return _JUMPS_MS[self._choices.pick(len(_JUMPS_MS))]

    def kill(self) -> str | None:
        """Whether the process ends "before" or "after" the next commit, or that has "failed"; None if all works."""
        if self._paused or not self.killing or not self._choices.happens(self.killing):
            return None
        return _ENDS[self._choices.pick(len(_ENDS))]

    def more_failures(self) -> int:
        """How often the store fails again after a failed commit."""
        return self._choices.pick(3)

    @contextmanager
    def without_kills(self) -> Generator[None]:
        """Inside, the process does not end."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    def describe(self) -> list[str]:
        """The decisions for the whole run, one line each."""
        found = []
        if self.batch is not None:
            found.append(f"at most {self.batch} message{'s' if self.batch > 1 else ''} in a batch")
        if self.epoch is not None:
            found.append(f"a commit after {self.epoch} message{'s' if self.epoch > 1 else ''} at the latest")
        if self.reloads:
            found.append("entities are read from the store for each commit")
        if self.twice:
            found.append("every batch runs twice; what the first run changed and sent is lost")
        if self.wires:
            found.append("batches take the wire 3.x, the wire 2.x and the direct call in turn")
        return found


def _used(fault: bool | None, results_vary: bool) -> bool:
    return results_vary if fault is None else fault
