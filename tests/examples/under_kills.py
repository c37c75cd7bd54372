"""An example under kills: clients send it requests, and a person approves what it asks for."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.crash.killable import DEADLINE, Killable, wait_for


class Approver:
    """Approves each record with a link in the file of an egress, once.

    Args:
        file: the JSON lines of the egress.
        field: the field of a record that names the entity, such as "order".
        message: the type name of the approval.
    """

    def __init__(self, file: Path, field: str, message: str) -> None:
        self.approved: set[str] = set()
        self._file, self._field, self._message = file, field, message

    def approve(self, run: Killable) -> None:
        """Approve the records that are new."""
        for id, link in self._links().items():
            if id not in self.approved:
                status = run.post(f"{link}?type={self._message}", {"approved": True}, f"approve-{id}")
                assert status == 202
                self.approved.add(id)

    def _links(self) -> dict[str, str]:
        text = self._file.read_text() if self._file.exists() else ""
        records = [json.loads(line)["value"] for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return {record[self._field]: record["link"] for record in records if record["link"]}


def run_under_kills(
    run: Killable,
    clients: Sequence[Callable[[], None]],
    approver: Approver,
    statuses: Counter[int],
    kill_at: Sequence[int],
    ended: Callable[[], bool],
    chance: random.Random,
) -> None:
    """Kill and restart *run* while *clients* send requests in threads of their own; stop it at the end.

    Args:
        run: the process of the example.
        clients: each sends its requests and returns.
        approver: approves what the example asks for meanwhile.
        statuses: counts the responses that the clients have had.
        kill_at: the numbers of responses after which the process is killed. They are spread over all requests: each
            life takes some, however slow the machine is.
        ended: whether nothing is left to do.
        chance: chooses the moment of each kill.
    """
    over = threading.Event()

    def approve() -> None:
        while not over.is_set():
            approver.approve(run)
            over.wait(0.05)

    senders = [threading.Thread(target=client) for client in clients]
    approving = threading.Thread(target=approve)
    try:
        for thread in (*senders, approving):
            thread.start()
        for count in kill_at:
            _wait_for_responses(statuses, count)
            over.wait(chance.uniform(0.0, 0.3))
            run.kill()
            run.start()
        for thread in senders:
            thread.join(DEADLINE)
        wait_for(ended, pause=0.2)  # it reads the whole store
    finally:
        over.set()
    approving.join(DEADLINE)
    assert run.stop() == 0


def _wait_for_responses(statuses: Counter[int], count: int) -> None:
    wait_for(lambda: sum(statuses.values()) >= count)
