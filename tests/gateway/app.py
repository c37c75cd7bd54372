"""The classes of the clients' tests, of the cases over HTTP, of the tests with other languages, and of a move."""

from __future__ import annotations

from tests.client.bank import Account, Echo, Later, Loan
from tests.conformance.cases.ingress import Counter, Forwarder, Several, Tally, Teller
from tests.moving.house import House, Quiet, functions, furniture
from tests.polyglot.greeter import User
from tests.polyglot.traveller import Traveller

__all__ = [
    "Account",
    "Counter",
    "Echo",
    "Forwarder",
    "House",
    "Later",
    "Loan",
    "Quiet",
    "Several",
    "Tally",
    "Teller",
    "Traveller",
    "User",
    "functions",
    "furniture",
]


SERVED = (
    *(Account, Echo, Later, Loan, Counter, Tally, Several, Forwarder, Teller, Traveller, User),
    *(House, Quiet, functions, furniture),
)
