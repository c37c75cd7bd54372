"""``EngineView``: a read-only view of an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from statefun_actors.address import Address
from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import Counters
from statefun_actors.engine.failing import FailingMessage, failing_message
from statefun_actors.engine.failing_egress import FailingEgress
from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.model import State, TypedValue
from statefun_actors.store import DeadLetterEntry, Message, Pauses, PauseTarget


class EngineView:
    """A read-only view of the current state of the engine of *core*. To be used on its event loop."""

    def __init__(self, core: Core, counters: Counters) -> None:
        self._core = core
        self.counters = counters
        """Counters of durable work since the engine started. Work that was lost and repeated counts once."""
        self.changes = 0
        """The number of durable changes of operators since the engine started: see :meth:`Engine.apply`."""

    # --- the store

    @property
    def error(self) -> BaseException | None:
        """The last error of the store; None after a commit has succeeded again."""
        return self._core.commits.error

    @property
    def lost(self) -> str | None:
        """The error of the store because of which messages are refused right now; None while they are taken."""
        return self._core.lost

    @property
    def stopping(self) -> bool:
        """Whether new messages are refused, since the engine stops."""
        return self._core.stopping

    @property
    def isolating(self) -> bool:
        """Whether the engine searches for the message whose commit the store refuses."""
        return self._core.isolation.active

    # --- entities and messages

    def state(self, address: Address) -> State:
        """The current state of *address*, the open epoch included. Raises DamagedStateError if it can't be read."""
        core = self._core
        return core.working_set.record(core.app.current(address), core.clock.now_ms).state

    @property
    def waiting(self) -> int:
        """The number of messages that have not been handled, those in flight included."""
        return self._core.working_set.mailboxes.waiting

    def longest_mailboxes(self, most: int) -> list[tuple[Address, int]]:
        """At most *most* addresses with more than one waiting message, and their numbers, the greatest first."""
        return self._core.working_set.mailboxes.longest(most)

    @property
    def parked(self) -> Mapping[str, int]:
        """The number of kept messages by function type, for types that this application does not serve."""
        return self._core.working_set.mailboxes.parked

    def next_due(self) -> int | None:
        """The due time of the next delayed message or retry, in milliseconds since 1970."""
        return self._core.working_set.next_due()

    def pending_besides(self, typename: str) -> bool:
        """Whether a retry, or a delayed message to another function type than *typename*, is pending."""
        working_set = self._core.working_set
        return working_set.mailboxes.next_retry() is not None or working_set.timers.any_besides(typename)

    # --- pauses

    @property
    def pauses(self) -> Pauses:
        """The paused entities and function types, each with the time of its pause in milliseconds since 1970."""
        return self._core.working_set.mailboxes.paused.pauses

    def paused_messages(self) -> Mapping[PauseTarget, int]:
        """The number of messages that wait for each paused entity and function type."""
        return self._core.working_set.mailboxes.paused.counts()

    @property
    def waiting_paused(self) -> int:
        """The number of messages that wait since their entities are paused. Reads all their mailboxes."""
        return self._core.working_set.mailboxes.paused.messages

    # --- failures

    def failing_messages(self) -> list[FailingMessage]:
        """The messages without a policy that keep failing, by their addresses."""
        return self._failing(self._core.working_set.mailboxes.first)

    def failing_addresses(self) -> list[FailingMessage]:
        """As :meth:`failing_messages`, but of each message only the target: the others may have to be read."""
        return self._failing(_unread)

    def _failing(self, first: Callable[[Mailbox], Message]) -> list[FailingMessage]:
        mailboxes = sorted(self._core.working_set.mailboxes.failing(), key=lambda mailbox: mailbox.address)
        found = (failing_message(mailbox, first) for mailbox in mailboxes)
        return [each for each in found if each is not None]

    def failing_message(self, address: Address) -> FailingMessage | None:
        """The first message of *address*, if that keeps failing: of the message only the target."""
        mailbox = self._core.working_set.mailboxes.of(address)
        return None if mailbox is None else failing_message(mailbox, _unread)

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        """The durable dead letters that have been neither retried nor discarded, oldest first."""
        return self._core.working_set.dead_letters.all()

    def dead_letter(self, seq: int) -> DeadLetterEntry:
        """The dead letter *seq*. Raises NoDeadLetterError if it does not exist."""
        return self._core.working_set.dead_letters.get(seq)

    # --- egress

    @property
    def egress_kept(self) -> int:
        """The number of durable egress records that their sinks have not written yet."""
        return self._core.working_set.outbox.kept

    def kept_of(self, egress: str) -> int:
        """The number of durable records of *egress*, which has a sink, that are not written yet."""
        return self._core.working_set.outbox.kept_of(egress)

    @property
    def failing_egress(self) -> Mapping[str, FailingEgress]:
        """The egresses that can't be written at present, by name."""
        return self._core.working_set.outbox.failing


_UNREAD = TypedValue("", b"")


def _unread(mailbox: Mailbox) -> Message:
    """In place of the first message of *mailbox*: its target."""
    return Message(0, mailbox.address, _UNREAD)
