"""How requests reach a server: the standard library by default, httpx if you like."""

from __future__ import annotations

import encodings.idna  # getaddrinfo imports it otherwise, see below
import http.client
import os
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from ._per_process import PerProcess

if TYPE_CHECKING:
    import httpx

# Everything is imported at the top, never by the worker: a program that forks
# while another thread imports a module leaves its child with the lock of that
# module held for ever, and whoever imports it there waits for ever.
_ = encodings.idna

# Servers and proxies close idle connections after a minute or so. One that was
# idle for longer than this is replaced before it can fail.
_MAX_IDLE = 30.0
_MAX_RESPONSE = 64 * 1024


class TransportError(Exception):
    """No answer came: the server cannot be reached, or the connection broke."""


@dataclass(frozen=True)
class Response:
    """A server's answer. Header names are lower case; the body is cut at 64 KiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Transport(Protocol):
    """Sends one request. It is called by one thread at a time, never by the program's."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Response:
        """Send body and return the answer; timeout in seconds bounds each network step.

        Raises:
            TransportError: no answer came.

        """
        ...

    def close(self) -> None:
        """Close what is open. The transport may be used again afterwards."""
        ...


class HTTPTransport:
    """One kept-alive connection for each server, by http.client.

    Proxies are taken from the environment (``HTTP_PROXY``, ``HTTPS_PROXY``,
    ``NO_PROXY``) unless trust_env is False. ssl_context replaces the default
    one, for private certificate authorities.
    """

    def __init__(
        self, *, ssl_context: ssl.SSLContext | None = None, trust_env: bool = True
    ) -> None:
        self._ssl_context = ssl_context
        self._trust_env = trust_env
        # A forked child must not write to the sockets of its parent.
        self._per_process: PerProcess[dict[tuple[str, str], _Connection]] = PerProcess(dict)

    @property
    def _connections(self) -> dict[tuple[str, str], _Connection]:
        return self._per_process.get()

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Response:
        """Send body; see Transport.post."""
        parts = urlsplit(url)
        request = _Request(headers, body, timeout)
        connection = self._connections.pop((parts.scheme, parts.netloc), None)
        if connection is not None and connection.idle_for() < _MAX_IDLE:
            try:
                return self._exchange(connection, parts, request)
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                # The server may have closed the idle connection just before we
                # wrote to it: that is no failure of the server, so ask once more.
                # A timeout is one.
                if isinstance(error, TimeoutError):
                    raise TransportError(_describe(error)) from error
        elif connection is not None:
            connection.close()
        try:
            connection = self._connect(parts, timeout)
        except (http.client.HTTPException, OSError, ValueError) as error:
            raise TransportError(_describe(error)) from error
        try:
            return self._exchange(connection, parts, request)
        except (http.client.HTTPException, OSError, ValueError) as error:
            connection.close()
            raise TransportError(_describe(error)) from error

    def close(self) -> None:
        """Close all connections."""
        connections = self._connections
        while connections:
            _, connection = connections.popitem()
            connection.close()

    def _exchange(self, connection: _Connection, parts: SplitResult, request: _Request) -> Response:
        response, reusable = connection.exchange(parts, request)
        if reusable:
            self._connections[parts.scheme, parts.netloc] = connection
        else:
            connection.close()
        return response

    def _connect(self, parts: SplitResult, timeout: float) -> _Connection:
        host, port = parts.hostname, parts.port
        if not host or parts.scheme not in ("http", "https"):
            raise ValueError(f"not an http or https URL: {parts.geturl()!r}")
        secure = parts.scheme == "https"
        proxy = self._proxy(parts)
        if proxy is None:
            return _Connection(self._open(secure, host, port, timeout), absolute=False)
        proxy_parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        if not proxy_parts.hostname:
            raise ValueError("the proxy of the environment has no host")
        credentials = _proxy_credentials(proxy_parts)
        if not secure:
            connection = self._open(False, proxy_parts.hostname, proxy_parts.port, timeout)
            return _Connection(connection, absolute=True, extra=credentials)
        tunnel = self._open(True, proxy_parts.hostname, proxy_parts.port or 80, timeout)
        tunnel.set_tunnel(host, port or 443, headers=credentials)
        return _Connection(tunnel, absolute=False)

    def _open(
        self, secure: bool, host: str, port: int | None, timeout: float
    ) -> http.client.HTTPConnection:
        if not secure:
            return http.client.HTTPConnection(host, port, timeout=timeout)
        if self._ssl_context is None:
            # Making the context reads the certificate store: once, not per request.
            self._ssl_context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._ssl_context)

    def _proxy(self, parts: SplitResult) -> str | None:
        if not self._trust_env or _is_bypassed(parts.hostname or "", parts.port):
            return None
        names = [f"{parts.scheme}_proxy"]
        if "REQUEST_METHOD" not in os.environ:  # under CGI HTTP_PROXY is a header of the client's
            names.append(names[0].upper())
        return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _is_bypassed(host: str, port: int | None) -> bool:
    """Tell whether ``NO_PROXY`` names this host or a domain it is in."""
    host = host.lower()
    for entry in (os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "").split(","):
        name, _, wanted_port = entry.strip().lower().partition(":")
        if name == "*":
            return True
        name = name.lstrip("*.")
        if not name or (wanted_port and wanted_port != str(port)):
            continue
        if host == name or host.endswith("." + name):
            return True
    return False


