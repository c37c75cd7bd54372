"""``Move``: sends the contents of a store to a Flink job, and waits until it has taken them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from itertools import islice
from typing import Final, Protocol

from statefun_actors.address import Address
from statefun_actors.asking import NOT_RESTORED, RESTORED, restore, short_address
from statefun_actors.ingress import Answer, GivenUp, KeyReused, OnAnswer, Replied, Taken, Wait
from statefun_actors.model import Headers, TypedValue
from statefun_actors.moving.contents import StoreContents
from statefun_actors.moving.hold import Hold
from statefun_actors.moving.parts import Part
from statefun_actors.moving.stopped import MoveStoppedError, Refused
from statefun_actors.store import Timer

PATIENCE: Final = 60.0
"""Seconds in which the job must answer to a restore."""
HOLD_SECONDS: Final = 60
"""Seconds in which the job must have all delayed messages."""
_TOGETHER: Final = 500
"""The maximum of restores that are under way."""
_MOST_REFUSED: Final = 100
"""The number of refusals after which no more is sent: most likely they have one reason."""


class Exchange(Protocol):
    """What a move needs of the exchange of a gateway."""

    def ask_once(
        self,
        target: Address,
        key: str,
        digest: str,
        value: TypedValue | None,
        headers: Headers | None,
        wait: Wait,
        on_answer: OnAnswer,
        *,
        delay_ms: int = 0,
    ) -> object:
        """Send *value* to *target*, once under *key*, and call *on_answer* with the answer."""
        ...


class _UnansweredError(Exception):
    """The job did not answer, or the brokers did not take a record."""


class Move:
    """A move.

    Args:
        contents: what is moved.
        exchange: brings it to the job.
        now_ms: returns the time, in milliseconds since 1970.
        on_progress: called with the number of entities restored so far.
        patience: seconds in which the job must answer.
        hold_seconds: seconds from the first delayed message on in which none comes due, and all must be set.
    """

    def __init__(
        self,
        contents: StoreContents,
        exchange: Exchange,
        now_ms: Callable[[], int],
        on_progress: Callable[[int], None] = lambda _: None,
        patience: float = PATIENCE,
        hold_seconds: int = HOLD_SECONDS,
    ) -> None:
        self._contents, self._exchange, self._now_ms = contents, exchange, now_ms
        self._on_progress, self._patience, self._hold_seconds = on_progress, patience, hold_seconds
        self._refused: list[Refused] = []

    async def run(self) -> None:
        """Move all of it.

        Raises:
            MoveStoppedError: a part was refused, or the job does not answer.
            StoreError, DamagedStateError: the store, or an entity, can't be read.
        """
        contents = self._contents
        all_tried = await self._all("states", contents.states(), self._on_progress)
        if self._refused:
            many = "1 entity was" if len(self._refused) == 1 else f"{len(self._refused):,} entities were"
            rest = "so nothing that is delayed or waits was moved" if all_tried else "and the rest was not tried"
            raise MoveStoppedError(
                f"{many} refused, {rest}",
                self._refused,
                "Mend what is said above, then run the command again within a day: what has arrived counts once.",
            )
        hold = Hold(self._now_ms(), self._hold_seconds * 1000)
        await self._all("delayed", contents.delayed(hold))
        await self._together(self._delay(timer, hold) for timer in contents.outside)
        if self._refused:
            raise MoveStoppedError("all states were moved, but not the messages of the entities above", self._refused)
        if self._now_ms() > hold.until_ms:
            raise MoveStoppedError(
                f"the job took longer than {self._hold_seconds:,} s to set the delayed messages, so some came due "
                "before others were set, and nothing that waits was moved",
                advice=f"Begin with a job that has no state of it, and with --hold {10 * self._hold_seconds}.",
            )
        await self._all("waiting", contents.waiting())
        if self._refused:
            raise MoveStoppedError(
                "all states and delayed messages were moved, but not the waiting messages of the entities above",
                self._refused,
            )

    async def _all(
        self,
        what: str,
        parts: Iterable[tuple[Address, Iterator[Part]]],
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> bool:
        """Restore *parts*, which are *what* of their entities; return whether all was tried."""
        work = (self._restore(address, f"restore {what}", own) for address, own in parts)
        return await self._together(work, on_progress)

    async def _together(
        self, work: Iterable[Coroutine[None, None, None]], on_progress: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Do *work*, some of it at a time; return whether all was done, which ends after many refusals."""
        done = 0
        remaining = iter(work)
        while some := list(islice(remaining, _TOGETHER)):
            results = await asyncio.gather(*some, return_exceptions=True)
            if errors := [result for result in results if isinstance(result, BaseException)]:
                unexpected = [error for error in errors if not isinstance(error, _UnansweredError)]
                raise (unexpected or [MoveStoppedError(str(errors[0]), self._refused)])[0]
            done += len(some)
            on_progress(done)
            if len(self._refused) >= _MOST_REFUSED:
                return False
        return True

    async def _restore(self, address: Address, key: str, parts: Iterator[Part]) -> None:
        """Send *parts* to *address*, each after the one before was taken."""
        for number, part in enumerate(parts):
            match await self._answer(address, f"{key} {number}", part.digest, restore(part.content), Wait.HANDLED):
                case Replied(TypedValue(typename=typename)) if typename == RESTORED:
                    continue
                case Replied(TypedValue(typename=typename, value=data)) if typename == NOT_RESTORED:
                    reason = data.decode("utf-8", "backslashreplace")
                case GivenUp(reason):
                    pass
                case KeyReused():
                    reason = (
                        "another content of it was moved before; the store has changed since. Begin with a job that "
                        "has no state of it"
                    )
                case answer:
                    raise _UnansweredError(_unanswered(answer))
            self._refused.append(Refused(address, reason))
            return

    async def _delay(self, timer: Timer, hold: Hold) -> None:
        """Send a delayed message from outside, which comes due after *hold*."""
        digest = hashlib.sha256(f"{timer.due_ms} {timer.value.typename} ".encode() + timer.value.value).hexdigest()
        delay_ms = max(0, hold.due(timer.due_ms) - self._now_ms())
        key = f"restore outside {timer.seq}"
        match await self._answer(timer.target, key, digest, timer.value, Wait.TAKEN, delay_ms):
            case Taken():
                pass
            case GivenUp(reason):
                self._refused.append(Refused(timer.target, f"a delayed message from outside: {reason}"))
            case answer:
                raise _UnansweredError(_unanswered(answer))

    async def _answer(
        self, target: Address, key: str, digest: str, value: TypedValue, wait: Wait, delay_ms: int = 0
    ) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def on_answer(answer: Answer) -> None:
            if not answered.done():
                answered.set_result(answer)

        self._exchange.ask_once(target, key, digest, value, None, wait, on_answer, delay_ms=delay_ms)
        try:
            async with asyncio.timeout(self._patience):
                return await answered
        except TimeoutError:
            raise _UnansweredError(
                f"the Flink job has not answered within {self._patience:g} s, for {short_address(target)}; it must run "
                "with this module.yaml"
            ) from None


def _unanswered(answer: Answer) -> str:
    reason = getattr(answer, "reason", None)
    return str(reason) if reason else f"expected an answer to a restore, got {type(answer).__name__}"
