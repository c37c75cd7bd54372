"""The interface of a function type: its handlers, and how state enters and leaves its instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any as Untyped
from typing import ClassVar, Protocol

from statefun_actors.definition.answer_method import AnswerMethod
from statefun_actors.definition.fields import Field
from statefun_actors.definition.function_options import TypeOptions
from statefun_actors.definition.handlers import Handler
from statefun_actors.definition.policy import FailurePolicy
from statefun_actors.definition.scope import Scope
from statefun_actors.model import StateSpec
from statefun_actors.types import Codec


class FunctionType(Protocol):
    """One function type. Its *subject* is the first argument of handlers: an entity or a context.

    A function type that can explain exceptions of user code better than Python may have a method
    ``explain(error: Exception) -> Exception``, which returns the clearer error, or *error* itself.
    """

    typename: str
    was: Sequence[str]
    """Former function types: the embedded engine moves state stored under these to ``typename``."""
    states: Sequence[StateSpec]
    persisted: Sequence[Field]
    """The fields of the states, in the same order."""
    state_names: AbstractSet[str]
    """The states that a batch must have, in the order of declaration."""
    handlers: Mapping[str, tuple[Handler, Codec]]
    """By the typename of the message."""
    any_handler: Handler | None
    """The handler of all other types, as a google.protobuf.Any; None without one."""
    answers: Mapping[str, AnswerMethod]
    """The methods that take answers, by their names in stored asks."""
    taken: Sequence[str]
    """The types that handlers take, as annotated."""
    stop: Handler | None
    """The handler of a Stop, which ends the run of an activity whose ask is over; None for all other function types."""
    on_failure: FailurePolicy | None
    options: TypeOptions
    owns_tokens: ClassVar[bool]
    """Whether cancellation tokens are private to the sender, or passed through unchanged."""

    @property
    def known_types(self) -> Mapping[str, Codec]:
        """Codecs of further types by typename, for values that people write and read as JSON."""
        ...

    def open(self, scope: Scope) -> object:
        """Create a subject with the last settled state of the scope."""
        ...

    isolate: Callable[[Untyped, Scope], None] | None
    """Between two messages of a batch: makes state as it would be in two batches. None: it always is."""

    def settle(self, subject: Untyped, scope: Scope) -> None:
        """Check the values of the subject, and copy changes to ``scope.changes``."""
        ...

    def abandon(self, subject: Untyped) -> None:
        """Detach a subject from its scope: code that still runs with it (a thread past its timeout, a task that its
        handler left running) changes nothing, and gets an error if it tries to.
        """
        ...
