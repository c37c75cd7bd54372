"""Parses the reply address of ``answer``."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.definition import check_text
from statefun_actors.errors import ValueMismatchError


def reply_address_of(address: Address | str) -> Address:
    """*address*, a reply address or its token, as a reply address. Raises ValueMismatchError: it is neither."""
    if isinstance(address, str) and address:
        check_text(address, "a token")
        return Address(REPLY, address)
    if isinstance(address, Address) and address.typename == REPLY:
        return address
    raise ValueMismatchError("what self.reply_address(...) returned, or its id", f"{address!r}")
