"""``Application``: the function types that are served together, under one set of settings."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from statefun_actors.address import Address
from statefun_actors.conversations import own_functions
from statefun_actors.definition import FunctionType
from statefun_actors.dispatch.diagnostics import Diagnostics
from statefun_actors.dispatch.durations import Durations
from statefun_actors.dispatch.handler_threads import HandlerThreads
from statefun_actors.dispatch.instruments import Instrument, Instruments, instrument_problems
from statefun_actors.dispatch.observed_scope import ObservedScope
from statefun_actors.dispatch.served_function import ServedFunction
from statefun_actors.errors import DefinitionError, UnknownFunctionTypeError
from statefun_actors.settings import Settings
from statefun_actors.types import Codec, UnstorableTypeError, codec_for, message_name


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
        DefinitionError: an argument can't be served; two have one function type; two classes have one message name; an
            instrument is invalid.
    """

    def __init__(
        self, *served: object, settings: Settings | None = None, instruments: Sequence[Instrument] = ()
    ) -> None:
        self.settings = settings if settings is not None else Settings()
        self.record_egresses = self.settings.record_egresses
        self.diagnostics = Diagnostics()
        self.handler_times: Durations[tuple[str, str]] | None = None
        """The times of attempts by function type and handler; None: they are not measured."""
        self.threads = HandlerThreads(self.settings.handler_threads)
        """Those of its blocking handlers."""
        self._codecs: Mapping[str, Codec] | None = None
        problems = list(instrument_problems(instruments))
        functions: dict[str, ServedFunction] = {}
        for function in _function_types(served):
            if function.typename in functions and functions[function.typename].function is not function:
                problems.append(f"two function types are named {function.typename!r}; give one of them another name")
            functions[function.typename] = ServedFunction(function, self.settings, self.threads)
        problems += _name_clashes(functions)
        problems += _former_name_clashes(functions)
        if problems:
            raise DefinitionError("this application", problems)
        self.diagnostics.activities = {name for name, served in functions.items() if served.retries}
        self.instruments = Instruments([self.diagnostics, *instruments])
        self.observed_scope = ObservedScope.of if self.instruments.observe_batches else None
        """Makes the scope of a batch. None: its scope is a plain Scope."""
        self.served: Mapping[str, ServedFunction] = functions
        """The served functions, by function type."""
        self.renamed: Mapping[str, str] = {
            former: name for name, served in functions.items() for former in served.function.was
        }
        """The current function type of a class, by its former ones."""
        own = {
            function.typename: ServedFunction(function, Settings(), self.threads, own=True)
            for function in own_functions((*functions, *self.settings.other_functions))
        }
        self.all_served: Mapping[str, ServedFunction] = {**functions, **own}
        """The served functions and this library's own ones, by function type."""

    def measure_handlers(self, now: float) -> Durations[tuple[str, str]]:
        """Measure the times of handlers from *now* on. A second call returns what the first one returned.

        Args:
            now: ``time.monotonic()``, as given to ``advance`` of the result.
        """
        if self.handler_times is None:
            self.handler_times = Durations(now)
        return self.handler_times

    @property
    def typenames(self) -> list[str]:
        """The function types served, sorted."""
        return sorted(self.served)

    def served_function(self, typename: str) -> ServedFunction | None:
        """The served function of the function type *typename*, or of its current name; None if neither is served."""
        return self.served.get(self.renamed.get(typename, typename))

    def why_not_served(self, typename: str) -> str:
        """The reason why messages from outside can't be sent to the function type *typename*, for errors."""
        error = UnknownFunctionTypeError(typename, self.typenames)
        return str(error) if error.reserved else f"this engine runs {', '.join(self.typenames) or 'nothing'}"

    def current(self, address: Address) -> Address:
        """*address* with the current name of its function type."""
        renamed = self.renamed.get(address.typename)
        return address if renamed is None else Address(renamed, address.id)

    def addresses_of(self, address: Address) -> list[Address]:
        """*address*, and those that it had under former names of its function type."""
        former = [Address(old, address.id) for old, new in self.renamed.items() if new == address.typename]
        return [address, *former]

    def refuse_renamed(self) -> None:
        """Check that Flink can run it: Flink keeps state under the function type that wrote it.

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
        """The codecs of all types that the application knows, by typename, to show values to people.

        It knows the types that its handlers take, the ``known_types`` of its functions, and the named classes in the
        modules of these handlers. The first call computes it.
        """
        if self._codecs is None:
            known: dict[str, Codec] = {}
            for served in self.served.values():
                for typename, bound in served.handlers.items():
                    if bound.codec is not None and typename == bound.codec.typename:
                        known.setdefault(typename, bound.codec)
            for served in self.served.values():
                for typename, codec in served.function.known_types.items():
                    known.setdefault(typename, codec)
            for cls in self._classes_around():
                with contextlib.suppress(UnstorableTypeError, TypeError):  # unfinished; of a metaclass without a hash
                    if (name := message_name(cls)) is not None and name not in known:
                        known[name] = codec_for(cls)
            self._codecs = known
        return self._codecs

    def _classes_around(self) -> Iterator[type]:
        """The classes in the modules of the handlers."""
        handlers = [handler for served in self.served.values() for handler, _ in served.function.handlers.values()]
        handlers += [served.function.any_handler for served in self.served.values() if served.function.any_handler]
        for module in dict.fromkeys(getattr(handler.function, "__module__", None) for handler in handlers):
            if module in sys.modules:
                yield from [item for item in vars(sys.modules[module]).values() if isinstance(item, type)]


def _former_name_clashes(functions: Mapping[str, ServedFunction]) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, served in functions.items():
        for former in served.function.was:
            if former in functions:
                yield f"{name} has was={former!r}, which is served, too; drop was=, or stop serving {former!r}"
            if (other := seen.setdefault(former, name)) != name:
                yield f"{other} and {name} both have was={former!r}; its state can only move to one of them"


def _name_clashes(functions: Mapping[str, ServedFunction]) -> list[str]:
    seen: dict[str, tuple[Codec, str]] = {}
    problems = []
    for served in functions.values():
        for typename, bound in served.handlers.items():
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
