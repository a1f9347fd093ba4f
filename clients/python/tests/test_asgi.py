from __future__ import annotations

import asyncio

import pytest
from fake_server import FakeServer

import monlight
from monlight.integrations.asgi import MonlightASGIMiddleware


def scope(path="/x", method="GET", **more):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "scheme": "https",
        "query_string": b"token=secret&page=2",
        "headers": [
            (b"host", b"shop.example"),
            (b"authorization", b"Bearer x"),
            (b"cookie", b"session=1"),
            (b"x-forwarded-for", b"203.0.113.9"),
            (b"user-agent", b"test"),
        ],
        "client": ("203.0.113.9", 1234),
        "server": ("127.0.0.1", 8000),
        **more,
    }


async def run(app, scope_, messages=()):
    sent = []
    queue = list(messages)

    async def receive():
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope_, receive, send)
    return sent


async def answer(send, status=200, *, chunks=1):
    await send({"type": "http.response.start", "status": status, "headers": []})
    for i in range(chunks):
        await send({"type": "http.response.body", "body": b"x", "more_body": i < chunks - 1})


class Recorder:
    def __init__(self):
        self.calls = []

    def counter(self, *args, **kwargs):
        self.calls.append(("counter", args, kwargs))

    def histogram(self, *args, **kwargs):
        self.calls.append(("histogram", args, kwargs))

    @property
    def labels(self):
        return [kwargs["labels"] for kind, _, kwargs in self.calls if kind == "counter"]


async def test_shape_of_the_calls():
    async def app(scope, receive, send):
        await answer(send, 204)

    recorder = Recorder()
    await run(MonlightASGIMiddleware(app, recorder), scope())
    labels = {"method": "GET", "endpoint": "<unmatched>", "status": "204"}
    (kind, args, kwargs), (kind2, args2, kwargs2) = recorder.calls
    assert (kind, args, kwargs) == ("counter", ("http_requests_total",), {"labels": labels})
    assert (kind2, args2) == ("histogram", ("http_request_duration_seconds",))
    assert kwargs2["labels"] == labels
    assert 0 <= kwargs2["value"] < 5
    assert set(kwargs2) == {"value", "labels"}


async def test_messages_pass_unchanged_and_streams_are_measured_to_their_end():
    async def app(scope, receive, send):
        await answer(send, 200, chunks=3)
        await asyncio.sleep(0.05)  # a background task is not part of the request

    recorder = Recorder()
    sent = await run(MonlightASGIMiddleware(app, recorder), scope())
    assert [m["type"] for m in sent] == ["http.response.start"] + ["http.response.body"] * 3
    assert recorder.calls[1][2]["value"] < 0.04


async def test_errors_are_reported_with_the_request_and_raised_unchanged(
    initialised, server: FakeServer
):
    error = ValueError("boom")

    async def app(scope, receive, send):
        monlight.set_user({"id": 7})
        raise error

    middleware = MonlightASGIMiddleware(app)
    with pytest.raises(ValueError) as caught:
        await run(middleware, scope(method="POST"))
    assert caught.value is error
    assert await monlight.aflush()
    (event,) = server.events
    assert event["request_url"] == "https://shop.example/x"
    assert event["request_method"] == "POST"
    assert event["request_headers"] == {"host": "shop.example", "user-agent": "test"}
    assert event["user_id"] == "7"
    assert event["environment"] == "test"
    assert event["exceptions"][0]["mechanism"] == {"type": "asgi", "handled": False}
    assert event["exceptions"][0]["frames"][-1]["function"] == "app"
    assert "ip_address" not in event["user"]
    assert server.total("http_requests_total", status="500") == 1
    monlight.capture_message("outside")
    assert await monlight.aflush()
    assert "user" not in server.events[1]


async def test_a_request_begins_without_the_breadcrumbs_of_others(initialised, server):
    async def app(scope, receive, send):
        monlight.add_breadcrumb("mine")
        raise ValueError

    monlight.add_breadcrumb("of the process")
    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(app), scope())
    assert await monlight.aflush()
    assert [c["message"] for c in server.events[0]["breadcrumbs"]] == ["mine"]


