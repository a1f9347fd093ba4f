from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock, MagicMock

import pytest
from fake_server import KEY, FakeServer
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from support import QUICK

import monlight
from monlight.integrations.asgi import MonlightASGIMiddleware
from monlight.integrations.fastapi import (
    MonlightExceptionHandler,
    MonlightMiddleware,
    setup_monlight,
)


def make_app(tmp_path=None) -> FastAPI:
    app = FastAPI()

    @app.get("/orders/{order_id}")
    async def order(order_id: int):
        if order_id == 0:
            raise LookupError("no such order")
        return {"id": order_id}

    @app.post("/orders/{order_id}")
    def change(order_id: int):
        return {"id": order_id}

    @app.get("/files/{path:path}")
    async def file(path: str):
        return path

    @app.get("/teapot")
    async def teapot():
        raise HTTPException(status_code=418)

    @app.get("/unavailable")
    async def unavailable():
        raise HTTPException(status_code=503)

    @app.get("/stream")
    async def stream():
        async def chunks():
            yield b"a"
            yield b"b"

        return StreamingResponse(chunks())

    router = APIRouter(prefix="/v1")

    @router.get("/users/{name}")
    async def user(name: str):
        return name

    inner = APIRouter()

    @inner.get("/posts/{post_id}")
    async def post(post_id: str):
        raise ValueError("post")

    router.include_router(inner, prefix="/users/{name}")
    app.include_router(router, prefix="/api")

    def current_user(request: Request):
        monlight.set_user({"id": 7})  # runs in a thread: the request must see it

    @app.get("/me")
    def me(_=Depends(current_user)):
        raise ValueError("me")

    sub = FastAPI()

    @sub.get("/items/{item_id}")
    async def item(item_id: str):
        return item_id

    app.mount("/sub/{tenant}", sub)
    if tmp_path is not None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "a.css").write_text("x")
        app.mount("/static", StaticFiles(directory=tmp_path))
    return app


def endpoints(calls):
    return [call.kwargs["labels"]["endpoint"] for call in calls.counter.call_args_list]


CASES = [
    ("GET", "/orders/7", "/orders/{order_id}", "200"),
    ("POST", "/orders/8", "/orders/{order_id}", "200"),
    ("PUT", "/orders/8", "/orders/{order_id}", "405"),
    ("GET", "/orders/not-a-number", "/orders/{order_id}", "422"),
    ("GET", "/orders/0", "/orders/{order_id}", "500"),
    ("GET", "/files/a/b/c.txt", "/files/{path}", "200"),
    ("GET", "/teapot", "/teapot", "418"),
    ("GET", "/unavailable", "/unavailable", "503"),
    ("GET", "/stream", "/stream", "200"),
    ("GET", "/api/v1/users/ann", "/api/v1/users/{name}", "200"),
    ("GET", "/api/v1/users/ann/posts/5", "/api/v1/users/{name}/posts/{post_id}", "500"),
    ("GET", "/sub/acme/items/3", "/sub/{tenant}/items/{item_id}", "200"),
    ("GET", "/static/deep/a.css", "/static/{path}", "200"),
    ("GET", "/static/deep/none.css", "/static/{path}", "404"),
    ("GET", "/wp-login.php", "<unmatched>", "404"),
    ("GET", "/.env", "<unmatched>", "404"),
    ("GET", "/orders/1/2/3", "<unmatched>", "404"),
]


@pytest.mark.parametrize(("method", "path", "endpoint", "status"), CASES)
def test_labels(tmp_path, method, path, endpoint, status):
    app = make_app(tmp_path)
    metrics = MagicMock()
    app.add_middleware(MonlightMiddleware, metrics_client=metrics)
    client = TestClient(app, raise_server_exceptions=False)
    response = client.request(method, path)
    assert str(response.status_code) == status
    labels = {"method": method, "endpoint": endpoint, "status": status}
    metrics.counter.assert_called_once_with("http_requests_total", labels=labels)
    (call,) = metrics.histogram.call_args_list
    assert call.args == ("http_request_duration_seconds",)
    assert call.kwargs == {"value": call.kwargs["value"], "labels": labels}


