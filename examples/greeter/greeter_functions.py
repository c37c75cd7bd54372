r"""The greeters of the StateFun 2.0 documentation, as functions: hello world, and one that knows how often you came.

    statefun-actors run examples/greeter/greeter_functions.py --input examples/greeter/users.jsonl --until-idle \
        --egress example/greetings=greetings.jsonl

``greeter.py`` has the same two as classes.
"""

from __future__ import annotations

from statefun_actors import Context, StatefulFunctions, kafka_record, message

functions = StatefulFunctions()


@message("example/user")
class User:
    """Somebody to greet."""

    name: str


@functions.bind("example/hello")
def hello(context: Context, user: User) -> None:
    """Hello world: greets whoever comes, and remembers nobody."""
    record = kafka_record(topic="greetings", key=context.address.id, value=f"Hello {user.name}")
    context.pack_and_send_egress("example/greetings", record)


@functions.bind("example/count", states={"seen": int})
def count_greeter(context: Context, user: User) -> None:
    """Greets one user by how often that user was seen."""
    seen = (context["seen"] or 0) + 1
    context["seen"] = seen
    record = kafka_record(topic="greetings", key=context.address.id, value=greeting(user.name, seen))
    context.pack_and_send_egress("example/greetings", record)


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
