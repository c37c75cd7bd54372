"""The application of the gateway's tests: that of the clients' tests, and that of the conformance cases over HTTP."""

from __future__ import annotations

from tests.client.bank import Account, Echo, Later, Loan
from tests.conformance.cases.embedded_http import Counter, Forwarder, Several, Tally, Teller

__all__ = ["Account", "Counter", "Echo", "Forwarder", "Later", "Loan", "Several", "Tally", "Teller"]

SERVED = (Account, Echo, Later, Loan, Counter, Tally, Several, Forwarder, Teller)
