"""Another wall clock for handlers: with each look at it a day and an hour have passed.

It replaces ``datetime.now``, ``datetime.utcnow``, ``datetime.today`` and ``date.today`` in the modules of the handlers,
and for code in these modules the functions of ``time``: ``time``, ``monotonic``, ``perf_counter``, each with ``_ns``,
``localtime``, ``gmtime``, ``ctime`` and ``strftime``. A function of another module, such as one that a handler calls
in a library, sees the real clock.

A handler should use ``self.now``. In a test the wall clock stands still, compared to virtual time, so code that reads
it can give the same result in each run. With this clock it does not.
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.dispatch import Application, ServedFunction, message_lookup

_STEP: Final = dt.timedelta(days=1, hours=1)


@attrs.define
class Looks:
    """The number of times that a handler has looked at the other clock."""

    count: int = 0


@contextmanager
def another_wall_clock(app: Application) -> Generator[Looks]:
    """Inside, the handlers of *app* see another wall clock. Activities, and everything else, see the real one."""
    served_functions = {typename: served for typename, served in app.served.items() if not served.retries}
    modules = _modules(served_functions.values())
    looks = Looks()
    running_message = message_lookup()

    def ahead() -> dt.timedelta:
        running = running_message()
        if running is None or running[0].typename not in served_functions:
            return dt.timedelta(0)
        looks.count += 1
        return _STEP * looks.count

    stand_ins = _stand_ins(ahead)
    changed = [*_replace(modules, stand_ins), *_replace_time(modules, ahead)]
    try:
        yield looks
    finally:
        for module, name, value in changed:
            setattr(module, name, value)


def _modules(served_functions: Iterable[ServedFunction]) -> list[ModuleType]:
    """The modules in which the handlers of *served_functions* are defined."""
    names: set[str] = set()
    for served in served_functions:
        cls: type | None = getattr(served.function, "cls", None)
        names |= {each.__module__ for each in ([] if cls is None else cls.__mro__)}
        names |= {handler.function.__module__ for handler, _ in served.function.handlers.values()}
    own = [name for name in names if name.partition(".")[0] == "statefun_actors"]
    return [
        sys.modules[name] for name in sorted(names.difference(own, sys.builtin_module_names)) if name in sys.modules
    ]


def _replace(modules: Iterable[ModuleType], stand_ins: dict[int, object]) -> Iterator[tuple[ModuleType, str, object]]:
    for module in modules:
        for name, value in list(vars(module).items()):
            if (stand_in := stand_ins.get(id(value))) is not None:
                setattr(module, name, stand_in)
                yield module, name, value


def _replace_time(
    modules: Iterable[ModuleType], ahead: Callable[[], dt.timedelta]
) -> Iterator[tuple[ModuleType, str, object]]:
    """Replace the functions of :mod:`time` by functions that are ahead for code in *modules* only."""
    names = {module.__name__ for module in modules}

    def in_handlers(real: Callable[..., Untyped], strange: Callable[..., Untyped]) -> Callable[..., Untyped]:
        def function(*args: Untyped) -> Untyped:
            # The documented way to the caller.
            called = sys._getframe(1).f_globals.get("__name__")  # noqa: SLF001
            return (strange if called in names else real)(*args)

        return function

    for name, (real, strange) in _time_functions(ahead).items():
        yield time, name, real
        setattr(time, name, in_handlers(real, strange))


def _time_functions(
    ahead: Callable[[], dt.timedelta],
) -> dict[str, tuple[Callable[..., Untyped], Callable[..., Untyped]]]:
    """The functions of ``time`` that read a clock, by name: the real one, and one that is ahead."""
    seconds = time.time

    def later(real: Callable[[], float]) -> Callable[[], float]:
        return lambda: real() + ahead().total_seconds()

    def later_ns(real: Callable[[], int]) -> Callable[[], int]:
        return lambda: real() + int(ahead().total_seconds()) * 10**9

    def at(real: Callable[[float], Untyped]) -> Callable[..., Untyped]:
        return lambda moment=None: real(seconds() + ahead().total_seconds() if moment is None else moment)

    def strftime(form: str, moment: Untyped = None) -> str:
        return real_strftime(form, real_localtime(seconds() + ahead().total_seconds()) if moment is None else moment)

    real_strftime, real_localtime = time.strftime, time.localtime
    floats = {each.__name__: (each, later(each)) for each in (time.time, time.monotonic, time.perf_counter)}
    whole = {each.__name__: (each, later_ns(each)) for each in (time.time_ns, time.monotonic_ns, time.perf_counter_ns)}
    moments = {each.__name__: (each, at(each)) for each in (time.localtime, time.gmtime, time.ctime)}
    return {**floats, **whole, **moments, "strftime": (real_strftime, strftime)}


def _stand_ins(ahead: Callable[[], dt.timedelta]) -> dict[int, object]:
    """What to put in the place of an object in a module, by the identity of that object."""

    class Kind(type):
        """Instances of the real class count as instances."""

        stands_for: type

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, cls.stands_for)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, cls.stands_for)

    class StrangeDatetime(dt.datetime, metaclass=Kind):
        stands_for = dt.datetime

        def __new__(cls, *args: Untyped, **kwargs: Untyped) -> Untyped:
            return dt.datetime(*args, **kwargs)  # noqa: DTZ001 - as the real one

        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Untyped:
            return dt.datetime.now(tz) + ahead()

        @classmethod
        def utcnow(cls) -> Untyped:
            return dt.datetime.now(dt.UTC).replace(tzinfo=None) + ahead()

        @classmethod
        def today(cls) -> Untyped:
            return cls.now()

    class StrangeDate(dt.date, metaclass=Kind):
        stands_for = dt.date

        def __new__(cls, *args: Untyped, **kwargs: Untyped) -> Untyped:
            return dt.date(*args, **kwargs)

        @classmethod
        def today(cls) -> Untyped:
            return (dt.datetime.now() + ahead()).date()  # noqa: DTZ005 - as the real one

    module = ModuleType("datetime")
    vars(module).update(vars(dt))
    vars(module).update(datetime=StrangeDatetime, date=StrangeDate)
    return {
        id(dt): module,
        id(dt.datetime): StrangeDatetime,
        id(dt.date): StrangeDate,
        **{id(real): strange for real, strange in _time_functions(ahead).values()},
    }
