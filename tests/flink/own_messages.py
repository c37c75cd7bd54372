"""Messages of the tap's own: they hold requests, speak for callers, and ask for states or write them."""

from __future__ import annotations

import asyncio
from typing import Final

from statefun_actors import Address, TypedValue
from statefun_actors.wire import v3_pb2
from tests.flink.case_run import CROWDED, CaseRun
from tests.flink.tap import NOTHING_DONE, Answer, in_run

# Messages of the tap's own. Each is alone in its batch.
HOLD: Final = "tap/hold"
MARK: Final = "tap/mark"
SPEAK: Final = "tap/speak"
PEEK: Final = "tap/peek"
PUT: Final = "tap/put"
CLOCK: Final = "tap/clock"
TAP: Final = Address("probe/tap", "tap")


class OwnMessages(CaseRun):
    """A case that speaks to Flink by messages which the app never sees."""

    def _control(self, kind: str, event: asyncio.Event) -> TypedValue:
        name = f"{kind}/{next(self._numbers)}"
        self._controls[name] = event
        return TypedValue(name, b"-")

    def _speak(self, caller: Address, plan: list[tuple[Address, TypedValue]]) -> None:
        speech = v3_pb2.FromFunction()
        for target, value in plan:
            self._fill(speech.invocation_result.outgoing_messages.add(), target, value)
        self._say(caller, speech)

    def _say(self, speaker: Address, speech: v3_pb2.FromFunction) -> None:
        control = self._control(SPEAK, asyncio.Event())
        self._spoken[control.typename] = speech
        self._flink.send(in_run(self._run, speaker), control)

    def _fill(
        self,
        message: v3_pb2.FromFunction.Invocation | v3_pb2.FromFunction.DelayedInvocation,
        target: Address,
        value: TypedValue,
    ) -> None:
        address = in_run(self._run, target)
        message.target.namespace, message.target.type, message.target.id = address.namespace, address.name, address.id
        message.argument.typename, message.argument.value = value.typename, value.value
        message.argument.has_value = True

    async def _control_each(self, controls: list[tuple[Address, str]]) -> None:
        """Send each of the tap's own messages, and return when all have come."""
        came = [asyncio.Event() for _ in controls]
        self._flink.send_all(
            (in_run(self._run, target), self._control(kind, event))
            for (target, kind), event in zip(controls, came, strict=True)
        )
        await self._until(lambda: all(event.is_set() for event in came), "Flink to call")

    async def _controlled(self, name: str, target: Address, request: v3_pb2.ToFunction) -> Answer:
        event = self._controls[name]
        if name.startswith((PEEK, PUT)) and self._misses(target, request):
            return self._asking(await self._handled(target, request))  # before it looks at any message
        reply = NOTHING_DONE
        if name.startswith(HOLD):
            await event.wait()
        elif name.startswith(SPEAK):
            reply = Answer(self._spoken[name].SerializeToString())
        elif name.startswith(PEEK):
            self._peek(target, request)
        elif name.startswith(PUT):
            speech = v3_pb2.FromFunction()
            _, state_name, value = self._puts[int(name.split("/")[2])]
            mutation = speech.invocation_result.state_mutations.add(state_name=state_name, mutation_type=1)
            mutation.state_value.typename, mutation.state_value.value = value.typename, value.value
            mutation.state_value.has_value = True
            reply = Answer(speech.SerializeToString())
        event.set()
        self._changed.set()
        return reply

    def _look_only(self, controls: list[str], target: Address, request: v3_pb2.ToFunction) -> None:
        """Take the tap's own messages out of a batch that holds others too.

        Such a batch is made where a delayed message comes early, before the case's own time has come so far: the
        states that Flink sends with it are those of the case's time. A message that needs more than a look fails it.
        """
        batch = request.invocation
        assert all(name.startswith((PEEK, MARK, CLOCK)) for name in controls), CROWDED
        if self._misses(target, request):
            controls = [name for name in controls if not name.startswith(PEEK)]  # they come again, with the states
        for name in controls:
            if name.startswith(PEEK):
                self._peek(target, request)
            self._controls[name].set()
        others = [each for each in batch.invocations if not each.argument.typename.startswith("tap/")]
        del batch.invocations[:]
        batch.invocations.extend(others)
        self._changed.set()

    def _peek(self, target: Address, request: v3_pb2.ToFunction) -> None:
        self._states[target] = {
            entry.state_name: TypedValue(entry.state_value.typename, entry.state_value.value)
            for entry in request.invocation.state
            if entry.state_value.has_value
        }

    def _misses(self, target: Address, request: v3_pb2.ToFunction) -> bool:
        """Whether Flink does not know all states of *target* yet."""
        served = self._app.served.get(target.typename)
        return served is not None and not served.state_names <= {state.state_name for state in request.invocation.state}

    def _asking(self, reply: v3_pb2.FromFunction) -> Answer:
        """A reply that asks for states, with their time to live in Flink's time."""
        missing = reply.incomplete_invocation_context.missing_values
        self.asked.append([spec.state_name for spec in missing])
        for spec in missing:
            expiration = spec.expiration_spec
            expiration.expire_after_millis = round(expiration.expire_after_millis * self._scale)
        return Answer(reply.SerializeToString())
