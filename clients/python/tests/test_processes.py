"""Forks, signals and the ends of processes, in real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from fake_server import KEY, FakeServer, Fault
from support import QUICK

from monlight import ErrorClient, MetricsClient

HEAD = f"""
import os, signal, sys, threading, time
import monlight
from monlight import ErrorClient, MetricsClient, RetryPolicy
URL, KEY = sys.argv[1], {KEY!r}
def boom(text):
    try:
        raise ValueError(text)
    except ValueError as error:
        return error
"""


def run(server: FakeServer, program: str, *, timeout: float = 30, stdin=None, **env: str):
    return subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(program), server.url],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        input=stdin,
        env={**os.environ, **env},
        cwd=Path(__file__).parent.parent,
    )


def start(server: FakeServer, program: str):
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(program), server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )


def messages(server: FakeServer) -> list[str]:
    return [event["message"] for event in server.events]


BOTH = """
errors = ErrorClient(URL, KEY)
metrics = MetricsClient(URL, KEY)
metrics.start()
errors.report_error_sync(boom("last words"))
for _ in range(100):
    metrics.counter("c")
    metrics.histogram("h", 1)
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('crash')", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        # An ordinary thread outlives the main one; what it reports counts too.
        (
            "threading.Thread(target=lambda: (time.sleep(0.3), metrics.counter('late'))).start()",
            0,
        ),
    ],
)
def test_a_program_that_ends_without_shutdown_delivers(server, end, code):
    result = run(server, BOTH + end)
    assert result.returncode == code, result.stderr
    assert messages(server) == ["last words"]
    assert server.total("c") == 100
    assert server.total("h") == 100
    if "late" in end:
        assert server.total("late") == 1
    assert "not delivered" not in result.stderr


def test_metrics_that_were_never_started_are_delivered_at_exit(server):
    result = run(server, "metrics = MetricsClient(URL, KEY)\nmetrics.counter('c')")
    assert result.returncode == 0, result.stderr
    assert server.total("c") == 1


def test_a_report_made_while_the_interpreter_ends(server):
    """Exit handlers registered before ours run after it; destructors run later still."""
    result = run(
        server,
        """
        import atexit
        def late():
            errors.report_error_sync(boom("from an exit handler"))
            metrics.counter("late")
        atexit.register(late)
        errors = ErrorClient(URL, KEY)
        metrics = MetricsClient(URL, KEY)
        class Late:
            def __del__(self):
                errors.report_error_sync(boom("from a destructor"))
                metrics.counter("later")
        keep = Late()
        """,
    )
    assert result.returncode == 0
    assert result.stderr == ""
    # Nothing had been reported before, so our exit handler came to be after
    # this one and ran first: what is reported then is sent at once or lost,
    # but the program ends as it would have.


def test_a_program_that_reports_before_its_own_exit_handler_loses_nothing(server):
    result = run(
        server,
        """
        import atexit
        errors = ErrorClient(URL, KEY)
        errors.report_error_sync(boom("early"))
        atexit.register(lambda: errors.report_error_sync(boom("from an exit handler")))
        """,
    )
    assert result.returncode == 0, result.stderr
    assert messages(server) == ["early", "from an exit handler"]


def test_uncaught_errors_end_the_program_as_before(server):
    result = run(
        server,
        """
        monlight.init(URL, api_key=KEY, project="script", environment="test")
        def work():
            raise LookupError("uncaught")
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        work()
        """,
    )
    assert result.returncode == 1
    assert result.stderr.count("LookupError: uncaught") == 1
    in_thread, uncaught = server.events
    assert in_thread["exception_type"] == "ZeroDivisionError"
    assert in_thread["exceptions"][-1]["mechanism"] == {"type": "threading", "handled": False}
    assert uncaught["level"] == "fatal"
    assert uncaught["environment"] == "test"
    assert uncaught["exceptions"][-1]["mechanism"] == {"type": "excepthook", "handled": False}


