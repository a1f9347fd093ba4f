"""What the outboxes of errors and of metrics have in common."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod

from ._counts import Counts
from ._courier import Courier
from ._safety import note_internal_fault
from ._worker import Barrier, Worker, current_worker


class BaseOutbox(ABC):
    """A bounded queue with a courier, served by the worker of its process.

    An outbox belongs to one process; a forked child has one of its own.
    """

    def __init__(self, courier: Courier, counts: Counts) -> None:
        self._courier = courier
        self._counts = counts
        self._barriers: tuple[Barrier, ...] = ()
        self._barriers_lock = threading.RLock()
        self._worker: Worker = current_worker()
        self._closed = False
        self._working = False

    @property
    def closed(self) -> bool:
        """No new items are taken."""
        return self._closed

    def close(self) -> None:
        """Take no new items; the worker lets go of the outbox when it is empty."""
        self._closed = True

    @property
    def retired(self) -> bool:
        """See Outbox.retired."""
        return self._closed and self.idle

    def release(self) -> None:
        """See Outbox.release."""
        self._courier.close()

    @property
    def idle(self) -> bool:
        """See Outbox.idle."""
        # Asked for by other threads: what is being worked on is in no queue for a moment.
        return not self._working and self._is_empty()

    @abstractmethod
    def _is_empty(self) -> bool:
        """Tell whether no queue holds anything."""

    @abstractmethod
    def _work(self, now: float) -> None:
        """Send one request at most."""

    @abstractmethod
    def _wants(self, now: float, *, urgent: bool) -> float | None:
        """Return when there is something to send, the courier's pauses left aside."""

    @abstractmethod
    def _drop_all(self, reason: str) -> int:
        """Count all undelivered items as dropped and forget them."""

    def due(self, now: float) -> float | None:
        """See Outbox.due."""
        urgent = self._urgent()
        wanted = self._wants(now, urgent=urgent)
        if wanted is None:
            return None
        return max(wanted, self._courier.blocked_until)

    def step(self, now: float) -> None:
        """See Outbox.step. Never raises."""
        self._working = True
        try:
            self._work(now)
        except Exception:
            note_internal_fault(type(self).__name__)
            self._discard_current()
        finally:
            self._working = False

    def abandon(self) -> int:
        """See Outbox.abandon."""
        return self._drop_all("exit")

    @abstractmethod
    def _discard_current(self) -> None:
        """Drop what is being worked on: it made our own code fail."""

    def _urgent(self) -> bool:
        if not self._barriers:
            return False
        with self._barriers_lock:
            self._barriers = tuple(barrier for barrier in self._barriers if not barrier.over)
        return bool(self._barriers)

    def _expect(self, barrier: Barrier) -> None:
        with self._barriers_lock:
            self._barriers = (*self._barriers, barrier)

    def _forget(self, barrier: Barrier) -> None:
        with self._barriers_lock:
            self._barriers = tuple(other for other in self._barriers if other is not barrier)

    def _time_limit(self) -> float | None:
        """Return how long a request may take so that those who wait still hear of it."""
        deadlines = [b.deadline for b in self._barriers if b.give_up_on_failure and not b.over]
        if not deadlines:
            return None
        return max(0.05, min(deadlines) - time.monotonic())

    def _settle(self, barrier: Barrier) -> None:
        self._forget(barrier)
        barrier.arrive()

    def _attempt_failed(self) -> None:
        """Tell those who do not want to wait for a second attempt."""
        for barrier in self._barriers:
            retry_in_time = self._courier.told_to_wait and (
                self._courier.blocked_until < barrier.deadline
            )
            if barrier.give_up_on_failure and not retry_in_time:
                self._forget(barrier)
                barrier.arrive(failed=True)
