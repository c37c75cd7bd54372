"""What passes between Flink and the app: batches, failed ones again, and replies, in Flink's scaled time."""

from __future__ import annotations

from statefun_actors import Address, TypedValue
from statefun_actors.asking import OWN_FUNCTIONS
from statefun_actors.types import value_of
from statefun_actors.wire import v3_pb2
from tests.conformance.engine import Sent, readable
from tests.flink.case_run import MARGIN, Arrived, Delayed
from tests.flink.over_kafka import published
from tests.flink.own_messages import OwnMessages
from tests.flink.tap import NOTHING_DONE, Answer, address_of


class BetweenFlinkAndApp(OwnMessages):
    """A case that hands Flink's requests to the app, and the app's replies to Flink."""

    async def answer(self, request: v3_pb2.ToFunction) -> Answer:
        try:
            return await self._answer(request)
        except Exception as error:  # a case is told what is wrong with its engine
            self._broken.append(f"the tap failed: {type(error).__name__}: {error}")
            self._changed.set()
            return NOTHING_DONE

    async def _answer(self, request: v3_pb2.ToFunction) -> Answer:
        batch = request.invocation
        target = address_of(batch.target)
        controls = [name for each in batch.invocations if (name := each.argument.typename).startswith("tap/")]
        if controls and len(batch.invocations) == 1:
            return await self._controlled(controls[0], target, request)
        if controls:
            self._look_only(controls, target, request)
            if not batch.invocations:
                return NOTHING_DONE
        served = target.typename in self._app.all_served
        came = [self._take(invocation) for invocation in batch.invocations]
        came_to_something = target not in self._failed
        if served:
            self._touched.add(target)
            reply = await self._reply(request, target)
        else:
            reply = v3_pb2.FromFunction()
            reply.invocation_result.SetInParent()
        if reply is None:
            return Answer(None)
        if reply.HasField("incomplete_invocation_context"):
            return self._asking(reply)
        for delayed, value in came:
            if not served:
                sent = Sent(target, value_of(value, self._known), value.typename, value.value)
                self._arrived.append(Arrived(sent, delayed))
            if delayed is None:
                self._on_their_way -= 1
            else:
                delayed.arrived = True
                self.early = self.early or (delayed.due > self._now and not delayed.cancelled)
        if served and came_to_something and target.typename not in OWN_FUNCTIONS:
            self._note_changes(reply.invocation_result)
        self._send_on(target, reply.invocation_result)
        self._changed.set()
        return Answer(reply.SerializeToString())

    def _note_changes(self, result: v3_pb2.FromFunction.InvocationResponse) -> None:
        written = {
            mutation.state_name: TypedValue(mutation.state_value.typename, mutation.state_value.value)
            if mutation.mutation_type
            else None
            for mutation in result.state_mutations
        }
        self.changes.append(readable(written, self._known))

    def _take(self, invocation: v3_pb2.ToFunction.Invocation) -> tuple[Delayed | None, TypedValue]:
        """An invocation as the app is to see it; which delayed message it is, and its value."""
        invocation.caller.id = invocation.caller.id.partition(":")[2]
        number, mark, typename = invocation.argument.typename.rpartition("!")
        invocation.argument.typename = typename
        value = TypedValue(typename, invocation.argument.value)
        return (self._delayed[number] if mark else None), value

    async def _reply(self, request: v3_pb2.ToFunction, target: Address) -> v3_pb2.FromFunction | None:
        """The app's reply; None where it fails, an empty result where it failed with the same before."""
        data = request.SerializeToString(deterministic=True)
        if target in self._failed:
            assert self._failed.pop(target) == data, "Flink sent a failed batch again, but not as it was"
            reply = v3_pb2.FromFunction()
            reply.invocation_result.SetInParent()
            return reply
        try:
            return await self._handled(target, request)
        except Exception as error:
            self.failures.append(type(error).__name__)
            self.reasons.append(str(error))
            self._failed[target] = data
            return None

    def _send_on(self, sender: Address, result: v3_pb2.FromFunction.InvocationResponse) -> None:
        """Record the requests of a reply, and return it in the form that Flink gets."""
        now = self.loop.time()
        for message in result.outgoing_messages:
            message.target.id = f"{self._run}:{message.target.id}"
            self._on_their_way += 1
        for delayed in result.delayed_invocations:
            token = delayed.cancellation_token
            if delayed.is_cancellation_request:
                for each in self._delayed.values():
                    if each.token == token and each.sender.id == sender.id and not each.cancelled:
                        each.cancelled = True
                        each.too_late = each.arrived or now > each.really_due - MARGIN
                continue
            number = str(next(self._numbers))
            argument, delay = delayed.argument, delayed.delay_in_ms / 1000
            self._delayed[number] = Delayed(
                self._now + delay,
                now + delay * self._scale,
                sender,
                address_of_sent(delayed.target),
                TypedValue(argument.typename, argument.value),
                token,
            )
            delayed.target.id = f"{self._run}:{delayed.target.id}"
            delayed.delay_in_ms = max(1, round(delayed.delay_in_ms * self._scale))
            argument.typename = f"{number}!{argument.typename}"
        for record in result.outgoing_egresses:
            name = f"{record.egress_namespace}/{record.egress_type}"
            value, expected = published(self._run, name, TypedValue(record.argument.typename, record.argument.value))
            record.argument.typename, record.argument.value = value.typename, value.value
            self._records_due += 1
            self._expected.append((name, expected))


def address_of_sent(address: v3_pb2.Address) -> Address:
    """As the app wrote it."""
    return Address(f"{address.namespace}/{address.type}", address.id)
