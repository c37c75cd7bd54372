"""The outcome of a batch whose messages have all run."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors.definition import FunctionType, Scope
from statefun_actors.dispatch.events import ReplyDropped
from statefun_actors.dispatch.instruments import Instruments
from statefun_actors.model import Done, MessageFailure


def done(
    scope: Scope,
    instruments: Instruments,
    function: FunctionType,
    failures: Sequence[MessageFailure],
    marks: Sequence[int],
) -> Done:
    """The outcome of *scope*: effects in the order of the calls, changes in the order of declaration."""
    changes = scope.changes
    if len(changes) > 1 and [*changes] != [*function.state_names]:
        changes = {name: changes[name] for name in function.state_names if name in changes}
        if len(changes) < len(scope.changes):  # a function may change states that it does not declare
            changes |= {name: value for name, value in scope.changes.items() if name not in changes}
    if scope.dropped_replies is not None:
        for handler in scope.dropped_replies:
            instruments.reply_dropped(ReplyDropped(handler))
    return Done(scope.effects, changes, failures, marks)
