"""Middleware for any WSGI application: Flask, Django, Bottle, Pyramid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .._safety import note_internal_fault
from ..error_client import ErrorClient
from ..scope import Entered, Scope
from ._http import Metrics, errors_or_current, metrics_or_current, record_request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Where an integration that knows the framework leaves the route template.
ROUTE_KEY = "monlight.route"


class MonlightWSGIMiddleware:
    """Reports what an application raises, and measures its requests.

    Each request has a scope of its own for user, tags and breadcrumbs.
    Exceptions are reported and raised again unchanged, also those of the
    response's iterator. A request is over when the server has closed the
    response, streamed ones included.

    Args:
        app: the application.
        metrics_client: by default the client made by ``monlight.init``.
        error_client: by default likewise.
        endpoint: returns the endpoint label for a finished request's environ, None
            if no route took it; by default what the Flask integration found.

    """

    def __init__(
        self,
        app: WSGIApplication,
        metrics_client: Metrics | None = None,
        error_client: ErrorClient | None = None,
        *,
        endpoint: Callable[[dict[str, Any]], str | None] | None = None,
    ) -> None:
        self.app = app
        self._metrics = metrics_client
        self._errors = error_client
        self._endpoint = endpoint

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Run the application."""
        request = _Running(self, environ)

        def watched_start(
            status: str,
            headers: list[tuple[str, str]],
            exc_info: Any = None,
        ) -> Callable[[bytes], object]:
            request.status = status[:3]
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        entered = Entered(WSGIRequest(environ, self.label))
        try:
            response = self.app(environ, watched_start)
        except BaseException as error:
            request.failed(error)
            request.finish()
            raise
        finally:
            entered.leave()
        if _is_complete(response, environ):
            request.finish()
            return response
        return _Response(response, request, entered.scope)

    def label(self, environ: WSGIEnvironment) -> str | None:
        """Return the endpoint label of a request."""
        try:
            if self._endpoint is not None:
                return self._endpoint(environ)
            route = environ.get(ROUTE_KEY)
            return route if isinstance(route, str) else None
        except Exception:
            note_internal_fault("endpoint label")
            return None


class _Running:
    """A request between its arrival and the close of its response."""

    __slots__ = ("_environ", "_finished", "_middleware", "_started", "status")

    def __init__(self, middleware: MonlightWSGIMiddleware, environ: WSGIEnvironment) -> None:
        self._middleware = middleware
        self._environ = environ
        self._started = perf_counter()
        self._finished = False
        self.status = ""

    def failed(self, error: BaseException) -> None:
        if not isinstance(error, Exception):
            return  # the server ends the worker
        self.status = "500"
        errors = errors_or_current(self._middleware._errors)
        if errors is not None:
            errors.capture_exception(error, handled=False, mechanism="wsgi")

    def finish(self) -> None:
        if self._finished:
            return
        self._finished = True
        metrics = metrics_or_current(self._middleware._metrics)
        if metrics is not None:
            record_request(
                metrics,
                self._environ.get("REQUEST_METHOD", "GET"),
                self._middleware.label(self._environ),
                self.status or "500",
                perf_counter() - self._started,
            )


class _Response:
    """The application's iterable, watched until the server closes it."""

    def __init__(self, response: Iterable[bytes], request: _Running, scope: Scope) -> None:
        self._response = response
        self._request = request
        self._scope = scope

    def __iter__(self) -> Iterator[bytes]:
        iterator: Iterator[bytes] | None = None
        while True:
            # The code behind the iterator is the request's too.
            entered = Entered(scope=self._scope)
            try:
                if iterator is None:
                    iterator = iter(self._response)
                chunk = next(iterator)
            except StopIteration:
                self._request.finish()
                return
            except Exception as error:
                self._request.failed(error)
                raise
            finally:
                entered.leave()
            yield chunk

    def close(self) -> None:
        try:
            close = getattr(self._response, "close", None)
            if close is not None:
                close()
        finally:
            self._request.finish()


class WSGIRequest:
    """The facts of a request, read from its environ only when they are wanted."""

    __slots__ = ("_environ", "_label")

    def __init__(
        self, environ: WSGIEnvironment, label: Callable[[WSGIEnvironment], str | None]
    ) -> None:
        self._environ = environ
        self._label = label

    def request_context(self) -> dict[str, Any]:
        """See RequestFacts."""
        environ = self._environ
        headers: dict[str, str] = {}
        for key, value in environ.items():
            if key.startswith("HTTP_"):
                headers[_header_name(key[5:])] = str(value)
            elif key in ("CONTENT_TYPE", "CONTENT_LENGTH") and value:
                headers[_header_name(key)] = str(value)
        return {
            "request_url": request_url(environ),
            "request_method": environ.get("REQUEST_METHOD", "GET"),
            "request_headers": headers,
        }

    def transaction(self) -> str | None:
        """See RequestFacts."""
        label = self._label(self._environ)
        return None if label is None else f"{self._environ.get('REQUEST_METHOD', 'GET')} {label}"

    def client_address(self) -> str | None:
        """See RequestFacts."""
        address = self._environ.get("REMOTE_ADDR")
        return address if isinstance(address, str) and address else None


def _is_complete(response: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    """Tell whether a response should reach the server as it is.

    Servers send lists with a known length, and files without reading them, only
    if they see them themselves.
    """
    if isinstance(response, (list, tuple)):
        return True
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(response, wrapper)


def request_url(environ: WSGIEnvironment) -> str:
    """Return the URL of a request, with its query."""
    scheme = environ.get("wsgi.url_scheme", "http")
    host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "localhost")
    path = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}"
    try:
        # WSGI passes bytes on as if they were Latin-1.
        path = path.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:
        pass
    query = environ.get("QUERY_STRING", "")
    return f"{scheme}://{host}{path}" + (f"?{query}" if query else "")


def _header_name(key: str) -> str:
    return "-".join(part.capitalize() for part in key.split("_"))
