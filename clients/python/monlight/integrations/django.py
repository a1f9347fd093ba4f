"""Django: put ``"monlight.integrations.django.MonlightMiddleware"`` first in MIDDLEWARE.

Then call ``monlight.init(...)`` in the settings or set the ``MONLIGHT_*``
variables of the environment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.signals import got_request_exception

from .._safety import never_raises
from ..client import current_client
from ..scope import Entered, current_scope
from ._http import CLIENT_CLOSED_REQUEST, record_request

Response = Any
Request = Any


class MonlightMiddleware:
    """Reports what views raise, and measures requests by their URL pattern.

    Works under WSGI and ASGI. The id of the user is sent if the view, or
    something before it, has loaded the user; nothing is loaded for this.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Request], Any]) -> None:
        self.get_response = get_response
        self._is_async = bool(iscoroutinefunction(get_response))
        if self._is_async:
            markcoroutinefunction(self)
        got_request_exception.connect(_report, dispatch_uid="monlight")

    def __call__(self, request: Request) -> Response | Awaitable[Response]:
        """Handle a request."""
        if self._is_async:
            return self._handle_async(request)
        facts = _DjangoRequest(request)
        entered = Entered(facts)
        started = perf_counter()
        status = "500"
        try:
            response = self.get_response(request)
            status = str(response.status_code)
            return response
        finally:
            _record(facts, status, perf_counter() - started)
            entered.leave()

    async def _handle_async(self, request: Request) -> Response:
        facts = _DjangoRequest(request)
        entered = Entered(facts)
        started = perf_counter()
        status = "500"
        try:
            response = await self.get_response(request)
            status = str(response.status_code)
            return response
        except asyncio.CancelledError:
            status = CLIENT_CLOSED_REQUEST
            raise
        finally:
            _record(facts, status, perf_counter() - started)
            entered.leave()


class _DjangoRequest:
    """The facts of a request, read only when they are wanted."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        self._request = request

    @property
    def method(self) -> str:
        return str(self._request.method or "GET")

    def route(self) -> str | None:
        match = getattr(self._request, "resolver_match", None)
        if match is None:
            return None
        return "/" + str(match.route).lstrip("/")

    def request_context(self) -> dict[str, Any]:
        request = self._request
        context: dict[str, Any] = {
            "request_method": self.method,
            "request_headers": dict(request.headers),
            "request_url": _url(request),
        }
        user_id = _loaded_user_id(request)
        if user_id is not None:
            context["user_id"] = user_id
        return context

    def transaction(self) -> str | None:
        route = self.route()
        return None if route is None else f"{self.method} {route}"

    def client_address(self) -> str | None:
        address = self._request.META.get("REMOTE_ADDR")
        return str(address) if address else None


def _url(request: Request) -> str:
    # Not build_absolute_uri: it refuses hosts that are not allowed, and the
    # report about exactly that must be possible.
    host = request.META.get("HTTP_HOST") or request.META.get("SERVER_NAME") or "localhost"
    return f"{request.scheme}://{host}{request.get_full_path()}"


def _loaded_user_id(request: Request) -> str | None:
    # request.user is lazy: to look at it is to query the database. What it has
    # loaded it keeps here, or in the lazy object itself.
    user = getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)
    if user is None:
        lazy = request.__dict__.get("user")
        wrapped = getattr(lazy, "__dict__", {}).get("_wrapped")
        user = wrapped if hasattr(wrapped, "is_authenticated") else None
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    key = getattr(user, "pk", None)
    return None if key is None else str(key)


@never_raises(None)
def _record(facts: _DjangoRequest, status: str, seconds: float) -> None:
    metrics = current_client().metrics
    if metrics is not None:
        record_request(metrics, facts.method, facts.route(), status, seconds)


@never_raises(None)
def _report(sender: object = None, request: Request | None = None, **_: Any) -> None:
    """Report the exception being handled; Django sends the signal for every answer 500."""
    if request is not None and current_scope().request is None:
        # Raised by a middleware before ours.
        entered = Entered(_DjangoRequest(request))
        try:
            current_client().capture_exception(handled=False, mechanism="django")
        finally:
            entered.leave()
        return
    current_client().capture_exception(handled=False, mechanism="django")
