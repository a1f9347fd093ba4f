"""The whole client: errors, metrics and hooks of one program."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ._options import BeforeSend
from ._retry import RetryPolicy
from ._safety import never_raises
from ._worker import Outbox, current_worker
from .error_client import ErrorClient
from .metrics_client import MetricsClient
from .scope import current_scope
from .scrub import Scrubber
from .transport import Transport

logger = logging.getLogger("monlight")

_NO_SCRUBBER = Scrubber()


class Client:
    """What init() makes: an ErrorClient, a MetricsClient, or both, or neither.

    Every method does nothing, quickly, where its service was not configured.
    """

    def __init__(self, errors: ErrorClient | None, metrics: MetricsClient | None) -> None:
        self.errors = errors
        self.metrics = metrics

    @property
    def enabled(self) -> bool:
        """Whether anything is reported at all."""
        return self.errors is not None or self.metrics is not None

    @property
    def scrubber(self) -> Scrubber:
        """What decides which fields are filtered."""
        return _NO_SCRUBBER if self.errors is None else self.errors.options.scrubber

    def capture_exception(
        self, exception: BaseException | None = None, **options: Any
    ) -> str | None:
        """Report an exception; see ErrorClient.capture_exception."""
        if self.errors is None:
            return None
        return self.errors.capture_exception(exception, **options)

    def capture_message(self, message: str, level: str = "info", **options: Any) -> str | None:
        """Report a message; see ErrorClient.capture_message."""
        if self.errors is None:
            return None
        return self.errors.capture_message(message, level, **options)

    @never_raises(None)
    def add_breadcrumb(
        self,
        message: str = "",
        *,
        category: str = "default",
        level: str = "info",
        type: str = "default",  # noqa: A002 - the wire's own name
        data: Mapping[str, Any] | None = None,
        timestamp: float | None = None,
    ) -> None:
        """Note something that happened, to be sent with the next error."""
        current_scope().add_breadcrumb(
            str(message),
            category=str(category),
            level=str(level),
            type=str(type),
            data=data,
            scrubber=self.scrubber,
            timestamp=timestamp,
        )

    @never_raises(None)
    def set_user(self, user: Mapping[str, Any] | str | int | None) -> None:
        """Say who the present work is done for: an id, or a mapping; None forgets."""
        current_scope().set_user(user, self.scrubber)

    @never_raises(None)
    def set_tag(self, name: str, value: object) -> None:
        """Tag the reports of the present work."""
        current_scope().set_tag(name, value, self.scrubber)

    @never_raises(False)
    def flush(self, timeout: float = 5.0) -> bool:
        """Deliver everything now; False if timeout seconds are not enough."""
        outboxes: list[Outbox] = []
        for part in (self.errors, self.metrics):
            outbox: Outbox | None = None if part is None else part._outbox.peek()
            if outbox is not None and not outbox.idle:
                outboxes.append(outbox)
        return not outboxes or current_worker().flush(outboxes, timeout)

    async def aflush(self, timeout: float = 5.0) -> bool:
        """Do what flush does without blocking the event loop."""
        import asyncio  # noqa: PLC0415 - half of the import time, for programs that have it anyway

        return await asyncio.to_thread(self.flush, timeout)

    @never_raises(False)
    def shutdown(self, timeout: float = 2.0) -> bool:
        """Deliver what is there and take nothing more."""
        deadline = time.monotonic() + timeout
        delivered = self.flush(timeout)
        for part in (self.errors, self.metrics):
            if part is not None:
                part.shutdown(max(0.0, deadline - time.monotonic()))
        return delivered

    def stats(self) -> dict[str, Any]:
        """Return what was sent, dropped and waits, for errors and metrics."""
        return {
            name: part.stats()
            for name, part in (("errors", self.errors), ("metrics", self.metrics))
            if part is not None
        }


_disabled = Client(None, None)
_current: Client = _disabled
_explicit = False  # made by init(), not as a side effect of setup_monlight()
_lock = threading.Lock()


def current_client() -> Client:
    """Return the client that init() made last; one that does nothing before."""
    return _current


def set_current(client: Client, *, explicit: bool) -> None:
    """Make client the one that the module-level functions use.

    One that was made by init() is not replaced as a side effect.
    """
    global _current, _explicit
    with _lock:
        if _explicit and not explicit:
            return
        _current, _explicit = client, explicit


def reset_current() -> None:
    """Forget the client, for tests."""
    global _current, _explicit
    with _lock:
        _current, _explicit = _disabled, False


def build(
    *,
    error_tracker_url: str | None = None,
    metrics_collector_url: str | None = None,
    api_key: str | None = None,
    error_tracker_api_key: str | None = None,
    metrics_collector_api_key: str | None = None,
    project: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    server_name: str | None = None,
    timeout: float = 5.0,
    flush_interval: float = 10.0,
    excluded_headers: Iterable[str] | None = None,
    before_send: BeforeSend | None = None,
    sample_rate: float = 1.0,
    ignore_errors: Iterable[type[BaseException] | str] = (),
    include_locals: bool = False,
    include_source: bool = True,
    send_query_string: bool = False,
    send_client_address: bool = False,
    in_app_include: Iterable[str] = (),
    in_app_exclude: Iterable[str] = (),
    scrub_fields: Iterable[str] = (),
    allow_fields: Iterable[str] = (),
    transport: Transport | None = None,
    retry: RetryPolicy | None = None,
) -> Client:
    """Make a client; what is not given is taken from ``MONLIGHT_*`` variables.

    A service without a URL is left out, one without a key is too, with a warning.
    """
    errors_url = _setting(error_tracker_url, "MONLIGHT_ERROR_TRACKER_URL")
    metrics_url = _setting(metrics_collector_url, "MONLIGHT_METRICS_COLLECTOR_URL")
    common_key = _setting(api_key, "MONLIGHT_API_KEY")
    errors_key = _setting(error_tracker_api_key, "MONLIGHT_ERROR_TRACKER_API_KEY") or common_key
    metrics_key = (
        _setting(metrics_collector_api_key, "MONLIGHT_METRICS_COLLECTOR_API_KEY") or common_key
    )
    name = _setting(project, "MONLIGHT_PROJECT") or "default"
    errors: ErrorClient | None = None
    metrics: MetricsClient | None = None
    if _usable(errors_url, errors_key, "error_tracker"):
        errors = ErrorClient(
            errors_url,
            errors_key,
            name,
            timeout,
            excluded_headers,
            environment=environment,
            release=release,
            server_name=server_name,
            before_send=before_send,
            sample_rate=sample_rate,
            ignore_errors=ignore_errors,
            include_locals=include_locals,
            include_source=include_source,
            send_query_string=send_query_string,
            send_client_address=send_client_address,
            in_app_include=in_app_include,
            in_app_exclude=in_app_exclude,
            scrub_fields=scrub_fields,
            allow_fields=allow_fields,
            transport=transport,
            retry=retry,
        )
    if _usable(metrics_url, metrics_key, "metrics_collector"):
        metrics = MetricsClient(
            metrics_url,
            metrics_key,
            flush_interval,
            timeout,
            name,
            transport=transport,
            retry=retry,
        )
        metrics.start()
    return Client(errors, metrics)


def _setting(given: str | None, variable: str) -> str:
    return (os.environ.get(variable, "") if given is None else str(given)).strip()


def _usable(url: str, key: str, service: str) -> bool:
    if not url:
        return False
    if not url.startswith(("http://", "https://")):
        logger.warning("%s_url is no http or https URL: nothing is sent there", service)
        return False
    if not key:
        logger.warning("%s_url is set but there is no API key: nothing is sent there", service)
        return False
    return True
