"""An account under its former and its new name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any as Untyped

from statefun_actors import DeadLetter, Entity, handles, message, persisted


@message("test/later")
class Later:
    cents: int


@message("test/fail")
class Fail:
    pass


def account(typename: str, was: Untyped = (), *, fails: bool = True) -> type[Entity]:
    class Account(Entity, typename=typename, was=was):
        balance: int = persisted(default=0)

        @handles(int)
        def deposit(self, cents: int) -> None:
            self.balance += cents

        @handles(Later)
        def later(self, message: Later) -> None:
            self.send_after(timedelta(hours=1), self.address, message.cents, cancellation_token="later")

        @handles(Fail, on_failure=DeadLetter("test/dead", attempts=1))
        def fail(self, _: Fail) -> None:
            if fails:
                raise ValueError("no")
            self.balance += 1_000

    return Account


OLD = account("old/account")
NEW = account("bank/account", "old/account", fails=False)
