"""Talk to running entities from any Python program: ``Client``, and ``AsyncClient`` for asyncio.

::

    with Client("http://127.0.0.1:8080") as client:
        client.tell(Account.at("ada"), Deposit(cents=5))
        receipt = client.ask(Account.at("ada"), Deposit(cents=5), Deposited)

Needs the extra ``[client]``.
"""

from statefun_actors.calls import (
    CallError,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotAdmittedError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnexpectedReplyError,
)
from statefun_actors.client.clients import AsyncClient, Client

__all__ = [
    "AsyncClient",
    "CallError",
    "Client",
    "KeyReusedError",
    "MessageRefusedError",
    "NoReplyError",
    "NotAdmittedError",
    "NotServedError",
    "ReplyTimeoutError",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnexpectedReplyError",
]
