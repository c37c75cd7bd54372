"""Acts: what forms of the console change. Each is at ``/console/<name>``, for ``POST`` only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from statefun_actors.console.acts.asks import answer_ask, cancel_ask
from statefun_actors.console.acts.dead_letters import discard, retry, retry_edited
from statefun_actors.console.acts.failing import drop, retry_now
from statefun_actors.console.acts.fields import set_field
from statefun_actors.console.acts.messages import send_message
from statefun_actors.console.acts.pausing import pause, resume
from statefun_actors.console.acts.plan import Act, Form, Plan
from statefun_actors.console.acts.timers import cancel, fire

ACTS: Final[Mapping[str, Act]] = {
    "send-message": Act(plan=send_message, page="send"),
    "ask-answer": Act(plan=answer_ask, page="ask"),
    "ask-cancel": Act(plan=cancel_ask, page="ask"),
    "dead-letters-retry": Act(plan=retry, page="dead-letters"),
    "dead-letters-discard": Act(plan=discard, page="dead-letters"),
    "dead-letter-edit": Act(plan=retry_edited, page="dead-letter"),
    "field-set": Act(plan=set_field, page="field"),
    "timers-fire": Act(plan=fire, page="timers"),
    "timers-cancel": Act(plan=cancel, page="timers"),
    "failing-retry": Act(plan=retry_now, page="failing"),
    "failing-drop": Act(plan=drop, page="failing"),
    "pause": Act(plan=pause, page="failing"),
    "resume": Act(plan=resume, page="failing"),
}
"""By name."""

__all__ = ["ACTS", "Act", "Form", "Plan"]
