"""Answers: messages of a reserved type, which run the method that ``then=`` of an ask named."""

from __future__ import annotations

import math
import os
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec.structs import replace

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    ATTEMPT,
    ORDER,
    REPLY,
    Answer,
    Attempt,
    Open,
    Retries,
    Run,
    Stop,
    address_of,
    answer,
    answer_of,
    attempt,
    attempt_token,
    failed,
    order,
    read_attempt,
    read_order,
)
from statefun_actors.backoff import Backoff
from statefun_actors.definition import AnswerMethod, AttemptCutShortError, FailurePolicy, NotYetError, TimedAttempts
from statefun_actors.dispatch.calling import start_of
from statefun_actors.dispatch.handler_threads import HandlerThreads
from statefun_actors.errors import MessageDecodeError, UnhandledMessageError
from statefun_actors.model import Effect, Headers, Invocation, Send, SendAfter, TypedValue
from statefun_actors.text import describe, describe_error, shortened
from statefun_actors.types import any_of

_LONGEST_BACKOFF: Final = 86_400.0
_LONGEST_ERROR: Final = 1_000
"""Characters of the error in the message of a further attempt."""
_START: Final = secrets.token_hex(8)
ANSWER_ADVICE: Final = "Send an answer of such a type, or add the type to the annotation of the method."


class BoundAnswers:
    """An answer method, ready to be called."""

    __slots__ = ("method", "name", "policy", "start", "timeout", "waits", "without_kept")

    def __init__(
        self, method: AnswerMethod, policy: FailurePolicy | None, timeout: float | None, threads: HandlerThreads
    ) -> None:
        handler = method.handler
        self.method, self.name = method, handler.name
        self.waits = handler.is_async or handler.blocking
        self.timeout = handler.timeout if handler.timeout is not None else timeout
        self.start = start_of(handler, self.timeout, threads)
        self.policy = handler.on_failure if handler.on_failure is not None else policy
        self.without_kept = BoundAnswer(self, None)
        """For all answers without a kept value."""


class BoundAnswer:
    """One answer for one method, with the interface of a BoundHandler."""

    __slots__ = ("_keep", "_method", "name", "policy", "replies", "start")

    def __init__(self, bound: BoundAnswers, keep: tuple[str, bytes] | None) -> None:
        self._method, self._keep = bound.method, keep
        self.name, self.policy, self.start = bound.name, bound.policy, bound.start
        self.replies = True

    def message(self, argument: TypedValue) -> object:
        """Decode the answer; return it, or a pair of it and the kept value if the method takes both.

        Raises:
            MessageDecodeError: the bytes of one of them do not fit the type.
        """
        method = self._method
        codec = method.codecs.get(argument.typename)
        try:
            value = any_of(argument) if codec is None else codec.decode(argument.value, argument.typename)
            if not method.keeps:
                return value
            return value, method.read_keep(None if self._keep is None else TypedValue(*self._keep))
        except ValueError as error:
            raise MessageDecodeError(argument.typename, describe_error(error)) from error


def find_answer(
    function: str, answers: Mapping[str, BoundAnswers], invocation: Invocation
) -> tuple[BoundAnswer, Invocation]:
    """Find the method for a message of a reserved type; return it, and the message inside the envelope.

    Raises:
        UnhandledMessageError: the caller is not the reply function, or no method of that name takes the type.
    """
    caller = invocation.caller
    if invocation.argument.typename != ANSWER or caller is None or caller[0] != REPLY:
        raise UnhandledMessageError(function, (), invocation.argument.typename)
    content = _content(invocation.argument)
    bound = answers.get(content.then)
    if bound is None:
        raise missing_method(function, content.then, answers, content.value[0])
    if not bound.method.takes(content.value[0]):
        raise UnhandledMessageError(bound.name, bound.method.taken, content.value[0], ANSWER_ADVICE)
    handler = bound.without_kept if content.keep is None else BoundAnswer(bound, content.keep)
    return handler, _unwrapped(content, invocation.headers)


def missing_method(function: str, then: str, answers: Iterable[str], typename: str) -> UnhandledMessageError:
    """The error for an answer of *typename* to the method *then*, which *function* does not have."""
    return UnhandledMessageError(
        function,
        [f"answers for {', '.join(sorted(answers))}" if answers else "no answers"],
        f"an answer of type {typename} for {then!r}, which it does not have",
        f"Restore that method, or write @answers(name={then!r}) on the one that replaces it.",
    )


def unwrapped(invocation: Invocation) -> Invocation:
    """*invocation* without its envelope, if it has one: the message inside, and the caller that gets its reply."""
    typename = invocation.argument.typename
    try:
        if typename == ANSWER:
            return _unwrapped(_content(invocation.argument), invocation.headers)
        if typename == ATTEMPT:
            content = _attempt(invocation)
            return Invocation(TypedValue(*content.value), address_of(content.caller), invocation.headers)
    except MessageDecodeError:
        pass
    return invocation


def value_inside(value: TypedValue) -> TypedValue:
    """The message in *value*, an answer or an attempt; *value* itself if it is neither."""
    return unwrapped(Invocation(value)).argument


def rewrapped(envelope: TypedValue, value: TypedValue) -> TypedValue:
    """*value* in place of the message in *envelope*, an answer or an attempt; *value* itself if that is neither.

    Raises:
        MessageDecodeError: the envelope can't be read.
    """
    inside = (value.typename, value.value)
    if envelope.typename == ANSWER:
        return answer(replace(_content(envelope), value=inside))
    if envelope.typename == ATTEMPT:
        return attempt(replace(_attempt(Invocation(envelope)), number=1, value=inside, process="", error=""))
    return value


