"""The documentation's greeter, as classes: hello world, and a greeting that knows how often it has seen you.

statefun-actors serve examples/greeter/greeter.py
"""

from __future__ import annotations

from statefun_actors import Entity, handles, kafka_record, persisted


class Hello(Entity, typename="example/hello"):
    """Greets everybody by passing them on."""

    @handles
    def hello(self, message: str) -> None:
        self.send(Greeter.at(message), message)


class Greeter(Entity, typename="example/greeter"):
    """One person, by name."""

    seen: int = persisted(default=0)

    @handles
    def greet(self, message: str) -> str | None:
        self.seen += 1
        greeting = f"Hello {message}!" if self.seen == 1 else f"Hello {message} for the {self.seen}th time!"
        self.send_egress("example/greets", kafka_record(topic="greets", key=message, value=greeting))
        if self.caller is not None and self.caller.typename != "example/hello":
            return greeting
        return None
