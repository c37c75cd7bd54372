"""Refuses messages from outside while too many wait, and names the function type or the entity that they wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from statefun_actors.address import Address
from statefun_actors.engine.core import Core


def is_full(core: Core) -> bool:
    """Whether as many messages are in memory as may be, so that none from outside is taken."""
    working_set, options = core.working_set, core.options
    mailboxes = working_set.mailboxes
    held = mailboxes.waiting - mailboxes.beyond + working_set.entering.left + len(core.isolation.entries)
    return held >= options.held or mailboxes.bytes >= options.held_bytes


def refusal_of(core: Core, target: Address) -> str | None:
    """Why a message from outside to *target* is refused although others are taken; None if it is taken.

    Too many entities of its function type have messages that can't run now. Those that have some already take more:
    these wait in the store.
    """
    mailboxes = core.working_set.mailboxes
    target = core.app.current(target)
    if not mailboxes.stuck.full(target[0]) or mailboxes.of(target) is not None:
        return None
    return f"too many entities of {target[0]} have messages that can't run now"


def refusals(core: Core) -> Iterator[str]:
    """A line for each kind of message that is refused now, with the function type or the entity that causes it."""
    mailboxes = core.working_set.mailboxes
    if is_full(core):
        held = mailboxes.held + core.working_set.entering.left
        yield (
            f"messages are refused, since {held:,} with {mailboxes.bytes:,} bytes are in memory: "
            f"most are for {_holder(core)}"
        )
    for typename in sorted(mailboxes.stuck.all_full()):
        yield f"messages to further entities of {typename} are refused: too many have messages that can't run now"


def _holder(core: Core) -> str:
    """The function type that has most of the messages in memory, or the entity that has most of those."""
    options, types, addresses = core.options, Counter[str](), Counter[Address]()
    for address, count, size in core.working_set.mailboxes.holders():
        part = round(1e9 * max(count / options.held, size / options.held_bytes))
        types[address[0]] += part
        addresses[address] += part
    if not types:
        return "entries that wait for the search for a refused message"
    [(typename, part)] = types.most_common(1)
    [(address, most)] = addresses.most_common(1)
    return str(address) if address[0] == typename and most * 2 > part else typename
