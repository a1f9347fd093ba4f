from __future__ import annotations

import random
import re
import signal
import threading
import time
import tracemalloc

import pytest
from fake_server import KEY, FakeServer, Fault
from support import QUICK, eventually

from monlight import MetricsClient, RetryPolicy
from monlight import _aggregate as aggregate


def test_body_is_a_bare_array_of_points(metrics: MetricsClient, server: FakeServer):
    metrics.counter("orders_total", {"shop": "a"})
    metrics.histogram("seconds", 0.25, {"path": "/x"})
    metrics.gauge("queue", 7)
    assert metrics.flush()
    assert [(p["name"], p["type"], p["value"]) for p in server.points] == [
        ("orders_total", "counter", 1),
        ("queue", "gauge", 7),
        ("seconds", "histogram", 0.25),
    ]
    for point in server.points:
        assert point["project"] == "shop"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", point["timestamp"])
        age = time.time() - _seconds(point["timestamp"])
        assert 0 <= age < 5
    assert server.points[0]["labels"] == {"shop": "a"}
    assert "labels" not in server.points[1]


def _seconds(text: str) -> float:
    import calendar

    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def test_counters_are_summed_gauges_are_last_histograms_are_kept(metrics, server):
    for i in range(1000):
        metrics.counter("c", {"a": "1", "b": "2"}, value=2)
        metrics.counter("c", {"b": "2", "a": "1"}, value=0.5)
        metrics.gauge("g", i)
    values = [random.random() for _ in range(500)]
    for value in values:
        metrics.histogram("h", value)
    assert metrics.flush()
    assert server.total("c") == 2500
    by_type = {
        t: [p for p in server.points if p["type"] == t] for t in ("counter", "gauge", "histogram")
    }
    assert len(by_type["counter"]) <= 2  # one, or two if the minute changed
    assert by_type["gauge"][-1]["value"] == 999
    assert [p["value"] for p in by_type["histogram"]] == values


def test_windows_end_with_the_minute(metrics, server, monkeypatch):
    clock = [1_800_000_000.0 - 1_800_000_000 % 60 + 59.5]
    monkeypatch.setattr(aggregate.time, "time", lambda: clock[0])
    metrics.counter("c")
    metrics.histogram("h", 1)
    clock[0] += 1
    metrics.counter("c")
    metrics.histogram("h", 2)
    assert metrics.flush()
    seconds = [p["timestamp"][-4:] for p in server.points]
    assert seconds == [":59Z", ":59Z", ":00Z", ":00Z"]
    assert server.total("c") == 2


def test_clock_may_be_set_back(metrics, server, monkeypatch):
    clock = [1_800_000_030.0]
    monkeypatch.setattr(aggregate.time, "time", lambda: clock[0])
    metrics.counter("c")
    clock[0] -= 86_400
    metrics.counter("c")
    clock[0] += 86_400
    metrics.counter("c")
    assert metrics.flush()
    assert server.total("c") == 3


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("counter", "c", -1),
        ("counter", "c", float("nan")),
        ("histogram", "h", float("inf")),
        ("gauge", "g", "text"),
        ("gauge", "g", None),
        ("gauge", "g", 10**400),
        ("counter", "", 1),
        ("counter", "x" * 201, 1),
        ("counter", "ü" * 101, 1),
        ("counter", None, 1),
        ("counter", 5, 1),
    ],
)
def test_what_the_server_would_refuse_is_left_out_and_counted(metrics, server, kind, name, value):
    metrics.counter("good")
    if kind == "counter":
        metrics.counter(name, value=value)
    else:
        getattr(metrics, kind)(name, value)
    metrics.counter("good")
    assert metrics.flush()
    assert server.total("good") == 2
    assert server.refused == []
    assert metrics.stats()["dropped"] == {"invalid": 1}
    eventually(lambda: server.total("monlight_client_dropped_total", reason="invalid") == 1)


def test_labels_become_short_strings(metrics, server):
    metrics.counter("c", {"status": 200, "ok": True, "none": None, "long": "x" * 1000, 5: "five"})
    metrics.counter("c2", {f"l{i:02}": "v" for i in range(100)})
    metrics.counter("c3", {"s": "\ud800"})
    metrics.counter("c4", [("not", "a mapping")])  # type: ignore[arg-type]
    assert metrics.flush()
    labels = {p["name"]: p["labels"] for p in server.points}
    assert labels["c"] == {
        "status": "200",
        "ok": "true",
        "none": "None",
        "long": "x" * 256,
        "5": "five",
    }
    assert len(labels["c2"]) == 30
    assert "c4" not in labels


