"""Retries, edits or discards dead letters."""

from __future__ import annotations

from collections.abc import Mapping

from statefun_actors.admin import DeadLetterRetry, edited_retry
from statefun_actors.console.acts.plan import Form, FormError, Plan, counted
from statefun_actors.console.links import query
from statefun_actors.console.look import Look
from statefun_actors.engine import NoDeadLetterError


def retry(look: Look, form: Form) -> Plan:
    """``number`` for each; or ``all`` of those for addresses that begin with ``to``, up to the number ``through``."""
    numbers = _numbers(look, form)
    return Plan(
        change=lambda control: control.retry([DeadLetterRetry(number) for number in numbers]),
        done=f"Retried {counted(len(numbers), 'dead letter')}.",
        page="dead-letters" + query(to=form.get("to")),
        question=f"Retry {_named(numbers, form)}?" if form.get("all") else None,
        fields=_through(numbers, form),
    )


def discard(look: Look, form: Form) -> Plan:
    """As :func:`retry`."""
    numbers = _numbers(look, form)
    them = "It is" if len(numbers) == 1 else "They are"
    return Plan(
        change=lambda control: control.discard(numbers),
        done=f"Discarded {counted(len(numbers), 'dead letter')}.",
        page="dead-letters" + query(to=form.get("to")),
        question=f"Discard {_named(numbers, form)}? {them} deleted.",
        fields=_through(numbers, form),
    )


def retry_edited(look: Look, form: Form) -> Plan:
    """``number`` and ``json``, the value in place of that of the message."""
    (number, *_) = _numbers(look, form)
    entry = look.store.dead_letter(number)
    if entry is None:
        raise NoDeadLetterError(number)
    letter = edited_retry(look.app, entry, form.get("json"))
    return Plan(
        change=lambda control: control.retry([letter]),
        done=f"Retried dead letter {number} with another value.",
        page="dead-letters",
    )


def _numbers(look: Look, form: Form) -> list[int]:
    if form.get("all"):
        to, through = form.get("to"), min(form.numbers("through"), default=None)
        found = [
            entry.seq
            for entry in look.store.dead_letters()
            if str(entry.message.target).startswith(to) and (through is None or entry.seq <= through)
        ]
    else:
        found = form.numbers("number")
    if not found:
        raise FormError("choose at least one dead letter")
    return found


def _named(numbers: list[int], form: Form) -> str:
    """The dead letters *numbers*, for a question."""
    to = form.get("to") if form.get("all") else ""
    return counted(len(numbers), "dead letter") + (f" for addresses that begin with {to!r}" if to else "")


def _through(numbers: list[int], form: Form) -> Mapping[str, str]:
    """For the form of the question: later dead letters have higher numbers, and are not part of the answer."""
    return {"through": str(max(numbers))} if form.get("all") else {}
