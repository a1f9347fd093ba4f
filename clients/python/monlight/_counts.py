"""Counters of what was delivered and what was lost, and why."""

from __future__ import annotations

import threading
from collections import Counter


class Counts:
    """How many items were sent, and how many were dropped for which reason.

    The reasons are words of the documentation: ``queue_full``, ``expired``,
    ``rejected``, ``too_large``, ``invalid``, ``before_send``,
    ``before_send_error``, ``sampled``, ``series_limit``, ``closed``, ``exit``,
    ``internal``.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._sent = 0
        self._dropped: Counter[str] = Counter()
        self._unreported: Counter[str] = Counter()

    def sent(self, n: int = 1) -> None:
        """Count n items the server accepted."""
        with self._lock:
            self._sent += n

    def dropped(self, reason: str, n: int = 1) -> None:
        """Count n items that will never reach the server."""
        with self._lock:
            self._dropped[reason] += n
            self._unreported[reason] += n

    @property
    def has_unreported(self) -> bool:
        """Whether there were drops that no report to the server has told of."""
        return bool(self._unreported)

    def take_unreported(self) -> dict[str, int]:
        """Return the drops no report to the server has told of yet, and forget them."""
        if not self._unreported:
            return {}
        with self._lock:
            taken = dict(self._unreported)
            self._unreported.clear()
        return taken

    def give_back(self, unreported: dict[str, int]) -> None:
        """Undo take_unreported: the report that told of them was lost itself."""
        with self._lock:
            self._unreported.update(unreported)

    def snapshot(self) -> dict[str, int | dict[str, int]]:
        """Return the totals since the process started."""
        with self._lock:
            return {"sent": self._sent, "dropped": dict(self._dropped)}

    @property
    def total_dropped(self) -> int:
        """All drops since the process started."""
        with self._lock:
            return sum(self._dropped.values())
