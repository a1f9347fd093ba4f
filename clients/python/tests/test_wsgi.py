from __future__ import annotations

from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from fake_server import FakeServer

import monlight
from monlight.integrations.wsgi import MonlightWSGIMiddleware


def call(app, *, path="/x", consume=True, **more):
    environ: dict = {}
    setup_testing_defaults(environ)
    environ.update(
        {
            "PATH_INFO": path,
            "HTTP_HOST": "shop.example",
            "HTTP_AUTHORIZATION": "Bearer x",
            "HTTP_USER_AGENT": "test",
            "REMOTE_ADDR": "203.0.113.9",
            **more,
        }
    )
    environ.pop("QUERY_STRING", None)
    environ.update({"QUERY_STRING": "token=1"})
    started = []

    def start_response(status, headers, exc_info=None):
        started.append(status)
        return lambda data: None

    response = app(environ, start_response)
    if not consume:
        return response
    try:
        body = b"".join(response)
    finally:
        if hasattr(response, "close"):
            response.close()
    return started, body


def test_errors_and_metrics(initialised, server: FakeServer):
    def app(environ, start_response):
        monlight.set_user(7)
        raise ValueError("boom")

    with pytest.raises(ValueError):
        call(MonlightWSGIMiddleware(app), path="/caf\xc3\xa9")
    assert monlight.flush()
    (event,) = server.events
    assert event["request_url"] == "http://shop.example/café"
    assert event["request_headers"] == {"Host": "shop.example", "User-Agent": "test"}
    assert event["user_id"] == "7"
    assert event["exceptions"][0]["mechanism"]["type"] == "wsgi"
    assert server.total("http_requests_total", status="500", endpoint="<unmatched>") == 1


def test_errors_while_streaming(initialised, server):
    def app(environ, start_response):
        start_response("200 OK", [])
        monlight.set_tag("part", "view")
        yield b"a"
        monlight.set_tag("stream", "on")
        raise ValueError("in the middle")

    with pytest.raises(ValueError):
        call(MonlightWSGIMiddleware(app))
    assert monlight.flush()
    (event,) = server.events
    assert event["tags"] == {"part": "view", "stream": "on"}
    assert event["request_method"] == "GET"
    assert server.total("http_requests_total", status="500") == 1
    assert server.total("http_requests_total") == 1
    monlight.capture_message("outside")
    assert monlight.flush()
    assert "tags" not in server.events[1]


def test_the_protocol_is_kept(initialised, server):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"a", b"b"])

    checked = validator(MonlightWSGIMiddleware(validator(app)))
    assert call(checked) == (["200 OK"], b"ab")
    assert monlight.flush()
    assert server.total("http_requests_total", status="200") == 1


def test_lists_and_files_reach_the_server_as_they_are(initialised, server, tmp_path):
    body = [b"x"]

    def listing(environ, start_response):
        start_response("200 OK", [])
        return body

    assert call(MonlightWSGIMiddleware(listing), consume=False) is body

    (tmp_path / "f").write_bytes(b"file")

    def file(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"]((tmp_path / "f").open("rb"))

    response = call(
        MonlightWSGIMiddleware(file), consume=False, **{"wsgi.file_wrapper": FileWrapper}
    )
    assert type(response) is FileWrapper
    response.close()
    assert monlight.flush()
    assert server.total("http_requests_total", status="200") == 2


def test_close_is_passed_on(initialised):
    class Response:
        closed = False

        def __iter__(self):
            yield b"x"

        def close(self):
            Response.closed = True

    def app(environ, start_response):
        start_response("200 OK", [])
        return Response()

    call(MonlightWSGIMiddleware(app))
    assert Response.closed


def test_own_endpoints(initialised, server):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    call(MonlightWSGIMiddleware(app, endpoint=lambda environ: "/mine"))
    call(MonlightWSGIMiddleware(app, endpoint=lambda environ: environ["no such key"]))
    assert monlight.flush()
    assert server.label_values("http_requests_total", "endpoint") == {"/mine", "<unmatched>"}


def test_the_end_of_a_worker_is_no_error(initialised, server):
    def app(environ, start_response):
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        call(MonlightWSGIMiddleware(app))
    assert monlight.flush()
    assert server.events == []
