"""Recurring messages in virtual time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from statefun_actors import Entity, Runtime, handles, persisted
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.testing import TestRuntime
from tests.conversations.reservations import in_test


def test_recurring_messages_fire_in_virtual_time_until_they_are_cancelled() -> None:
    class Reminder(Entity, typename="test/reminder"):
        fired: list[str] = persisted(factory=list)

        @handles
        def go(self, message: str) -> None:
            if message == "stop":
                self.cancel_every("daily")
            elif message == "tick":
                assert self.caller is not None
                self.fired.append(f"{self.now:%d %H:%M} {self.caller.typename}")
            else:
                self.send_every("0 9 * * *", self.address, "tick", name="daily", tz="Europe/Paris")

    async def work(runtime: TestRuntime) -> None:
        r = Reminder.at("r")
        await runtime.tell(r, "begin")
        await runtime.clock.advance(timedelta(hours=12))
        await runtime.tell(r, "begin")  # the same again changes nothing
        await runtime.clock.advance(timedelta(days=2))
        await runtime.tell(r, "stop")
        await runtime.clock.advance(timedelta(days=5))
        assert runtime.state(r).fired == [f"0{day} 08:00 statefun-actors/schedule" for day in (1, 2, 3)]

    in_test(work, Reminder)


def test_a_cancelled_recurring_message_leaves_no_state(tmp_path: Path) -> None:
    class Reminder(Entity, typename="test/reminder"):
        @handles
        def go(self, message: str) -> None:
            if message == "stop":
                self.cancel_every("daily")
            else:
                self.send_every("0 9 * * *", self.address, "tick", name="daily")

    path = tmp_path / "reminders.db"
    for message_, schedules in [("begin", 1), ("stop", 0), ("begin", 1), ("stop", 0)]:
        with Runtime(Reminder, store=path) as runtime:
            runtime.ask(Reminder.go, "r", message_)

        store = SqliteStore(path)
        assert store.counts().get("statefun-actors/schedule", 0) == schedules
        assert len(store.timers_after(0, 0, 10)) == schedules
        store.close()
