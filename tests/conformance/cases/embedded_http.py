"""Embedded: HTTP ingress."""

from __future__ import annotations

from typing import Final

from tests.conformance.sections import EMBEDDED as E

WHY: Final = "the HTTP ingress of the embedded engine is being built"

E.pending(
    "E15",
    "with ?wait the caller is statefun-actors/ingress and a request id, and what is sent there is the HTTP reply",
    WHY,
)
E.pending("E16", "of several replies the first one wins", WHY)
E.pending("E17", "?wait=5s (500ms … 5m) ends with this message's handler: its reply with 200, or 204", WHY)
E.pending(
    "E18", "?wait=5s&until=reply waits for whoever answers that address, else 504; the message stays delivered", WHY
)
E.pending("E19", "422 with the reason where the message was dead-lettered or discarded", WHY)
E.pending(
    "E20", "the type is ?type=<typename> with application/json, application/x-protobuf or application/octet-stream", WHY
)
E.pending("E21", "or Content-Type: application/vnd.<typename> (JSON)", WHY)
E.pending("E22", "or, where the entity takes one type, none", WHY)
E.pending("E23", "the reply body is the value's JSON form as application/json, its typename in Statefun-Type", WHY)
E.pending("E24", "PUT and POST mean the same", WHY)
E.pending("E25", "ids are percent-decoded and may hold /", WHY)
E.pending("E26", "404 for an unknown function type", WHY)
E.pending("E27", "422 for a message type the entity doesn't handle, or a body that doesn't fit", WHY)
E.pending("E28", "JSON needs its content type, so a form of another site does not reach it", WHY)
E.pending("E29", "a foreign Host or Origin is refused with 403", WHY)
E.pending("E30", "a bind beyond loopback demands --token", WHY)
E.pending("E31", "Idempotency-Key is scoped to the target's function type and id", WHY)
E.pending("E32", "it is kept 24 h, and a repeat gets the first result", WHY)
E.pending("E33", "a repeat with another body is 409", WHY)
E.pending("E34", "after a failed commit waiting requests get 503", WHY)