class _Request(NamedTuple):
    headers: Mapping[str, str]
    body: bytes
    timeout: float


class _Connection:
    """An http.client connection and what must be known to reuse it."""

    __slots__ = ("_absolute", "_connection", "_extra", "_used")

    def __init__(
        self,
        connection: http.client.HTTPConnection,
        *,
        absolute: bool,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._connection = connection
        self._absolute = absolute  # a plain proxy wants the whole URL
        self._extra = extra or {}
        self._used = time.monotonic()

    def idle_for(self) -> float:
        return time.monotonic() - self._used

    def exchange(self, parts: SplitResult, request: _Request) -> tuple[Response, bool]:
        connection = self._connection
        connection.timeout = request.timeout
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        target = parts.path or "/"
        if parts.query:
            target += "?" + parts.query
        if self._absolute:
            target = f"{parts.scheme}://{parts.netloc}{target}"
        headers = {**request.headers, **self._extra}
        connection.request("POST", target, body=request.body, headers=headers)
        answer = connection.getresponse()
        payload = answer.read(_MAX_RESPONSE)
        self._used = time.monotonic()
        response = Response(
            answer.status, {name.lower(): value for name, value in answer.getheaders()}, payload
        )
        # What is not read to its end would be taken for the next answer.
        reusable = answer.isclosed() and not answer.will_close
        return response, reusable

    def close(self) -> None:
        try:
            self._connection.close()
        except Exception:
            pass


class HttpxTransport:
    """Sends through httpx, for those who configure proxies, certificates or HTTP/2 there.

    make_client makes the ``httpx.Client``; it is called once in each process,
    because a forked child must not use the connections of its parent.
    """

    def __init__(self, make_client: Callable[[], httpx.Client] | None = None) -> None:
        import httpx  # noqa: PLC0415 - optional

        self._faults = (httpx.HTTPError, httpx.InvalidURL)
        self._client = PerProcess(httpx.Client if make_client is None else make_client)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> Response:
        """Send body; see Transport.post."""
        try:
            answer = self._client.get().post(
                url, headers=dict(headers), content=body, timeout=timeout
            )
        except self._faults as error:
            raise TransportError(_describe(error)) from error
        return Response(
            answer.status_code,
            {name.lower(): value for name, value in answer.headers.items()},
            answer.content[:_MAX_RESPONSE],
        )

    def close(self) -> None:
        """Close the client; the next request makes a new one."""
        client = self._client.take()
        if client is not None:
            client.close()


def _proxy_credentials(parts: SplitResult) -> dict[str, str]:
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(pair.encode()).decode("ascii")}


def _describe(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def default_transport(transport: Any = None) -> Transport:
    """Return transport, or a new HTTPTransport for None."""
    if transport is None:
        return HTTPTransport()
    result: Transport = transport
    return result
