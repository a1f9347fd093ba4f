"""The queue of metric points."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._aggregate import Aggregator, Window, batches, drop_points
from ._counts import Counts
from ._courier import Courier, Outcome
from ._outbox import BaseOutbox
from ._retry import RetryPolicy
from ._worker import Barrier

# A window with this many observations is sent before its time is up, so that
# a busy program does not fill its buffer between two flushes.
EARLY_FLUSH = 5000
# After so many refusals in a row the server does not object to single points.
_MAX_REFUSALS = 40


@dataclass
class _Batch:
    """Points on their way; a batch is never changed once it was sent the first time."""

    texts: list[str]
    key: str  # lets the server tell a repeated batch from a new one
    opened_at: float
    tells_of: dict[str, int] | None = None  # it is news of drops, no points of the program
    body: bytes | None = None
    faults: int = 0


class MetricOutbox(BaseOutbox):
    """Sends metric points in batches of at most 1000 points and 500 KB.

    Every batch carries an ``Idempotency-Key``: sent twice, because an answer
    got lost, it counts once. Of a batch that is refused both halves are tried,
    and so on, until only the bad points are left behind.
    """

    def __init__(
        self,
        courier: Courier,
        counts: Counts,
        aggregator: Aggregator,
        *,
        project: str | None,
        flush_interval: float,
        policy: RetryPolicy,
    ) -> None:
        super().__init__(courier, counts)
        self.aggregator = aggregator
        self._project = project
        self._flush_interval = flush_interval
        self._policy = policy
        self._started = False
        self._window: Iterator[tuple[list[str], int]] | None = None
        self._window_opened_at = 0.0
        self._left_in_window = 0
        self._batches: deque[_Batch] = deque()
        self._waiting_barriers: deque[Barrier] = deque()
        self._refusals = 0

    @property
    def started(self) -> bool:
        """Whether points are sent without being asked for."""
        return self._started

    def start(self) -> None:
        """Send every flush_interval seconds from now on."""
        self._started = True
        self._worker.add(self)
        self._worker.wake()

    def add(self, kind: str, name: str, value: float, labels: Mapping[str, Any] | None) -> None:
        """Add one point. Never blocks for longer than another thread adds one."""
        if self._closed:
            self._counts.dropped("closed")
            return
        if self.aggregator.add(kind, name, value, labels):
            self._worker.add(self)
            if self._started:
                self._worker.wake()

    def _is_empty(self) -> bool:
        return not (
            self._batches
            or self._window is not None
            or self._waiting_barriers
            or self.aggregator.has_sealed
            or self.aggregator.opened_at is not None
        )

    @property
    def waiting(self) -> int:
        """How many points are undelivered."""
        batches = sum(len(batch.texts) for batch in tuple(self._batches) if not batch.tells_of)
        return self.aggregator.points + self._left_in_window + batches

    def enqueue_barrier(self, barrier: Barrier) -> None:
        """See Outbox.enqueue_barrier."""
        self.aggregator.seal()
        self._expect(barrier)
        self._waiting_barriers.append(barrier)

    def due(self, now: float) -> float | None:
        """See Outbox.due; when nothing is left barriers need not wait for the server."""
        if self._waiting_barriers and not self._has_work():
            return now
        return super().due(now)

    def _has_work(self) -> bool:
        return bool(self._batches) or self._window is not None or self.aggregator.has_sealed

    def _wants(self, now: float, *, urgent: bool) -> float | None:
        if self._batches or self._window is not None:
            return now
        if self.aggregator.has_sealed and (urgent or self._started or self._closed):
            return now
        opened_at = self.aggregator.opened_at
        if opened_at is None or not (self._started or self._closed):
            return None
        if self._closed or self.aggregator.open_observations >= EARLY_FLUSH:
            return now
        return opened_at + self._flush_interval

    def _work(self, now: float) -> None:
        if not self._batches and not self._next_batch():
            while self._waiting_barriers:
                self._settle(self._waiting_barriers.popleft())
            return
        batch = self._batches[0]
        if now - batch.opened_at > self._policy.max_age:
            self._drop(batch, "expired")
            return
        if batch.body is None:
            batch.body = ("[" + ",".join(batch.texts) + "]").encode("ascii")
        verdict = self._courier.post(
            batch.body,
            headers={"Idempotency-Key": batch.key},
            time_limit=self._time_limit(),
        )
        if verdict.outcome is Outcome.ACCEPTED:
            self._batches.popleft()
            self._refusals = 0
            if not batch.tells_of:
                self._counts.sent(len(batch.texts))
        elif verdict.outcome is Outcome.RETRY:
            self._attempt_failed()
        elif verdict.outcome is Outcome.FAULT:
            batch.faults += 1
            if batch.faults >= self._policy.max_server_faults:
                self._drop(batch, "rejected")
            self._attempt_failed()
        elif verdict.outcome is Outcome.UNAUTHORIZED:
            self._drop(batch, "rejected")
            self._attempt_failed()
        else:
            self._refuse(batch)

    def _next_batch(self) -> bool:
        """Make the next batch; False if there is nothing to send now."""
        while True:
            if self._window is None and not self._open_window():
                return False
            made = next(self._window, None) if self._window is not None else None
            if made is not None:
                self._left_in_window -= len(made[0])
                self._batches.append(_Batch(made[0], _new_key(), self._window_opened_at))
                return True
            self._window = None
            self._left_in_window = 0
            if self._counts.has_unreported:
                self._batches.append(self._news_of_drops())
                return True

    def _open_window(self) -> bool:
        aggregator = self.aggregator
        if not aggregator.has_sealed and not self._waiting_barriers:
            # Those who wait want what was there when they asked, not what comes in meanwhile.
            aggregator.seal()
        window: Window | None = aggregator.take()
        if window is None:
            return False
        self._left_in_window = window.points
        self._window = batches(window, self._project)
        self._window_opened_at = window.opened_at
        return True

    def _news_of_drops(self) -> _Batch:
        """Return a batch that tells the server how many points it will not see."""
        drops = self._counts.take_unreported()
        texts = drop_points(drops, self._project)
        return _Batch(texts, _new_key(), time.monotonic(), tells_of=drops)

    def _refuse(self, batch: _Batch) -> None:
        self._refusals += 1
        if len(batch.texts) == 1 or batch.tells_of or self._refusals > _MAX_REFUSALS:
            self._drop(batch, "rejected")
            return
        self._batches.popleft()
        middle = len(batch.texts) // 2
        for texts in (batch.texts[middle:], batch.texts[:middle]):
            self._batches.appendleft(_Batch(texts, _new_key(), batch.opened_at))

    def _drop(self, batch: _Batch, reason: str) -> None:
        self._batches.popleft()
        if batch.tells_of:
            if reason != "rejected":  # a server that does not want to know is not told again
                self._counts.give_back(batch.tells_of)
            return
        self._counts.dropped(reason, len(batch.texts))

    def _discard_current(self) -> None:
        if self._batches:
            self._drop(self._batches[0], "internal")
        else:
            self._window = None
            self._left_in_window = 0

    def _drop_all(self, reason: str) -> int:
        lost = 0
        for batch in tuple(self._batches):
            lost += 0 if batch.tells_of else len(batch.texts)
            self._drop(batch, reason)
        aggregator = self.aggregator
        aggregator.seal()
        window = aggregator.take()
        while window is not None:
            lost += window.points
            self._counts.dropped(reason, window.points)
            window = aggregator.take()
        for texts, _ in self._window or ():
            lost += len(texts)
            self._counts.dropped(reason, len(texts))
        self._window = None
        self._left_in_window = 0
        while self._waiting_barriers:
            self._settle(self._waiting_barriers.popleft())
        return lost


def _new_key() -> str:
    return os.urandom(16).hex()
