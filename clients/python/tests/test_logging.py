from __future__ import annotations

import logging

import pytest
from fake_server import FakeServer

import monlight
from monlight import MonlightHandler
from monlight.integrations import logging as integration


@pytest.fixture
def log(errors):
    logger = logging.getLogger("shop.orders")
    handler = MonlightHandler(errors)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)


def test_records_become_events_and_breadcrumbs(log, errors, server: FakeServer):
    log.debug("too little")
    log.info("loading %s", 7, extra={"password": "x"})
    log.warning("slow")
    log.error("order %d failed", 7, extra={"order": 7, "api_key": "k"})
    assert errors.flush()
    (event,) = server.events
    assert event["exception_type"] == "LogError"
    assert event["message"] == "order 7 failed"
    assert event["logger"] == "shop.orders"
    assert event["level"] == "error"
    assert event["extra"] == {"order": 7, "api_key": "[Filtered]"}
    (frame,) = event["exceptions"][0]["frames"]
    assert frame["function"] == "test_records_become_events_and_breadcrumbs"
    assert "order %d failed" in frame["context_line"]
    assert [c["message"] for c in event["breadcrumbs"]] == ["loading 7", "slow"]
    assert event["breadcrumbs"][0]["category"] == "shop.orders"


def test_exceptions_are_reported_as_themselves_and_once(log, errors, server):
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError as error:
        log.exception("could not divide")
        log.critical("again", exc_info=error)
        errors.capture_exception(error)
    assert errors.flush()
    (event,) = server.events
    assert event["exception_type"] == "ZeroDivisionError"
    assert event["extra"]["log_message"] == "could not divide"
    assert event["exceptions"][0]["mechanism"] == {"type": "logging", "handled": True}


def test_broken_records_hurt_nobody(log, errors, server):
    class Broken:
        def __str__(self):
            raise RuntimeError

    handler = MonlightHandler(errors)
    for record in (
        logging.LogRecord("shop", logging.ERROR, "f.py", 1, "%d %s", ("x",), None),
        logging.LogRecord("shop", logging.ERROR, "f.py", 1, Broken(), (), None),
        logging.LogRecord("shop", logging.ERROR, None, 0, "no path", (), None),  # type: ignore[arg-type]
    ):
        handler.handle(record)
    assert errors.flush()
    assert server.events[0]["message"] == "%d %s"


def test_own_loggers_are_never_reported(errors, server):
    handler = MonlightHandler(errors)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        logging.getLogger("monlight").error("from us")
        logging.getLogger("monlight.error_client").error("from us")
        logging.getLogger("monlightish").error("from them")
    finally:
        root.removeHandler(handler)
    assert errors.flush()
    assert [e["message"] for e in server.events] == ["from them"]


def test_access_logs_do_not_go_along(log, errors, server):
    handler = MonlightHandler(errors)
    for name in ("uvicorn.access", "werkzeug", "gunicorn.access"):
        record = logging.LogRecord(
            name, logging.INFO, "f.py", 1, "203.0.113.9 GET /x?a=b", (), None
        )
        handler.handle(record)
    log.info("GET https://api.example/v1?key=123&page=2 took 3 ms")
    log.error("retries exceeded with url: /v1/x?api_key=123&page=2")
    assert errors.flush()
    (event,) = server.events
    assert [c["message"] for c in event["breadcrumbs"]] == [
        "GET https://api.example/v1?[Filtered] took 3 ms"
    ]
    assert event["message"] == "retries exceeded with url: /v1/x?api_key=[Filtered]&page=2"


def test_what_transports_log_while_they_deliver_is_not_reported(server):
    from fake_server import KEY

    from monlight import ErrorClient, HTTPTransport

    class Chatty(HTTPTransport):
        def post(self, url, headers, body, timeout):
            logging.getLogger("httpx").error("POST %s", url)
            return super().post(url, headers, body, timeout)

    client = ErrorClient(server.url, KEY, transport=Chatty())
    handler = MonlightHandler(client)
    logging.getLogger("httpx").addHandler(handler)
    try:
        client.capture_message("one")
        assert client.flush()
        assert client.flush()
    finally:
        logging.getLogger("httpx").removeHandler(handler)
    assert [e["message"] for e in server.events] == ["one"]


def test_installed_everywhere_without_a_root_handler(initialised, server, monkeypatch):
    monkeypatch.setattr(logging.Logger, "callHandlers", logging.Logger.callHandlers)
    monkeypatch.setattr(integration, "_installed", {})
    root = logging.getLogger()
    before = list(root.handlers)
    integration.install_logging(logging.ERROR, logging.INFO)
    integration.install_logging(logging.ERROR, logging.INFO)
    assert root.handlers == before  # basicConfig still does what the program expects
    quiet = logging.getLogger("quiet")
    quiet.propagate = False
    quiet.addHandler(logging.NullHandler())
    quiet.error("seen")
    silenced = logging.getLogger("silenced")
    silenced.addFilter(lambda record: False)
    silenced.error("filtered out")
    assert monlight.flush()
    assert [e["message"] for e in server.events] == ["seen"]
