"""Retries messages that keep failing, or drops them."""

from __future__ import annotations

from statefun_actors.address import Address, parse_address
from statefun_actors.console.acts.plan import Form, FormError, Plan, counted
from statefun_actors.console.look import Look


def retry_now(look: Look, form: Form) -> Plan:
    """``address`` for each, or ``all``."""
    addresses = _addresses(look, form)
    return Plan(
        change=lambda control: control.retry_failing(addresses),
        done=f"Tried {counted(len(addresses), 'message')} again.",
        page="failing",
    )


def drop(look: Look, form: Form) -> Plan:
    """As :func:`retry_now`; with ``discard`` they don't become dead letters."""
    addresses, discard = _addresses(look, form), bool(form.get("discard"))
    what = f"the first message of {addresses[0]}" if len(addresses) == 1 else counted(len(addresses), "message")
    become = "It is deleted" if discard else "It becomes a dead letter"
    if len(addresses) > 1:
        become = "They are deleted" if discard else "They become dead letters"
    return Plan(
        change=lambda control: control.drop_failing(addresses, discard=discard),
        done=f"{'Discarded' if discard else 'Dropped'} {what}.",
        page="failing",
        question=f"{'Discard' if discard else 'Drop'} {what}? {become}, and those behind are handled.",
    )


def _addresses(look: Look, form: Form) -> list[Address]:
    if form.get("all"):
        found = [each.message.target for each in look.live.failing]
    else:
        found = [parse_address(text) for text in form.texts("address")]
    if not found:
        raise FormError("choose at least one message")
    return found
