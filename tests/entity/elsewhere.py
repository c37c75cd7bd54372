"""Mixins whose annotations name types of this module, or of one of its functions, only."""

from __future__ import annotations

from decimal import Decimal as Money

import attrs

from statefun_actors import Entity, handles, message, persisted


@message("elsewhere/hidden")
class Hidden:
    pass


class Mixin(Entity):
    amount: Money = persisted(default=Money(0))

    @handles
    def hidden(self, message: Hidden) -> None: ...


def local_mixin() -> type[Entity]:
    @message("elsewhere/inner")
    class Inner:
        pass

    @attrs.frozen
    class Held:
        number: int = 0

    class Local(Entity):
        inner: Held | None = persisted(default=None)

        @handles
        def handle(self, message: Inner) -> None: ...

    return Local