def answered_method(envelope: TypedValue) -> str | None:
    """The name of the method that the answer in *envelope* is for; None if that is no answer.

    Raises:
        MessageDecodeError: the envelope can't be read.
    """
    return _content(envelope).then if envelope.typename == ANSWER else None


def is_stop(invocation: Invocation) -> bool:
    """Whether *invocation* ends the run of an activity that gets it, since its ask is over."""
    caller = invocation.caller
    if invocation.argument.typename != ORDER or caller is None or caller[0] != REPLY:
        return False
    try:
        return isinstance(read_order(invocation.argument.value), Stop)
    except ValueError:
        return False


def attempted(invocation: Invocation) -> Invocation:
    """The message that *invocation* tries again.

    Raises:
        MessageDecodeError: it is not a further attempt.
        AttemptCutShortError: the attempt has begun already, in a process that ended before it did.
    """
    content = _attempt(invocation)
    if content.process not in ("", _process()):
        raise AttemptCutShortError(content.number)
    return Invocation(TypedValue(*content.value), address_of(content.caller), invocation.headers)


def begun_attempt(invocation: Invocation) -> TypedValue | None:
    """The message that records that the attempt *invocation* of an activity begins in this process.

    The activity sends it to itself. None where an attempt with that record is to begin, nothing that can be read, or
    no attempt but the end of the run.
    """
    if invocation.argument.typename == ORDER:
        return None
    if invocation.argument.typename == ATTEMPT:
        try:
            content = _attempt(invocation)
        except MessageDecodeError:
            return None
        return None if content.process else attempt(replace(content, process=_process()))
    value = (invocation.argument.typename, invocation.argument.value)
    return attempt(Attempt(1, value, invocation.caller, _process()))


def _process() -> str:
    """This process, in the records of the attempts that begin in it. A forked one has another."""
    return f"{os.getpid()}.{_START}"


def next_attempt(
    target: Address, invocation: Invocation, policy: TimedAttempts, error: BaseException
) -> SendAfter | None:
    """The next attempt at *invocation* of the activity at *target*, after *error*; None after the last one."""
    content = _attempt_of(invocation)
    if isinstance(error, NotYetError):
        return _attempt_after(target, content, error.delay.total_seconds())
    if content.number >= policy.total:
        return None
    seconds = Backoff(policy.backoff, _LONGEST_BACKOFF).seconds(content.number)
    text = shortened(describe(error), _LONGEST_ERROR)
    return _attempt_after(target, replace(content, number=content.number + 1, error=text), seconds)


def report_retry(invocation: Invocation) -> Send | None:
    """The message to a reply address that *invocation*, its question, waits for a further attempt; None without one."""
    caller = unwrapped(invocation).caller
    return Send(caller, order(Retries())) if caller is not None and caller[0] == REPLY else None


def attempt_number(invocation: Invocation) -> int:
    """The number of the attempt *invocation* of an activity; 1 if it can't be read, since another wrote it."""
    try:
        return _attempt(invocation).number if invocation.argument.typename == ATTEMPT else 1
    except MessageDecodeError:
        return 1


def _attempt_of(invocation: Invocation) -> Attempt:
    """The attempt *invocation*; for a question, the first one."""
    argument = invocation.argument
    if argument.typename == ATTEMPT:
        return _attempt(invocation)
    return Attempt(1, (argument.typename, argument.value), invocation.caller)


def _attempt_after(target: Address, content: Attempt, seconds: float) -> SendAfter:
    caller = address_of(content.caller)
    token = attempt_token(target, caller) if caller is not None and caller[0] == REPLY else None
    return SendAfter(target, attempt(replace(content, process="")), max(1, math.ceil(seconds * 1000)), token)


def _attempt(invocation: Invocation) -> Attempt:
    try:
        return read_attempt(invocation.argument.value)
    except ValueError as error:
        raise MessageDecodeError(invocation.argument.typename, describe_error(error)) from error


def failure_answer(invocation: Invocation, reason: str) -> Send | None:
    """The message that reports to a reply address that *invocation*, its question, was given up; None without one."""
    caller = unwrapped(invocation).caller
    return Send(caller, failed(reason)) if caller is not None and caller[0] == REPLY else None


def replies_later(invocation: Invocation, effects: Iterable[Effect]) -> bool:
    """Whether the reply to *invocation* comes after its handler, whose effects are *effects*.

    Its handler has asked, or its activity will try again; or it is an answer, whose first question came from elsewhere.
    """
    if invocation.argument.typename == ANSWER:
        return True
    for effect in effects:
        if isinstance(effect, SendAfter) and effect.value.typename == ATTEMPT:
            return True
        if isinstance(effect, Send) and effect.target[0] == REPLY and effect.value.typename == ORDER:
            try:
                content = read_order(effect.value.value)
            except ValueError:  # user code sent it; the reply function drops it
                continue
            if isinstance(content, Run) or (isinstance(content, Open) and content.target is not None):
                return True
    return False


def _content(argument: TypedValue) -> Answer:
    try:
        return answer_of(argument)
    except ValueError as error:
        raise MessageDecodeError(argument.typename, describe_error(error)) from error


def _unwrapped(content: Answer, headers: Headers | None) -> Invocation:
    caller: Address | None = address_of(content.caller)
    return Invocation(TypedValue(*content.value), caller, headers)
