"""Log records as error reports and breadcrumbs."""

from __future__ import annotations

import logging
import threading
from typing import Any

from .._raised import RawFrame
from .._safety import never_raises, note_internal_fault, state
from ..client import Client, current_client
from ..error_client import ErrorClient

# Our own lines, and access logs: they are about requests, mostly of others,
# with their addresses and query strings.
_IGNORED = (
    "monlight",
    "uvicorn.access",
    "hypercorn.access",
    "gunicorn.access",
    "werkzeug",
    "django.server",
    "daphne.access",
    "aiohttp.access",
    "tornado.access",
    "cherrypy.access",
)
_LEVELS = (
    (logging.CRITICAL, "fatal"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
)


class MonlightHandler(logging.Handler):
    """Reports log records from event_level on and keeps others as breadcrumbs.

    A record with exception information is reported as that exception, any
    other as a message with the place it was logged at. Without error_client
    the client made by ``monlight.init`` is used.
    """

    def __init__(
        self,
        error_client: ErrorClient | None = None,
        *,
        event_level: int = logging.ERROR,
        breadcrumb_level: int = logging.INFO,
    ) -> None:
        super().__init__(level=min(event_level, breadcrumb_level))
        self._client = None if error_client is None else Client(error_client, None)
        self._event_level = event_level
        self._breadcrumb_level = breadcrumb_level

    def emit(self, record: logging.LogRecord) -> None:
        """Report or keep one record. Never raises."""
        try:
            handle_record(
                record,
                current_client() if self._client is None else self._client,
                self._event_level,
                self._breadcrumb_level,
            )
        except Exception:
            note_internal_fault("logging")


def handle_record(
    record: logging.LogRecord, client: Client, event_level: int, breadcrumb_level: int
) -> None:
    """Report record, or keep it as a breadcrumb, or neither."""
    if state.busy or client.errors is None or _is_ignored(record.name):
        return
    if record.levelno >= event_level:
        _report(record, client)
    if record.levelno >= breadcrumb_level:
        client.add_breadcrumb(
            _message(record),
            category=record.name,
            level=_level(record.levelno),
            type="log",
            timestamp=record.created,
        )


def _report(record: logging.LogRecord, client: Client) -> None:
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    message = _message(record)
    level = _level(record.levelno)
    extra = _extra(record)
    hint = {"log_record": record}
    if error is not None:
        client.capture_exception(
            error,
            level=level,
            mechanism="logging",
            logger_name=record.name,
            extra={**extra, "log_message": message},
            hint=hint,
        )
        return
    client.capture_message(
        message,
        level,
        message_type=f"Log{level.capitalize()}",
        mechanism="logging",
        logger_name=record.name,
        extra=extra,
        place=RawFrame(
            record.pathname, record.funcName or "<module>", record.lineno, _module_of(record)
        ),
        hint=hint,
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:
        # The arguments do not fit the format; logging itself complains about that.
        return str(record.msg)


def _level(number: int) -> str:
    for threshold, name in _LEVELS:
        if number >= threshold:
            return name
    return "debug"


def _module_of(record: logging.LogRecord) -> str:
    # Loggers are named after their modules more often than not.
    last = record.name.rpartition(".")[2]
    return record.name if last == record.module else ""


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message", "asctime", "taskName", "stack_info", "request", "response",
}  # fmt: skip


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(record).items()
        if name not in _STANDARD and not name.startswith("_")
    }


def _is_ignored(name: str) -> bool:
    return any(name == own or name.startswith(own + ".") for own in _IGNORED)


_install_lock = threading.Lock()
_installed: dict[str, int] = {}


@never_raises(None)
def install_logging(event_level: int, breadcrumb_level: int) -> None:
    """Look at every record that any logger hands to its handlers.

    A handler on the root logger would do the same, but its mere presence makes
    ``logging.basicConfig`` do nothing, and a program that calls it later would
    lose its log. So the step after all filters and before the handlers is
    watched instead; the handlers run first.
    """
    with _install_lock:
        first = not _installed
        _installed.update(event=event_level, breadcrumb=breadcrumb_level)
        if not first:
            return
        original = logging.Logger.callHandlers

        def callHandlers(self: logging.Logger, record: logging.LogRecord) -> None:  # noqa: N802
            original(self, record)
            if record.levelno >= _installed["breadcrumb"] or record.levelno >= _installed["event"]:
                try:
                    handle_record(
                        record, current_client(), _installed["event"], _installed["breadcrumb"]
                    )
                except Exception:
                    note_internal_fault("logging")

        logging.Logger.callHandlers = callHandlers  # type: ignore[method-assign]
