"""``OperatorChanges``: changes by an operator, in the open epoch. ``Engine.apply`` makes them durable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from statefun_actors.address import Address
from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import EpochLostError
from statefun_actors.engine.failing import NotFailingError
from statefun_actors.engine.mailbox import Mailbox, MailboxState
from statefun_actors.engine.paused import current_target
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.errors import StatefunActorsError
from statefun_actors.ingress import IngressMessage
from statefun_actors.model import TypedValue
from statefun_actors.store import PauseTarget, Timer, with_pauses, without_pauses

CHANGED: Final = "it has changed since it was read; read it again"


class NotSetError(StatefunActorsError):
    """A field of an entity could not be set. A retry can help, after another look at the field."""

    retryable: ClassVar[bool] = True

    def __init__(self, address: Address, name: str, reason: str) -> None:
        super().__init__(address, name, reason)
        self.address, self.name, self.reason = address, name, reason

    def __str__(self) -> str:
        return f"{self.name} of {self.address} was not set: {self.reason}"


class OperatorChanges:
    """Changes mailboxes and dead letters in the open epoch of *core*.

    Every method raises EpochLostError if the store has just failed. A retry can help.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def post(self, message: IngressMessage) -> None:
        """Put *message* into the mailbox of its target, regardless of the number of waiting messages."""
        working_set = self._working_set()
        if message.delay_ms > 0:
            due_ms = self._core.clock.now_ms() + message.delay_ms
            working_set.post_later(due_ms, message.target, message.value, message.caller, None, message.headers)
        else:
            working_set.post(message.target, message.value, message.caller, message.headers)
        self._core.news.set()

    def retry_dead_letter(self, seq: int, value: TypedValue | None = None) -> None:
        """Append the message of a dead letter, or *value* in its place, to the mailbox of its target.

        If the message fails again, it becomes a dead letter with another number. A caller that waited for its reply got
        the failure already, and gets nothing more.

        Raises:
            NoDeadLetterError: it does not exist, or no longer.
        """
        working_set = self._working_set()
        message = working_set.dead_letters.take(seq, working_set.epoch).message
        value = message.value if value is None else value
        working_set.post(message.target, value, message.caller, message.headers)
        self._core.news.set()

    def discard_dead_letter(self, seq: int) -> None:
        """Remove a dead letter. Raises as :meth:`retry_dead_letter` does."""
        working_set = self._working_set()
        self._core.merge.discard(working_set, seq, self._core.clock.now_ms())
        self._core.news.set()

    def timer(self, due_ms: int, seq: int) -> Timer:
        """The delayed message *seq*, which is due at *due_ms*.

        Raises:
            NoTimerError: there is none (any more).
        """
        return self._working_set().timers.get(due_ms, seq)

    def fire_timer(self, due_ms: int, seq: int) -> None:
        """Deliver a delayed message now. Raises as :meth:`timer` does."""
        working_set = self._working_set()
        working_set.deliver(working_set.timers.take(due_ms, seq, working_set.epoch))
        self._core.news.set()

    def cancel_timer(self, due_ms: int, seq: int) -> None:
        """Remove a delayed message. Raises as :meth:`timer` does."""
        working_set = self._working_set()
        working_set.timers.take(due_ms, seq, working_set.epoch)
        self._core.news.set()

    def set_state(self, address: Address, name: str, value: TypedValue | None, before: TypedValue | None) -> None:
        """Set the state *name* of *address* to *value*, in place of *before*. None: it is absent.

        Raises:
            NotSetError: it is no longer *before*, or a message of *address* is being handled.
            DamagedStateError: what is stored of *address* can't be read.
        """
        working_set, now_ms = self._working_set(), self._core.clock.now_ms
        mailbox = working_set.mailboxes.of(address)
        if mailbox is not None and mailbox.state is MailboxState.RUNNING:
            raise NotSetError(address, name, "a message is being handled right now; try again in a moment")
        record = working_set.record(address, now_ms)
        if record.state.get(name) != before:
            raise NotSetError(address, name, CHANGED)
        self._core.merge.set_state(working_set, address, record, name, value, now_ms())
        self._core.news.set()

    def pause(self, targets: Iterable[PauseTarget]) -> None:
        """Pause entities and function types: their messages wait until :meth:`resume`.

        Batches in flight end as usual. What is paused already stays so.
        """
        working_set, now_ms = self._working_set(), self._core.clock.now_ms()
        working_set.pause(with_pauses(working_set.mailboxes.paused.pauses, map(self._current, targets), now_ms))
        self._core.news.set()

    def resume(self, targets: Iterable[PauseTarget]) -> None:
        """Resume entities and function types.

        Raises:
            NotPausedError: one of them is not paused; the error names the first.
        """
        working_set = self._working_set()
        working_set.pause(without_pauses(working_set.mailboxes.paused.pauses, map(self._current, targets)))
        self._core.news.set()

    def _current(self, target: PauseTarget) -> PauseTarget:
        return current_target(target, self._core.app.renamed)

    def retry_failing(self, address: Address) -> None:
        """Retry the failing message of *address* now, without waiting for the end of its backoff.

        Raises:
            NotFailingError: there is none, it is being handled, or *address* is paused.
        """
        self.check_retry(address)
        self._core.working_set.mailboxes.retry_now(self._failing(address))
        self._core.news.set()

    def drop_failing(self, address: Address, *, discard: bool = False) -> None:
        """Remove the failing message of *address*; it becomes a dead letter, unless *discard*.

        Raises:
            NotFailingError: there is none, or it is being handled.
        """
        mailbox = self._failing(address)
        self._core.merge.drop(self._core.working_set, mailbox, self._core.clock.now_ms(), discard=discard)
        self._core.news.set()

    def check_retry(self, address: Address) -> None:
        """Raise the error of :meth:`retry_failing` for *address*, if there is one."""
        if self._failing(address).paused:
            raise NotFailingError(address, "its messages are paused; resume it first")

    def check_failing(self, address: Address) -> None:
        """Raise the error of :meth:`drop_failing` for *address*, if there is one."""
        self._failing(address)

    def _failing(self, address: Address) -> Mailbox:
        mailbox = self._working_set().mailboxes.of(address)
        if mailbox is None or not mailbox.attempts:
            raise NotFailingError(address, "none of its messages is failing")
        if mailbox.state is MailboxState.RUNNING:
            raise NotFailingError(address, "its message is being handled right now; try again in a moment")
        self._working_set().mailboxes.load(mailbox)
        return mailbox

    def _working_set(self) -> WorkingSet:
        if self._core.working_set.lost:
            raise EpochLostError(str(self._core.commits.error))
        return self._core.working_set
