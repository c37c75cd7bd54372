"""Applications that a module.yaml is made for and compared with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any as Untyped

from google.protobuf.any_pb2 import Any

from statefun_actors import Context, DeadLetter, Entity, Settings, StatefulFunctions, handles, message, persisted
from statefun_actors.cli.module.requirements import served_by
from statefun_actors.deploy import Served
from statefun_actors.dispatch import Application

AUDITED = "shop/audited"


@message("shop/add")
class Add:
    what: str


@message("shop/pay")
class Pay:
    cents: int


class Cart(Entity, typename="shop/cart", on_failure=DeadLetter("shop/dead-letters")):
    items: list[str] = persisted(factory=list, expire_after_write=timedelta(days=1))
    total: int = persisted(default=0, name="sum")
    seen: str = persisted(default="", expire_after_call=timedelta(minutes=90))

    @handles(Add)
    def add(self, message: Add) -> None:
        self.items.append(message.what)
        self.send_egress(AUDITED, message)
        self.send_egress("shop/" + message.what, message)  # nobody can know that one

    @handles(Pay, timeout=timedelta(seconds=90))
    async def pay(self, message: Pay) -> None:
        self.total += message.cents


functions = StatefulFunctions()


@functions.bind("shop/greeter", states={"seen": int})
def greet(context: Context, message: Pay) -> None:
    context["seen"] = message.cents
    tell(context, message)


def tell(context: Context, message: Pay) -> None:
    context.pack_and_send_egress(typename="shop/greetings", message=message)


@functions.bind("shop/anything", on_failure=DeadLetter("shop/dead-letters", as_value=True))
def anything(context: Context, message: Any) -> None: ...


def served(*items: object, **options: Untyped) -> Served:
    """What *items* ask for."""
    application = Application(*items, settings=Settings(**options))
    return served_of(application)


def served_of(application: Application) -> Served:
    return served_by(application, application.settings)
