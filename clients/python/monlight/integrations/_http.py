"""What the integrations of web frameworks have in common."""

from __future__ import annotations

from typing import Protocol

from ..client import current_client
from ..error_client import ErrorClient
from ..metrics_client import MetricsClient

REQUESTS_TOTAL = "http_requests_total"
REQUEST_DURATION = "http_request_duration_seconds"

# Requests that no route took: scanners ask for thousands of paths, which must
# not become thousands of series.
UNMATCHED = "<unmatched>"

# The client went away before the answer, in nginx' way of counting.
CLIENT_CLOSED_REQUEST = "499"

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"}
)
_DISCONNECTS = frozenset({"ClientDisconnect", "ClientDisconnected"})


class Metrics(Protocol):
    """The part of MetricsClient that the integrations use."""

    def counter(self, name: str, labels: dict[str, str] | None = None, value: float = 1) -> None:
        """Add to a counter."""
        ...

    def histogram(self, name: str, value: float, labels: dict[str, str] | None = None) -> None:
        """Record an observation."""
        ...


def metrics_or_current(metrics: Metrics | None) -> Metrics | None:
    """Return metrics, else the metrics client made by init(), if any."""
    return current_client().metrics if metrics is None else metrics


def errors_or_current(errors: ErrorClient | None) -> ErrorClient | None:
    """Return errors, else the error client made by init(), if any."""
    return current_client().errors if errors is None else errors


def record_request(
    metrics: Metrics | MetricsClient | None,
    method: str,
    endpoint: str | None,
    status: str,
    seconds: float,
) -> None:
    """Count a request and how long it took. Never raises."""
    if metrics is None:
        return
    labels = {
        "method": method if method in _METHODS else "<other>",
        "endpoint": endpoint or UNMATCHED,
        "status": status,
    }
    try:
        metrics.counter(REQUESTS_TOTAL, labels=labels)
        metrics.histogram(REQUEST_DURATION, value=seconds, labels=labels)
    except Exception:  # a client of somebody else's making
        pass


def is_disconnect(error: BaseException) -> bool:
    """Tell whether error only says that the client went away."""
    return any(kind.__name__ in _DISCONNECTS for kind in type(error).__mro__)
