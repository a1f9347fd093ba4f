from __future__ import annotations

import threading
import time

import pytest
from fake_server import KEY, FakeServer, Fault
from support import QUICK, eventually

from monlight import ErrorClient, RetryPolicy


def boom(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def messages(server: FakeServer) -> list[str]:
    return [event["message"] for event in server.events]


def test_one_connection_is_kept_and_large_bodies_are_compressed(errors, server):
    for i in range(20):
        errors.report_error_sync(boom(str(i)))
    assert errors.flush()
    assert messages(server) == [str(i) for i in range(20)]
    assert len({request.connection for request in server.requests}) == 1
    assert {request.headers["content-encoding"] for request in server.requests} == {"gzip"}
    assert server.requests[0].headers["x-api-key"] == KEY
    assert server.requests[0].headers["user-agent"].startswith("monlight-python/")


def test_server_down_and_back_everything_arrives_once_in_order(server, caplog):
    client = ErrorClient(server.url, KEY, retry=QUICK, max_rate=100_000)
    client.report_error_sync(boom("before"))
    assert client.flush()
    server.stop()
    for i in range(50):
        client.report_error_sync(boom(f"while down {i}"))
    time.sleep(0.5)
    assert client.stats()["queued"] == 50
    server.start()
    eventually(lambda: client.stats()["sent"] == 51)
    assert messages(server) == ["before"] + [f"while down {i}" for i in range(50)]
    assert client.stats()["dropped"] == {}
    # One line a minute, not one for every attempt.
    assert len([r for r in caplog.records if r.name == "monlight.error_client"]) == 1


def test_what_does_not_fit_is_dropped_counted_and_reported(server):
    client = ErrorClient(server.url, KEY, retry=QUICK, max_queue=10, max_rate=100_000)
    server.stop()
    for i in range(30):
        client.report_error_sync(boom(str(i)))
        if i == 0:
            time.sleep(0.2)  # the worker has the first one in hand
    dropped = client.stats()["dropped"]["queue_full"]
    assert 19 <= dropped <= 20
    server.start()
    assert client.flush()
    assert len(server.events) == 30 - dropped
    assert messages(server) == [str(i) for i in range(30 - dropped)]  # the oldest are kept
    told = [
        e["contexts"]["monlight_client"]
        for e in server.events
        if "monlight_client" in e["contexts"]
    ]
    assert told == [{"dropped": {"queue_full": dropped}}]


@pytest.mark.parametrize("header", ["1", None])
def test_429_is_waited_out(server, header):
    client = ErrorClient(server.url, KEY, retry=QUICK)
    server.fail(
        Fault(429, {"Retry-After": header} if header else {}, b'{"detail":"x","retry_after":1}')
    )
    started = time.monotonic()
    client.report_error_sync(boom("a"))
    client.report_error_sync(boom("b"))
    assert client.flush()
    assert time.monotonic() - started >= 1.0
    assert messages(server) == ["a", "b"]
    assert len(server.requests) == 3


def test_an_answer_that_gets_lost_does_not_make_the_error_count_twice(errors, server):
    server.fail(
        Fault(0, after_processing=True),
        Fault(0, after_processing=True),
        Fault(503, after_processing=True),
    )
    errors.report_error_sync(boom("once"))
    assert errors.flush()
    assert messages(server) == ["once"]
    assert len(server.requests) >= 3
    assert len({r.body for r in server.requests}) == 1


def test_connection_closed_by_an_idle_server_is_no_failure(errors, server, caplog):
    errors.report_error_sync(boom("a"))
    assert errors.flush()
    connection = server.connections[-1]
    connection.shutdown(2)
    errors.report_error_sync(boom("b"))
    assert errors.flush()
    assert messages(server) == ["a", "b"]
    assert caplog.records == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 301])
def test_refused_reports_are_dropped_and_logged(server, caplog, status):
    client = ErrorClient(server.url, KEY, retry=QUICK)
    server.fail(*[Fault(status)] * (2 if status == 400 else 1))
    client.report_error_sync(boom("refused"))
    client.report_error_sync(boom("accepted"))
    assert client.flush()
    assert messages(server) == ["accepted"]
    reason = "too_large" if status == 413 else "rejected"
    assert client.stats()["dropped"] == {reason: 1}
    assert str(status) in caplog.text
    assert caplog.records[0].name == "monlight.error_client"


