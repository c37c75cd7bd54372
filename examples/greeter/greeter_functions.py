"""The documentation's greeter, as functions: hello world, and a greeting that knows how often it has seen you.

statefun-actors serve examples/greeter/greeter_functions.py
"""

from __future__ import annotations

from statefun_actors import Context, StatefulFunctions, kafka_record

functions = StatefulFunctions()


@functions.bind("example/hello")
def hello(context: Context, message: str) -> None:
    """Greet, and have the other function count."""
    context.pack_and_send("example/greeter", message, message)


@functions.bind("example/greeter", states={"seen": int})
def greet(context: Context, message: str) -> None:
    """Greet by how often this name has come."""
    seen = (context["seen"] or 0) + 1
    context["seen"] = seen
    greeting = f"Hello {message}!" if seen == 1 else f"Hello {message} for the {seen}th time!"
    context.pack_and_send_egress("example/greets", kafka_record(topic="greets", key=message, value=greeting))
    if context.caller is not None and context.caller.typename != "example/hello":
        context.pack_and_reply(greeting)