def test_labels_under_a_root_path():
    app = make_app()
    metrics = MagicMock()
    app.add_middleware(MonlightMiddleware, metrics_client=metrics)
    # Servers differ, and so do releases of Starlette: with the prefix in the path, and without.
    assert TestClient(app, root_path="/behind/a").get("/orders/7").status_code == 200
    found = TestClient(app, root_path="/behind/a").get("/behind/a/orders/7").status_code == 200
    assert endpoints(metrics) == [
        "/orders/{order_id}",
        "/orders/{order_id}" if found else "<unmatched>",
    ]


def test_labels_of_plain_starlette():
    async def show(request):
        return PlainTextResponse("x")

    app = Starlette(
        routes=[
            Route("/a/{one}", show),
            Route("/b/{two:int}/x", show),
            Mount("/m", routes=[Route("/c/{three}", show, name="c")]),
        ]
    )
    metrics = MagicMock()
    app.add_middleware(MonlightMiddleware, metrics_client=metrics)
    client = TestClient(app)
    for path in ("/a/1", "/b/2/x", "/m/c/3", "/nothing"):
        client.get(path)
    assert endpoints(metrics) == ["/a/{one}", "/b/{two}/x", "/m/c/{three}", "<unmatched>"]


def test_setup_wires_everything(server: FakeServer):
    app = make_app()
    clients = setup_monlight(
        app,
        error_tracker_url=server.url,
        metrics_collector_url=server.url,
        api_key=KEY,
        project="shop",
        flush_interval=3600,
        environment="production",
        release="2.0",
        retry=QUICK,
    )
    assert app.state.monlight_error_client is clients["error_client"]
    assert app.exception_handlers[Exception] is MonlightExceptionHandler
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/orders/0?token=abc", headers={"Cookie": "a=b", "X-Own": "1"})
        assert response.status_code == 500
        assert response.json() == {"detail": "Internal server error"}
        client.get("/api/v1/users/ann/posts/5")
        client.get("/me")
        client.get("/orders/1")
    # The end of the lifespan has delivered everything.
    first, second, third = server.events
    assert first["exception_type"] == "LookupError"
    assert first["request_url"] == "http://testserver/orders/0"
    assert first["request_method"] == "GET"
    assert first["request_headers"]["x-own"] == "1"
    assert "cookie" not in first["request_headers"]
    assert first["transaction"] == "GET /orders/{order_id}"
    assert (first["environment"], first["release"], first["project"]) == (
        "production",
        "2.0",
        "shop",
    )
    assert first["exceptions"][-1]["frames"][-1]["function"] == "order"
    assert first["exceptions"][-1]["frames"][-1]["in_app"] is True
    assert second["transaction"] == "GET /api/v1/users/{name}/posts/{post_id}"
    assert third["user_id"] == "7"
    assert "user_id" not in second
    assert server.total("http_requests_total") == 4
    assert server.total("http_request_duration_seconds") == 4
    assert server.points[0]["project"] == "shop"
    clients["metrics_client"].shutdown()
    clients["metrics_client"].shutdown()


def test_setup_of_one_service_only(server):
    app = FastAPI()
    clients = setup_monlight(app, error_tracker_url=server.url, api_key=KEY)
    assert clients["metrics_client"] is None
    assert all(m.cls is not MonlightMiddleware for m in app.user_middleware)
    assert any(m.cls is MonlightASGIMiddleware for m in app.user_middleware)
    app = FastAPI()
    clients = setup_monlight(app, metrics_collector_url=server.url, api_key=KEY)
    assert clients["error_client"] is None
    assert Exception not in app.exception_handlers
    assert not hasattr(app.state, "monlight_error_client")
    clients["metrics_client"].shutdown()
    app = FastAPI()
    assert setup_monlight(app, api_key=KEY) == {"error_client": None, "metrics_client": None}


