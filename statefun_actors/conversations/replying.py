"""``reply_step``: what one message to the reply function changes, and which messages it sends.

======================  ============================  ========================================
message                 the ask is open               the ask is not open
======================  ============================  ========================================
Open, from a function   ignored                       stored, its timer set, its question sent;
                                                      answered at once if its answer is stored
Expire, from itself     the answer is "timeout"       an early answer is dropped
Close, from a function  the answer is "failed"        ignored
Retries, of an activity ignored                       the activity is stopped
FAILED, from a function the answer is "failed"        dropped
ANSWER                  dropped                       dropped
any other               it is the answer              from a function: kept for a minute
Look, from a gateway    answered with the ask         answered with NOT_OPEN
======================  ============================  ========================================

On Flink, a batch may run again after a failure of the job. What it asks must not get another key then, if an activity
is to pass it to another system. So the ask arrives as a Run, at an id that is a digest of its content. The instance of
this function there counts such asks, and gives each a key of this id and its number: a repetition is counted as before,
since the counter was rolled back, too. It opens the ask at its token. The counter is kept in the state of early
answers, for the span in which its id occurs, and a day more.

An ask of an activity that ends without its answer stops the activity: no further attempt begins.

An invalid order is dropped, too: an entity opens only asks of its own, and a question must not be one of this library's
own messages, since its caller would be this function.

This function sends the question, so it receives the reply. An answer from outside (its caller is None, or the ingress)
gets the reply True if it became the answer, else False.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct, field

from statefun_actors.address import Address
from statefun_actors.asking import (
    ANSWER,
    FAILED,
    LONGEST_MS,
    ORDER,
    REPLY,
    RESERVED,
    RUNS_COUNTED_MS,
    Answer,
    Close,
    Encoded,
    Expire,
    Look,
    NoAnswer,
    Open,
    Retries,
    Run,
    Stop,
    address_of,
    answer,
    found_ask,
    is_address,
    is_run_id,
    order,
    order_of,
    run_id,
    run_key,
)
from statefun_actors.conversations.reply_states import (
    ask_in,
    early_in,
    number_in,
    stored_ask,
    stored_early,
    stored_number,
)
from statefun_actors.definition import too_large
from statefun_actors.model import INGRESS, LARGEST_VALUE, Send, TypedValue
from statefun_actors.own_logger import own_logger
from statefun_actors.types import codec_for, pack

logger: Final = own_logger("statefun_actors.conversations")

_EARLY_MS: Final = 60_000
_MOST_IN_ENVELOPE: Final = LARGEST_VALUE - 100_000
"""The maximum size of an answer and its ``keep=`` value in bytes; the rest of its envelope is smaller than that."""

_RUNS_KEPT_MS: Final = RUNS_COUNTED_MS + 86_400_000
"""The time for which runs are counted, and a day for clocks that differ and orders that are late."""

EXPIRE: Final = order(Expire())
"""The message of the reply function to itself at the end of an ask, or of an early answer."""
_STOP: Final = order(Stop())
_YES: Final = pack(True)
_NO: Final = pack(False)
_no_answer: Final = codec_for(NoAnswer)


class ReplyStep(Struct, gc=False):
    """One message of *caller* at *address* of the reply function: its states before, then after it, and its effects.

    Args:
        address: of the reply function; its id is the token of the ask.
        caller: the sender of the message; None or the ingress: it is from outside.
        ask: the stored ask, while it is open.
        early: the stored answer that arrived before its ask; at the id of runs, their number.
        sends: the messages to send.
        expires_ms: after this many milliseconds the function sends EXPIRE to itself, with its id as the cancellation
            token; 0: it does not. No such message is pending then.
        cancels: whether it cancels that message.
    """

    address: Address
    caller: Address | None
    ask: TypedValue | None
    early: TypedValue | None
    sends: list[Send] = field(default_factory=list)
    expires_ms: int = 0
    cancels: bool = False

    @property
    def inside(self) -> bool:
        """Whether the message is from a function."""
        return self.caller is not None and self.caller[0] != INGRESS

    def send(self, target: Address, value: TypedValue) -> None:
        """Send *value* to *target*."""
        if len(value.value) > LARGEST_VALUE:
            raise too_large(value)
        self.sends.append(Send(target, value))


def reply_step(
    address: Address, caller: Address | None, message: TypedValue, ask: TypedValue | None, early: TypedValue | None
) -> ReplyStep:
    """The effects of *message* of *caller* at *address*, with these states; see the table above.

    Raises:
        ValueError: a state can't be read.
        StatefunActorsError: a message would go to an invalid address, or be too large.
    """
    step = ReplyStep(address, caller, ask, early)
    typename = message.typename
    if typename == ORDER:
        if step.inside:
            _ordered(step, message)
        elif step.caller is not None:
            _looked_at(step, step.caller, message)
    elif typename == ANSWER:
        pass
    elif ask is None:
        _unexpected(step, typename, message.value)
    else:
        _answered(step, ask_in(ask), typename, message.value)
    return step


def _answered(step: ReplyStep, ask: Open, typename: str, data: bytes) -> None:
    inside = step.inside
    if typename == FAILED:
        if not inside:
            return
        typename, data = _failed(ask, data.decode("utf-8", "backslashreplace"))
    _close(step, ask, (typename, data))
    if step.caller is not None and not inside:
        step.sends.append(Send(step.caller, _YES))


def _ordered(step: ReplyStep, message: TypedValue) -> None:
    try:
        content = order_of(message)
    except ValueError as error:
        logger.warning("%s: a message of %s is dropped, since it can't be read: %s", REPLY, step.caller, error)
        return
    stored = step.ask
    if isinstance(content, Open):
        checked = isinstance(message, Encoded)
        if not checked and (is_run_id(step.address[1]) or not _makes_sense(content, step.caller)):
            _refuse(step)
        elif stored is None:
            _open_ask(step, content, message.value)
    elif isinstance(content, Run):
        if (
            content.ask.target is None
            or not _makes_sense(content.ask, step.caller)
            or run_id(content.ask) != step.address[1]
        ):
            _refuse(step)
        else:
            _start_run(step, content)
    elif isinstance(content, Expire):
        if step.caller != step.address:
            return
        if stored is None:
            step.early = None
        else:
            ask = ask_in(stored)
            _close(step, ask, _none(ask, "timeout", ""))
    elif isinstance(content, Retries):
        if stored is None and step.caller is not None:
            step.sends.append(Send(step.caller, _STOP))
    elif isinstance(content, Close) and stored is not None:
        ask = ask_in(stored)
        _close(step, ask, _failed(ask, content.reason))


def _looked_at(step: ReplyStep, caller: Address, message: TypedValue) -> None:
    """Tell *caller*, a gateway, which ask is open. Other orders from outside are ignored."""
    try:
        content = order_of(message)
    except ValueError:
        return
    if isinstance(content, Look):
        step.sends.append(Send(caller, found_ask(None if step.ask is None else ask_in(step.ask))))


def _refuse(step: ReplyStep) -> None:
    logger.warning(
        "%s: a message of %s is dropped: a function opens only asks of its own, for at most ten years, "
        "and does not ask with this library's own messages",
        REPLY,
        step.caller,
    )


def _makes_sense(ask: Open, caller: Address | None) -> bool:
    """Whether *ask* belongs to *caller*, its sender, and its question is not one of this library's own messages."""
    of_sender = caller is not None and (ask.asker == caller or (caller[0] == REPLY and is_run_id(caller[1])))
    if not of_sender or not 0 < ask.timeout_ms <= LONGEST_MS or not (ask.caller is None or is_address(ask.caller)):
        return False
    if ask.target is None or ask.question is None:
        return ask.target is None and ask.question is None
    return is_address(ask.target) and bool(ask.question[0]) and ask.question[0] not in RESERVED


