"""One program per way in which people use the SDK: shop.py plain|fastapi|django|flask|celery|load|limited.

Each reports one error and one message, and prints the IDs of the events that the SDK sends.
"""

import os
import sys

if os.environ.get("WITHOUT_BROTLI"):
    sys.modules["brotli"] = None  # importing it fails, as if it were not installed

import sentry_sdk


def before_send(event, hint):
    print("sent", event["event_id"], flush=True)
    return event


def init(*integrations):
    sentry_sdk.init(
        dsn=os.environ["SENTRY_DSN"],
        release=os.environ.get("RELEASE", "shop@1.4.2"),
        environment="staging",
        before_send=before_send,
        integrations=list(integrations),
        traces_sample_rate=float(os.environ.get("TRACES", "0")),
    )


def describe():
    """What a program tells the SDK about the request it works on."""
    sentry_sdk.set_user({"id": 42, "email": "jane@shop.example"})
    sentry_sdk.set_tag("plan", "business")
    sentry_sdk.add_breadcrumb(category="cart", message="opened the cart", level="info", data={"items": 3})


def ship_order(number):
    address = {}
    try:
        address["street"]
    except KeyError as err:
        raise ValueError(f"cannot ship order {number}: no address") from err


def work(number):
    describe()
    sentry_sdk.capture_message("stock is low", level="warning")
    ship_order(number)


def plain():
    init()
    try:
        work(7)
    except ValueError:
        sentry_sdk.capture_exception()


def fastapi():
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from sentry_sdk.integrations.fastapi import FastApiIntegration
    from sentry_sdk.integrations.starlette import StarletteIntegration

    init(StarletteIntegration(), FastApiIntegration())
    app = FastAPI()

    @app.post("/orders/{number}/ship")
    def ship(number: int):
        work(number)

    TestClient(app, raise_server_exceptions=False).post("/orders/7/ship", json={"password": "s3cret-of-jane"})


def flask():
    from flask import Flask
    from sentry_sdk.integrations.flask import FlaskIntegration

    init(FlaskIntegration())
    app = Flask(__name__)

    @app.post("/orders/<int:number>/ship")
    def ship(number):
        work(number)

    app.test_client().post("/orders/7/ship", json={"password": "s3cret-of-jane"})


def django():
    from django.conf import settings
    from sentry_sdk.integrations.django import DjangoIntegration

    init(DjangoIntegration())
    settings.configure(DEBUG=False, SECRET_KEY="s3cret-of-django", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], DATABASES={})
    import django as package
    from django.test import Client
    from django.urls import path

    package.setup()

    def ship(request, number):
        work(number)

    globals()["urlpatterns"] = [path("orders/<int:number>/ship", ship)]
    Client(raise_request_exception=False).post("/orders/7/ship", {"password": "s3cret-of-jane"})


def celery():
    from sentry_sdk.integrations.celery import CeleryIntegration

    init(CeleryIntegration())
    from celery import Celery  # after init, which changes how tasks are traced
    from celery.contrib.testing.worker import start_worker

    app = Celery("shop", broker="memory://", backend="cache+memory://")
    task = app.task(work, name="shop.ship")
    with start_worker(app, perform_ping_check=False, loglevel="critical"):
        task.delay(7).get(propagate=False, timeout=20)


def load():
    """Events one after the other until it is told to end by the end of its input."""
    import threading

    init()
    end = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), end.set()), daemon=True).start()
    n = 0
    while not end.wait(0.004):
        n += 1
        sentry_sdk.capture_message(f"load {n % 7}")


def limited():
    """Three events more than the SDK may send, after it was told so."""
    init()
    for _ in range(2):
        sentry_sdk.capture_message("as many as there may be, and one more")
        sentry_sdk.flush(5)
    for _ in range(3):
        sentry_sdk.capture_message("too many")


if __name__ == "__main__":
    scenario = globals()[sys.argv[1]]
    scenario()
    sentry_sdk.flush(5)
