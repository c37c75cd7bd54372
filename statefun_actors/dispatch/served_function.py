"""One function type as an application serves it: its handlers, with policies and timeouts resolved by the settings."""

from __future__ import annotations

from collections.abc import Callable

from statefun_actors.address import Address
from statefun_actors.asking import ANSWER, ATTEMPT, RESERVED
from statefun_actors.definition import FailurePolicy, FunctionType, Handler, TimedAttempts
from statefun_actors.dispatch.answers import BoundAnswer, BoundAnswers, attempted, find_answer, is_stop
from statefun_actors.dispatch.calling import start_of
from statefun_actors.dispatch.handler_threads import HandlerThreads
from statefun_actors.errors import InternalMessageError, MessageDecodeError, UnhandledMessageError
from statefun_actors.model import INGRESS, Invocation, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.text import describe_error
from statefun_actors.types import Codec, any_of


class BoundHandler:
    """A handler for one typename, ready to be called. For the handler of Any, *typename* and *codec* are None."""

    __slots__ = ("codec", "internal", "name", "policy", "read", "replies", "start", "timeout", "waits")

    def __init__(
        self,
        handler: Handler,
        typename: str | None,
        codec: Codec | None,
        served: ServedFunction,
        settings: Settings,
        threads: HandlerThreads,
    ) -> None:
        self.name = handler.name
        self.replies = handler.replies
        self.waits = handler.is_async or handler.blocking
        """Whether it needs a running event loop."""
        self.internal = served.function.options.is_internal(handler.internal)
        """Whether it refuses messages from outside."""
        self.codec = codec
        self.read: Callable[[bytes], object]
        """The decoder of a message's bytes. Not for the handler of Any, which takes the typename, too."""
        self.read = bytes if codec is None or typename is None else codec.reader(typename)
        self.timeout = handler.timeout if handler.timeout is not None else settings.handler_timeout
        self.start = start_of(handler, self.timeout, threads)
        """Calls it with a subject and a message; see :mod:`~.calling`."""
        self.policy = handler.on_failure if handler.on_failure is not None else served.policy

    def message(self, argument: TypedValue) -> object:
        """The message in the form that the handler takes.

        Raises:
            MessageDecodeError: the bytes do not fit the type.
        """
        try:
            return any_of(argument) if self.codec is None else self.read(argument.value)
        except Exception as error:
            raise self.unreadable(argument, error) from error

    def unreadable(self, argument: TypedValue, error: Exception) -> MessageDecodeError:
        """The error for *argument*, for which :attr:`read` raised *error*.

        It has the text of the codec, which says where the bytes do not fit; the faster reader says less.
        """
        reason = error
        if self.codec is not None:
            try:
                self.codec.decode(argument.value, argument.typename)
            except ValueError as detailed:
                reason = detailed
        return MessageDecodeError(argument.typename, describe_error(reason))


class ServedFunction:
    """One function type under the settings of one application."""

    __slots__ = (
        "answers",
        "any_handler",
        "checked",
        "fails_batches",
        "function",
        "guarded",
        "handlers",
        "internal",
        "own",
        "policy",
        "retries",
        "state_names",
        "stop",
        "waits",
    )

    def __init__(
        self, function: FunctionType, settings: Settings, threads: HandlerThreads, *, own: bool = False
    ) -> None:
        self.function = function
        self.own = own
        """Whether it is this library's own, which takes the reserved types of message."""
        self.state_names = function.state_names
        self.policy: FailurePolicy | None = (
            function.on_failure if function.on_failure is not None else settings.on_failure
        )
        self.retries = isinstance(self.policy, TimedAttempts)
        """Whether it is an activity, whose further attempts are messages to itself."""
        self.stop = None if function.stop is None else BoundHandler(function.stop, None, None, self, settings, threads)
        """Ends the run of an activity whose ask is over."""
        self.handlers: dict[str, BoundHandler] = {
            typename: BoundHandler(handler, typename, codec, self, settings, threads)
            for typename, (handler, codec) in function.handlers.items()
        }
        self.any_handler = (
            None
            if function.any_handler is None
            else BoundHandler(function.any_handler, None, None, self, settings, threads)
        )
        self.answers: dict[str, BoundAnswers] = {
            name: BoundAnswers(method, self.policy, settings.handler_timeout, threads)
            for name, method in function.answers.items()
        }
        """The methods that take answers, by the names under which open asks know them."""
        bound: list[BoundHandler | BoundAnswers] = [*self.handlers.values(), *self.answers.values()]
        bound += [self.any_handler] if self.any_handler else []
        self.waits = any(handler.waits for handler in bound)
        """Whether it has handlers that need a running event loop."""
        self.internal = any(handler.internal for handler in bound if isinstance(handler, BoundHandler))
        """Whether it has handlers that refuse messages from outside."""
        self.fails_batches = any(handler.policy is None for handler in bound)
        """Whether a failing message can fail its whole batch, since it has no policy."""
        self.guarded = self.policy is not None or any(handler.policy is not None for handler in bound)
        """Whether single messages can be undone; otherwise a failure undoes the whole batch."""
        self.checked = self.guarded or self.internal
        """Whether its batches may need more than the bare loop over their messages."""

    def resolve(self, invocation: Invocation) -> tuple[BoundHandler | BoundAnswer, Invocation]:
        """The handler for *invocation*, and the message that it gets; for an answer, the message in its envelope.

        Raises:
            UnhandledMessageError: no handler takes it.
        """
        typename = invocation.argument.typename
        if typename == ANSWER and not self.own:
            return find_answer(self.function.typename, self.answers, invocation)
        if typename in RESERVED and not self.own:
            if self.retries and typename == ATTEMPT and self._is_own(invocation.caller):
                message = attempted(invocation)
                return self.handler(message.argument.typename), message
            if self.stop is not None and is_stop(invocation):
                return self.stop, invocation
            return find_answer(self.function.typename, self.answers, invocation)
        return self.handler(typename), invocation

    def _is_own(self, caller: Address | None) -> bool:
        return caller is not None and caller[0] == self.function.typename

    def refused(self, typename: str, caller: Address | None) -> InternalMessageError | None:
        """The error for a message of *typename* from *caller*, if it is from outside and its handler is internal."""
        if not self.internal or not (caller is None or caller[0] == INGRESS):
            return None
        handler = self.handlers.get(typename, self.any_handler)
        if handler is None or not handler.internal:
            return None
        return InternalMessageError(self.function.typename, typename, handler.name)

    def takes(self, typename: str) -> bool:
        """Whether there is a handler for messages of *typename*."""
        return typename in self.handlers or (self.any_handler is not None and typename not in RESERVED)

    def handler(self, typename: str) -> BoundHandler:
        """The handler that takes messages of *typename*.

        Raises:
            UnhandledMessageError: there is none.
        """
        handler = self.handlers.get(typename, self.any_handler)
        if handler is None:
            raise UnhandledMessageError(self.function.typename, self.function.taken, typename)
        return handler
