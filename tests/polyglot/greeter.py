"""The greeter of Greeter.java as an entity, which takes the same records."""

from __future__ import annotations

from typing import Final

from statefun_actors import Address, Entity, handles, kafka_record, message, persisted

EGRESS: Final = "greeter.io/greetings"


@message("greeter.types/login")
class Login:
    user_name: str


@message("greeter.types/profile")
class Profile:
    name: str
    seen: int


class User(Entity, typename="test/user"):
    """Greets by itself who comes first, and has ``greeter.fns/greetings`` greet who comes back."""

    seen_count: int = persisted(default=0)

    @handles
    def login(self, message: Login) -> None:
        self.seen_count += 1
        name = f"{message.user_name} of Python"
        if self.seen_count == 1:
            value = f"Welcome {name}: 1"
            self.send_egress(EGRESS, kafka_record(topic="greetings", key=self.id, value=value))
        else:
            self.send(Address("greeter.fns/greetings", self.id), Profile(name, self.seen_count))
