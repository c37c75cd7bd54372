"""What is served, with everything resolved that depends on the settings: policies, timeouts, tables."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from statefun_actors.address import Address
from statefun_actors.asking import ATTEMPT, RESERVED
from statefun_actors.conversations import own_functions
from statefun_actors.definition import FailurePolicy, FunctionType, Handler, Scope, TimedAttempts
from statefun_actors.dispatch.answers import BoundAnswer, BoundAnswers, attempted, find_answer
from statefun_actors.dispatch.calling import start_of
from statefun_actors.dispatch.diagnostics import Diagnostics
from statefun_actors.dispatch.instruments import Instrument, Instruments, instrument_problems
from statefun_actors.dispatch.observed_scope import ObservedScope
from statefun_actors.errors import (
    DefinitionError,
    InternalMessageError,
    MessageDecodeError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
)
from statefun_actors.model import INGRESS, Invocation, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.text import describe_error
from statefun_actors.types import Codec, UnstorableTypeError, any_of, codec_for, message_name


class BoundHandler:
    """A handler for one typename, ready to be called. For the handler of Any, *typename* and *codec* are None."""

    __slots__ = ("codec", "internal", "name", "policy", "read", "replies", "start", "timeout", "waits")

    def __init__(
        self, handler: Handler, typename: str | None, codec: Codec | None, route: ServedFunction, settings: Settings
    ) -> None:
        self.name = handler.name
        self.replies = handler.replies
        self.waits = handler.is_async or handler.blocking
        """Whether it needs a running event loop."""
        self.internal = bool(route.function.options.internal if handler.internal is None else handler.internal)
        """Whether it refuses messages from outside."""
        self.codec = codec
        self.read: Callable[[bytes], object] | None
        """What reads its bytes; None = they go into a google.protobuf.Any."""
        self.read = None if codec is None or typename is None else codec.reader(typename)
        self.timeout = handler.timeout if handler.timeout is not None else settings.handler_timeout
        self.start = start_of(handler, self.timeout)
        """Calls it with a subject and a message; see :mod:`~.calling`."""
        self.policy = handler.on_failure if handler.on_failure is not None else route.policy

    def message(self, argument: TypedValue) -> object:
        """The message as the handler takes it.

        Raises:
            MessageDecodeError: the bytes do not fit the type.
        """
        try:
            return any_of(argument) if self.read is None else self.read(argument.value)
        except Exception as error:
            self._tell(argument)
            raise MessageDecodeError(argument.typename, describe_error(error)) from error

    def _tell(self, argument: TypedValue) -> None:
        """Raises what is wrong with *argument* in its codec's words, which its reader has no time for."""
        if self.codec is not None:
            try:
                self.codec.decode(argument.value, argument.typename)
            except ValueError as error:
                raise MessageDecodeError(argument.typename, describe_error(error)) from error


