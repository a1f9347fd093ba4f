"""Reports metrics to metrics-collector."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from ._aggregate import Aggregator
from ._counts import Counts
from ._courier import Courier
from ._metric_outbox import EARLY_FLUSH, MetricOutbox
from ._per_process import PerProcess
from ._retry import RetryPolicy
from ._safety import never_raises
from ._worker import current_worker
from .transport import Transport, default_transport

logger = logging.getLogger("monlight.metrics_client")


class MetricsClient:
    """Counts, observes and measures; every method returns at once and none raises.

    Points are added up in memory: a counter that is counted a thousand times
    between two flushes is one point with the sum. Observations of histograms
    stay single, at nine bytes each, because percentiles need them. At most
    max_points observations are held while the server is away; what comes
    beyond is dropped and counted (see stats).

    Args:
        base_url: where metrics-collector is, for example ``https://metrics.example.com``.
        api_key: its key.
        flush_interval: seconds between two deliveries after start().
        timeout: limit in seconds of each network step.
        project: what the metrics belong to.
        max_points: how many observations are held.
        max_series: how many series, that is names with their labels, are held.
        max_series_per_metric: how many series one name may have between two
            flushes; the rest is added to one with the label ``overflow="true"``.
        transport: how requests are sent; HTTPTransport by default.
        retry: see RetryPolicy.

    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        flush_interval: float = 10.0,
        timeout: float = 5.0,
        project: str | None = None,
        *,
        max_points: int = 100_000,
        max_series: int = 10_000,
        max_series_per_metric: int = 1_000,
        transport: Transport | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.base_url = str(base_url).rstrip("/")
        self.flush_interval = flush_interval
        self.timeout = timeout
        self.project = project
        self._counts = PerProcess(Counts)
        self._started = False
        self._outbox = PerProcess(
            partial(
                _make_outbox,
                url=f"{self.base_url}/api/metrics",
                api_key=api_key,
                timeout=timeout,
                transport=transport,
                policy=retry or RetryPolicy(),
                counts=self._counts,
                project=project,
                flush_interval=flush_interval,
                max_points=max_points,
                max_series=max_series,
                max_series_per_metric=max_series_per_metric,
            )
        )

    @never_raises(None)
    def counter(self, name: str, labels: Mapping[str, Any] | None = None, value: float = 1) -> None:
        """Add value, not negative, to a counter."""
        self._here().add("counter", name, value, labels)

    @never_raises(None)
    def histogram(self, name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
        """Record one observation, for example a duration in seconds."""
        self._here().add("histogram", name, value, labels)

    @never_raises(None)
    def gauge(self, name: str, value: float, labels: Mapping[str, Any] | None = None) -> None:
        """Set a gauge; of the values between two flushes the last one is sent."""
        self._here().add("gauge", name, value, labels)

    @never_raises(None)
    def start(self) -> None:
        """Deliver every flush_interval seconds from now on, in forked children too."""
        self._started = True
        self._here().start()

    @never_raises(False)
    def flush(self, timeout: float | None = None) -> bool:
        """Deliver now; False if timeout seconds (by default the client's) are not enough."""
        outbox = self._outbox.peek()
        if outbox is None or outbox.idle:
            return True
        return current_worker().flush((outbox,), self.timeout if timeout is None else timeout)

    async def aflush(self, timeout: float | None = None) -> bool:
        """Do what flush does without blocking the event loop."""
        import asyncio  # noqa: PLC0415 - half of the import time, for programs that have it anyway

        return await asyncio.to_thread(self.flush, timeout)

    @never_raises(False)
    def shutdown(self, timeout: float | None = None) -> bool:
        """Deliver and take no more points. May be called more than once, and without start."""
        delivered = self.flush(timeout)
        self._started = False
        outbox = self._outbox.get()
        outbox.close()
        return delivered

    def stats(self) -> dict[str, Any]:
        """Return how many points of this process were sent, were dropped (by reason) and wait.

        ``overflowed`` of them were added to a series without their own labels.
        """
        outbox = self._outbox.peek()
        return {
            **self._counts.get().snapshot(),
            "queued": 0 if outbox is None else outbox.waiting,
            "overflowed": 0 if outbox is None else outbox.aggregator.overflowed,
        }

    def _here(self) -> MetricOutbox:
        outbox = self._outbox.get()
        if self._started and not outbox.started:
            outbox.start()  # a child of the process that was started
        return outbox

    def __del__(self) -> None:
        try:
            outbox = self._outbox.peek()
            if outbox is not None:
                outbox.close()  # what is held is still sent
        except Exception:  # at interpreter shutdown anything may be gone
            pass


def _make_outbox(
    *,
    url: str,
    api_key: str,
    timeout: float,
    transport: Transport | None,
    policy: RetryPolicy,
    counts: PerProcess[Counts],
    project: str | None,
    flush_interval: float,
    max_points: int,
    max_series: int,
    max_series_per_metric: int,
) -> MetricOutbox:
    courier = Courier(
        url,
        api_key,
        timeout=timeout,
        transport=default_transport(transport),
        policy=policy,
        log=logger,
    )
    aggregator = Aggregator(
        counts.get(),
        max_points=max_points,
        max_series=max_series,
        max_series_per_metric=max_series_per_metric,
        early=EARLY_FLUSH,
    )
    return MetricOutbox(
        courier,
        counts.get(),
        aggregator,
        project=project,
        flush_interval=flush_interval,
        policy=policy,
    )
