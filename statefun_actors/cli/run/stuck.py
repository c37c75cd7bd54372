"""What a run says if the only messages that are left keep failing: it does not end by itself."""

from __future__ import annotations

from statefun_actors.engine import EngineView
from statefun_actors.text import one_line


def only_failing(view: EngineView) -> str | None:
    """A line about the messages that keep failing, if no others are left that are not paused."""
    failing = [each for each in view.failing_addresses() if not each.paused]
    if not failing or sum(1 + each.behind for each in failing) != view.waiting - view.waiting_paused:
        return None
    address, why = failing[0].message.target, failing[0].why.removesuffix(".")
    count = "1 message keeps" if len(failing) == 1 else f"{len(failing)} messages keep"
    return one_line(
        f"Everything else is done; {count} failing, first that of {address}: {why}. "
        "Ctrl-C stops; --dead-letters NS/NAME gives up on such messages."
    )