def _start_run(step: ReplyStep, run: Run) -> None:
    """Open the ask of *run*, with the next key as the id of its target."""
    id, ask = step.address[1], run.ask
    assert ask.target is not None
    counted = step.early
    number = 0 if counted is None else number_in(counted)
    step.early = stored_number(number + 1)
    if counted is None:
        step.expires_ms = _RUNS_KEPT_MS
    opening = msgspec.structs.replace(ask, target=(ask.target[0], run_key(id, number)))
    step.send(Address(REPLY, run.token), order(opening))


def _open_ask(step: ReplyStep, ask: Open, data: bytes) -> None:
    if ask.target is not None and ask.question is not None:
        step.send(address_of(ask.target), TypedValue(*ask.question))
    early = step.early
    if early is not None:
        step.early = None
        step.cancels = True
        _send(step, ask, early_in(early))
        return
    step.ask = stored_ask(ask, data)
    step.expires_ms = ask.timeout_ms


def _unexpected(step: ReplyStep, typename: str, data: bytes) -> None:
    """Handle an answer without an open ask: it precedes its ask, as it can on Flink, or it is late."""
    if not step.inside:
        if step.caller is not None:
            step.sends.append(Send(step.caller, _NO))
        return
    if typename == FAILED or step.early is not None or is_run_id(step.address[1]):
        logger.info(
            "%s: an answer of type %s from %s is dropped, since its ask is not open: it came late, or twice",
            REPLY, typename, step.caller,
        )  # fmt: skip
        return
    step.early = stored_early(typename, data)
    step.expires_ms = _EARLY_MS


def _close(step: ReplyStep, ask: Open, value: tuple[str, bytes]) -> None:
    step.ask = None
    step.cancels = True
    if ask.activity and ask.target is not None and step.caller != address_of(ask.target):
        step.send(address_of(ask.target), _STOP)
    _send(step, ask, value)


def _send(step: ReplyStep, ask: Open, value: tuple[str, bytes]) -> None:
    room = _MOST_IN_ENVELOPE if ask.keep is None else _MOST_IN_ENVELOPE - len(ask.keep[1])
    if len(value[1]) > room:
        value = _failed(
            ask, f"expected an answer of at most {room:,} bytes, which fit next to keep=, got {len(value[1]):,}"
        )
    step.send(address_of(ask.asker), answer(Answer(ask.then, ask.keep, ask.caller, value)))


def _failed(ask: Open, error: str) -> tuple[str, bytes]:
    return _none(ask, "failed", error)


def _none(ask: Open, reason: str, error: str) -> tuple[str, bytes]:
    return _no_answer.typename, _no_answer.encode(NoAnswer(address_of(ask.target), reason, error))