@pytest.mark.parametrize("how", ["stop", "hang"])
def test_a_dead_server_holds_up_the_end_for_two_seconds_at_most(server, how):
    if how == "stop":
        server.stop()
    else:
        server.standing_fault = Fault(0, delay=30)
    started = time.monotonic()
    result = run(server, BOTH)
    took = time.monotonic() - started
    assert result.returncode == 0
    assert "101 reports were not delivered before exit" in result.stderr.replace("102", "101")
    assert took < (2.0 if how == "stop" else 5.0)


def test_retry_after_is_waited_out_at_exit_if_it_is_short(server):
    server.fail(Fault(429, {"Retry-After": "1"}))
    result = run(server, "ErrorClient(URL, KEY).report_error_sync(boom('patient'))")
    assert result.returncode == 0
    assert messages(server) == ["patient"]


def test_sigterm_with_the_flush_asked_for(server):
    process = start(
        server,
        """
        monlight.init(URL, URL, KEY, flush_on_sigterm=True, flush_interval=60)
        monlight.counter("c", value=5)
        monlight.capture_message("last words", "error")
        monlight.counter("ticks")
        print("ready", flush=True)
        while True:
            monlight.counter("ticks")   # also in the middle of an add
        """,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    assert messages(server) == ["last words"]
    assert server.total("c") == 5
    assert server.total("ticks") > 0
    process.communicate()


def test_sigterm_handlers_of_the_program_are_left_alone(server):
    process = start(
        server,
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        monlight.init(URL, URL, KEY, flush_on_sigterm=True, flush_interval=60)
        monlight.counter("c")
        print("ready", flush=True)
        while True:
            time.sleep(0.01)
        """,
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 7
    assert server.total("c") == 1
    process.communicate()


def test_forked_children_report_for_themselves_and_nothing_twice(server):
    result = run(
        server,
        """
        monlight.init(URL, URL, KEY, flush_interval=60)
        monlight.counter("c")                 # in the buffer at the fork
        monlight.capture_message("parent before")
        children = []
        for n in range(4):
            pid = os.fork()
            if pid == 0:
                monlight.counter("c")
                monlight.capture_message(f"child {n}")
                sys.exit(0)                   # no flush, no shutdown
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        monlight.counter("c")
        monlight.capture_message("parent after")
        """,
    )
    assert result.returncode == 0, result.stderr
    assert sorted(messages(server)) == [f"child {n}" for n in range(4)] + [
        "parent after",
        "parent before",
    ]
    assert server.total("c") == 6


def test_periodic_delivery_goes_on_in_children(server):
    result = run(
        server,
        """
        metrics = MetricsClient(URL, KEY, flush_interval=0.1)
        metrics.start()
        metrics.counter("parent")
        if os.fork() == 0:
            metrics.counter("child")
            time.sleep(1.0)
            os._exit(0)                       # no exit handlers: only the interval delivers
        os.wait()
        """,
    )
    assert result.returncode == 0, result.stderr
    assert server.total("parent") == 1
    assert server.total("child") == 1


def test_children_of_multiprocessing_deliver_at_their_end(server):
    result = run(
        server,
        """
        import multiprocessing
        metrics = MetricsClient(URL, KEY, flush_interval=60)
        errors = ErrorClient(URL, KEY)
        metrics.start()
        metrics.counter("c")
        def work(n):
            metrics.counter("c")
            errors.report_error_sync(boom(f"child {n}"))
        context = multiprocessing.get_context("fork")
        children = [context.Process(target=work, args=(n,)) for n in range(3)]
        for child in children: child.start()
        for child in children: child.join()
        assert all(child.exitcode == 0 for child in children)
        """,
    )
    assert result.returncode == 0, result.stderr
    assert sorted(messages(server)) == ["child 0", "child 1", "child 2"]
    assert server.total("c") == 4


def test_a_fork_while_every_lock_is_held(server):
    """The child must not wait for locks whose owners were not forked."""
    result = run(
        server,
        """
        metrics = MetricsClient(URL, KEY, flush_interval=0.01)
        errors = ErrorClient(URL, KEY, max_rate=0)
        metrics.start()
        stop = False
        def hammer():
            while not stop:
                metrics.counter("parent")
                errors.capture_message("parent")
        threads = [threading.Thread(target=hammer) for _ in range(3)]
        for thread in threads: thread.start()
        for n in range(30):
            pid = os.fork()
            if pid == 0:
                metrics.counter("child")
                errors.capture_message("child")
                ok = metrics.flush(10) and errors.flush(10)
                os._exit(0 if ok else 1)
            deadline = time.monotonic() + 20
            while True:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done: break
                if time.monotonic() > deadline:
                    os.kill(pid, 9); os.waitpid(pid, 0); status = 99; break
                time.sleep(0.005)
            if status:
                print("child", n, "ended with", status); break
        stop = True
        for thread in threads: thread.join()
        """,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert server.total("child") == 30
    assert messages(server).count("child") == 30


def test_sockets_are_not_shared_over_a_fork(server):
    errors = ErrorClient(server.url, KEY, retry=QUICK)
    metrics = MetricsClient(server.url, KEY, flush_interval=60, retry=QUICK)
    errors.capture_message("parent 1")
    assert errors.flush()
    pid = os.fork()
    if pid == 0:
        errors.capture_message("child")
        metrics.counter("child")
        os._exit(0 if errors.flush(5) and metrics.flush(5) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    errors.capture_message("parent 2")
    assert errors.flush()
    assert messages(server) == ["parent 1", "child", "parent 2"]
    by_message = {}
    for request in server.requests:
        for name in ("parent 1", "child", "parent 2"):
            if f'"message":"{name}"'.encode() in request.body:
                by_message[name] = request.connection
    assert by_message["parent 1"] == by_message["parent 2"]


def test_the_worker_imports_nothing(server):
    """A fork in the middle of an import leaves the child with a lock nobody releases."""
    server.fail(
        Fault(429, {"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}),
        Fault(503),
        Fault(0),
        Fault(400),
    )
    result = run(
        server,
        """
        import json, logging
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if threading.current_thread().name == "monlight-worker":
                    found.append(name)
        found = []
        sys.meta_path.insert(0, Watch())
        monlight.init(URL, URL, KEY, include_locals=True, retry=RetryPolicy(base=0.01, cap=0.02))
        def latin():
            try:
                json.loads("{")
            except ValueError as error:
                raise LookupError from error
        for _ in range(3):
            try:
                latin()
            except LookupError:
                logging.getLogger("x").exception("failed %s", 1)
        monlight.capture_message("ü" * 3000)
        monlight.counter("c", {"a": "ü"}); monlight.histogram("h", 1.5); monlight.gauge("g", 1)
        assert monlight.flush(10)
        for url in ("https://localhost:1", "http://localhost:1", "http://no.such.host.invalid"):
            client = ErrorClient(url, KEY, retry=RetryPolicy(base=0.01, cap=0.02, max_age=0.1))
            client.capture_message("x")
            client.flush(0.3)
        print(found)
        """,
    )
    assert result.stdout == "[]\n", result.stderr


def test_no_thread_in_a_uwsgi_master(server):
    """uWSGI forks without the interpreter's lock; a running thread would cost it a worker."""
    result = run(
        server,
        """
        import types
        number = [0]
        sys.modules["uwsgi"] = types.SimpleNamespace(worker_id=lambda: number[0], opt={})
        errors = ErrorClient(URL, KEY)
        errors.capture_message("in the master")
        assert threading.active_count() == 1
        if os.fork() == 0:
            number[0] = 1
            errors.capture_message("in the worker")
            assert threading.active_count() == 2
            assert errors.flush()
            os._exit(0)
        os.wait()
        assert threading.active_count() == 1
        """,
    )
    assert result.returncode == 0, result.stderr
    assert messages(server) == ["in the worker", "in the master"]
    assert "enable-threads" in result.stderr


def test_nothing_is_started_by_an_import(server):
    result = run(
        server,
        """
        import threading
        assert threading.active_count() == 1
        heavy = {"httpx", "fastapi", "starlette", "flask", "django", "celery", "asyncio", "requests"}
        print(sorted(heavy & set(sys.modules)))
        """,
    )
    assert result.stdout == "[]\n", result.stderr


def test_interactive_sessions_are_left_alone(server):
    result = subprocess.run(
        [sys.executable, "-i", "-q", "-c", HEAD + "monlight.init(URL, api_key=KEY)", server.url],
        input="1/0\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        cwd=Path(__file__).parent.parent,
    )
    assert "ZeroDivisionError" in result.stderr
    assert server.events == []


def test_wrong_configuration_starts_and_warns(server):
    result = run(
        server,
        """
        for url, key in (("ftp://x", "k"), ("http://x", ""), ("", "k"), (None, None), (5, 6)):
            client = monlight.init(url, url, api_key=key)
            assert not client.enabled
        monlight.init(URL, api_key=KEY, sample_rate="no number")
        monlight.capture_exception(boom("x"))
        monlight.counter("c"); monlight.histogram("h", 1); monlight.gauge("g", 1)
        monlight.set_user(1); monlight.set_tag("a", 1); monlight.add_breadcrumb("b")
        assert monlight.flush() and monlight.shutdown()
        print("alive")
        """,
    )
    assert result.stdout == "alive\n", result.stderr
    assert "no API key" in result.stderr


def test_init_from_the_environment(server):
    result = run(
        server,
        """
        client = monlight.init()
        assert client.errors and client.metrics
        monlight.capture_message("hello")
        monlight.counter("c")
        """,
        MONLIGHT_ERROR_TRACKER_URL=server.url,
        MONLIGHT_METRICS_COLLECTOR_URL=server.url,
        MONLIGHT_ERROR_TRACKER_API_KEY=KEY,
        MONLIGHT_METRICS_COLLECTOR_API_KEY=KEY,
        MONLIGHT_PROJECT="env-project",
        MONLIGHT_ENVIRONMENT="staging",
        MONLIGHT_RELEASE="9.9",
    )
    assert result.returncode == 0, result.stderr
    (event,) = server.events
    assert (event["project"], event["environment"], event["release"]) == (
        "env-project",
        "staging",
        "9.9",
    )
    assert server.points[0]["project"] == "env-project"


def test_two_services_two_keys(server):
    other = FakeServer()
    try:
        result = run(
            server,
            f"""
            client = monlight.init(URL, {other.url!r}, error_tracker_api_key=KEY,
                                   metrics_collector_api_key="another key of the other one")
            monlight.capture_message("hello")
            monlight.counter("c")
            """,
        )
        assert result.returncode == 0
        assert messages(server) == ["hello"]
        assert other.requests[0].headers["x-api-key"] == "another key of the other one"
    finally:
        other.stop()


def test_threads_of_a_child_that_race_for_the_first_report_lose_none(server):
    result = run(
        server,
        """
        errors = ErrorClient(URL, KEY, max_rate=0)
        errors.capture_message("parent")
        for _ in range(5):
            if os.fork() == 0:
                start = threading.Barrier(8)
                def report(n):
                    start.wait()
                    errors.capture_message(f"child {os.getpid()} {n}")
                threads = [threading.Thread(target=report, args=(n,)) for n in range(8)]
                for t in threads: t.start()
                for t in threads: t.join()
                sys.exit(0)
        while True:
            try: os.wait()
            except ChildProcessError: break
        """,
    )
    assert result.returncode == 0, result.stderr
    assert len(set(messages(server))) == len(server.events) == 41
