"""Sets one field of one entity."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.admin import StoredField
from statefun_actors.console.acts.plan import Form, FormError, Plan
from statefun_actors.console.links import entity_page
from statefun_actors.console.look import Look
from statefun_actors.console.values import compact, digest


def set_field(look: Look, form: Form) -> Plan:
    """``type``, ``id``, ``field``, ``json``; and ``was``, the digest of the value that the page showed."""
    address, name = Address(form.get("type"), form.get("id")), form.get("field")
    stored = StoredField(look.app, look.store, address, name, look.live.now_ms)
    edit, after = stored.edit(form.get("json"))
    if form.get("was") != digest(stored.form):
        raise FormError(f"{name} has changed since: it is {compact(stored.form)[:200]} now")
    return Plan(
        change=lambda control: control.set_field(edit),
        done=f"Set {name} of {address}.",
        page=entity_page(address),
        question=f"Set {name} of {address} from {compact(stored.form)[:500]} to {compact(after)[:500]}?",
    )
