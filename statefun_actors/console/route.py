"""The route of the console: ``/console/...``, and ``/``, which leads there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from statefun_actors.console.access import Access
from statefun_actors.console.acting import Acting
from statefun_actors.console.acts import ACTS, Form
from statefun_actors.console.assets import ASSETS
from statefun_actors.console.background import Background, PendingAct, PendingWork
from statefun_actors.console.changes import Changes
from statefun_actors.console.fields import decoded
from statefun_actors.console.look import Live, Page
from statefun_actors.console.notices import Notices
from statefun_actors.console.pages import FORMS, PAGES, READ_ONLY, not_found, read_only, unreadable
from statefun_actors.console.reading import Reading
from statefun_actors.console.rendering import Frame, Notice, rendered
from statefun_actors.console.scans import Scan, Search
from statefun_actors.console.subjects import Subject
from statefun_actors.errors import StatefunActorsError
from statefun_actors.http import Pending, RefusedError, Request, Response, line
from statefun_actors.own_logger import own_logger

logger: Final = own_logger("statefun_actors.console")

PATH: Final = "/console"
_FOLDER: Final = PATH.encode() + b"/"
_LOG_IN: Final = b"login"
_LOG_OUT: Final = b"logout"
_CHANGES: Final = b"changes"
_FORM: Final = b"application/x-www-form-urlencoded"
_LONGEST_FORM: Final = 4_000_000
_READ: Final = (b"allow", b"GET, HEAD")
_BAD_QUERY: Final = line(400, "expected a query in UTF-8")


class ConsoleRoute:
    """Responds with pages about *subject*; unless it is *read_only*, forms on them change what it holds.

    JavaScript is needed only for pages to be live. 303 to the log-in page without a session where *access* needs one,
    403 for requests of other sites and foreign forms, 404 for unknown pages, 413 for long forms, 503 where the store
    can't be read.

    Args:
        token: whether the server needs one.
        with_ingress: whether the HTTP ingress is on the same server.
    """

    def __init__(
        self, subject: Subject, access: Access, *, token: bool, read_only: bool, with_ingress: bool = True
    ) -> None:
        self._subject, self._access, self._token, self._read_only = subject, access, token, read_only
        self._with_ingress = with_ingress
        self._reading = Reading(subject, token=token)
        self._background = Background()
        self._scans = self._reading.scans()
        self._changes = Changes(lambda: (subject.version(), self._scans.progress()))
        self._notices = Notices()
        self._acting = Acting(subject, self._reading, self._background, self._notices)

    def at(self, path: str) -> ConsoleRoute | None:
        """This route, if *path* is one of its paths."""
        return self if is_of_console(path) else None

    def refuse(self) -> None:
        """The server stops: pages that wait for changes get a response."""
        self._changes.end()

    def close(self) -> None:
        """Wait for pages that are being made. No request may follow."""
        self._subject.close()
        self._scans.close()
        self._background.close()

    def admit(self, request: Request) -> None:
        self._access.check_place(request)
        name = _name(request)
        if name in {_LOG_IN, _LOG_OUT} and request.method == "POST":
            return
        if request.method in {"GET", "HEAD"}:
            return
        if name is None:  # these paths only lead to the console
            raise RefusedError(line(404, "Not Found"))
        if self._read_only:
            raise RefusedError(line(405, READ_ONLY, _READ))
        if request.method != "POST" or name.decode("latin-1") not in ACTS:
            raise RefusedError(line(405, "pages can only be read: their forms have paths of their own", _READ))

    def respond(self, request: Request, body: bytes) -> Response | Pending:
        if len(body) > _LONGEST_FORM:
            text = f"expected a form of at most {_LONGEST_FORM:,} bytes, got {len(body):,}: use the command line"
            return line(413, text)
        name = _name(request)
        if name is None:
            return _see(b"console/")
        if (asset := ASSETS.response(name.decode("ascii", "replace"))) is not None:
            return asset
        if name == _LOG_OUT and request.method == "POST":
            return _see(_LOG_IN, self._access.closed_session())
        if name == _LOG_IN:
            return self._log_in(request, body)
        if not self._access.is_open(request):
            return line(401, "log in first") if name == _CHANGES else _see(_LOG_IN)
        if request.method == "POST":
            return self._act(request, name.decode("latin-1"), body)
        try:
            query = _query(request)
        except ValueError:
            return _BAD_QUERY
        if name == _CHANGES:
            seen = request.header(b"last-event-id").decode("latin-1") or query.get("since", "")
            return self._changes.after(seen)
        making = self._page(name.decode("latin-1"), query, request)
        return PendingWork(asyncio.get_running_loop().create_task(making))

    def _act(self, request: Request, name: str, body: bytes) -> Response | Pending:
        form, csrf = Form(_form(request, body)), self._access.form_token(request)
        try:
            self._access.check_form(request, form.get("csrf"))
        except RefusedError as refused:
            return refused.response

        def shown(page: Page, live: Live, problem: str | None) -> Response:
            notice = None if problem is None else Notice(problem, bad=True)
            return self._rendered(page, ACTS[name].page, live, csrf=csrf, notice=notice)

        acting = self._acting.act(name, form, self._origin(request), shown)
        return PendingAct(asyncio.get_running_loop().create_task(acting))

    def _log_in(self, request: Request, body: bytes) -> Response:
        if self._access.is_open(request):
            return _see(b"./")
        wrong = False
        if request.method == "POST":
            given = Form(_form(request, body)).get("token")
            if (cookie := self._access.session(given)) is not None:
                return _see(b"./", cookie)
            wrong = True
        page = Page(template="login.html", title="Log in", content={"wrong": wrong}, status=401 if wrong else 200)
        return self._rendered(page, _LOG_IN.decode(), None)

    async def _page(self, name: str, query: Mapping[str, str], request: Request) -> Response:
        live = version = None
        try:
            shown = live = await self._subject.look(with_activity=not name)
            scan = self._scan(query) if name == "entities" else None
            version, origin = self._changes.version(), self._origin(request)
            csrf = None if self._read_only else self._access.form_token(request)
            text = self._notices.get(query.get("notice", ""))
            notice = None if text is None else Notice(text, bad=False)

            def made() -> Response:
                if self._read_only and name in FORMS:
                    return self._rendered(read_only(), name, shown)
                with self._reading.look(shown, origin, scan) as look:
                    page = PAGES.get(name, not_found)(look, query)
                    return self._rendered(page, name, shown, version, csrf=csrf, notice=notice)

            return made() if self._reading.path is None else await self._background.run(made)
        except StatefunActorsError as error:
            return self._rendered(unreadable(error), name, live, version)
        except Exception:  # a bug of this library
            logger.exception("the page %r failed", name)
            return line(500, "this page failed; the log says why")

    def _scan(self, query: Mapping[str, str]) -> Scan | None:
        """The search for a value of a field that *query* asks for, cancelled if it asks for that."""
        typename, field = query.get("type", ""), query.get("field", "")
        if not typename or not field:
            return None
        search = Search(typename, query.get("prefix", ""), field, query.get("value", ""), query.get("scan", ""))
        if query.get("cancel"):
            return self._scans.cancelled(search)
        return self._scans.of(search, self._now_ms())

    def _now_ms(self) -> int:
        return self._subject.engine.clock.now_ms()

    def _origin(self, request: Request) -> str | None:
        """The URL of the HTTP ingress, as the browser knows it."""
        if not self._with_ingress:
            return None
        return f"http://{request.header(b'host').decode('latin-1') or 'localhost'}"

    def _rendered(
        self,
        page: Page,
        name: str,
        live: Live | None,
        version: str | None = None,
        *,
        csrf: str | None = None,
        notice: Notice | None = None,
    ) -> Response:
        frame = Frame(
            name=name,
            version=version,
            place=None if live is None else self._reading.place,
            now_ms=self._now_ms() if live is None else live.now_ms,
            failing=0 if live is None else len(live.failing),
            token=self._token,
            csrf=csrf,
            notice=notice,
        )
        return rendered(page, frame)


def is_of_console(path: str) -> bool:
    """Whether *path* is one of the console's."""
    return path in {"/", PATH} or path.startswith(PATH + "/")


def _name(request: Request) -> bytes | None:
    """The name of the page; None for paths that only lead to the console."""
    path = request.target.partition(b"?")[0]
    return path[len(_FOLDER) :] if path.startswith(_FOLDER) else None


def _see(location: bytes, cookie: bytes | None = None) -> Response:
    headers = ((b"location", location), (b"cache-control", b"no-store"))
    return Response(303, headers=headers if cookie is None else (*headers, (b"set-cookie", cookie)))


def _query(request: Request) -> dict[str, str]:
    """The parts of the query. Raises ValueError where they are not UTF-8."""
    query = request.target.partition(b"?")[2].decode("ascii")
    return dict(decoded(parse_qsl(query, keep_blank_values=True, errors="strict")))


def _form(request: Request, body: bytes) -> list[tuple[str, str]]:
    """The fields of a form; none where *body* is no form."""
    if request.header(b"content-type").partition(b";")[0].strip().lower() != _FORM:
        return []
    fields = parse_qsl(body.decode("latin-1"), keep_blank_values=True, errors="replace")
    return decoded(fields, errors="replace")
