"""Pages as HTML: Jinja templates with autoescape, and the headers that let a browser run nothing else."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs

from statefun_actors.console import values
from statefun_actors.console.assets import ASSETS
from statefun_actors.console.fields import is_plain
from statefun_actors.console.links import query
from statefun_actors.console.look import Page
from statefun_actors.history import GAP_REASON, NO_HISTORY, gap_text
from statefun_actors.http import Response

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = Path(__file__).parent / "templates"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not no-referrer: browsers then send forms with `Origin: null`.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


@attrs.frozen
class Notice:
    """What an act has done, or, if it is *bad*, why it could not be done."""

    text: str
    bad: bool


@attrs.frozen(kw_only=True)
class Frame:
    """What surrounds each page.

    Args:
        name: of the page, as in its URL.
        version: of what is shown; None where the page does not change by itself.
        place: the store; None before the log-in.
        now_ms: milliseconds since 1970.
        failing: messages that keep failing, for the navigation.
        token: whether the server needs one, so that there is something to log out of.
        csrf: what forms send along; None where the console is read-only, and has no forms.
    """

    name: str
    version: str | None
    place: str | None
    now_ms: int
    failing: int = 0
    token: bool = False
    csrf: str | None = None
    notice: Notice | None = None


@functools.cache
def _environment() -> Environment:
    # A run starts faster without Jinja: it is loaded with the first page.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        cell=values.cell,
        label=values.label,
        json_cell=values.json_cell,
        json_whole=values.json_whole,
        text_whole=values.text_whole,
        size=values.size,
        count=values.count,
        rate=values.rate,
        seconds=values.seconds,
        span=values.span,
    )
    texts: dict[str, Any] = {"NO_HISTORY": NO_HISTORY, "GAP_REASON": GAP_REASON, "gap_text": gap_text}
    environment.globals.update(texts)
    environment.tests["plain"] = is_plain
    return environment


def rendered(page: Page, frame: Frame) -> Response:
    """*page* inside *frame*, as a response."""
    html = (
        _environment()
        .get_template(page.template)
        .render(
            page.content,
            title=page.title,
            frame=frame,
            asset=ASSETS.url,
            query=query,
            moment=lambda ms: values.moment(ms, frame.now_ms),
        )
    )
    return Response(page.status, html.encode("utf-8", "replace"), b"text/html; charset=utf-8", _HEADERS)
