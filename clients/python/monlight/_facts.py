"""The members of an event that are known where it is reported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._event import SDK, now_text
from ._options import ReportOptions
from ._plain import Plainer
from ._safety import note_internal_fault
from .scope import Scope, copy_of, current_scope
from .scrub import Scrubber, scrub_headers, scrub_url

LEVELS = frozenset({"fatal", "error", "warning", "info", "debug"})
_LEVEL_NAMES = {"critical": "fatal", "warn": "warning", "err": "error", "log": "info"}
_CONTEXT_KEYS = ("request_url", "request_method", "request_headers", "user_id", "extra")


@dataclass(frozen=True)
class Given:
    """What the caller said about one report; it goes before what the scope knows."""

    level: str = "error"
    request_context: Mapping[str, Any] | None = None
    user: Mapping[str, Any] | str | int | None = None
    tags: Mapping[str, object] | None = None
    extra: Mapping[str, Any] | None = None
    fingerprint: Iterable[str] | None = None
    transaction: str | None = None
    logger_name: str | None = None


class FactsCollector:
    """Collects the facts of a report: options, scope, and what was given with it.

    Runs on the thread that reports, because it reads values that change
    afterwards. All it returns is plain, bounded and scrubbed.
    """

    def __init__(self, options: ReportOptions) -> None:
        self._options = options
        self._fixed: dict[str, Any] = {
            "platform": "python",
            "project": options.project,
            "environment": options.environment,
            "sdk": SDK,
        }
        if options.release:
            self._fixed["release"] = options.release
        if options.server_name:
            self._fixed["server_name"] = options.server_name

    def of(self, event_id: str, given: Given) -> tuple[dict[str, Any], int]:
        """Return the facts and roughly how many bytes they take."""
        scope = current_scope()
        context = _request_context(scope, given.request_context)
        facts: dict[str, Any] = {
            "event_id": event_id,
            "timestamp": now_text(),
            "level": level_name(given.level),
            **self._fixed,
        }
        if given.logger_name:
            facts["logger"] = given.logger_name
        transaction = given.transaction or scope.transaction or _transaction_of(scope)
        if transaction:
            facts["transaction"] = transaction[:200]
        self._add_request(facts, context)
        self._add_user(facts, scope, given.user, context.get("user_id"))
        tags = _tags(scope, given.tags, self._options.scrubber)
        if tags:
            facts["tags"] = tags
        size = self._add_extra(facts, scope, given.extra, context.get("extra"))
        breadcrumbs = copy_of(scope.breadcrumbs)
        if breadcrumbs:
            facts["breadcrumbs"] = breadcrumbs
        if scope.contexts:
            facts["contexts"] = dict(scope.contexts)
        parts = scope.fingerprint if given.fingerprint is None else given.fingerprint
        if parts is not None:
            facts["fingerprint"] = [str(part)[:200] for part in parts]
        return facts, size + 1000

    def headers(self, headers: Any) -> dict[str, str]:
        """Return the request headers that may be sent."""
        return scrub_headers(
            headers,
            excluded=self._options.excluded_headers,
            scrubber=self._options.scrubber,
            keep_address=self._options.send_client_address,
            keep_query=self._options.send_query_string,
        )

    def _add_request(self, facts: dict[str, Any], context: Mapping[str, Any]) -> None:
        url = context.get("request_url")
        if url is not None:
            keep_query = self._options.send_query_string
            facts["request_url"] = scrub_url(str(url)[:2000], keep_query=keep_query)
        method = context.get("request_method")
        if method is not None:
            facts["request_method"] = str(method)[:20]
        headers = context.get("request_headers")
        if headers is not None:
            facts["request_headers"] = self.headers(headers)

    def _add_user(
        self,
        facts: dict[str, Any],
        scope: Scope,
        user: Mapping[str, Any] | str | int | None,
        user_id: object,
    ) -> None:
        known = scope.user
        if user is not None:
            given = Scope()
            given.set_user(user, self._options.scrubber)
            known = given.user
        known = dict(known)
        if user_id is not None:
            known["id"] = str(user_id)[:200]
        if self._options.send_client_address and "ip_address" not in known:
            request = scope.request
            address = request.client_address() if request is not None else None
            if address:
                known["ip_address"] = address
        if known:
            facts["user"] = known
            if known.get("id") is not None:
                facts["user_id"] = str(known["id"])

    def _add_extra(
        self,
        facts: dict[str, Any],
        scope: Scope,
        extra: Mapping[str, Any] | None,
        context_extra: Any,
    ) -> int:
        plainer = Plainer(self._options.scrubber, calls=True)
        if context_extra is not None and not isinstance(context_extra, Mapping):
            facts["extra"] = plainer.copy(context_extra)  # the API takes any JSON value here
            return plainer.size
        merged = {**scope.extra, **(context_extra or {}), **(extra or {})}
        if merged:
            facts["extra"] = plainer.mapping(merged, top=True)
        return plainer.size


def level_name(level: object) -> str:
    """Return one of the five levels that error-tracker knows."""
    name = str(level).lower()
    name = _LEVEL_NAMES.get(name, name)
    return name if name in LEVELS else "error"


def _request_context(scope: Scope, given: Mapping[str, Any] | None) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if scope.request is not None:
        try:
            context.update(scope.request.request_context())
        except Exception:
            note_internal_fault("request_context")
    if given:
        for key in _CONTEXT_KEYS:
            if given.get(key) is not None:
                context[key] = given[key]
    return context


def _transaction_of(scope: Scope) -> str | None:
    if scope.request is None:
        return None
    try:
        return scope.request.transaction()
    except Exception:
        note_internal_fault("transaction")
        return None


def _tags(scope: Scope, tags: Mapping[str, object] | None, scrubber: Scrubber) -> dict[str, str]:
    if not tags:
        return dict(scope.tags)
    own = Scope(tags=dict(scope.tags))
    for name, value in tags.items():
        own.set_tag(name, value, scrubber)
    return own.tags
