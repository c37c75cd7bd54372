"""``RenamingWorkingSet``: the working set of an application with renamed classes (``was=``)."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import Headers, TypedValue
from statefun_actors.store import PauseTarget, Recovered, read_pauses


class RenamingWorkingSet(WorkingSet):
    """The working set of an application with renamed classes, which get messages to their former function types.

    It is a separate class, so that other applications pay nothing for it.
    """

    def post(self, target: Address, value: TypedValue, caller: Address | None, headers: Headers | None = None) -> None:
        super().post(self._current(target), value, caller, headers)

    def post_later(
        self,
        due_ms: int,
        target: Address,
        value: TypedValue,
        caller: Address | None,
        token: str | None,
        headers: Headers | None = None,
    ) -> None:
        super().post_later(due_ms, self._current(target), value, caller, token, headers)

    def _resume_pauses(self, recovered: Recovered) -> None:
        """As for others; what is paused under a former function type is paused under the current one."""
        found, renamed = read_pauses(recovered), self._shape.renamed
        pauses: dict[PauseTarget, int] = {
            renamed.get(target, target) if isinstance(target, str) else self._current(target): since
            for target, since in found.items()
        }
        if pauses != found:
            self.pause(pauses)
        elif pauses:
            self.mailboxes.set_pauses(pauses)

    def _current(self, target: Address) -> Address:
        renamed = self._shape.renamed.get(target[0])
        return target if renamed is None else Address(renamed, target[1])
