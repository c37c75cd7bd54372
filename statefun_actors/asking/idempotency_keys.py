"""The form of an idempotency key: one for all calls and for HTTP, so that a key means the same everywhere."""

from __future__ import annotations

import re
from typing import Final

LONGEST_KEY: Final = 255
KEY_FORM: Final = f"1 to {LONGEST_KEY} printable ASCII characters without a space at either end"
"""What fits into a header of HTTP and comes out of it as it was."""
_KEY: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")


def key_mismatch(key: object) -> str | None:
    """What *key* is instead of an idempotency key, for an error; None: it is one."""
    if not isinstance(key, str):
        return f"{key!r} ({type(key).__name__})"
    if len(key) > LONGEST_KEY:
        return f"{len(key):,} characters"
    return None if _KEY.fullmatch(key) else repr(key)
