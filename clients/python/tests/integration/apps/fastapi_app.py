from __future__ import annotations

import asyncio
import logging
import os

from fastapi import APIRouter, Depends, FastAPI, Request
from shop import orders

import monlight
from monlight.integrations.fastapi import setup_monlight

app = FastAPI()
setup_monlight(
    app,
    error_tracker_url=os.environ.get("ET_URL"),
    metrics_collector_url=os.environ.get("MC_URL"),
    error_tracker_api_key=os.environ.get("ET_KEY"),
    metrics_collector_api_key=os.environ.get("MC_KEY"),
    project="fastapi-shop",
    environment="integration",
    release="2026.11",
    flush_interval=float(os.environ.get("FLUSH", "1")),
)


def signed_in(request: Request) -> None:
    if "x-user" in request.headers:
        monlight.set_user({"id": request.headers["x-user"], "email": "ann@shop.example"})


router = APIRouter(prefix="/orders", dependencies=[Depends(signed_in)])


@router.get("/{order_id}/share")
async def share(order_id: int) -> float:
    monlight.add_breadcrumb("asked for a share", category="shop", data={"api_key": "secret"})
    await asyncio.sleep(0)
    return orders.share(order_id)


@router.get("/{order_id}")
def show(order_id: int) -> dict:
    return orders.load(order_id)


app.include_router(router, prefix="/api")


@app.get("/up")
async def up() -> str:
    return "up"


@app.get("/log")
def log() -> str:
    logging.getLogger("shop").error("stock of %s is low", "screws")
    return "logged"
