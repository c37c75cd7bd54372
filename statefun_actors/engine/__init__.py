"""The embedded engine: mailboxes in, epochs out, over a store."""

from statefun_actors.engine.ask_attempts import (
    AskAttempts,
    attempts_at,
)
from statefun_actors.engine.clock import (
    Clock,
    ManualClock,
    SystemClock,
    at_ms,
    to_ms,
)
from statefun_actors.engine.dead_letters import (
    NoDeadLetterError,
)
from statefun_actors.engine.egress_queue import (
    EgressQueue,
    position_key,
)
from statefun_actors.engine.engine import (
    Engine,
)
from statefun_actors.engine.epoch import (
    Counters,
    EpochLostError,
    Lost,
    NotStorableError,
)
from statefun_actors.engine.evolution.findings import (
    IncompatibleStateError,
    LossRefusedError,
    StoredTwiceError,
)
from statefun_actors.engine.evolution.open_conversations import (
    open_asks,
    open_schedules,
)
from statefun_actors.engine.evolution.store_check import (
    Check,
    EvolutionFindings,
    find_changes,
)
from statefun_actors.engine.failing import (
    DroppedError,
    FailingMessage,
    NotFailingError,
)
from statefun_actors.engine.failing_egress import (
    FailingEgress,
)
from statefun_actors.engine.idempotency import (
    given_up,
)
from statefun_actors.engine.lineage import (
    Lineage,
)
from statefun_actors.engine.mailbox import (
    Mailbox,
)
from statefun_actors.engine.mailboxes import (
    Mailboxes,
)
from statefun_actors.engine.operator_changes import (
    CHANGED,
    NotSetError,
)
from statefun_actors.engine.options import (
    EngineOptions,
)
from statefun_actors.engine.ports import (
    Inbox,
    Sink,
    Source,
)
from statefun_actors.engine.settling import (
    failure_recipient,
)
from statefun_actors.engine.timers import (
    NoTimerError,
)
from statefun_actors.engine.view import (
    EngineView,
)

__all__ = [
    "CHANGED",
    "AskAttempts",
    "Check",
    "Clock",
    "Counters",
    "DroppedError",
    "EgressQueue",
    "Engine",
    "EngineOptions",
    "EngineView",
    "EpochLostError",
    "EvolutionFindings",
    "FailingEgress",
    "FailingMessage",
    "Inbox",
    "IncompatibleStateError",
    "Lineage",
    "LossRefusedError",
    "Lost",
    "Mailbox",
    "Mailboxes",
    "ManualClock",
    "NoDeadLetterError",
    "NoTimerError",
    "NotFailingError",
    "NotSetError",
    "NotStorableError",
    "Sink",
    "Source",
    "StoredTwiceError",
    "SystemClock",
    "at_ms",
    "attempts_at",
    "failure_recipient",
    "find_changes",
    "given_up",
    "open_asks",
    "open_schedules",
    "position_key",
    "to_ms",
]
