"""Reports errors to error-tracker."""

from __future__ import annotations

import logging
import os
import random
import socket
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ._counts import Counts
from ._courier import Courier
from ._error_outbox import ErrorOutbox
from ._event import EventWriter, Snapshot, fit_type
from ._facts import FactsCollector, Given
from ._options import (
    BeforeSend,
    ReportOptions,
    environment_or_default,
    fit_project,
    lower_names,
    release_or_default,
)
from ._per_process import PerProcess
from ._raised import RawFrame, Snapshooter, Stack
from ._retry import RetryPolicy
from ._safety import RarelyLogger, never_raises, note_internal_fault, state
from ._worker import current_worker
from .scrub import Scrubber, scrub_text
from .transport import Transport, default_transport

logger = logging.getLogger("monlight.error_client")

# How long an exception counts as reported. It passes our hooks within
# milliseconds; one object raised again later is a new error.
_SAME_ERROR = 5.0
_MARK = "__monlight_reported__"


class ErrorClient:
    """Reports exceptions and messages; every method returns at once and none raises.

    Reports are written out and sent by a background thread, one for the whole
    process. At most max_queue of them wait there; what does not fit, is
    refused by the server, or stays undeliverable for five minutes is dropped,
    counted (see stats) and told to the server with the next report.

    Args:
        base_url: where error-tracker is, for example ``https://errors.example.com``.
        api_key: its key.
        project: what the errors belong to, 100 bytes at most.
        timeout: limit in seconds of each network step.
        excluded_headers: names of request headers that must not be sent, beside the
            built-in ones, which are always removed.
        environment: defaults to ``MONLIGHT_ENVIRONMENT``, then ``prod``.
        release: defaults to ``MONLIGHT_RELEASE``, a commonly used variable, or the git commit.
        server_name: defaults to the host's name; pass "" to send none.
        before_send: takes the event and a hint (``exc_info``, ``log_record``), returns the event
            or None to drop it. Runs on the thread that reports. If it raises the event is dropped:
            it may be what removes personal data.
        sample_rate: share of the errors that are reported, 0 to 1.
        ignore_errors: exception types, or their names, that are not reported.
        include_locals: send local variables of the frames; off by default.
        include_source: send source lines.
        send_query_string: keep the query part of URLs; off by default.
        send_client_address: send the address of the person behind a request; off by default.
        in_app_include: packages that are the program's own wherever they are installed.
        in_app_exclude: packages that are not.
        scrub_fields: names of fields to filter beside the built-in ones.
        allow_fields: names of fields not to filter.
        max_queue: how many reports may wait.
        max_rate: how many are sent per second at most.
        transport: how requests are sent; HTTPTransport by default.
        retry: see RetryPolicy.

    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        project: str = "default",
        timeout: float = 5.0,
        excluded_headers: Iterable[str] | None = None,
        *,
        environment: str | None = None,
        release: str | None = None,
        server_name: str | None = None,
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
        max_queue: int = 200,
        max_rate: float = 50.0,
        transport: Transport | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.base_url = str(base_url).rstrip("/")
        self.project = fit_project(project)
        self.timeout = timeout
        self.options = ReportOptions(
            project=self.project,
            environment=environment_or_default(environment),
            release=release_or_default(release),
            server_name=_host_name() if server_name is None else server_name,
            before_send=before_send,
            sample_rate=sample_rate,
            ignore_errors=tuple(ignore_errors),
            excluded_headers=lower_names(excluded_headers),
            include_locals=include_locals,
            include_source=include_source,
            send_query_string=send_query_string,
            send_client_address=send_client_address,
            in_app_include=tuple(in_app_include),
            in_app_exclude=tuple(in_app_exclude),
            scrubber=Scrubber(scrub_fields, allow_fields),
        )
        self._counts = PerProcess(Counts)
        self._warn = RarelyLogger(logger)
        self._facts = FactsCollector(self.options)
        self._writer = EventWriter(self.options)
        self._snapshooter = Snapshooter(self.options.scrubber, variables=include_locals)
        # One callable that does not refer to the client: the worker must not keep it alive.
        self._outbox = PerProcess(
            partial(
                _make_outbox,
                url=f"{self.base_url}/api/errors",
                api_key=api_key,
                timeout=timeout,
                transport=transport,
                policy=retry or RetryPolicy(),
                counts=self._counts,
                writer=self._writer,
                max_queue=max_queue,
                max_rate=max_rate,
            )
        )

    # ------------------------------------------------------------------ report

    async def report_error(
        self, exception: BaseException, request_context: Mapping[str, Any] | None = None
    ) -> None:
        """Report exception. Only queues, like report_error_sync; awaiting it costs nothing.

        request_context may hold request_url, request_method, request_headers,
        user_id and extra.
        """
        self.report_error_sync(exception, request_context)

    def report_error_sync(
        self, exception: BaseException, request_context: Mapping[str, Any] | None = None
    ) -> None:
        """Report exception; see report_error."""
        self.capture_exception(exception, request_context=request_context)

    @never_raises(None)
    def capture_exception(
        self,
        exception: BaseException | None = None,
        *,
        level: str = "error",
        handled: bool = True,
        mechanism: str = "generic",
        request_context: Mapping[str, Any] | None = None,
        user: Mapping[str, Any] | str | int | None = None,
        tags: Mapping[str, object] | None = None,
        extra: Mapping[str, Any] | None = None,
        fingerprint: Iterable[str] | None = None,
        transaction: str | None = None,
        logger_name: str | None = None,
        hint: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Report exception, by default the one being handled.

        Returns the event's id, the earlier one if the same exception was
        reported a moment ago, or None if nothing is sent.
        """
        if state.busy:
            return None
        try:
            state.busy = True
            error = sys.exc_info()[1] if exception is None else exception
            if error is None or self.options.ignores(error):
                return None
            reported = _reported_id(error)
            if reported is not None:
                return reported
            outbox = self._admit()
            if outbox is None:
                return None
            event_id = os.urandom(16).hex()
            raised = self._snapshooter.exception(error)
            if not raised.stack.frames:
                # It was made but never raised: the place that reports it is the best we have.
                raised.stack = self._snapshooter.calls(sys._getframe(1))
            facts, size = self._facts.of(
                event_id,
                Given(
                    level=level,
                    request_context=request_context,
                    user=user,
                    tags=tags,
                    extra=extra,
                    fingerprint=fingerprint,
                    transaction=transaction,
                    logger_name=logger_name,
                ),
            )
            snapshot = Snapshot(
                captured_at=time.monotonic(),
                facts=facts,
                raised=raised,
                stack=None,
                mechanism={"type": mechanism, "handled": handled},
                size=size + 200 * len(raised.stack.frames),
            )
            _mark_reported(error, event_id)
            full_hint = {"exc_info": (type(error), error, error.__traceback__), **(hint or {})}
            return self._put(outbox, snapshot, event_id, full_hint)
        finally:
            state.busy = False

    @never_raises(None)
    def capture_message(
        self,
        message: str,
        level: str = "info",
        *,
        message_type: str = "Message",
        request_context: Mapping[str, Any] | None = None,
        user: Mapping[str, Any] | str | int | None = None,
        tags: Mapping[str, object] | None = None,
        extra: Mapping[str, Any] | None = None,
        fingerprint: Iterable[str] | None = None,
        transaction: str | None = None,
        logger_name: str | None = None,
        place: RawFrame | None = None,
        mechanism: str = "message",
        hint: Mapping[str, Any] | None = None,
    ) -> str | None:
        """Report a message, with the stack that leads to the call or to place.

        Returns the event's id, or None if nothing is sent.
        """
        if state.busy:
            return None
        try:
            state.busy = True
            outbox = self._admit()
            if outbox is None:
                return None
            event_id = os.urandom(16).hex()
            facts, size = self._facts.of(
                event_id,
                Given(
                    level=level,
                    request_context=request_context,
                    user=user,
                    tags=tags,
                    extra=extra,
                    fingerprint=fingerprint,
                    transaction=transaction,
                    logger_name=logger_name,
                ),
            )
            text = str(message)
            facts["exception_type"] = fit_type(message_type)
            facts["message"] = scrub_text(text if len(text) <= 8192 else text[:8192] + "…")
            stack = Stack([place]) if place else self._snapshooter.calls(sys._getframe(1))
            snapshot = Snapshot(
                captured_at=time.monotonic(),
                facts=facts,
                raised=None,
                stack=stack,
                mechanism={"type": mechanism, "handled": True},
                size=size + len(text) + 200 * len(stack.frames),
            )
            return self._put(outbox, snapshot, event_id, dict(hint or {}))
        finally:
            state.busy = False

    # ---------------------------------------------------------------- delivery

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait until what was reported is delivered; False if timeout seconds are not enough."""
        outbox = self._outbox.peek()
        if outbox is None or outbox.idle:
            return True
        return current_worker().flush((outbox,), timeout)

    async def aflush(self, timeout: float = 5.0) -> bool:
        """Do what flush does without blocking the event loop."""
        import asyncio  # noqa: PLC0415 - half of the import time, for programs that have it anyway

        return await asyncio.to_thread(self.flush, timeout)

    def shutdown(self, timeout: float = 2.0) -> bool:
        """Flush and take no more reports. May be called more than once."""
        delivered = self.flush(timeout)
        outbox = self._outbox.get()
        outbox.close()
        return delivered

    def stats(self) -> dict[str, Any]:
        """Return how many reports of this process were sent, were dropped (by reason) and wait."""
        outbox = self._outbox.peek()
        return {**self._counts.get().snapshot(), "queued": 0 if outbox is None else outbox.waiting}

    def __del__(self) -> None:
        try:
            outbox = self._outbox.peek()
            if outbox is not None:
                outbox.close()  # what is queued is still sent
        except Exception:  # at interpreter shutdown anything may be gone
            pass

    # ---------------------------------------------------------------- internal

    def _build_payload(
        self, exception: BaseException, request_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the event that report_error would send."""
        facts, size = self._facts.of(os.urandom(16).hex(), Given(request_context=request_context))
        raised = self._snapshooter.exception(exception)
        mechanism = {"type": "generic", "handled": True}
        return self._writer.event(Snapshot(0.0, facts, raised, None, mechanism, size))

    def _admit(self) -> ErrorOutbox | None:
        """Return the outbox if a report may be made now; a refusal is counted."""
        if self.options.sample_rate < 1.0 and random.random() >= self.options.sample_rate:  # noqa: S311
            self._counts.get().dropped("sampled")
            return None
        outbox = self._outbox.get()
        if not outbox.has_room():
            outbox.count_refused()
            if not outbox.closed:
                self._warn.warning(
                    "queue_full", "too many errors are waiting: newer ones are dropped"
                )
            return None
        return outbox

    def _put(
        self,
        outbox: ErrorOutbox,
        snapshot: Snapshot,
        event_id: str,
        hint: dict[str, Any],
    ) -> str | None:
        before_send = self.options.before_send
        if before_send is not None:
            try:
                rendered = before_send(self._writer.event(snapshot), hint)
            except Exception:
                self._counts.get().dropped("before_send_error")
                self._warn.warning("before_send", "before_send raised: the event was dropped")
                note_internal_fault("before_send")
                return None
            if not isinstance(rendered, dict):
                self._counts.get().dropped("before_send")
                return None
            snapshot.rendered = rendered
            snapshot.raised = None
            snapshot.facts = {}
            snapshot.size += 20_000
        outbox.put(snapshot)
        return event_id