def test_values_of_other_number_types(metrics, server):
    from decimal import Decimal
    from fractions import Fraction

    metrics.gauge("a", True)
    metrics.gauge("b", Decimal("1.5"))
    metrics.gauge("c", Fraction(1, 4))
    metrics.gauge("d", 2**70)
    metrics.counter("e", value=2**62)
    metrics.counter("e", value=2**62)
    metrics.counter("e", value=2**62)
    assert metrics.flush()
    values = {p["name"]: p["value"] for p in server.points}
    assert values == {"a": 1, "b": 1.5, "c": 0.25, "d": float(2**70), "e": float(3 * 2**62)}


def test_batches_keep_to_the_limits_of_the_server(metrics, server):
    for i in range(4321):
        metrics.histogram("h" * 200, i / 7, {"l" * 200: "v" * 200, "m": "ü" * 80})
    assert metrics.flush(20)
    assert server.total("h" * 200) == 4321
    assert server.refused == []
    assert max(len(r.body) for r in server.requests) <= 500_000
    assert len(server.requests) > 5


def test_one_bad_point_does_not_take_the_batch_with_it(metrics, server):
    for i in range(700):
        metrics.histogram("good", i)
    metrics.counter("poison")  # refused by this server for reasons of its own
    assert metrics.flush(20)
    assert server.total("good") == 700
    assert metrics.stats()["dropped"] == {"rejected": 1}


def test_a_server_that_refuses_everything_is_not_asked_for_ever(metrics, server):
    server.standing_fault = Fault(400)
    for i in range(3000):
        metrics.histogram("h", i)
    assert metrics.flush(20)
    assert metrics.stats()["dropped"] == {"rejected": 3000}
    assert len(server.requests) < 150


def test_server_down_and_back_nothing_is_lost_and_nothing_doubled(server):
    client = MetricsClient(server.url, KEY, flush_interval=0.05, retry=QUICK)
    client.start()
    client.counter("c")
    eventually(lambda: server.total("c") == 1)
    server.stop()
    for i in range(2000):
        client.counter("c")
        client.histogram("h", i)
        if i % 200 == 0:
            time.sleep(0.05)
    server.start()
    eventually(lambda: server.total("c") == 2001)
    eventually(lambda: server.total("h") == 2000)
    assert client.stats()["dropped"] == {}
    client.shutdown()


def test_lost_answers_do_not_double_increments(metrics, server):
    server.fail(
        Fault(0, after_processing=True),
        Fault(0, after_processing=True),
        Fault(503, after_processing=True),
        Fault(429, {"Retry-After": "0"}, after_processing=True),
    )
    metrics.counter("c", value=5)
    assert metrics.flush()
    assert server.total("c") == 5
    keys = [r.headers["idempotency-key"] for r in server.requests]
    assert len(keys) >= 4
    assert len(set(keys)) == 1


def test_buffer_is_bounded_and_drops_are_reported(server):
    client = MetricsClient(server.url, KEY, flush_interval=3600, max_points=1000, retry=QUICK)
    for i in range(1500):
        client.histogram("h", i)
    client.counter("c")  # counters still find room
    assert client.flush(20)
    assert server.total("h") == 1000
    assert server.total("c") == 1
    eventually(lambda: server.total("monlight_client_dropped_total", reason="queue_full") == 500)
    assert client.stats()["dropped"] == {"queue_full": 500}


def test_series_beyond_the_limit_keep_their_total(server):
    client = MetricsClient(
        server.url, KEY, flush_interval=3600, max_series_per_metric=10, max_series=50, retry=QUICK
    )
    for i in range(100):
        client.counter("c", {"id": str(i)})
        client.histogram("h", i, {"id": str(i)})
    for i in range(100):
        client.counter(f"name{i}")
    assert client.flush()
    assert server.total("c") == 100
    assert server.total("c", overflow="true") == 90
    assert server.total("h") == 100
    assert len({str(p) for p in server.points if p["type"] == "counter" and p["name"] == "c"}) == 11
    assert client.stats()["overflowed"] == 180
    # 11 series each of c and h leave room for 28 of the 100 other names.
    assert client.stats()["dropped"] == {"series_limit": 72}
    assert len({p["name"] for p in server.points if p["name"].startswith("name")}) == 28


