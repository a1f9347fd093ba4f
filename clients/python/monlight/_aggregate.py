"""Metric points, added up before they are sent."""

from __future__ import annotations

import json
import math
import threading
import time
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

from ._counts import Counts

# The counter by which the server learns of points it never got.
DROPPED_METRIC = "monlight_client_dropped_total"

# The limits of POST /api/metrics.
MAX_POINTS_PER_BATCH = 1000
MAX_BATCH_BYTES = 500_000
_MAX_NAME = 200

_MAX_LABELS = 30
_MAX_LABEL = 256
_OVERFLOW = (("overflow", "true"),)
_MINUTE = 60
_FAR = 1e300  # nothing is measured beyond; sums stay finite

LabelKey = tuple[tuple[str, str], ...]
SeriesKey = tuple[str, LabelKey]


class Window:
    """What was measured within one minute of the clock, or a part of it.

    Counters are summed, of gauges the last value is kept, and of histograms
    every observation: a percentile cannot be had from sums. An observation
    takes nine bytes, its value and its second.
    """

    __slots__ = ("counters", "gauges", "histograms", "minute", "observations", "opened_at")

    def __init__(self, minute: int, opened_at: float) -> None:
        self.minute = minute
        self.opened_at = opened_at  # monotonic
        self.counters: dict[SeriesKey, list[Any]] = {}  # [sum, second]
        self.gauges: dict[SeriesKey, list[Any]] = {}  # [value, second]
        self.histograms: dict[SeriesKey, tuple[array[float], bytearray]] = {}
        self.observations = 0

    @property
    def series(self) -> int:
        """How many series have something in this window."""
        return len(self.counters) + len(self.gauges) + len(self.histograms)

    @property
    def points(self) -> int:
        """How many points this window becomes."""
        return len(self.counters) + len(self.gauges) + self.observations


class Aggregator:
    """Takes points from any thread and holds them, in bounded space, until they are sent.

    Points fall into windows that never cross a minute, so that the server puts
    each into the right one however late it arrives. At most max_points
    observations and max_series series are held; of one metric at most
    max_series_per_metric series in a window, what comes beyond is added to the
    series ``{overflow="true"}`` of that metric, so that totals stay right.
    """

    def __init__(
        self,
        counts: Counts,
        *,
        max_points: int,
        max_series: int,
        max_series_per_metric: int,
        early: int,
    ) -> None:
        self._counts = counts
        self._early = early
        self._max_points = max_points
        self._max_series = max_series
        self._max_series_per_metric = max_series_per_metric
        self._lock = threading.RLock()
        self._owner = 0  # the thread that is adding right now
        # Points of signal handlers and destructors that ran in the middle of an add.
        self._deferred: deque[tuple[str, str, float, Any]] = deque()
        self._open: Window | None = None
        self._series_of: dict[str, int] = {}  # name -> series in the open window
        self._sealed: deque[Window] = deque()
        self._sealed_observations = 0
        self._sealed_series = 0
        self.overflowed = 0  # points that lost their labels to the limit of series

    def add(self, kind: str, name: str, value: float, labels: Mapping[str, Any] | None) -> bool:
        """Add a point; True if the sender has to be told.

        That is when it opened a window, or was observation number early of one.

        What the server would refuse is counted as ``invalid``: one bad point
        makes it refuse the whole batch.
        """
        with self._lock:
            if self._owner == threading.get_ident():
                self._deferred.append((kind, name, value, labels))
                return False
            self._owner = threading.get_ident()
            try:
                opened = self._add(kind, name, value, labels)
                while self._deferred:
                    opened = self._add(*self._deferred.popleft()) or opened
            finally:
                self._owner = 0
        return opened

    def _add(self, kind: str, name: str, value: float, labels: Any) -> bool:
        if type(value) is not int and type(value) is not float:
            value = _number(value)
        if (
            type(name) is not str
            or not 0 < len(name) <= _MAX_NAME
            or not -_FAR < value < _FAR  # NaN is not either
            or (kind == "counter" and value < 0)
        ):
            self._counts.dropped("invalid")
            return False
        if type(value) is int and not -(2**63) <= value < 2**63:
            value = float(value)  # larger integers are refused
        now = time.time()
        minute = int(now) // _MINUTE
        second = int(now) % _MINUTE
        window = self._open
        opened = False
        if window is None or window.minute != minute:
            window = self._next_window(minute)
            opened = True
        key = (name, _label_key(labels) if labels else ())
        if kind == "histogram":
            return self._observe(window, key, float(value), second) or opened
        table = window.counters if kind == "counter" else window.gauges
        entry = table.get(key)
        if entry is None:
            key = self._admit(key)
            if not key[0]:
                return opened
            entry = table.get(key)
            if entry is None:
                table[key] = [value, second]
                return opened
        if kind == "counter":
            entry[0] += value
        else:
            entry[0] = value
        entry[1] = second
        return opened

    def _observe(self, window: Window, key: SeriesKey, value: float, second: int) -> bool:
        if window.observations + self._sealed_observations >= self._max_points:
            self._counts.dropped("queue_full")
            return False
        entry = window.histograms.get(key)
        if entry is None:
            key = self._admit(key)
            if not key[0]:
                return False
            entry = window.histograms.get(key)
            if entry is None:
                entry = window.histograms[key] = (array("d"), bytearray())
        entry[0].append(value)
        entry[1].append(second)
        window.observations += 1
        return window.observations == self._early

    def _admit(self, key: SeriesKey) -> SeriesKey:
        """Return the key under which a new series may be kept; an empty name if under none."""
        name, labels = key
        if len(name.encode("utf-8", "replace")) > _MAX_NAME:
            self._counts.dropped("invalid")
            return ("", ())
        known = self._series_of.get(name, 0)
        if known >= self._max_series_per_metric:
            self.overflowed += 1
            if known > self._max_series_per_metric:
                return (name, _OVERFLOW)
            labels = _OVERFLOW  # the one series beyond the limit
        elif (self._open.series if self._open else 0) + self._sealed_series >= self._max_series:
            self._counts.dropped("series_limit")
            return ("", ())
        self._series_of[name] = known + 1
        return (name, labels)

    def _next_window(self, minute: int) -> Window:
        self._seal()
        self._open = window = Window(minute, time.monotonic())
        self._series_of = {}
        return window

    def _seal(self) -> None:
        window = self._open
        self._open = None
        if window is None or not window.points:
            return
        self._sealed.append(window)
        self._sealed_observations += window.observations
        self._sealed_series += window.series

    # What follows is the worker's.

    @property
    def opened_at(self) -> float | None:
        """Monotonic time at which the open window was opened; None if nothing is in it."""
        window = self._open
        if window is not None and window.points:
            return window.opened_at
        return time.monotonic() if self._deferred else None

    @property
    def open_observations(self) -> int:
        """Observations in the open window."""
        window = self._open
        return window.observations if window is not None else 0

    @property
    def has_sealed(self) -> bool:
        """Whether a window waits to be taken."""
        return bool(self._sealed)

    @property
    def points(self) -> int:
        """All points held."""
        with self._lock:
            return sum(window.points for window in self._sealed) + (
                self._open.points if self._open is not None else 0
            )

    def seal(self) -> None:
        """Close the open window, so that it can be taken."""
        with self._lock:
            if self._owner == threading.get_ident():
                return  # a signal handler flushes in the middle of an add
            while self._deferred:  # of a signal handler that ran at the very end of an add
                self._add(*self._deferred.popleft())
            self._seal()

    def take(self) -> Window | None:
        """Remove and return the oldest sealed window."""
        with self._lock:
            if not self._sealed:
                return None
            window = self._sealed.popleft()
            self._sealed_observations -= window.observations
            self._sealed_series -= window.series
            return window


