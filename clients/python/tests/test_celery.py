"""Tasks run in this process; the integration suite runs real workers."""

from __future__ import annotations

import pytest
from celery import Celery
from fake_server import FakeServer

import monlight
from monlight.integrations.celery import setup_celery


@pytest.fixture
def app(initialised):
    setup_celery()
    setup_celery()
    app = Celery("shop", broker="memory://", backend="cache+memory://")
    app.conf.task_always_eager = True
    app.conf.task_eager_propagates = False
    return app


def test_failures_are_reported_and_tasks_measured(app, server: FakeServer):
    @app.task(name="shop.charge")
    def charge(amount):
        monlight.set_tag("amount", amount)
        if amount < 0:
            raise ValueError("negative amount")
        return amount

    assert charge.delay(5).get() == 5
    result = charge.delay(-1)
    assert result.failed()
    assert monlight.flush()
    (event,) = server.events
    assert event["exception_type"] == "ValueError"
    assert event["transaction"] == "shop.charge"
    assert event["tags"]["amount"] == "-1"
    assert event["tags"]["celery.task"] == "shop.charge"
    assert event["tags"]["celery.task_id"] == result.id
    assert event["extra"]["celery"]["task_id"] == result.id
    assert event["exceptions"][-1]["mechanism"] == {"type": "celery", "handled": False}
    assert event["exceptions"][-1]["frames"][-1]["function"] == "charge"
    assert set(event["extra"]) == {"celery"}
    assert set(event["extra"]["celery"]) == {"task", "task_id", "retries", "queue"}  # no arguments
    assert server.total("celery_tasks_total", task="shop.charge", state="SUCCESS") == 1
    assert server.total("celery_tasks_total", task="shop.charge", state="FAILURE") == 1
    assert server.total("celery_task_duration_seconds", task="shop.charge") == 2
    monlight.capture_message("outside")
    assert monlight.flush()
    assert "tags" not in server.events[1]


def test_expected_errors_and_retries_are_not_reported(app, server):
    @app.task(name="shop.expected", throws=(KeyError,))
    def expected():
        raise KeyError("known")

    @app.task(name="shop.flaky", bind=True, max_retries=2, default_retry_delay=0)
    def flaky(self):
        if self.request.retries < 2:
            raise self.retry(exc=ValueError("again"), countdown=0)
        raise RuntimeError("gave up")

    expected.delay()
    flaky.delay()
    assert monlight.flush()
    assert [e["exception_type"] for e in server.events] == ["RuntimeError"]
