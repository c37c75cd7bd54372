"""The turns of mailboxes that can run: whoever waits for an answer does not wait for all that was sent before.

Many mailboxes may be in line, of one sender, or of one message that sent to all. Those whose next message somebody
outside waits for get half of the turns until none is left; in each half, the order is that of arrival.
"""

from __future__ import annotations

from collections import deque

from statefun_actors.engine.mailbox import Mailbox
from statefun_actors.model import INGRESS


def is_awaited(mailbox: Mailbox) -> bool:
    """Whether a call from outside waits for the next message of *mailbox*."""
    queue = mailbox.queue
    return bool(queue) and (caller := queue[0].caller) is not None and caller[0] == INGRESS


def next_turns(ready: deque[Mailbox], awaited: deque[Mailbox], most: int) -> list[Mailbox]:
    """Remove the next mailboxes, at most *most*, from the two lines."""
    if not awaited:
        return [ready.popleft() for _ in range(min(len(ready), most))]
    turns = [awaited.popleft() for _ in range(min(len(awaited), max(most // 2, most - len(ready), 1)))]
    return turns + [ready.popleft() for _ in range(min(len(ready), most - len(turns)))]
