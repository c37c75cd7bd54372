"""Answers or cancels an open ask, by the first characters of its token."""

from __future__ import annotations

from statefun_actors.admin import find_ask, written_answer
from statefun_actors.console.acts.plan import Form, Plan
from statefun_actors.console.look import Look


def answer_ask(look: Look, form: Form) -> Plan:
    """``token``, ``type`` (may be empty) and ``json``."""
    ask = find_ask(look.store, form.get("token"))
    value = written_answer(look.app, ask.asker.typename, ask.then, form.get("type") or None, form.get("json"))
    return Plan(
        change=lambda control: control.answer(ask.token, value),
        done=f"Answered the ask of {ask.asker} with {value.typename}.",
        page="asks",
    )


def cancel_ask(look: Look, form: Form) -> Plan:
    """``token``."""
    ask = find_ask(look.store, form.get("token"))
    return Plan(
        change=lambda control: control.cancel_ask(ask.token),
        done=f"Cancelled the ask of {ask.asker}.",
        page="asks",
        question=f'Cancel the ask of {ask.asker}? It gets NoAnswer("failed", "cancelled").',
    )
