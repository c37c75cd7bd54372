"""``RenamingWorkingSet``: the working set of an application with renamed classes (``was=``)."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.engine.partitioned_working_set import PartitionedWorkingSet
from statefun_actors.engine.paused import current_target
from statefun_actors.engine.working_set import WorkingSet
from statefun_actors.model import Headers, TypedValue
from statefun_actors.store import Recovered


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
        super()._resume_pauses(recovered)
        found = self.mailboxes.paused.pauses
        pauses = {current_target(target, self._shape.renamed): since for target, since in found.items()}
        if pauses != found:
            self.pause(pauses)

    def _current(self, target: Address) -> Address:
        renamed = self._shape.renamed.get(target[0])
        return target if renamed is None else Address(renamed, target[1])


class PartitionedRenamingWorkingSet(RenamingWorkingSet, PartitionedWorkingSet):
    """That of one partition of such an application: a message gets its current target first, and then its partition."""
