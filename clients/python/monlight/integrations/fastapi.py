"""FastAPI and Starlette: ``setup_monlight(app, …)`` is all that is needed."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from .._safety import note_internal_fault
from ..client import Client, set_current
from ..error_client import ErrorClient
from ..metrics_client import MetricsClient
from .asgi import MonlightASGIMiddleware

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request

logger = logging.getLogger("monlight.integrations.fastapi")


class MonlightMiddleware(MonlightASGIMiddleware):
    """Measures requests, for ``app.add_middleware(MonlightMiddleware, metrics_client=…)``.

    It is plain ASGI: it neither buffers responses nor starts tasks. See
    MonlightASGIMiddleware.
    """


async def MonlightExceptionHandler(request: Request, exc: Exception) -> JSONResponse:  # noqa: N802
    """Report an unhandled exception and answer 500 ``{"detail":"Internal server error"}``.

    The error client is ``request.app.state.monlight_error_client``.
    """
    try:
        client = getattr(request.app.state, "monlight_error_client", None)
        if client is not None:
            result = client.report_error(exc, _request_context(request))
            if inspect.isawaitable(result):
                await result
    except Exception:
        note_internal_fault("exception handler")
    logger.error("unhandled exception: %s", type(exc).__name__)
    return JSONResponse({"detail": "Internal server error"}, status_code=500)


def setup_monlight(
    app: Starlette,
    *,
    error_tracker_url: str | None = None,
    metrics_collector_url: str | None = None,
    api_key: str | None = None,
    project: str = "default",
    flush_interval: float = 10.0,
    environment: str | None = None,
    release: str | None = None,
    error_tracker_api_key: str | None = None,
    metrics_collector_api_key: str | None = None,
    timeout: float = 5.0,
    **options: Any,
) -> dict[str, Any]:
    """Report the errors of app and measure its requests.

    api_key is for both services unless they have keys of their own. options
    are further arguments of ErrorClient. Returns the clients, as
    ``{"error_client": …, "metrics_client": …}``, None where no URL was given.
    What they hold is delivered when the server shuts app down; calling
    ``metrics_client.shutdown()`` is possible and not needed.

    Raises:
        ValueError: a URL was given without a key for it.

    """
    error_client: ErrorClient | None = None
    metrics_client: MetricsClient | None = None
    if error_tracker_url:
        error_client = ErrorClient(
            error_tracker_url,
            _key(error_tracker_api_key or api_key, "error_tracker"),
            project,
            timeout,
            environment=environment,
            release=release,
            **options,
        )
        app.state.monlight_error_client = error_client
        app.add_exception_handler(Exception, MonlightExceptionHandler)
    if metrics_collector_url:
        metrics_client = MetricsClient(
            metrics_collector_url,
            _key(metrics_collector_api_key or api_key, "metrics_collector"),
            flush_interval,
            timeout,
            project,
        )
        metrics_client.start()
        app.state.monlight_metrics_client = metrics_client
        app.add_middleware(
            MonlightMiddleware, metrics_client=metrics_client, error_client=error_client
        )
    elif error_client is not None:
        app.add_middleware(MonlightASGIMiddleware, error_client=error_client)
    set_current(Client(error_client, metrics_client), explicit=False)
    return {"error_client": error_client, "metrics_client": metrics_client}


def _key(key: str | None, service: str) -> str:
    if not key:
        raise ValueError(f"{service}_url needs api_key or {service}_api_key")
    return key


def _request_context(request: Request) -> dict[str, Any]:
    return {
        "request_url": str(request.url),
        "request_method": request.method,
        "request_headers": dict(request.headers),
    }
