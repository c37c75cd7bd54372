"""Values in one line, the same in each run."""

from __future__ import annotations

import re
from typing import Final

from google.protobuf.message import Message
from google.protobuf.text_format import MessageToString

from statefun_actors.text import one_line, shortened

_TOKEN: Final = re.compile(r"\b[0-9a-f]{32}\b")
_LONGEST: Final = 200


def displayed(value: object) -> str:
    """*value* in one line. All tokens look the same, since each run draws new ones."""
    if isinstance(value, Message):
        text = f"{type(value).__name__}({MessageToString(value, as_one_line=True)})"
    else:
        text = repr(value)
    return shortened(one_line(_TOKEN.sub("<token>", text)), _LONGEST)
