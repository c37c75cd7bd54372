"""The gateway: takes messages over HTTP for a Flink cluster, writes them to Kafka, and reads their answers there.

**Where the state of a request is.** A gateway has none that matters, so several run side by side over the same topics,
and one that dies takes nothing with it but its open connections. Three places hold it:

- The record in Kafka holds the message, in an envelope with its caller: ``statefun-actors/ingress`` at an id that names
  the topic of the answers, the gateway and its call. The endpoint takes it out of the envelope, and writes what is sent
  to that caller to the topic, as a record whose key is the gateway. No function of Flink is called for a request but
  its target, and all messages for an address keep their order, since they go through one partition of one topic.
- The gateway's memory holds the HTTP requests that wait, by the number of their call. All gateways read all answers,
  from the moment on at which they start, and drop those of others.
- The function ``statefun-actors/ingress`` at the digest of target and key holds the answer under an idempotency key,
  for a day, in Flink's state. So a repeat may reach any gateway. Such a message goes to that function first: it is
  ordered with others for its target only once it has been answered with 202.

The end of a handler without a reply, and the reason why a message was given up, are sent by the endpoint, as notices of
reserved types: see ``statefun_actors/endpoint/gateways.py``. So 204 and 422 are as on the embedded engine. What is not:
without a failure policy, a failing message fails the job until its handler succeeds, so its caller gets 504; answers
over the at-least-once egress precede Flink's checkpoint, so a failure of the job may undo and repeat what a client has
an answer to.
"""

from statefun_actors.gateway.exchange import Exchange
from statefun_actors.gateway.gateway import Gateway

__all__ = ["Exchange", "Gateway"]
