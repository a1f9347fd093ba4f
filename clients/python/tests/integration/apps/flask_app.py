from __future__ import annotations

import os

from flask import Flask, request
from shop import orders

import monlight
from monlight.integrations.flask import MonlightFlask

monlight.init(
    os.environ.get("ET_URL"),
    os.environ.get("MC_URL"),
    error_tracker_api_key=os.environ.get("ET_KEY"),
    metrics_collector_api_key=os.environ.get("MC_KEY"),
    project="flask-shop",
    environment="integration",
    release="2026.11",
    flush_interval=60,
)
# In the buffers when the workers are forked, if the server preloads this module.
monlight.counter("preloaded_total")

app = Flask(__name__)
MonlightFlask(app)


@app.get("/up")
def up():
    return "up"


@app.get("/pid")
def pid():
    return str(os.getpid())


@app.get("/orders/<int:order_id>/share")
def share(order_id):
    monlight.set_user(request.headers.get("X-User"))
    monlight.set_tag("worker", os.getpid())
    return str(orders.share(order_id))
