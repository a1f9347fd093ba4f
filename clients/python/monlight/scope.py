"""What is known about the present work: the user, tags, breadcrumbs, the request.

A scope belongs to one request, task or job. The integrations open one for
each; everywhere else a program is in the scope of the whole process. The
current scope is kept in a context variable, so that asyncio tasks and threads
that carry the context over see the scope of the request they work for, and
what they add is seen by the request.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from typing import Any, Protocol

from ._plain import Plainer
from .scrub import Scrubber, scrub_text

MAX_BREADCRUMBS = 50
_MAX_TAGS = 50


class RequestFacts(Protocol):
    """The request a scope belongs to, looked at only when something is reported."""

    def request_context(self) -> dict[str, Any]:
        """Return request_url, request_method, request_headers and user_id, as far as known."""
        ...

    def transaction(self) -> str | None:
        """Return the method and route template."""
        ...

    def client_address(self) -> str | None:
        """Return the address the request came from."""
        ...


@dataclass
class Scope:
    """Facts that go with every report made under it. Values are copied when they are set."""

    user: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    contexts: dict[str, dict[str, Any]] = field(default_factory=dict)
    fingerprint: list[str] | None = None
    transaction: str | None = None
    request: RequestFacts | None = None
    breadcrumbs: deque[dict[str, Any]] = field(
        default_factory=lambda: deque(maxlen=MAX_BREADCRUMBS)
    )

    def child(self, *, breadcrumbs: bool = True) -> Scope:
        """Return a scope that starts with the same facts and goes its own way."""
        return Scope(
            user=dict(self.user),
            tags=dict(self.tags),
            extra=dict(self.extra),
            contexts=dict(self.contexts),
            fingerprint=self.fingerprint,
            transaction=self.transaction,
            request=self.request,
            breadcrumbs=deque(
                copy_of(self.breadcrumbs) if breadcrumbs else (), maxlen=MAX_BREADCRUMBS
            ),
        )

    def set_user(self, user: Mapping[str, Any] | str | int | None, scrubber: Scrubber) -> None:
        """Say who the work is done for: an id, or a mapping with id, email, username."""
        if user is None:
            self.user = {}
        elif isinstance(user, Mapping):
            self.user = Plainer(scrubber, calls=True, max_string=200).mapping(user)
        else:
            self.user = {"id": str(user)[:200]}

    def set_tag(self, name: str, value: object, scrubber: Scrubber) -> None:
        """Set one tag, a short text to search by."""
        if len(self.tags) < _MAX_TAGS or name in self.tags:
            text = "[Filtered]" if scrubber.filters(name) else scrub_text(str(value)[:200])
            self.tags[str(name)[:200]] = text

    def add_breadcrumb(
        self,
        message: str,
        *,
        category: str,
        level: str,
        type: str = "default",  # noqa: A002 - the wire's own name
        data: Mapping[str, Any] | None,
        scrubber: Scrubber,
        timestamp: float | None = None,
    ) -> None:
        """Note something that happened; the newest fifty are kept."""
        crumb: dict[str, Any] = {
            "timestamp": round(time.time() if timestamp is None else timestamp, 3),
            "type": type,
            "category": category[:200],
            "level": level,
            "message": scrub_text(message[:1024]),
        }
        if data:
            crumb["data"] = Plainer(scrubber, calls=True, max_string=512).mapping(data)
        self.breadcrumbs.append(crumb)


def copy_of(breadcrumbs: deque[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the breadcrumbs, also while other threads add some."""
    for _ in range(5):
        try:
            return list(breadcrumbs)
        except RuntimeError:  # it changed under us
            continue
    return []


_process_scope = Scope()
_current: ContextVar[Scope] = ContextVar("monlight_scope")


def current_scope() -> Scope:
    """Return the scope of the present work, the process' own if there is none."""
    return _current.get(_process_scope)


class Entered:
    """A scope that was entered and can be left again; a new one unless it is given.

    One for a piece of work of its own begins without breadcrumbs: those of the
    process are about the work of others.
    """

    __slots__ = ("_previous", "_token", "scope")

    def __init__(
        self,
        request: RequestFacts | None = None,
        scope: Scope | None = None,
        *,
        own_work: bool = True,
    ) -> None:
        self._previous = _current.get(None)
        self.scope = current_scope().child(breadcrumbs=not own_work) if scope is None else scope
        if request is not None:
            self.scope.request = request
        self._token: Token[Scope] = _current.set(self.scope)

    def leave(self) -> None:
        """Make the scope that was current before current again."""
        try:
            _current.reset(self._token)
        except ValueError:
            # Left in another context than entered: a generator that was closed elsewhere.
            if self._previous is not None and _current.get(None) is self.scope:
                _current.set(self._previous)


@contextmanager
def new_scope() -> Iterator[Scope]:
    """Run some code in a scope that ends with it."""
    entered = Entered(own_work=False)
    try:
        yield entered.scope
    finally:
        entered.leave()


def reset_process_scope() -> None:
    """Forget everything set outside requests; for tests."""
    fresh = Scope()
    for name in fresh.__dataclass_fields__:
        setattr(_process_scope, name, getattr(fresh, name))
