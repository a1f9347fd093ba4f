"""Guards that keep every fault of this package inside it."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")

internal_log = logging.getLogger("monlight")


_busy: ContextVar[bool] = ContextVar("monlight_busy", default=False)


class _State:
    """What the current thread, or greenlet, is doing on behalf of this package.

    A context variable and not a threading.local: when gevent replaces that
    after this module was imported, all greenlets would share one.
    """

    __slots__ = ()

    @property
    def busy(self) -> bool:
        """Capturing or delivering: whatever is reported meanwhile is ignored."""
        return _busy.get()

    @busy.setter
    def busy(self, busy: bool) -> None:
        _busy.set(busy)


state = _State()


def never_raises(default: D) -> Callable[[Callable[P, R]], Callable[P, R | D]]:
    """Make a function return default where it would raise.

    The fault goes to the ``monlight`` logger at debug level. KeyboardInterrupt
    and SystemExit pass: they are the program's, not ours.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R | D]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | D:
            try:
                return function(*args, **kwargs)
            except Exception:
                note_internal_fault(function.__qualname__)
                return default

        return guarded

    return decorate


def note_internal_fault(where: str) -> None:
    """Log the exception that is being handled, at debug level, and never raise."""
    was_busy, state.busy = state.busy, True
    try:
        internal_log.debug("fault inside monlight, in %s", where, exc_info=True)
    except Exception:
        pass
    finally:
        state.busy = was_busy


class RarelyLogger:
    """Logs warnings at most once per interval for each kind of trouble.

    A program whose server is down must not drown in lines that say so.
    """

    def __init__(self, log: logging.Logger, interval: float = 60.0) -> None:
        self._log = log
        self._interval = interval
        self._last: dict[str, float] = {}

    def warning(self, kind: str, message: str, *args: Any) -> None:
        """Log message unless one of the same kind was logged within the interval."""
        now = time.monotonic()
        last = self._last.get(kind)
        if last is not None and now - last < self._interval:
            return
        self._last[kind] = now
        was_busy, state.busy = state.busy, True
        try:
            self._log.warning(message, *args)
        except Exception:
            pass
        finally:
            state.busy = was_busy
