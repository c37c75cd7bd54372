"""The application behind Flink in the tests, served by ``statefun-actors serve``: entities and functions."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.protobuf.any_pb2 import Any
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    Address,
    Context,
    DeadLetter,
    Entity,
    StatefulFunctions,
    TerminalError,
    handles,
    message,
    persisted,
)
from tests.flink.egresses import LETTERS, OUT
from tests.flink.gate import asked
from tests.flink.smoke.interpreters import SmokeBare, SmokeGuarded, smoke_functions

__all__ = ["SmokeBare", "SmokeGuarded", "smoke_functions"]
"""What comes from elsewhere, and is served, too."""


@message("flink/seen")
class Seen:
    """A record that the tests read: sender, event, number."""

    id: str
    what: str
    number: int = 0


@message("flink/ask")
class Ask:
    """Asks the gate at *port* what to do."""

    port: int


# --- counting


@message("flink/count")
class Count:
    by: int


@message("flink/forget")
class Forget:
    pass


class Counter(Entity, typename="flink/counter"):
    """Counts, reports its count, and has another entity count everything once more."""

    seen: int = persisted(default=0)

    @handles(Count)
    def count(self, message: Count) -> None:
        self.seen += message.by
        self.send_egress(OUT, Seen(self.id, "count", self.seen))
        self.send(Total.at(self.id), message)

    @handles(Forget)
    def forget(self, message: Forget) -> None:
        del self.seen
        self.send_egress(OUT, Seen(self.id, "forgotten", self.seen))


class Total(Entity, typename="flink/total"):
    """Counts as an async handler does, in a plain protobuf message."""

    sum: Duration = persisted(factory=Duration)

    @handles(Count)
    async def count(self, message: Count) -> None:
        self.sum.seconds += message.by
        self.send_egress(OUT, Seen(self.id, "total", self.sum.seconds))


# --- states


@message("flink/fill")
class Fill:
    text: str


@message("flink/show")
class Show:
    pass


@message("flink/clear")
class Clear:
    pass


class Shelf(Entity, typename="flink/shelf"):
    """States of many types, with and without a time to live."""

    flag: bool = persisted(default=False)
    number: int = persisted(default=0)
    ratio: float = persisted(default=0.0)
    text: str | None = persisted(default=None)
    data: bytes = persisted(default=b"")
    span: Duration | None = persisted(default=None)
    fill: Fill | None = persisted(default=None)
    items: list[str] = persisted(factory=list)
    since: datetime | None = persisted(default=None, name="first_filled")
    written: str = persisted(default="", expire_after_write=timedelta(days=1))
    called: str = persisted(default="", expire_after_call=timedelta(days=1))
    brief: str = persisted(default="", expire_after_write=timedelta(milliseconds=1))

    @handles(Fill)
    def take(self, message: Fill) -> None:
        text = message.text
        self.flag, self.number, self.ratio, self.text, self.data = True, len(text), -0.5, text, text.encode()
        self.span, self.fill = Duration(seconds=len(text)), message
        self.items.append(text)
        self.since = self.since or self.now
        self.written = self.called = self.brief = text
        self.send_egress(OUT, Seen(self.id, "filled"))

    @handles(Show)
    def show(self, message: Show) -> None:
        span = None if self.span is None else self.span.seconds
        held = [self.flag, self.number, self.ratio, self.text, self.data, span, self.fill, self.items]
        self.send_egress(OUT, Seen(self.id, repr([*held, self.since is not None, self.written, self.called])))
        self.send_egress(OUT, Seen(self.id, repr(self.brief)))

    @handles(Clear)
    def empty(self, message: Clear) -> None:
        self.clear()
        self.send_egress(OUT, Seen(self.id, "cleared"))


# --- delayed messages


@message("flink/remind")
class Remind:
    text: str
    ms: int
    token: str | None = None


@message("flink/unremind")
class Unremind:
    token: str


@message("flink/ring")
class Ring:
    text: str


class Bell(Entity):
    """Sends delayed messages to itself."""

    @handles(Remind)
    def remind(self, message: Remind) -> None:
        delay = timedelta(milliseconds=message.ms)
        self.send_after(delay, self.address, Ring(message.text), cancellation_token=message.token)
        self.send_egress(OUT, Seen(self.id, "set"))

    @handles(Unremind)
    def unremind(self, message: Unremind) -> None:
        self.cancel(message.token)

    @handles(Ring)
    def ring(self, message: Ring) -> None:
        self.send_egress(OUT, Seen(self.id, message.text))


class Reminder(Bell, typename="flink/reminder"):
    pass


class OtherReminder(Bell, typename="flink/other-reminder"):
    pass


# --- failures


class Guarded(Entity, typename="flink/guarded", on_failure=DeadLetter(LETTERS, attempts=2, backoff=0.001)):
    """Fails for negative numbers; messages that came meanwhile are its next batch."""

    sum: int = persisted(default=0)
    log: list[int] = persisted(factory=list)

    @handles(Ask)
    async def wait(self, message: Ask) -> None:
        await asked(message.port)

    @handles(int)
    def add(self, message: int) -> None:
        self.sum += message
        self.log.append(message)
        self.send_egress(OUT, Seen(self.id, "added", self.sum))
        if message < 0:
            raise TerminalError("negative") if message == -1 else ValueError("negative")


class Bare(Entity, typename="flink/bare"):
    """Has no failure policy: it fails as the test says."""

    runs: int = persisted(default=0)

    @handles(Ask)
    async def run(self, message: Ask) -> None:
        self.runs += 1
        self.send_egress(OUT, Seen(self.id, "ran", self.runs))
        if await asked(message.port) == "fail":
            raise ValueError("as the test says")


# --- functions

functions = StatefulFunctions()


@message("flink/user")
class User:
    name: str


@message("flink/admin")
class Admin:
    name: str


@functions.bind(
    "flink/greeter", states={"seen": int, "last": persisted(type=str, expire_after_write=timedelta(hours=1))}
)
def greet(context: Context, message: User | Admin) -> None:
    """Greets, and replies with the number of greetings."""
    context["seen"] = (context["seen"] or 0) + 1
    last, context["last"] = context["last"], message.name
    title = "admin" if isinstance(message, Admin) else "user"
    text = f"{title} {message.name} after {last}"
    if context.caller is None:
        context.pack_and_send_egress(OUT, Seen(context.address.id, text, context["seen"]))
    else:
        context.pack_and_reply(Seen(str(context.caller), text, context["seen"]))


@functions.bind("flink/forgetful", states={"seen": int})
def forgetful(context: Context, message: Count) -> None:
    """Forgets at zero."""
    if message.by:
        context["seen"] = (context["seen"] or 0) + message.by
    else:
        del context["seen"]
    context.pack_and_send_egress(OUT, Seen(context.address.id, str(context["seen"])))


@functions.bind("flink/anything", states={"last": Any})
def anything(context: Context, message) -> None:  # type: ignore[no-untyped-def] # what has no hint takes everything
    """Keeps its last message of any type, and reports the one before."""
    before = context["last"]
    context["last"] = message
    context.pack_and_send_egress(OUT, Seen(context.address.id, "nothing" if before is None else before.type_url))


@functions.bind("flink/timer")
async def timer(context: Context, message: Ask | Ring) -> None:
    """Sends two delayed messages with one token, or with two: as the test says."""
    if isinstance(message, Ring):
        context.pack_and_send_egress(OUT, Seen(context.address.id, message.text))
        return
    tokens = await asked(message.port)
    for number, token in enumerate(tokens):
        text = f"{number} {token}"
        context.pack_and_send_after(0.3, "flink/timer", context.address.id, Ring(text), cancellation_token=token)


class Asker(Entity, typename="flink/asker"):
    """Asks an entity and a function, and reports their answers."""

    @handles(str)
    def asked(self, message: str) -> None:
        self.send(Address("flink/greeter", self.id), User(message))
        self.send(Answerer.at(self.id), message)

    @handles(Seen)
    def told(self, message: Seen) -> None:
        self.send_egress(OUT, message)


class Answerer(Entity, typename="flink/answerer"):
    @handles(str)
    def answer(self, message: str) -> Seen:
        return Seen(str(self.caller), f"answer to {message}")
