from __future__ import annotations

import math
import socket
import threading
import time

import pytest
from fake_server import KEY
from support import QUICK

from monlight import ErrorClient, HTTPTransport, HttpxTransport, MetricsClient, TransportError
from monlight._retry import RetryPolicy, backoff, retry_after


@pytest.mark.parametrize("make", [HTTPTransport, HttpxTransport])
def test_both_transports_do_the_same(server, make):
    errors = ErrorClient(server.url, KEY, transport=make(), retry=QUICK)
    metrics = MetricsClient(server.url, KEY, transport=make(), retry=QUICK)
    errors.capture_message("one")
    metrics.counter("c")
    assert errors.flush()
    assert metrics.flush()
    server.stop()
    errors.capture_message("two")
    assert errors.flush(0.2) is False
    server.start()
    assert errors.flush()
    assert [e["message"] for e in server.events] == ["one", "two"]
    assert server.total("c") == 1
    errors.shutdown()
    metrics.shutdown()


@pytest.mark.parametrize("make", [HTTPTransport, HttpxTransport])
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "ftp://x/y", "http://", "http://a b/", "http://[::1", "x"]
)
def test_no_answer_is_a_transport_error(make, url):
    transport = make()
    with pytest.raises((TransportError, ValueError)):
        transport.post(url, {}, b"", 0.5)
    transport.close()


def _raw_server(answer: bytes, *, drip: bool = False):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        try:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()
        except OSError:
            pass

    threading.Thread(target=serve, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}/x"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_broken_servers_give_a_transport_error_or_an_answer(answer):
    listener, url = _raw_server(answer)
    transport = HTTPTransport()
    try:
        response = transport.post(url, {}, b"body", 1.0)
        assert response.status == 200
    except TransportError:
        pass
    listener.close()
    transport.close()


def test_huge_answers_are_not_read_to_the_end():
    body = b"x" * 1_000_000
    listener, url = _raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    transport = HTTPTransport()
    response = transport.post(url, {}, b"", 2.0)
    assert len(response.body) == 65536
    assert transport._connections == {}
    listener.close()


def test_proxies_of_the_environment_are_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.replace("http://", "http://user:pw@"))
    monkeypatch.setenv("no_proxy", "")
    transport = HTTPTransport()
    response = transport.post("http://errors.example/api/errors", {"X-API-Key": KEY}, b"{}", 2.0)
    # The fake server takes the place of the proxy and sees the whole URL.
    assert response.status == 413
    assert server.requests[0].path == "http://errors.example/api/errors"
    assert server.requests[0].headers["proxy-authorization"] == "Basic dXNlcjpwdw=="
    transport.close()
    without = HTTPTransport(trust_env=False)
    with pytest.raises(TransportError):
        without.post("http://errors.invalid/api/errors", {}, b"{}", 2.0)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1e9", 300.0),
        ("nan", None),
        ("inf", 300.0),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after(text, want):
    assert retry_after({"retry-after": text}, now=40.0) == want


def test_backoff_grows_to_its_cap_and_spreads():
    policy = RetryPolicy(base=1.0, cap=8.0)
    for failures, bound in ((1, 1), (2, 2), (3, 4), (4, 8), (5, 8), (10_000, 8)):
        pauses = [backoff(policy, failures) for _ in range(200)]
        assert bound * 0.1 <= min(pauses) < max(pauses) <= bound
        assert max(pauses) - min(pauses) > bound * 0.3
        assert all(math.isfinite(pause) for pause in pauses)


def test_a_first_request_after_a_long_pause_opens_a_new_connection(server, monkeypatch):
    from monlight import transport as module

    errors = ErrorClient(server.url, KEY, retry=QUICK)
    errors.capture_message("a")
    assert errors.flush()
    monkeypatch.setattr(module, "_MAX_IDLE", 0.01)
    time.sleep(0.02)
    errors.capture_message("b")
    assert errors.flush()
    assert len({r.connection for r in server.requests}) == 2