def _make_outbox(
    *,
    url: str,
    api_key: str,
    timeout: float,
    transport: Transport | None,
    policy: RetryPolicy,
    counts: PerProcess[Counts],
    writer: EventWriter,
    max_queue: int,
    max_rate: float,
) -> ErrorOutbox:
    courier = Courier(
        url,
        api_key,
        timeout=timeout,
        transport=default_transport(transport),
        policy=policy,
        log=logger,
    )
    encode: Callable[[Snapshot, dict[str, int]], bytes | None] = writer.body
    return ErrorOutbox(
        courier,
        counts.get(),
        encode,
        max_items=max_queue,
        max_bytes=8_000_000,
        max_rate=max_rate,
        policy=policy,
    )


def _host_name() -> str:
    try:
        return socket.gethostname()
    except OSError:
        return ""


def _reported_id(error: BaseException) -> str | None:
    mark = getattr(error, _MARK, None)
    if type(mark) is tuple and time.monotonic() - mark[1] < _SAME_ERROR:
        event_id: str = mark[0]
        return event_id
    return None


def _mark_reported(error: BaseException, event_id: str) -> None:
    # Built-in exceptions cannot be referred to weakly, but take attributes.
    try:
        setattr(error, _MARK, (event_id, time.monotonic()))
    except Exception:
        pass