def test_busy_programs_are_flushed_early(server):
    client = MetricsClient(server.url, KEY, flush_interval=3600, retry=QUICK)
    client.start()
    for i in range(6000):
        client.histogram("h", i)
    eventually(lambda: server.total("h") >= 5000)
    client.shutdown()
    assert server.total("h") == 6000


def test_start_is_idempotent_and_nothing_is_sent_without_it(server):
    client = MetricsClient(server.url, KEY, flush_interval=0.05, retry=QUICK)
    client.counter("c")
    time.sleep(0.2)
    assert server.points == []
    client.start()
    client.start()
    eventually(lambda: server.total("c") == 1)
    client.counter("c")
    eventually(lambda: server.total("c") == 2)
    assert client.shutdown()
    assert client.shutdown()
    client.counter("c")
    assert server.total("c") == 2
    assert client.stats()["dropped"] == {"closed": 1}


def test_empty_flush_sends_nothing(metrics, server):
    assert metrics.flush()
    metrics.start()
    assert metrics.flush()
    assert server.requests == []


def test_flush_ends_although_others_go_on_counting(metrics, server):
    stop = threading.Event()

    def count():
        while not stop.is_set():
            metrics.counter("c")

    thread = threading.Thread(target=count)
    thread.start()
    try:
        time.sleep(0.05)
        started = time.monotonic()
        assert metrics.flush(5)
        assert time.monotonic() - started < 2
        assert len(server.requests) < 20
    finally:
        stop.set()
        thread.join()


def test_all_threads_are_counted(metrics, server):
    def count():
        for i in range(2000):
            metrics.counter("c", {"i": str(i % 3)})
            metrics.histogram("h", i)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    while any(t.is_alive() for t in threads):
        metrics.flush()
    for thread in threads:
        thread.join()
    assert metrics.flush(10)
    assert server.total("c") == 16_000
    assert server.total("h") == 16_000


def test_a_signal_handler_may_count_in_the_middle_of_a_count(metrics, server):
    hits = [0]

    def on_alarm(number, frame):
        hits[0] += 1
        metrics.counter("c")

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    count = 0
    try:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            metrics.counter("c")
            count += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert metrics.flush()
    assert hits[0] > 10
    assert server.total("c") == count + hits[0]


def test_memory_of_a_hundred_thousand_points(server):
    server.stop()
    client = MetricsClient(server.url, KEY, flush_interval=3600, retry=QUICK)
    labels = [{"endpoint": f"/route/{i}", "method": "GET", "status": "200"} for i in range(50)]
    client.histogram("h", 0.0, labels[0])
    tracemalloc.start()
    for i in range(100_000 - 1):
        client.histogram("h", i * 0.001, labels[i % 50])
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert client.stats()["queued"] == 100_000
    assert used < 3_000_000
    client._outbox.get().abandon()


def test_nothing_is_sent_without_start_when_the_minute_changes_either(server, monkeypatch):
    clock = [1_800_000_030.0]
    monkeypatch.setattr(aggregate.time, "time", lambda: clock[0])
    client = MetricsClient(server.url, KEY, retry=QUICK)
    for _ in range(3):
        client.counter("c")
        client.histogram("h", 1)
        clock[0] += 60
    time.sleep(0.1)
    assert server.points == []
    assert client.stats()["queued"] == 6
    assert client.flush()
    assert server.total("c") == 3
    assert client.stats()["queued"] == 0


def test_old_points_expire_and_are_counted(server):
    client = MetricsClient(
        server.url,
        KEY,
        flush_interval=0.05,
        retry=RetryPolicy(base=0.02, cap=0.05, max_age=0.3),
    )
    client.start()
    server.stop()
    client.counter("c")
    client.histogram("h", 1)
    eventually(lambda: client.stats()["dropped"].get("expired") == 2)
    server.start()
    client.counter("c")
    eventually(lambda: server.total("c") == 1)
    eventually(lambda: server.total("monlight_client_dropped_total", reason="expired") == 2)
    client.shutdown()


def test_unauthorized_points_are_dropped_with_a_pause(server, caplog):
    client = MetricsClient(server.url, "wrong key", flush_interval=3600, retry=QUICK)
    client.counter("c")
    assert client.flush()
    assert client.stats()["dropped"] == {"rejected": 1}
    assert "401" in caplog.text


async def test_aflush(metrics, server):
    metrics.counter("c")
    assert await metrics.aflush()
    assert server.total("c") == 1