def test_a_report_the_server_chokes_on_does_not_hold_up_the_others(server):
    client = ErrorClient(server.url, KEY, retry=QUICK)
    server.fail(*[Fault(500)] * QUICK.max_server_faults)
    client.report_error_sync(boom("poison"))
    client.report_error_sync(boom("fine"))
    assert client.flush()
    assert messages(server) == ["fine"]
    assert client.stats()["dropped"] == {"rejected": 1}


def test_old_reports_expire(server):
    client = ErrorClient(server.url, KEY, retry=RetryPolicy(base=0.02, cap=0.05, max_age=0.3))
    server.stop()
    client.report_error_sync(boom("old"))
    eventually(lambda: client.stats()["dropped"] == {"expired": 1})
    server.start()
    client.report_error_sync(boom("new"))
    assert client.flush()
    assert messages(server) == ["new"]


def test_a_server_that_does_not_read_gzip_gets_plain_bodies(errors, server):
    server.reads_gzip = False
    for i in range(5):
        errors.report_error_sync(boom(str(i)))
    assert errors.flush()
    assert messages(server) == [str(i) for i in range(5)]
    encodings = ["content-encoding" in r.headers for r in server.requests]
    assert encodings == [False] * 5  # refused ones are not recorded


def test_a_hanging_server_stalls_nobody(server):
    client = ErrorClient(server.url, KEY, timeout=0.3, retry=QUICK)
    server.standing_fault = Fault(0, delay=30)
    slowest = 0.0
    for i in range(100):
        started = time.monotonic()
        client.report_error_sync(boom(str(i)))
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 0.25  # a loaded machine; the point is that it is not the 30 seconds
    assert client.flush(0.2) is False
    server.standing_fault = None
    client._outbox.get().abandon()


def test_a_storm_is_sent_at_a_bounded_rate(server):
    client = ErrorClient(server.url, KEY, max_rate=20, retry=QUICK)
    for i in range(10):
        client.report_error_sync(boom(str(i)))
    time.sleep(0.25)
    assert 1 <= len(server.events) <= 7
    assert client.flush()  # who waits is not slowed down
    assert len(server.events) == 10


def test_reports_of_many_threads_all_arrive(errors, server):
    def report(n):
        for i in range(20):
            errors.report_error_sync(boom(f"{n}/{i}"))

    threads = [threading.Thread(target=report, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors.flush(10)
    assert len(set(messages(server))) == 160


def test_shutdown_delivers_and_then_takes_nothing(server):
    client = ErrorClient(server.url, KEY, retry=QUICK)
    client.report_error_sync(boom("a"))
    assert client.shutdown()
    assert client.shutdown()
    assert client.capture_exception(boom("b")) is None
    assert messages(server) == ["a"]
    assert client.stats()["dropped"] == {"closed": 1}


def test_a_client_nobody_holds_still_delivers_and_is_let_go(server):
    from monlight._worker import current_worker

    client = ErrorClient(server.url, KEY, retry=QUICK)
    outbox = client._outbox.get()
    client.report_error_sync(boom("a"))
    del client
    eventually(lambda: messages(server) == ["a"])
    current_worker().wake()
    eventually(lambda: outbox not in current_worker()._outboxes)


def test_flush_from_a_signal_handler_of_a_capturing_program(errors, server):
    """A handler may interrupt any of our calls: nothing may dead-lock."""
    import signal

    def on_alarm(number, frame):
        errors.capture_exception(boom("from the handler"))

    previous = signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            errors.capture_exception(boom("from the program"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert errors.flush(10)
    stats = errors.stats()
    assert stats["sent"] == len(server.events) > 0
    assert stats["queued"] == 0


def test_unusable_urls_hurt_nobody(caplog):
    for url in (
        "http://",
        "nonsense",
        "http://[",
        "https://127.0.0.1:1",
        "http://no.such.host.invalid",
    ):
        client = ErrorClient(url, KEY, retry=QUICK)
        client.report_error_sync(boom("x"))
        assert client.flush(0.3) is False or client.stats()["sent"] == 0
        client._outbox.get().abandon()
        client.shutdown(0.1)
