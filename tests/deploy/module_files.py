"""A module.yaml for each version of StateFun."""

from __future__ import annotations

THREE = """
kind: io.statefun.endpoints.v2/http
spec:
  functions: bank/*
  urlPathTemplate: http://bank:8000/{function.name}/statefun
  maxNumBatchRequests: 500
  transport:
    type: io.statefun.transports.v1/async
    call: 2m
    connect: 20s
    pool_size: 1024
    payload_max_bytes: 1048576
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: bank/commands
  address: one:9092,two:9092
  consumerGroupId: bank
  startupPosition:
    type: earliest
  autoOffsetResetPosition: EARLIEST
  forwardHeaders: true
  topics:
    - topic: deposits
      valueType: type.googleapis.com/bank.Deposit
      targets:
        - bank/account
        - bank/audit
    - { topic: 07, valueType: bank/entry, targets: [bank/audit], forwardHeaders: false }
  properties:
    - fetch.min.bytes: 1
    - enable.auto.commit: false
---
kind: io.statefun.kafka.v1/egress
spec:
  id: bank/receipts
  address: one:9092
  deliverySemantic: { type: exactly-once, transactionTimeout: 15min }
  properties:
    - linger.ms: 20
---
kind: io.statefun.kinesis.v1/egress
spec: { id: bank/stream, awsRegion: { type: specific, id: eu-west-1 }, maxOutstandingRecords: 9 }
---
"""

OLD = """
version: "{version}"
module:
  meta:
    type: remote
  spec:
    functions:
      - function:
          meta:
            kind: http
            type: bank/account
          spec:
            endpoint: http://bank:8000/statefun/v2
            states: {states}
            maxNumBatchRequests: 10
            timeout: 2min
    ingresses:
      - ingress:
          meta:
            type: statefun.kafka.io/routable-protobuf-ingress
            id: bank/commands
          spec:
            address: kafka:9092
            consumerGroupId: bank
            topics:
              - topic: deposits
                typeUrl: type.googleapis.com/bank.Deposit
                targets:
                  - bank/account
    egresses:
      - egress:
          meta:
            type: statefun.kafka.io/generic-egress
            id: bank/receipts
          spec:
            address: kafka:9092
            deliverySemantic:
              type: exactly-once
              transactionTimeoutMillis: 100000
      - egress:
          meta:
            type: acme/other
            id: bank/other
          spec:
            any: thing
"""


def ingress_with(*lines: str) -> str:
    return (
        "kind: io.statefun.kafka.v1/ingress\n"
        "spec:\n"
        "  id: bank/in\n"
        "  address: kafka:9092\n"
        "  consumerGroupId: bank\n"
        "  topics: [{ topic: t, valueType: a/b, targets: [bank/account] }]\n" + "".join(f"  {line}\n" for line in lines)
    )
