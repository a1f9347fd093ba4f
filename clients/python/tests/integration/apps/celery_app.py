from __future__ import annotations

import os

from celery import Celery
from shop import orders

import monlight
from monlight.integrations.celery import setup_celery

folder = os.environ["BROKER_FOLDER"]
app = Celery("celery_app", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/queue",
    "data_folder_out": f"{folder}/queue",
    "control_folder": f"{folder}/control",
}
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True

monlight.init(
    os.environ.get("ET_URL"),
    os.environ.get("MC_URL"),
    error_tracker_api_key=os.environ.get("ET_KEY"),
    metrics_collector_api_key=os.environ.get("MC_KEY"),
    project="celery-shop",
    environment="integration",
    release="2026.11",
    flush_interval=60,
)
setup_celery()


@app.task(name="shop.share")
def share(order_id: int) -> float:
    monlight.set_user({"id": f"customer-{order_id}"})
    return orders.share(order_id)


@app.task(name="shop.total")
def total(order_id: int) -> int:
    return orders.load(order_id)["total"]
