r"""The greeters of the StateFun 2.0 documentation, as classes: hello world, and one that knows how often you came.

    statefun-actors run examples/greeter/greeter.py --input examples/greeter/users.jsonl --until-idle \
        --egress example/greetings=greetings.jsonl

``greeter_functions.py`` has the same two as functions. Either goes on with what the other has counted, in one store or
in one Flink cluster: function types, messages and states have the same names and the same bytes.
"""

from __future__ import annotations

from statefun_actors import Entity, handles, kafka_record, message, persisted


@message("example/user")
class User:
    """Somebody to greet."""

    name: str


class Hello(Entity, typename="example/hello"):
    """Hello world: greets whoever comes, and remembers nobody."""

    @handles(User)
    def greet(self, user: User) -> None:
        self.send_egress("example/greetings", kafka_record(topic="greetings", key=self.id, value=f"Hello {user.name}"))


class Greeter(Entity, typename="example/count"):
    """Greets one user by how often that user was seen."""

    seen: int = persisted(default=0)

    @handles(User)
    def greet(self, user: User) -> None:
        self.seen += 1
        value = greeting(user.name, self.seen)
        self.send_egress("example/greetings", kafka_record(topic="greetings", key=self.id, value=value))


def greeting(name: str, seen: int) -> str:
    """The words of the documentation."""
    match seen:
        case 1:
            return f"Hello {name}"
        case 2:
            return "Hello again!"
        case 3:
            return "Third time's the charm"
        case _:
            return f"Hello for the {seen}th time"
