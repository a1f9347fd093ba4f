"""Monlight for Python: reports errors and metrics, and stays out of the way.

    import monlight

    monlight.init("https://errors.example.com", api_key="…", project="shop")

Importing this package imports no framework and starts no thread.
"""

from ._retry import RetryPolicy
from ._version import __version__
from .api import (
    add_breadcrumb,
    aflush,
    capture_exception,
    capture_message,
    counter,
    flush,
    gauge,
    histogram,
    init,
    set_context,
    set_extra,
    set_tag,
    set_tags,
    set_user,
    shutdown,
    stats,
)
from .client import Client, current_client
from .error_client import ErrorClient
from .hooks import install_asyncio_handler
from .integrations.logging import MonlightHandler
from .metrics_client import MetricsClient
from .scope import new_scope
from .transport import HTTPTransport, HttpxTransport, Response, Transport, TransportError

__all__ = [
    "Client",
    "ErrorClient",
    "HTTPTransport",
    "HttpxTransport",
    "MetricsClient",
    "MonlightHandler",
    "Response",
    "RetryPolicy",
    "Transport",
    "TransportError",
    "__version__",
    "add_breadcrumb",
    "aflush",
    "capture_exception",
    "capture_message",
    "counter",
    "current_client",
    "flush",
    "gauge",
    "histogram",
    "init",
    "install_asyncio_handler",
    "new_scope",
    "set_context",
    "set_extra",
    "set_tag",
    "set_tags",
    "set_user",
    "shutdown",
    "stats",
]
