"""Pauses and resumes entities and function types."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.console.acts.plan import Form, FormError, Plan
from statefun_actors.console.links import query
from statefun_actors.console.look import Look
from statefun_actors.store import PauseTarget, read_pauses, without_pauses


def pause(look: Look, form: Form) -> Plan:
    """``type``, and ``id`` if one entity is paused."""
    target = _target(look, form)
    return Plan(
        change=lambda control: control.pause([target]),
        done=f"Paused {target}. Its messages wait until it is resumed.",
        page=_page(target),
        question=f"Pause all entities of {target}? Their messages wait until the type is resumed."
        if isinstance(target, str)
        else None,
    )


def resume(look: Look, form: Form) -> Plan:
    """As :func:`pause`."""
    target = _target(look, form)
    without_pauses(read_pauses(look.store.recover()), [target])
    return Plan(change=lambda control: control.resume([target]), done=f"Resumed {target}.", page=_page(target))


def _target(look: Look, form: Form) -> PauseTarget:
    typename, id = form.get("type"), form.get("id")
    if typename not in look.types():
        raise FormError(f"expected a function type that is served, stored or paused here, got {typename[:80]!r}")
    return Address(typename, id) if id else typename


def _page(target: PauseTarget) -> str:
    if isinstance(target, str):
        return "entities" + query(type=target)
    return "entity" + query(type=target.typename, id=target.id)
