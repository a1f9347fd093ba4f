"""Reports: noted down on the program's thread, written out on the worker's."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ._frames import FrameRenderer
from ._options import ReportOptions
from ._raised import Raised, Stack
from ._traceback_text import stack_text, traceback_text
from ._version import __version__

# error-tracker takes bodies of 256 KiB.
MAX_BODY = 240_000
_MAX_TYPE = 200
_MAX_TRACEBACK = 64_000


@dataclass
class Snapshot:
    """A report as it was noted down: plain facts, and what the rest is made of.

    Attributes:
        captured_at: monotonic time.
        facts: the members of the event that are known already, ready for JSON.
        raised: the exception, or None for a message.
        stack: where a message was reported, or None.
        mechanism: how the exception came to us.
        size: rough number of bytes this keeps in memory.
        rendered: the whole event, when before_send has seen it already.

    """

    captured_at: float
    facts: dict[str, Any]
    raised: Raised | None
    stack: Stack | None
    mechanism: dict[str, Any]
    size: int
    rendered: dict[str, Any] | None = None


class EventWriter:
    """Makes events of snapshots, and bodies of events."""

    def __init__(self, options: ReportOptions) -> None:
        self._options = options
        self._renderer = FrameRenderer(
            with_source=options.include_source,
            isolated=options.before_send is not None,
            in_app_include=options.in_app_include,
            in_app_exclude=options.in_app_exclude,
        )

    def event(self, snapshot: Snapshot) -> dict[str, Any]:
        """Return the whole event as the server's API names its members."""
        event = dict(snapshot.facts)
        with_source = self._options.include_source
        raised = snapshot.raised
        if raised is not None:
            event["exception_type"] = fit_type(raised.type)
            event["message"] = raised.value
            event["traceback"] = traceback_text(raised, with_source=with_source)
            event["exceptions"] = self._renderer.exceptions(raised, snapshot.mechanism)
            for exception in event["exceptions"]:
                exception["type"] = fit_type(exception["type"])
        else:
            stack = snapshot.stack or Stack()
            event["traceback"] = stack_text(stack, with_source=with_source)
            event["exceptions"] = [
                {
                    "type": event["exception_type"],
                    "value": event["message"],
                    "mechanism": {**snapshot.mechanism, "synthetic": True},
                    "frames": self._renderer.stack(stack),
                }
            ]
        event["contexts"] = {
            **{name: dict(facts) for name, facts in _static_contexts().items()},
            **event.get("contexts", {}),
        }
        return event

    def body(self, snapshot: Snapshot, drops: dict[str, int]) -> bytes | None:
        """Return the JSON body of a report, or None if it cannot be made small enough.

        drops are the reports that were lost since the last one; the body tells of them.
        """
        event = self.event(snapshot) if snapshot.rendered is None else snapshot.rendered
        if drops:
            contexts = event.get("contexts")
            event["contexts"] = {
                **(contexts if isinstance(contexts, dict) else {}),
                "monlight_client": {"dropped": drops},
            }
        return fit(event)


def fit(event: dict[str, Any]) -> bytes | None:
    """Return event as JSON of at most MAX_BODY bytes.

    What is least missed goes first; ``contexts.monlight_client.trimmed`` says
    what went.
    """
    body = _dump(event)
    if len(body) <= MAX_BODY:
        return body
    trimmed: list[str] = []
    for name, trim in _TRIMS:
        trim(event)
        trimmed.append(name)
        contexts = event.setdefault("contexts", {})
        if isinstance(contexts, dict):
            client = contexts.setdefault("monlight_client", {})
            if isinstance(client, dict):
                client["trimmed"] = trimmed
        body = _dump(event)
        if len(body) <= MAX_BODY:
            return body
    return None


def fit_type(name: str) -> str:
    """Return an exception's type, cut to the 200 bytes that the server takes."""
    raw = name.encode("utf-8", "replace")
    return name if len(raw) <= _MAX_TYPE else raw[:_MAX_TYPE].decode("utf-8", "ignore")


def now_text() -> str:
    """Return the present time as RFC 3339 in UTC with milliseconds."""
    now = datetime.fromtimestamp(time.time(), timezone.utc)
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dump(event: dict[str, Any]) -> bytes:
    # ASCII only: a lone surrogate in a message must not break the encoding.
    try:
        text = json.dumps(event, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        # before_send put something in that is no JSON: a NaN, an object, a cycle.
        text = json.dumps(_forced(event, 0), separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def _forced(value: Any, depth: int) -> Any:
    """Return value with everything that is no JSON replaced."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    if depth < 12:
        if isinstance(value, dict):
            return {str(key): _forced(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [_forced(item, depth + 1) for item in value]
    return f"<{type(value).__name__}>"


def _each_frame(event: dict[str, Any]) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    exceptions = event.get("exceptions")
    for exception in exceptions if isinstance(exceptions, list) else ():
        if isinstance(exception, dict) and isinstance(exception.get("frames"), list):
            frames.extend(f for f in exception["frames"] if isinstance(f, dict))
    return frames


def _trim_variables(event: dict[str, Any]) -> None:
    for frame in _each_frame(event):
        frame.pop("vars", None)


def _trim_library_source(event: dict[str, Any]) -> None:
    for frame in _each_frame(event):
        if not frame.get("in_app"):
            frame.pop("pre_context", None)
            frame.pop("post_context", None)


def _trim_breadcrumbs(event: dict[str, Any]) -> None:
    breadcrumbs = event.get("breadcrumbs")
    if isinstance(breadcrumbs, list):
        event["breadcrumbs"] = breadcrumbs[-10:]


def _trim_extra(event: dict[str, Any]) -> None:
    event.pop("extra", None)


def _trim_traceback(event: dict[str, Any]) -> None:
    text = event.get("traceback")
    if isinstance(text, str) and len(text) > _MAX_TRACEBACK:
        event["traceback"] = "…\n" + text[-_MAX_TRACEBACK:]


def _trim_source(event: dict[str, Any]) -> None:
    for frame in _each_frame(event):
        frame.pop("pre_context", None)
        frame.pop("post_context", None)


def _trim_rest(event: dict[str, Any]) -> None:
    for name in ("breadcrumbs", "tags", "user", "request_headers", "contexts", "modules"):
        event.pop(name, None)
    exceptions = event.get("exceptions")
    if isinstance(exceptions, list):
        event["exceptions"] = exceptions[-5:]
    for name in ("message", "traceback"):
        if isinstance(event.get(name), str):
            event[name] = event[name][-16_000:]


_TRIMS = (
    ("vars", _trim_variables),
    ("library source", _trim_library_source),
    ("breadcrumbs", _trim_breadcrumbs),
    ("extra", _trim_extra),
    ("traceback", _trim_traceback),
    ("source", _trim_source),
    ("everything but the error", _trim_rest),
)

_contexts: dict[str, dict[str, Any]] = {}


def _static_contexts() -> dict[str, dict[str, Any]]:
    if not _contexts:
        _contexts["runtime"] = {
            "name": platform.python_implementation(),
            "version": ".".join(str(part) for part in sys.version_info[:3]),
        }
        system = os.uname() if hasattr(os, "uname") else None
        _contexts["os"] = (
            {"name": system.sysname, "version": system.release}
            if system is not None
            else {"name": sys.platform}
        )
    return _contexts


SDK = {"name": "monlight.python", "version": __version__}
