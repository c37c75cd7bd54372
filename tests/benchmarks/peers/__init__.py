"""One workload, written for us and for the official SDK; each peer runs in a process of its own.

An account with one int state: each message is decoded as a protobuf, bumps the state, sends one message to a function
elsewhere and one record to Kafka. The official SDK's generated code and ours can't live in one process, so nothing here
imports both.
"""
