"""Values as text for a page. All of them come from outside: ids, messages, errors.

A character that can't be seen, or that changes the direction of the text around it, is shown as its escape. What is
long is cut, with more of it in the title. Templates escape HTML by themselves.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from markupsafe import Markup

from statefun_actors.admin import time_text
from statefun_actors.text import json_text, one_line, shortened

CELL: Final = 120
"""Characters in a cell of a table."""
TITLE: Final = 2_000
"""Characters in a title, which a browser shows when the mouse rests on a value."""
WHOLE: Final = 20_000
"""Characters of a value that has a page, or much of one, for itself."""


def cell(text: object, longest: int = CELL) -> Markup:
    """*text* on one line, shortened, with more of it in the title."""
    shown = one_line(str(text))
    if len(shown) <= longest:
        return Markup("<bdi>{}</bdi>").format(shown)
    return Markup('<bdi title="{}">{}</bdi>').format(shortened(shown, TITLE), shortened(shown, longest))


def label(text: str) -> str:
    """*text* on one line, shortened: a name that a screen reader reads."""
    return shortened(one_line(text), CELL)


def json_cell(form: object) -> Markup:
    """The JSON form *form* on one line, as :func:`cell`."""
    return Markup("<code>{}</code>").format(cell(_json(form)))


def json_whole(form: object) -> Markup:
    """The JSON form *form* over several lines."""
    text = pretty(form)
    shown = "\n".join(json_text(line) for line in shortened(text, WHOLE).split("\n"))
    more = f"\n… {len(text) - WHOLE:,} more characters" if len(text) > WHOLE else ""
    return Markup("<pre>{}{}</pre>").format(shown, more)


def compact(form: object) -> str:
    """The JSON form *form* as JSON on one line, all of it; keys in order, so that equal forms are equal texts."""
    return msgspec.json.encode(form, order="sorted").decode()


def digest(form: object) -> str:
    """A digest of the JSON form *form*, to see whether a value is still the same."""
    return hashlib.sha256(compact(form).encode()).hexdigest()


def pretty(form: object) -> str:
    """The JSON form *form* as JSON over several lines, all of it."""
    return msgspec.json.format(_json(form), indent=2)


def text_whole(text: str) -> Markup:
    """*text* with its line breaks."""
    shown = "\n".join(one_line(line) for line in shortened(text, WHOLE).split("\n"))
    return Markup("<pre>{}</pre>").format(shown)


def moment(ms: int, now_ms: int) -> Markup:
    """A time, with its distance from now: ``2026-01-02 03:04:05 (in 5 min)``."""
    if ms == 0:
        return Markup("-")
    text = time_text(ms)
    distance = ms - now_ms
    around = f"in {span(distance)}" if distance > 0 else f"{span(-distance)} ago"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(text, text, around)


def seconds(number: float) -> str:
    """A measured time in one unit: ``120 µs``, ``35 ms``, ``1.2 s``."""
    for unit, size in (("s", 1.0), ("ms", 0.001), ("µs", 0.000001)):
        if number >= size:
            value = number / size
            return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return "0 s"


def span(ms: int) -> str:
    """A length of time in one unit, rounded: ``350 ms``, ``12 s``, ``5 min``, ``3 h``, ``40 d``."""
    for unit, size, below in (("ms", 1, 1_000), ("s", 1_000, 120), ("min", 60_000, 120), ("h", 3_600_000, 72)):
        if ms < below * size:
            return f"{(ms + size // 2) // size:,} {unit}"
    return f"{(ms + 43_200_000) // 86_400_000:,} d"


def size(number: int) -> str:
    """Bytes in one unit: ``12 kB``."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1_000:
            return f"{value:.3g} {unit}"
        value /= 1_000
    return f"{value:,.3g} TB"


def count(number: int) -> str:
    """A number with separators: ``1,234``."""
    return f"{number:,}"


def rate(number: float) -> str:
    """A rate: whole above ten, with one digit after the point below."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _json(form: object) -> str:
    return msgspec.json.encode(form).decode()
