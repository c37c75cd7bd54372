"""A function type as dispatch sees it: which handler takes a message, and how state gets in and out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any as Untyped
from typing import ClassVar, Protocol

from statefun_actors.definition.access import TypeOptions
from statefun_actors.definition.answer_method import AnswerMethod
from statefun_actors.definition.fields import Field
from statefun_actors.definition.handlers import Handler
from statefun_actors.definition.policy import FailurePolicy
from statefun_actors.definition.scope import Scope
from statefun_actors.model import StateSpec
from statefun_actors.types import Codec


class FunctionType(Protocol):
    """One function type. Its *subject* is what handlers get as their first argument: an entity or a context.

    A function type that can say more about an exception of its users' than Python does may have a method
    ``explain(error: Exception) -> Exception``, which gives the clearer one, or *error* itself.
    """

    typename: str
    was: Sequence[str]
    """Function types under which it was stored before: an embedded engine moves what is stored to ``typename``."""
    states: Sequence[StateSpec]
    persisted: Sequence[Field]
    """What stands behind the states, in the same order."""
    state_names: frozenset[str]
    """The states without which no batch may run."""
    handlers: Mapping[str, tuple[Handler, Codec]]
    """By the typename of the message."""
    any_handler: Handler | None
    """Takes what no other handler takes, as a google.protobuf.Any."""
    answers: Mapping[str, AnswerMethod]
    """The methods that take answers, by the names under which open asks know them."""
    taken: Sequence[str]
    """The types that handlers take, as their user spelled them."""
    on_failure: FailurePolicy | None
    options: TypeOptions
    owns_tokens: ClassVar[bool]
    """Whether cancellation tokens are the sender's own, or are passed through as they are."""

    def open(self, scope: Scope) -> object:
        """A subject that starts from the scope's state as last settled."""
        ...

    isolate: Callable[[Untyped, Scope], None] | None
    """Between two messages of a batch: makes state what it would be in two batches. None = it always is."""

    def settle(self, subject: Untyped, scope: Scope) -> None:
        """Check what the subject holds and move what changed into ``scope.changes``."""
        ...

    def abandon(self, subject: Untyped) -> None:
        """Cut a subject off from its scope: what still runs with it (a thread past its timeout, a task that its handler
        left behind) changes nothing, and is told so by an error where it tries.
        """
        ...
