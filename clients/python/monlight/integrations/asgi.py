"""Middleware for any ASGI application: Starlette, FastAPI, Litestar, Quart, Django."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from time import perf_counter
from typing import Any, cast

from .._safety import note_internal_fault
from ..client import Client
from ..error_client import ErrorClient
from ..metrics_client import MetricsClient
from ..scope import Entered
from ._http import (
    CLIENT_CLOSED_REQUEST,
    Metrics,
    errors_or_current,
    is_disconnect,
    metrics_or_current,
    record_request,
)
from ._routes import RouteTemplates, path_below_root

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# How long the end of a program may be held up by undelivered reports.
_SHUTDOWN_TIMEOUT = 2.0
_DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class MonlightASGIMiddleware:
    """Reports what an application raises, and measures its requests.

    Each request has a scope of its own for user, tags and breadcrumbs.
    Exceptions are reported and raised again unchanged. What the reports still
    hold is delivered when the server shuts the application down.

    Args:
        app: the application.
        metrics_client: measures ``http_requests_total`` and
            ``http_request_duration_seconds`` with the labels method, endpoint
            and status; by default the client made by ``monlight.init``.
        error_client: reports errors; by default likewise.
        endpoint: returns the endpoint label for a finished request's ASGI scope,
            None if no route took it; by default the route template of Starlette
            and FastAPI. It must have few values: every one is a series.

    """

    def __init__(
        self,
        app: App,
        metrics_client: Metrics | None = None,
        error_client: ErrorClient | None = None,
        *,
        endpoint: Callable[[Scope], str | None] | None = None,
    ) -> None:
        self.app = app
        self.metrics_client = metrics_client
        self.error_client = error_client
        self._endpoint = endpoint
        self._templates = RouteTemplates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application."""
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        elif kind == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_below_root(scope)
        entered = Entered(_ASGIRequest(scope, path, self._label))
        status = ""
        recorded = False
        started = perf_counter()

        def record(outcome: str) -> None:
            nonlocal recorded
            if not recorded:
                recorded = True
                metrics = metrics_or_current(self.metrics_client)
                if metrics is not None:
                    seconds = perf_counter() - started
                    record_request(
                        metrics, scope["method"], self._label(scope, path), outcome, seconds
                    )

        async def watched_send(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind == "http.response.start":
                status = str(message["status"])
            await send(message)
            if kind == "http.response.body" and not message.get("more_body", False):
                record(status)

        try:
            await self.app(scope, receive, watched_send)
        except asyncio.CancelledError:
            record(status or CLIENT_CLOSED_REQUEST)
            raise
        except Exception as error:
            if is_disconnect(error):
                record(status or CLIENT_CLOSED_REQUEST)
            else:
                self._report(error)
                record(status or "500")
            raise
        else:
            record(status or "500")  # nothing was answered: the server makes a 500 of that
        finally:
            entered.leave()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        entered = Entered(_ASGIRequest(scope, path_below_root(scope), self._label))
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if not is_disconnect(error) and type(error).__name__ != "WebSocketDisconnect":
                self._report(error)
            raise
        finally:
            entered.leave()

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaks = False  # the application takes part in the lifespan protocol

        async def watched_send(message: Message) -> None:
            nonlocal speaks
            speaks = True
            if message["type"] in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
                await self._deliver()
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except Exception as error:
            # One that does not know the protocol raises too; the server goes on without.
            if speaks:
                self._report(error)
                await self._deliver()
            raise

    async def _deliver(self) -> None:
        errors = errors_or_current(self.error_client)
        metrics = metrics_or_current(self.metrics_client)
        real = metrics if isinstance(metrics, MetricsClient) else None
        try:
            await Client(errors, real).aflush(_SHUTDOWN_TIMEOUT)
        except Exception:
            note_internal_fault("lifespan")

    def _report(self, error: BaseException) -> None:
        errors = errors_or_current(self.error_client)
        if errors is not None:
            errors.capture_exception(error, handled=False, mechanism="asgi")

    def _label(self, scope: Scope, path: str) -> str | None:
        try:
            if self._endpoint is not None:
                return self._endpoint(scope)
            return self._templates.template(scope, path)
        except Exception:
            note_internal_fault("endpoint label")
            return None


class _ASGIRequest:
    """The facts of a request, read from its ASGI scope only when they are wanted."""

    __slots__ = ("_label", "_path", "_scope")

    def __init__(self, scope: Scope, path: str, label: Callable[[Scope, str], str | None]) -> None:
        self._scope = scope
        self._path = path
        self._label = label

    def request_context(self) -> dict[str, Any]:
        headers = _decoded(cast("Iterable[tuple[bytes, bytes]]", self._scope.get("headers") or ()))
        context: dict[str, Any] = {
            "request_url": self._url(headers),
            "request_headers": headers,
        }
        method = self._scope.get("method")
        if method:
            context["request_method"] = method
        return context

    def transaction(self) -> str | None:
        label = self._label(self._scope, self._path)
        if label is None:
            return None
        return f"{self._scope.get('method', 'WEBSOCKET')} {label}"

    def client_address(self) -> str | None:
        client = self._scope.get("client")
        return str(client[0]) if client else None

    def _url(self, headers: dict[str, str]) -> str:
        scope = self._scope
        scheme = scope.get("scheme", "http")
        host = headers.get("host")
        if not host:
            server = scope.get("server") or ("localhost", None)
            host, port = str(server[0]), server[1]
            if port and port != _DEFAULT_PORTS.get(scheme):
                host = f"{host}:{port}"
        query = (scope.get("query_string") or b"").decode("latin-1")
        root = scope.get("root_path", "")
        path = self._path
        if root and not path.startswith(root) and not scope.get("path", "").startswith(root):
            path = root + path
        return f"{scheme}://{host}{path}" + (f"?{query}" if query else "")


def _decoded(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
