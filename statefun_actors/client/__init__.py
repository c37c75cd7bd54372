"""Talk to running entities from any Python program: ``Client``, and ``AsyncClient`` for asyncio.

::

    with Client("http://127.0.0.1:8080") as client:
        client.tell(Account.at("ada"), Deposit(cents=5))
        receipt = client.ask(Account.at("ada"), Deposit(cents=5), Deposited)

Needs the extra ``[client]``.
"""

from statefun_actors.client.clients import AsyncClient, Client
from statefun_actors.client.errors import (
    ClientError,
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

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
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
