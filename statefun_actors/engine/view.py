"""``EngineView``: what can be seen of an engine from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from statefun_actors.address import Address
from statefun_actors.engine.core import Core
from statefun_actors.engine.epoch import Counters
from statefun_actors.engine.failing import FailingMessage, failing_message
from statefun_actors.model import State
from statefun_actors.store import DeadLetterEntry


class EngineView:
    """A read-only view of the engine of *core*, always as of now. To be used on its event loop."""

    def __init__(self, core: Core, counters: Counters) -> None:
        self._core = core
        self.counters = counters
        """What was done since the engine started, as far as it is durable. What is lost and done again counts once."""

    # --- the store

    @property
    def error(self) -> BaseException | None:
        """Why the store failed last; None once a commit has succeeded again."""
        return self._core.commits.error

    @property
    def lost(self) -> str | None:
        """Why nothing can be taken right now, the store having failed; None while it can."""
        return self._core.lost

    @property
    def stopping(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._core.stopping

    @property
    def isolating(self) -> bool:
        """Whether the engine looks for the message whose commit the store refuses."""
        return self._core.isolation.active

    # --- entities and messages

    def state(self, address: Address) -> State:
        """The state of *address* as of now, the open epoch included. Raises DamagedStateError if it can't be read."""
        core = self._core
        return core.working_set.record(core.app.current(address), core.clock.now_ms).state

    @property
    def waiting(self) -> int:
        """Messages that have not been handled, those in flight included."""
        return self._core.working_set.mailboxes.waiting

    @property
    def parked(self) -> Mapping[str, int]:
        """Messages kept for function types that nothing here serves, by function type."""
        return self._core.working_set.mailboxes.parked

    def next_due(self) -> int | None:
        """When a delayed message or a retry is due next, in milliseconds since 1970."""
        return self._core.working_set.next_due()

    def pending_besides(self, typename: str) -> bool:
        """Whether a retry, or a delayed message to another function type than *typename*, is pending."""
        working_set = self._core.working_set
        return working_set.mailboxes.next_retry() is not None or working_set.timers.any_besides(typename)

    # --- failures

    def failing_messages(self) -> list[FailingMessage]:
        """Messages without a policy that keep failing, by their addresses."""
        found = map(failing_message, self._core.working_set.mailboxes.failing())
        return sorted((each for each in found if each is not None), key=lambda each: each.message.target)

    def failing_message(self, address: Address) -> FailingMessage | None:
        """The first message of *address*, if that keeps failing."""
        mailbox = self._core.working_set.mailboxes.of(address)
        return None if mailbox is None else failing_message(mailbox)

    def dead_letters(self) -> Iterator[DeadLetterEntry]:
        """The durable ones that have been neither retried nor discarded, oldest first."""
        return self._core.working_set.dead_letters.all()

    def dead_letter(self, seq: int) -> DeadLetterEntry:
        """The one of number *seq*. Raises NoDeadLetterError where there is none."""
        return self._core.working_set.dead_letters.get(seq)

    # --- egress

    @property
    def egress_kept(self) -> int:
        """Egress records that are durable and that their sinks have not written yet."""
        return self._core.working_set.outbox.kept

    @property
    def failing_egress(self) -> Mapping[str, str]:
        """Egresses that can't be written at present, and why."""
        return self._core.working_set.outbox.failing
