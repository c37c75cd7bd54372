"""``create_app``: the endpoint as a Quart app, to serve as it is or to add routes to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from statefun_actors.dispatch import Application
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.http.endpoint import EndpointRoute
from statefun_actors.http.failures import Failures
from statefun_actors.http.linger import Linger
from statefun_actors.http.request import TEXT, line
from statefun_actors.http.router import Router
from statefun_actors.settings import ENDPOINT_DEFAULTS, Options, Settings, settings_with

if TYPE_CHECKING:
    from quart import Quart


def create_app(*served: object, settings: Settings | None = None, **options: Unpack[Options]) -> Quart:
    """The endpoint for *served*, as an ASGI app.

    ``POST /statefun`` speaks the protocol of StateFun 3.x, ``POST /statefun/v2`` that of 2.x. ``GET /healthz`` answers
    200 while the process lives, ``GET /readyz`` 200 until it is about to stop, 503 from then on. The two POSTs are
    answered in front of Quart's routing, so its ``before_request`` and the like do not see them.

    Args:
        served: Entity classes and StatefulFunctions.
        settings: of the application; single settings can be given as keywords instead. Where there are no settings,
            a handler has 50 seconds.

    Raises:
        DefinitionError: what is served does not fit together; a setting that makes no sense.
    """
    if len(served) == 1 and isinstance(served[0], Application):
        application = served[0]
    else:
        application = Application(*served, settings=settings_with(settings, options, ENDPOINT_DEFAULTS))
    failures, linger = Failures(), Linger(application.settings.linger)
    doors = {
        "/statefun": EndpointRoute(RequestReplyHandler(application, protocol=3), failures, linger),
        "/statefun/v2": EndpointRoute(RequestReplyHandler(application, protocol=2), failures, linger),
    }
    return _behind(doors, application.settings.body_limit)


def _behind(doors: Mapping[str, EndpointRoute], body_limit: int) -> Quart:
    """An app with *doors* before it, and what every endpoint answers."""
    # A run serves no endpoint, and starts a quarter sooner without them.
    from quart import Quart, Response
    from werkzeug.exceptions import HTTPException

    def answered(status: int, text: str) -> Response:
        return Response(line(status, text).body, status, content_type=TEXT.decode())

    app = Quart("statefun_actors", static_folder=None, template_folder=None)
    front = Router(doors.get, body_limit, otherwise=app.asgi_app)
    app.asgi_app = front  # type: ignore[method-assign]

    @app.get("/healthz")
    async def healthz() -> Response:
        return answered(200, "alive")

    @app.get("/readyz")
    async def readyz() -> Response:
        return answered(503, "stopping") if front.stopping else answered(200, "ready")

    @app.errorhandler(HTTPException)
    async def refused(error: HTTPException) -> Response:
        response = answered(error.code or 500, error.name)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return app
