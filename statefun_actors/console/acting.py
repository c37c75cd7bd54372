"""Carries out acts: plans them where pages are made, and makes them on the engine's event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from statefun_actors.console.acts import ACTS, Act, Form, Plan
from statefun_actors.console.background import Background
from statefun_actors.console.look import Live, Look, Page
from statefun_actors.console.notices import Notices
from statefun_actors.console.pages import PAGES
from statefun_actors.console.reading import Reading
from statefun_actors.console.subjects import Subject
from statefun_actors.errors import StatefunActorsError
from statefun_actors.http import Response, line
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.console")

_T = TypeVar("_T")
Shown = Callable[[Page, Live, str | None], Response]
"""Renders a page of a form, and what went wrong, if anything."""


class Acting:
    """Carries out the acts of forms on *subject*."""

    def __init__(self, subject: Subject, reading: Reading, background: Background, notices: Notices) -> None:
        self._subject, self._reading, self._background, self._notices = subject, reading, background, notices

    async def act(self, name: str, form: Form, origin: str | None, shown: Shown) -> Response:
        """Do the act *name*: 303 to the page that shows it; a page with status 200 that asks first, or with 400 or 503
        that says why it can't be done. Once the change has begun, it is not cancelled.
        """
        act = ACTS[name]
        try:
            live = await self._subject.look()
            planned = await self._read(live, origin, lambda look: _planned(name, act, look, form, live, shown))
            if isinstance(planned, Response):
                return planned
            try:
                await self._subject.change(planned.check, planned.change)
            except StatefunActorsError as error:
                problem = str(error)
                live = await self._subject.look()
                return await self._read(live, origin, lambda look: _again(act, look, form, live, shown, problem))
            key = self._notices.add(planned.done)
        except StatefunActorsError as error:  # the store can't be read
            return line(503, f"nothing was changed: {error}")
        except Exception:  # a bug of this library
            logger.exception("the act %r failed", name)
            return line(500, "this act failed; the log says why")
        joint = "&" if "?" in planned.page else "?"
        location = f"{planned.page}{joint}notice={key}"
        return Response(303, headers=((b"location", location.encode()), (b"cache-control", b"no-store")))

    async def _read(self, live: Live, origin: str | None, read: Callable[[Look], _T]) -> _T:
        """*read*, given a look at the store: in a thread, or at once where the store is in memory."""

        def reading() -> _T:
            with self._reading.look(live, origin) as look:
                return read(look)

        return reading() if self._reading.path is None else await self._background.run(reading)


def _planned(name: str, act: Act, look: Look, form: Form, live: Live, shown: Shown) -> Plan | Response:
    try:
        plan = act.plan(look, form)
    except StatefunActorsError as error:
        return _again(act, look, form, live, shown, str(error))
    if plan.question is None or form.get("sure"):
        return plan
    fields = [(key, value) for key, value in form.fields if key not in {"csrf", "sure", *plan.fields}]
    fields += plan.fields.items()
    content = {"question": plan.question, "act": name, "fields": fields, "back": plan.page}
    return shown(Page(template="confirm.html", title="Are you sure?", content=content), live, None)


def _again(act: Act, look: Look, form: Form, live: Live, shown: Shown, problem: str) -> Response:
    """The page of *act* with what was entered, and the *problem* with it."""
    page = PAGES[act.page](look, form.query())
    return shown(Page(template=page.template, title=page.title, content=page.content, status=400), live, problem)