async def test_client_address_and_query_when_asked(server):
    from fake_server import KEY
    from support import QUICK

    client = monlight.ErrorClient(
        server.url, KEY, send_client_address=True, send_query_string=True, retry=QUICK
    )

    async def app(scope, receive, send):
        raise ValueError

    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(app, error_client=client), scope())
    assert await client.aflush()
    (event,) = server.events
    assert event["user"] == {"ip_address": "203.0.113.9"}
    assert event["request_url"].endswith("/x?token=secret&page=2")
    assert event["request_headers"]["x-forwarded-for"] == "203.0.113.9"
    client.shutdown()


class ClientDisconnect(Exception):
    pass


@pytest.mark.parametrize("error", [asyncio.CancelledError, ClientDisconnect])
async def test_a_client_that_goes_away_is_no_error(initialised, server, error):
    async def app(scope, receive, send):
        raise error

    with pytest.raises(error):
        await run(MonlightASGIMiddleware(app), scope())
    assert await monlight.aflush()
    assert server.events == []
    assert server.total("http_requests_total", status="499") == 1


async def test_errors_after_the_response_began_keep_its_status(initialised, server):
    async def app(scope, receive, send):
        await answer(send, 200)
        raise ValueError("in a background task")

    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(app), scope())
    assert await monlight.aflush()
    assert len(server.events) == 1
    assert server.total("http_requests_total", status="200") == 1
    assert server.total("http_requests_total") == 1


async def test_methods_of_scanners_are_one_label():
    async def app(scope, receive, send):
        await answer(send, 405)

    recorder = Recorder()
    for method in ("FOO1", "FOO2", "PROPFIND"):
        await run(MonlightASGIMiddleware(app, recorder), scope(method=method))
    assert {labels["method"] for labels in recorder.labels} == {"<other>"}


async def test_own_endpoint_labels_and_their_failure(initialised, server):
    async def app(scope, receive, send):
        await answer(send)

    await run(MonlightASGIMiddleware(app, endpoint=lambda scope: "mine"), scope())
    await run(MonlightASGIMiddleware(app, endpoint=lambda scope: 1 / 0), scope())
    assert await monlight.aflush()
    assert server.label_values("http_requests_total", "endpoint") == {"mine", "<unmatched>"}


async def test_a_metrics_client_that_raises_hurts_no_request():
    class Broken:
        def counter(self, *args, **kwargs):
            raise RuntimeError

        histogram = counter

    async def app(scope, receive, send):
        await answer(send)

    assert await run(MonlightASGIMiddleware(app, Broken()), scope())


async def test_websockets(initialised, server):
    async def app(scope, receive, send):
        raise ValueError("in a socket")

    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(app), {**scope(), "type": "websocket", "scheme": "wss"})
    assert await monlight.aflush()
    assert server.events[0]["request_url"] == "wss://shop.example/x"
    assert server.points == []


async def test_lifespan_delivers_before_the_server_goes(initialised, server):
    async def app(scope, receive, send):
        assert (await receive())["type"] == "lifespan.startup"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        monlight.counter("c")
        await send({"type": "lifespan.shutdown.complete"})

    order = []
    queue = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return queue.pop(0)

    async def send(message):
        order.append((message["type"], server.total("c")))

    await MonlightASGIMiddleware(app)({"type": "lifespan"}, receive, send)
    assert order == [("lifespan.startup.complete", 0), ("lifespan.shutdown.complete", 1)]
    monlight.counter("c")  # the next start of the same application goes on
    assert await monlight.aflush()
    assert server.total("c") == 2


async def test_failing_start_is_reported_and_ignorance_of_the_protocol_is_not(initialised, server):
    async def failing(scope, receive, send):
        await send({"type": "lifespan.startup.failed", "message": "x"})
        raise RuntimeError("no database")

    async def ignorant(scope, receive, send):
        raise ValueError("can only handle http")

    with pytest.raises(RuntimeError):
        await run(MonlightASGIMiddleware(failing), {"type": "lifespan"})
    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(ignorant), {"type": "lifespan"})
    assert await monlight.aflush()
    assert [e["message"] for e in server.events] == ["no database"]


async def test_unknown_scopes_pass(initialised):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await run(MonlightASGIMiddleware(app), {"type": "something.new"})
    assert seen == ["something.new"]


async def test_without_any_client_nothing_happens():
    async def app(scope, receive, send):
        raise ValueError

    with pytest.raises(ValueError):
        await run(MonlightASGIMiddleware(app), scope())
