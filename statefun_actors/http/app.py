"""``create_app``: the endpoint as a Quart app, which can have further routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

from statefun_actors.dispatch import Application, Instrument
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.http.endpoint import EndpointRoute
from statefun_actors.http.failure_log import FailureLog
from statefun_actors.http.linger import Linger
from statefun_actors.http.metrics_route import METRICS, metrics_route
from statefun_actors.http.request import TEXT, Route, line
from statefun_actors.http.router import Router
from statefun_actors.settings import ENDPOINT_DEFAULTS, Options, Settings, settings_with
from statefun_actors.telemetry import with_global_providers

if TYPE_CHECKING:
    from quart import Quart


def create_app(
    *served: object,
    settings: Settings | None = None,
    instruments: Sequence[Instrument] = (),
    **options: Unpack[Options],
) -> Quart:
    """The endpoint for *served*, as an ASGI app.

    ::

        app = create_app(Account, on_failure=DeadLetter("bank/failed"))  # hypercorn bank:app

    ``POST /statefun`` speaks the protocol of StateFun 3.x, ``POST /statefun/v2`` that of 2.x. ``GET /healthz`` responds
    200 while the process lives, ``GET /readyz`` 200 until it begins to stop, and 503 afterwards. The two POST routes
    precede Quart's routing, so ``before_request`` and the like do not see their requests.

    Args:
        served: Entity classes and StatefulFunctions.
        settings: settings of the application; single settings can be keywords instead. Without settings, a handler has
            50 seconds.
        instruments: called with what happens.

    Raises:
        DefinitionError: the classes do not fit together, or a setting is invalid.
    """
    if len(served) == 1 and isinstance(served[0], Application):
        application = served[0]
    else:
        application = Application(
            *served,
            settings=settings_with(settings, options, ENDPOINT_DEFAULTS),
            instruments=with_global_providers(instruments),
        )
    failures, linger = FailureLog(), Linger(application.settings.linger)
    routes: dict[str, Route] = {
        "/statefun": EndpointRoute(RequestReplyHandler(application, protocol=3), failures, linger),
        "/statefun/v2": EndpointRoute(RequestReplyHandler(application, protocol=2), failures, linger),
    }
    if (metrics := metrics_route(application, lambda _: None)) is not None:
        routes[METRICS] = metrics
    return _app(routes, application.settings.body_limit)


def _app(routes: Mapping[str, Route], body_limit: int) -> Quart:
    """A Quart app behind *routes*, with the health checks of every endpoint."""
    # Not at the top: `run` serves no endpoint, and starts a quarter faster without these imports.
    from quart import Quart, Response
    from werkzeug.exceptions import HTTPException

    def text_response(status: int, text: str) -> Response:
        return Response(line(status, text).body, status, content_type=TEXT.decode())

    app = Quart("statefun_actors", static_folder=None, template_folder=None)
    router = Router(routes.get, body_limit, otherwise=app.asgi_app)
    app.asgi_app = router  # type: ignore[method-assign]

    @app.get("/healthz")
    async def healthz() -> Response:
        return text_response(200, "alive")

    @app.get("/readyz")
    async def readyz() -> Response:
        return text_response(503, "stopping") if router.stopping else text_response(200, "ready")

    @app.errorhandler(HTTPException)
    async def http_error(error: HTTPException) -> Response:
        response = text_response(error.code or 500, error.name)
        allowed = getattr(error, "valid_methods", None)
        if allowed:
            response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return app