def batches(window: Window, project: str | None) -> Iterator[tuple[list[str], int]]:
    """Yield the points of a window as JSON texts, in batches the server takes.

    The second value is the number of bytes the batch has as a JSON array.
    """
    batch: list[str] = []
    size = 2
    for text in _texts(window, project):
        length = len(text) + 1
        if batch and (len(batch) >= MAX_POINTS_PER_BATCH or size + length > MAX_BATCH_BYTES):
            yield batch, size
            batch, size = [], 2
        batch.append(text)
        size += length
    if batch:
        yield batch, size


def drop_points(drops: Mapping[str, int], project: str | None) -> list[str]:
    """Return the points that tell how many others were dropped, and why."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return [
        f"{_head('counter', (DROPPED_METRIC, (('reason', reason),)), project)}"
        f'"timestamp":"{at}","value":{count}}}'
        for reason, count in drops.items()
    ]


def _texts(window: Window, project: str | None) -> Iterator[str]:
    start = time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(window.minute * _MINUTE))
    for kind, table in (("counter", window.counters), ("gauge", window.gauges)):
        for key, (value, second) in table.items():
            if math.isfinite(value):  # a sum may have left the numbers there are
                head = _head(kind, key, project)
                yield f'{head}"timestamp":"{start}{second:02d}Z","value":{_json_number(value)}}}'
    for key, (values, seconds) in window.histograms.items():
        head = f'{_head("histogram", key, project)}"timestamp":"{start}'
        for value, second in zip(values, seconds):  # noqa: B905 - they grow together
            yield f'{head}{second:02d}Z","value":{value!r}}}'


def _head(kind: str, key: SeriesKey, project: str | None) -> str:
    name, labels = key
    head: dict[str, Any] = {"name": name, "type": kind}
    if labels:
        head["labels"] = dict(labels)
    if project:
        head["project"] = project
    return json.dumps(head, separators=(",", ":"))[:-1] + ","


def _json_number(value: float) -> str:
    # Integers beyond 64 bits are refused.
    if type(value) is int and not -(2**63) <= value < 2**63:
        value = float(value)
    return repr(value)


def _number(value: Any) -> float:
    """Return value as a plain number; NaN if it is none."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (str, bytes, bytearray)):
        return math.nan
    try:
        return int(value) if isinstance(value, int) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _label_key(labels: Mapping[str, Any]) -> LabelKey:
    """Return labels as a key that does not depend on their order."""
    items = labels.items()
    for name, value in items:
        if (
            type(name) is not str
            or type(value) is not str
            or len(name) > _MAX_LABEL
            or len(value) > _MAX_LABEL
        ):
            items = {_label(n): _label(v) for n, v in labels.items()}.items()
            break
    key = tuple(sorted(items))
    return key if len(key) <= _MAX_LABELS else key[:_MAX_LABELS]


def _label(value: object) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)[:_MAX_LABEL]
