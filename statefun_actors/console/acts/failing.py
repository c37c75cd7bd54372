"""Retries messages that keep failing, or drops them."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.console.acts.plan import Form, FormError, Plan, counted
from statefun_actors.console.failing_rows import failing_key
from statefun_actors.console.look import Live, Look


def retry_now(look: Look, form: Form) -> Plan:
    """``message`` for each: its key; or ``all``, except those of paused entities."""
    failing = [each.message.target for each in look.live.failing if not each.paused]
    addresses = failing if form.get("all") else _addresses(form, look.live)
    return Plan(
        change=lambda control: control.retry_failing(addresses),
        done=f"Tried {counted(len(addresses), 'message')} again.",
        page="failing",
    )


def drop(look: Look, form: Form) -> Plan:
    """``message`` for each: its key. With ``discard`` they don't become dead letters."""
    addresses, discard = _addresses(form, look.live), bool(form.get("discard"))
    what = f"the first message of {addresses[0]}" if len(addresses) == 1 else counted(len(addresses), "message")
    become = "It is deleted" if discard else "It becomes a dead letter"
    if len(addresses) > 1:
        become = "They are deleted" if discard else "They become dead letters"
    return Plan(
        change=lambda control: control.drop_failing(addresses, discard=discard),
        done=f"{'Discarded' if discard else 'Dropped'} {what}.",
        page="failing",
        question=f"{'Discard' if discard else 'Drop'} {what}? {become}, and those behind are handled.",
        check=lambda live: _addresses(form, live),
    )


def _addresses(form: Form, live: Live) -> list[Address]:
    """The addresses of the chosen messages. Raises FormError if one of these is not failing any more."""
    chosen = form.texts("message")
    if not chosen:
        raise FormError("choose at least one message")
    failing = {failing_key(each): each.message.target for each in live.failing}
    for key in chosen:
        if key not in failing:
            raise _gone(key, live)
    return [failing[key] for key in chosen]


def _gone(key: str, live: Live) -> FormError:
    address = key.partition(":")[2][:200]
    if any(str(each.message.target) == address for each in live.failing):
        return FormError(f"another message of {address} is the first one now: read it, then choose again")
    return FormError(f"the chosen message of {address} is not failing any more")
