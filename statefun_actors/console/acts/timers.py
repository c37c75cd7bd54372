"""Fires or cancels delayed messages."""

from __future__ import annotations

from statefun_actors.admin import TimerKey
from statefun_actors.console.acts.plan import Form, FormError, Plan, counted
from statefun_actors.console.links import query
from statefun_actors.console.look import Look


def fire(look: Look, form: Form) -> Plan:  # noqa: ARG001 - the form of all acts
    """``timer`` for each: its due time and its number, with a colon between."""
    keys = _keys(form)
    return Plan(
        change=lambda control: control.fire_timers(keys),
        done=f"Delivered {counted(len(keys), 'delayed message')}.",
        page="timers" + query(to=form.get("to")),
    )


def cancel(look: Look, form: Form) -> Plan:  # noqa: ARG001 - the form of all acts
    """As :func:`fire`."""
    keys = _keys(form)
    them = "It is" if len(keys) == 1 else "They are"
    return Plan(
        change=lambda control: control.cancel_timers(keys),
        done=f"Cancelled {counted(len(keys), 'delayed message')}.",
        page="timers" + query(to=form.get("to")),
        question=f"Cancel {counted(len(keys), 'delayed message')}? {them} never delivered.",
    )


def _keys(form: Form) -> list[TimerKey]:
    found: list[TimerKey] = []
    for text in form.texts("timer"):
        parts = text.split(":")
        if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
            raise FormError(f"expected a due time and a number as timer, got {text[:80]!r}")
        found.append(TimerKey(int(parts[0]), int(parts[1])))
    if not found:
        raise FormError("choose at least one delayed message")
    return found
