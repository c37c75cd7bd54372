"""Sends a message."""

from __future__ import annotations

from statefun_actors.address import parse_address
from statefun_actors.admin import Posting, written_message
from statefun_actors.console.acts.plan import Form, Plan
from statefun_actors.console.links import entity_page
from statefun_actors.console.look import Look
from statefun_actors.console.message_form import read_after, written_json


def send_message(look: Look, form: Form) -> Plan:
    """``to``, ``type``, ``json`` or a field ``f.NAME`` for each of the message, and ``after``, a duration."""
    to, typename = parse_address(form.get("to")), form.get("type") or None
    text = form.get("json") or written_json(look.app, to.typename, typename, form.query())
    value = written_message(look.app, to.typename, typename, text)
    delay = read_after(form.get("after"))
    later = f", to be delivered in {form.get('after')}" if delay else ""
    return Plan(
        change=lambda control: control.send([Posting(to, value, delay)]),
        done=f"Sent {value.typename} to {to}{later}.",
        page=entity_page(to),
    )
