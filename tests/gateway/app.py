"""The classes of the clients' tests, of the conformance cases over HTTP, and of the tests with other languages."""

from __future__ import annotations

from tests.client.bank import Account, Echo, Later, Loan
from tests.conformance.cases.embedded_http import Counter, Forwarder, Several, Tally, Teller
from tests.polyglot.greeter import User
from tests.polyglot.traveller import Traveller

__all__ = [
    "Account",
    "Counter",
    "Echo",
    "Forwarder",
    "Later",
    "Loan",
    "Several",
    "Tally",
    "Teller",
    "Traveller",
    "User",
]

SERVED = (Account, Echo, Later, Loan, Counter, Tally, Several, Forwarder, Teller, Traveller, User)
