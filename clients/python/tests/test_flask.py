from __future__ import annotations

import pytest
from fake_server import FakeServer
from flask import Flask, abort, g

import monlight
from monlight.integrations.flask import MonlightFlask


@pytest.fixture
def app(initialised):
    app = Flask(__name__)

    @app.get("/orders/<int:order_id>")
    def order(order_id):
        if order_id == 0:
            raise LookupError("no such order")
        return str(order_id)

    @app.get("/handled")
    def handled():
        raise PermissionError

    @app.errorhandler(PermissionError)
    def on_permission(error):
        return "no", 403

    @app.get("/abort")
    def aborts():
        abort(503)

    @app.get("/user")
    def user():
        class User:
            is_authenticated = True

            def get_id(self):
                return 42

        g._login_user = User()
        monlight.add_breadcrumb("in the view")
        raise ValueError("with a user")

    MonlightFlask(app)
    MonlightFlask(app)
    return app


class Buffered:
    """A request is over when the server has sent the response and closed it."""

    def __init__(self, client):
        self._client = client

    def get(self, path):
        return self._client.get(path, buffered=True)

    def post(self, path):
        return self._client.post(path, buffered=True)


def test_errors_and_labels(app, server: FakeServer):
    client = Buffered(app.test_client())
    assert client.get("/orders/7").status_code == 200
    assert client.get("/orders/0?token=1").status_code == 500
    assert client.get("/handled").status_code == 403
    assert client.get("/abort").status_code == 503
    assert client.get("/user").status_code == 500
    for path in ("/wp-login.php", "/.env", "/orders/x"):
        assert client.get(path).status_code == 404
    assert client.post("/orders/7").status_code == 405
    assert monlight.flush()
    first, second = server.events
    assert first["exception_type"] == "LookupError"
    assert first["request_url"] == "http://localhost/orders/0"
    assert first["transaction"] == "GET /orders/<int:order_id>"
    assert first["exceptions"][-1]["frames"][-1]["function"] == "order"
    assert first["exceptions"][-1]["mechanism"] == {"type": "flask", "handled": False}
    assert "user" not in first
    assert second["user_id"] == "42"
    assert [c["message"] for c in second["breadcrumbs"]][0] == "in the view"
    count = lambda **labels: server.total("http_requests_total", **labels)  # noqa: E731
    assert count(endpoint="/orders/<int:order_id>", status="200") == 1
    assert count(endpoint="/orders/<int:order_id>", status="500") == 1
    assert count(endpoint="/handled", status="403") == 1
    assert count(endpoint="/abort", status="503") == 1
    assert count(endpoint="<unmatched>", status="404") == 3
    assert count() == 9


def test_errors_that_the_test_mode_lets_through_are_reported_once(app, server):
    app.testing = True
    with pytest.raises(LookupError):
        app.test_client().get("/orders/0")
    assert monlight.flush()
    assert len(server.events) == 1


def test_application_factories(server, initialised):
    extension = MonlightFlask()
    app = Flask("factory")
    extension.init_app(app)

    @app.get("/x")
    def x():
        return "x"

    app.test_client().get("/x").get_data()
    assert monlight.flush()
    assert server.label_values("http_requests_total", "endpoint") == {"/x"}


def test_what_flask_logs_is_reported_as_uncaught_nevertheless(app, server):
    from monlight import MonlightHandler

    handler = MonlightHandler()
    app.logger.addHandler(handler)
    app.test_client().get("/orders/0", buffered=True)
    app.logger.removeHandler(handler)
    assert monlight.flush()
    (event,) = server.events
    assert event["exceptions"][-1]["mechanism"] == {"type": "flask", "handled": False}