class ServedFunction:
    """One function type under the settings of one application."""

    __slots__ = (
        "answers",
        "any_handler",
        "fails_batches",
        "function",
        "guarded",
        "handlers",
        "internal",
        "own",
        "policy",
        "retries",
        "state_names",
        "waits",
    )

    def __init__(self, function: FunctionType, settings: Settings, *, own: bool = False) -> None:
        self.function = function
        self.own = own
        """Whether it is this library's own, which takes the reserved types of message."""
        self.state_names = function.state_names
        self.policy: FailurePolicy | None = (
            function.on_failure if function.on_failure is not None else settings.on_failure
        )
        self.retries = isinstance(self.policy, TimedAttempts)
        """Whether it is an activity, whose further attempts are messages to itself."""
        self.handlers: dict[str, BoundHandler] = {
            typename: BoundHandler(handler, typename, codec, self, settings)
            for typename, (handler, codec) in function.handlers.items()
        }
        self.any_handler = (
            None if function.any_handler is None else BoundHandler(function.any_handler, None, None, self, settings)
        )
        self.answers: dict[str, BoundAnswers] = {
            name: BoundAnswers(method, self.policy, settings.handler_timeout)
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
        """Whether a message of it that fails can fail its whole batch, for want of a policy."""
        self.guarded = self.policy is not None or any(handler.policy is not None for handler in bound)
        """Whether single messages can be undone; otherwise a failure undoes the whole batch."""

    def resolve(self, invocation: Invocation) -> tuple[BoundHandler | BoundAnswer, Invocation]:
        """What runs *invocation*, and the message that it is given: of an answer what is in its envelope.

        Raises:
            UnhandledMessageError: nothing takes it.
        """
        typename = invocation.argument.typename
        if typename in RESERVED and not self.own:
            if self.retries and typename == ATTEMPT and self._is_own(invocation.caller):
                message = attempted(invocation)
                return self.handler(message.argument.typename), message
            return find_answer(self.function.typename, self.answers, invocation)
        return self.handler(typename), invocation

    def _is_own(self, caller: Address | None) -> bool:
        return caller is not None and caller[0] == self.function.typename

    def refused(self, typename: str, caller: Address | None) -> InternalMessageError | None:
        """Why a message of *typename* from *caller* is not taken: it is from outside, and its handler is internal."""
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


def _function_types(served: Iterable[object]) -> Iterable[FunctionType]:
    for item in served:
        if (definition := getattr(item, "__function_type__", None)) is not None:
            if not isinstance(item, type):
                problem = f"expected classes, got an instance; write {type(item).__name__} without the ()"
                raise DefinitionError("an application", [problem])
            yield definition
        elif (several := getattr(item, "__function_types__", None)) is not None:
            yield from several()
        else:
            what = f"the class {item.__name__}" if isinstance(item, type) else repr(item)
            hint = (
                "; an Entity without typename= is abstract: give it one"
                if getattr(item, "__abstract_entity__", False)
                else ""
            )
            raise DefinitionError(
                "an application", [f"expected Entity classes and StatefulFunctions, got {what}{hint}"]
            )


class Application:
    """Function types by name, under one set of settings.

    Args:
        served: Entity classes and StatefulFunctions.
        settings: of the application.
        instruments: called with its events.

    Raises:
        DefinitionError: something that isn't served; two under one function type; two classes under one message name;
            something that is no instrument.
    """

    def __init__(
        self, *served: object, settings: Settings | None = None, instruments: Sequence[Instrument] = ()
    ) -> None:
        self.settings = settings if settings is not None else Settings()
        self.record_egresses = self.settings.record_egresses
        self.diagnostics = Diagnostics()
        self._codecs: Mapping[str, Codec] | None = None
        problems = list(instrument_problems(instruments))
        routes: dict[str, ServedFunction] = {}
        for function in _function_types(served):
            if function.typename in routes and routes[function.typename].function is not function:
                problems.append(f"two function types are named {function.typename!r}; give one of them another name")
            routes[function.typename] = ServedFunction(function, self.settings)
        problems += _name_clashes(routes)
        problems += _former_name_clashes(routes)
        if problems:
            raise DefinitionError("this application", problems)
        self.diagnostics.activities = {name for name, route in routes.items() if route.retries}
        self.instruments = Instruments([self.diagnostics, *instruments])
        self.make_scope: type[Scope] = ObservedScope if self.instruments.observe_batches else Scope
        self.routes: Mapping[str, ServedFunction] = routes
        """What was served, by function type."""
        self.renamed: Mapping[str, str] = {
            former: name for name, route in routes.items() for former in route.function.was
        }
        """By a function type that a class had before, the one that it has now."""
        own = {
            function.typename: ServedFunction(function, Settings(), own=True)
            for function in _function_types([own_functions()])
        }
        self.all_routes: Mapping[str, ServedFunction] = {**routes, **own}
        """The same, and this library's own functions."""

    @property
    def typenames(self) -> list[str]:
        """The function types served, sorted."""
        return sorted(self.routes)

    def route(self, typename: str) -> ServedFunction | None:
        """The route of the function type *typename*, or of the one that it is called now; None if neither is served."""
        return self.routes.get(self.renamed.get(typename, typename))

    def why_not_served(self, typename: str) -> str:
        """Why messages from outside can't go to the function type *typename*, for errors."""
        error = UnknownFunctionTypeError(typename, self.typenames)
        return str(error) if error.reserved else f"this engine runs {', '.join(self.typenames) or 'nothing'}"

    def current(self, address: Address) -> Address:
        """*address*, under the function type that it has now."""
        renamed = self.renamed.get(address.typename)
        return address if renamed is None else Address(renamed, address.id)

    def refuse_renamed(self) -> None:
        """For what Flink runs, which keeps state under the function type that wrote it.

        Raises:
            DefinitionError: a class has ``was=``.
        """
        problems = [
            f"{name} has was={former!r}, and Flink can't move state to another function type: keep "
            f"typename={former!r} and drop was=, or run it on the embedded engine"
            for former, name in self.renamed.items()
        ]
        if problems:
            raise DefinitionError("this application", problems)

    def codecs(self) -> Mapping[str, Codec]:
        """How to read any value whose typename the application knows, for people.

        It knows the types that its handlers take, the ``known_types`` of its functions, and the named classes in the
        modules where these are written. Looked for once, when first asked.
        """
        if self._codecs is None:
            known: dict[str, Codec] = {}
            for route in self.routes.values():
                for typename, bound in route.handlers.items():
                    if bound.codec is not None and typename == bound.codec.typename:
                        known.setdefault(typename, bound.codec)
            for route in self.routes.values():
                for typename, codec in route.function.known_types.items():
                    known.setdefault(typename, codec)
            for cls in self._classes_around():
                with contextlib.suppress(UnstorableTypeError, TypeError):  # unfinished; of a metaclass without a hash
                    if (name := message_name(cls)) is not None and name not in known:
                        known[name] = codec_for(cls)
            self._codecs = known
        return self._codecs

    def _classes_around(self) -> Iterator[type]:
        """The classes in the modules that handlers are written in."""
        handlers = [handler for route in self.routes.values() for handler, _ in route.function.handlers.values()]
        handlers += [route.function.any_handler for route in self.routes.values() if route.function.any_handler]
        for module in dict.fromkeys(getattr(handler.function, "__module__", None) for handler in handlers):
            if module in sys.modules:
                yield from [item for item in vars(sys.modules[module]).values() if isinstance(item, type)]


def _former_name_clashes(routes: Mapping[str, ServedFunction]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, route in routes.items():
        for former in route.function.was:
            if former in routes:
                yield f"{name} has was={former!r}, which is served, too; drop was=, or stop serving {former!r}"
            if (other := seen.setdefault(former, name)) != name:
                yield f"{other} and {name} both have was={former!r}; its state can only move to one of them"


def _name_clashes(routes: Mapping[str, ServedFunction]) -> list[str]:
    seen: dict[str, tuple[Codec, str]] = {}
    problems = []
    for route in routes.values():
        for typename, bound in route.handlers.items():
            codec = bound.codec
            if codec is None or typename != codec.typename or typename == "statefun-actors/json":
                continue
            other, where = seen.setdefault(typename, (codec, bound.name))
            if other is not codec:
                another = "another " if other.spelling == codec.spelling else ""
                problems.append(
                    f"{where} takes {other.spelling} and {bound.name} takes {another}{codec.spelling} under one name, "
                    f"{typename}; give one of them another name"
                )
    return problems