def test_setup_with_a_key_for_each_service(server):
    clients = setup_monlight(
        FastAPI(),
        error_tracker_url=server.url,
        metrics_collector_url=server.url,
        error_tracker_api_key=KEY,
        metrics_collector_api_key="the other key",
    )
    clients["error_client"].capture_message("x")
    clients["metrics_client"].counter("c")
    clients["error_client"].flush()
    clients["metrics_client"].flush()
    assert {(r.path, r.headers["x-api-key"]) for r in server.requests} == {
        ("/api/errors", KEY),
        ("/api/metrics", "the other key"),
    }
    clients["metrics_client"].shutdown()
    with pytest.raises(ValueError, match="metrics_collector_api_key"):
        setup_monlight(FastAPI(), metrics_collector_url=server.url, error_tracker_api_key=KEY)


async def test_handler_with_a_mock_of_the_client():
    """As programs of the first generation test it."""
    client = MagicMock()
    client.report_error = AsyncMock()
    request = MagicMock()
    request.app.state.monlight_error_client = client
    request.url = "http://testserver/x?y=1"
    request.method = "GET"
    request.headers = {"accept": "*/*"}
    error = ValueError("x")
    response = await MonlightExceptionHandler(request, error)
    await asyncio.sleep(0)
    assert response.status_code == 500
    assert response.body == b'{"detail":"Internal server error"}'
    client.report_error.assert_called_once()
    args = client.report_error.call_args.args
    assert args[0] is error
    assert args[1] == {
        "request_url": "http://testserver/x?y=1",
        "request_method": "GET",
        "request_headers": {"accept": "*/*"},
    }


async def test_handler_without_a_client_or_with_a_broken_one():
    request = MagicMock()
    request.app.state = object()
    assert (await MonlightExceptionHandler(request, ValueError())).status_code == 500
    request = MagicMock()
    request.app.state.monlight_error_client.report_error.side_effect = RuntimeError
    assert (await MonlightExceptionHandler(request, ValueError())).status_code == 500


def test_http_exceptions_and_validation_are_not_reported(server):
    app = make_app()
    clients = setup_monlight(app, error_tracker_url=server.url, api_key=KEY, retry=QUICK)
    with TestClient(app) as client:
        client.get("/teapot")
        client.get("/unavailable")
        client.get("/orders/x")
        client.get("/nothing")
    assert server.events == []
    assert clients["error_client"].stats()["sent"] == 0


def test_the_response_is_the_applications_own(server):
    app = make_app()
    setup_monlight(app, error_tracker_url=server.url, metrics_collector_url=server.url, api_key=KEY)
    plain = TestClient(make_app())
    with TestClient(app) as watched:
        for path in ("/orders/7", "/stream", "/teapot", "/nothing", "/files/a/b"):
            a, b = watched.get(path), plain.get(path)
            assert (a.status_code, a.content, dict(a.headers)) == (
                b.status_code,
                b.content,
                dict(b.headers),
            )


def test_middleware_stacks_of_the_old_kind(server):
    """BaseHTTPMiddleware runs the application in a task of its own."""
    from starlette.middleware.base import BaseHTTPMiddleware

    class Outer(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            return await call_next(request)

    app = make_app()
    setup_monlight(
        app,
        error_tracker_url=server.url,
        metrics_collector_url=server.url,
        api_key=KEY,
        retry=QUICK,
    )
    app.add_middleware(Outer)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/me").status_code == 500
        assert client.get("/orders/7").status_code == 200
    assert [e["user_id"] for e in server.events] == ["7"]
    assert server.label_values("http_requests_total", "endpoint") == {"/me", "/orders/{order_id}"}
