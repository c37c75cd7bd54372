"""The pages of the console, a hostile text, and an activity of a payment."""

from __future__ import annotations

from datetime import timedelta

from statefun_actors import Entity, NoAnswer, activity, answers, handles

PAGES = ["", "entities", "failing", "dead-letters", "asks", "schedules", "timers", "egress"]
HOSTILE = "<script>alert('x')</script>\u202e\x1b[31m\u200f\"&" + "é" * 3_000


class Payment(Entity, typename="console/payment"):
    @handles
    def pay(self, message: str) -> None:
        self.ask(charge, message, then=self.paid, timeout=timedelta(hours=3))

    @answers
    def paid(self, answer: str | NoAnswer) -> None: ...


@activity("console/charge", attempts=2, backoff=9000)
async def charge(message: str) -> str:
    raise ConnectionError(f"<b>{message}</b> is away")
