"""The queue of error reports."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ._counts import Counts
from ._courier import Courier, Outcome
from ._event import Snapshot
from ._outbox import BaseOutbox
from ._retry import RetryPolicy
from ._worker import Barrier


@dataclass
class _Letter:
    """A report on its way."""

    body: bytes
    captured_at: float
    tells_of: dict[str, int]  # the drops it carries news of
    faults: int = 0


class ErrorOutbox(BaseOutbox):
    """Sends error reports one by one, in order, oldest first.

    At most max_items reports of max_bytes together wait; a newer one is
    dropped. The oldest are the ones that tell how trouble began. No more than
    max_rate reports per second are sent, so that a storm of errors does not
    cost the program the processor time it needs to survive it.
    """

    def __init__(
        self,
        courier: Courier,
        counts: Counts,
        encode: Callable[[Snapshot, dict[str, int]], bytes | None],
        *,
        max_items: int,
        max_bytes: int,
        max_rate: float,
        policy: RetryPolicy,
    ) -> None:
        super().__init__(courier, counts)
        self._encode = encode
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._interval = 1.0 / max_rate if max_rate > 0 else 0.0
        self._policy = policy
        self._queue: deque[Snapshot | Barrier] = deque()
        self._bytes = 0
        self._letter: _Letter | None = None
        self._next_send = 0.0
        self._is_added = False

    def has_room(self) -> bool:
        """Tell whether another report would be taken; asked before the cost of making one."""
        return (
            not self._closed
            and len(self._queue) < self._max_items
            and self._bytes < self._max_bytes
        )

    def count_refused(self) -> None:
        """Count a report that has_room turned away."""
        self._counts.dropped("closed" if self._closed else "queue_full")

    def put(self, snapshot: Snapshot) -> None:
        """Queue a report. Never blocks."""
        self._bytes += snapshot.size  # a race costs a few bytes of the estimate, no more
        self._queue.append(snapshot)
        if not self._is_added:
            self._is_added = True
            self._worker.add(self)
        self._worker.wake()

    def _is_empty(self) -> bool:
        return self._letter is None and not self._queue

    @property
    def waiting(self) -> int:
        """How many reports are undelivered."""
        queued = sum(1 for item in tuple(self._queue) if isinstance(item, Snapshot))
        return queued + (self._letter is not None)

    def enqueue_barrier(self, barrier: Barrier) -> None:
        """See Outbox.enqueue_barrier."""
        self._expect(barrier)
        self._queue.append(barrier)

    def _wants(self, now: float, *, urgent: bool) -> float | None:
        if self._letter is None:
            if not self._queue:
                return None
            if isinstance(self._queue[0], Barrier):
                return now
        return now if urgent else max(now, self._next_send)

    def due(self, now: float) -> float | None:
        """See Outbox.due; a barrier at the head need not wait for the server."""
        if self._letter is None and self._queue and isinstance(self._queue[0], Barrier):
            return now
        return super().due(now)

    def _work(self, now: float) -> None:
        letter = self._letter
        if letter is None:
            item = self._queue.popleft()
            if isinstance(item, Barrier):
                self._settle(item)
                return
            letter = self._open(item, now)
            if letter is None:
                return
            self._letter = letter
        elif now - letter.captured_at > self._policy.max_age:
            self._drop(letter, "expired")
            return
        verdict = self._courier.post(letter.body, time_limit=self._time_limit())
        self._next_send = time.monotonic() + self._interval
        if verdict.outcome is Outcome.ACCEPTED:
            self._letter = None
            self._counts.sent()
        elif verdict.outcome is Outcome.RETRY:
            self._attempt_failed()
        elif verdict.outcome is Outcome.FAULT:
            letter.faults += 1
            if letter.faults >= self._policy.max_server_faults:
                self._drop(letter, "rejected")
            self._attempt_failed()
        elif verdict.outcome is Outcome.TOO_LARGE:
            self._drop(letter, "too_large")
        else:
            self._drop(letter, "rejected")

    def _open(self, snapshot: Snapshot, now: float) -> _Letter | None:
        """Make the body of a report; None if there will be none."""
        self._bytes = max(0, self._bytes - snapshot.size) if self._queue else 0
        if now - snapshot.captured_at > self._policy.max_age:
            self._counts.dropped("expired")
            return None
        tells_of = self._counts.take_unreported()
        try:
            body = self._encode(snapshot, tells_of)
        except Exception:
            self._counts.give_back(tells_of)
            self._counts.dropped("internal")
            raise
        if body is None:
            self._counts.give_back(tells_of)
            self._counts.dropped("too_large")
            return None
        return _Letter(body, snapshot.captured_at, tells_of)

    def _drop(self, letter: _Letter, reason: str) -> None:
        self._letter = None
        self._counts.give_back(letter.tells_of)
        self._counts.dropped(reason)

    def _discard_current(self) -> None:
        if self._letter is not None:
            self._drop(self._letter, "internal")

    def _drop_all(self, reason: str) -> int:
        lost = 0
        if self._letter is not None:
            self._drop(self._letter, reason)
            lost += 1
        while self._queue:
            item = self._queue.popleft()
            if isinstance(item, Barrier):
                item.arrive(failed=True)
            else:
                self._counts.dropped(reason)
                lost += 1
        self._bytes = 0
        return lost
