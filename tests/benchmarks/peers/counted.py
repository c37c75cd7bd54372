"""The workload between topics of Kafka, for ``serve``; its records have the balance and the requests so far.

:mod:`tests.benchmarks.peers.sdk` holds the same as ``theirs/account``.
"""

from __future__ import annotations

from collections import Counter

from google.protobuf.duration_pb2 import Duration

from statefun_actors import Entity, RequestReplyHandler, handles, kafka_record, persisted
from statefun_actors.model import Batch

served: Counter[str] = Counter()
_read = RequestReplyHandler.read


def _counted(self: RequestReplyHandler, data: bytes) -> Batch:
    served["requests"] += 1
    return _read(self, data)


# Nothing else tells how often serve is asked.
RequestReplyHandler.read = _counted  # type: ignore[method-assign]


class Account(Entity, typename="ours/account"):
    balance: int = persisted(default=0)

    @handles(Duration)
    def deposit(self, message: Duration) -> None:
        self.balance += message.seconds
        reported = Duration(seconds=self.balance, nanos=served["requests"])
        self.send_egress("bank/receipts", kafka_record(topic="ours.out", key=self.id, value=reported))
