"""The functions of the package that use the client made by init()."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from . import hooks
from ._options import BeforeSend
from ._retry import RetryPolicy
from ._safety import internal_log, never_raises
from .client import Client, build, current_client, set_current
from .integrations.logging import install_logging
from .scope import current_scope
from .transport import Transport


def init(
    error_tracker_url: str | None = None,
    metrics_collector_url: str | None = None,
    api_key: str | None = None,
    *,
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
    capture_uncaught: bool = True,
    capture_unraisable: bool = False,
    capture_logging: bool = True,
    logging_event_level: int = logging.ERROR,
    logging_breadcrumb_level: int = logging.INFO,
    flush_on_sigterm: bool = False,
    enabled: bool = True,
    debug: bool = False,
) -> Client:
    """Start reporting, with one line, for any kind of program. Never raises.

    What is not given is taken from the environment:
    ``MONLIGHT_ERROR_TRACKER_URL``, ``MONLIGHT_METRICS_COLLECTOR_URL``,
    ``MONLIGHT_API_KEY`` (or ``MONLIGHT_ERROR_TRACKER_API_KEY`` and
    ``MONLIGHT_METRICS_COLLECTOR_API_KEY``), ``MONLIGHT_PROJECT``,
    ``MONLIGHT_ENVIRONMENT``, ``MONLIGHT_RELEASE``. Without a URL nothing is
    reported and every function of the package does nothing.

    Args:
        error_tracker_url: see ErrorClient.
        metrics_collector_url: see MetricsClient.
        api_key: the key of both services, unless they have one each.
        error_tracker_api_key: the key of error-tracker.
        metrics_collector_api_key: the key of metrics-collector.
        project: see ErrorClient, as for all arguments up to retry that are not named here.
        environment: see ErrorClient.
        release: see ErrorClient.
        server_name: see ErrorClient.
        timeout: limit in seconds of each network step.
        flush_interval: seconds between two deliveries of metrics.
        excluded_headers: see ErrorClient.
        before_send: see ErrorClient.
        sample_rate: see ErrorClient.
        ignore_errors: see ErrorClient.
        include_locals: see ErrorClient.
        include_source: see ErrorClient.
        send_query_string: see ErrorClient.
        send_client_address: see ErrorClient.
        in_app_include: see ErrorClient.
        in_app_exclude: see ErrorClient.
        scrub_fields: see ErrorClient.
        allow_fields: see ErrorClient.
        transport: see ErrorClient.
        retry: see RetryPolicy.
        capture_uncaught: report what ends the program or one of its threads.
        capture_unraisable: report what is raised in destructors.
        capture_logging: report log records and keep them as breadcrumbs.
        logging_event_level: records of this level and above are reported.
        logging_breadcrumb_level: records of this level and above become breadcrumbs.
        flush_on_sigterm: deliver before SIGTERM ends the program, where it has no handler.
        enabled: False makes a client that does nothing, for tests and development.
        debug: log what this package does, to the ``monlight`` logger on standard error.

    """
    try:
        if debug:
            _log_to_stderr()
        if not enabled:
            client = Client(None, None)
            set_current(client, explicit=True)
            return client
        client = build(
            error_tracker_url=error_tracker_url,
            metrics_collector_url=metrics_collector_url,
            api_key=api_key,
            error_tracker_api_key=error_tracker_api_key,
            metrics_collector_api_key=metrics_collector_api_key,
            project=project,
            environment=environment,
            release=release,
            server_name=server_name,
            timeout=timeout,
            flush_interval=flush_interval,
            excluded_headers=excluded_headers,
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
        set_current(client, explicit=True)
        if not client.enabled:
            internal_log.info("monlight is not configured: nothing is reported")
            return client
        if client.errors is not None:
            if capture_uncaught:
                hooks.install_excepthook()
            if capture_unraisable:
                hooks.install_unraisablehook()
            if capture_logging:
                install_logging(logging_event_level, logging_breadcrumb_level)
        if flush_on_sigterm:
            hooks.install_sigterm_flush()
    except Exception as error:
        internal_log.warning("monlight could not be started: %s", error)
        client = Client(None, None)
    return client


def capture_exception(exception: BaseException | None = None, **options: Any) -> str | None:
    """Report an exception, by default the one being handled; see ErrorClient.capture_exception."""
    return current_client().capture_exception(exception, **options)


def capture_message(message: str, level: str = "info", **options: Any) -> str | None:
    """Report a message; see ErrorClient.capture_message."""
    return current_client().capture_message(message, level, **options)


def add_breadcrumb(
    message: str = "",
    *,
    category: str = "default",
    level: str = "info",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Note something that happened, to be sent with the next error of the present work."""
    current_client().add_breadcrumb(message, category=category, level=level, data=data)


def set_user(user: Mapping[str, Any] | str | int | None) -> None:
    """Say who the present work is done for: an id, or a mapping; None forgets."""
    current_client().set_user(user)


def set_tag(name: str, value: object) -> None:
    """Tag the reports of the present work."""
    current_client().set_tag(name, value)


def set_tags(tags: Mapping[str, object]) -> None:
    """Set several tags."""
    for name, value in tags.items():
        current_client().set_tag(name, value)


@never_raises(None)
def set_extra(name: str, value: object) -> None:
    """Send a value with the reports of the present work; it is read when one is made."""
    current_scope().extra[str(name)] = value


@never_raises(None)
def set_context(name: str, facts: Mapping[str, Any]) -> None:
    """Send a named group of facts with the reports of the present work."""
    from ._plain import Plainer  # noqa: PLC0415 - rare

    plain = Plainer(current_client().scrubber, calls=True).mapping(facts)
    current_scope().contexts[str(name)[:100]] = plain


def counter(name: str, labels: Mapping[str, Any] | None = None, value: float = 1) -> None:
    """Add value to a counter; see MetricsClient.counter."""
    metrics = current_client().metrics
    if metrics is not None:
        metrics.counter(name, labels, value)


def histogram(name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
    """Record one observation; see MetricsClient.histogram."""
    metrics = current_client().metrics
    if metrics is not None:
        metrics.histogram(name, value, labels)


def gauge(name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
    """Set a gauge; see MetricsClient.gauge."""
    metrics = current_client().metrics
    if metrics is not None:
        metrics.gauge(name, value, labels)


def flush(timeout: float = 5.0) -> bool:
    """Deliver everything now; False if timeout seconds are not enough."""
    return current_client().flush(timeout)


async def aflush(timeout: float = 5.0) -> bool:
    """Do what flush does without blocking the event loop."""
    return await current_client().aflush(timeout)


def shutdown(timeout: float = 2.0) -> bool:
    """Deliver what is there and report nothing more."""
    return current_client().shutdown(timeout)


def stats() -> dict[str, Any]:
    """Return what was sent, dropped and waits."""
    return current_client().stats()


def _log_to_stderr() -> None:
    if not internal_log.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        internal_log.addHandler(handler)
    internal_log.setLevel(logging.DEBUG)
