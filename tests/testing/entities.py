"""Small entities that run in a test."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import ClassVar

from statefun_actors import Entity, TerminalError, handles, kafka_record, persisted


class Clock(Entity, typename="kit/clock"):
    """Notes when its messages come."""

    seen: list[str] = persisted(factory=list)

    @handles(int)
    def plan(self, message: int) -> None:
        self.send_after(
            timedelta(hours=message), self.address, f"after {message}", cancellation_token=f"t{message % 2}"
        )

    @handles(str)
    def note(self, message: str) -> None:
        self.seen.append(f"{message} at {self.now:%H:%M}")


class Asked(Entity, typename="kit/asked"):
    """Replies itself, or has another one reply."""

    tries: int = persisted(default=0)

    @handles(str)
    def asked(self, message: str) -> str | None:
        match message:
            case "pass on":
                assert self.caller is not None
                self.send(self.caller, "from another")
                return None
            case "silent":
                return None
            case "fail":
                raise ValueError("no")
            case "terminal":
                raise TerminalError("never")
            case _:
                self.send_egress("kit/out", kafka_record(topic="t", key=self.id, value=message))
                return message.upper()


class Charged(Entity, typename="kit/charged"):
    """Does its work, and another thing."""

    cents: int = persisted(default=0)
    charges: ClassVar[list[str]] = []

    @handles(int)
    def charge(self, message: int) -> int:
        self.cents += message
        self.charges.append(f"{self.id} {self.cents}")
        self.send(self.address, "receipt")
        return self.cents

    @handles(str)
    async def note(self, message: str) -> None:
        await asyncio.sleep(0)
        self.charges.append(f"{self.id} {message}")
        self.send_egress("kit/receipts", message)
