"""What the crashing applications have in common: code that crashes."""

from __future__ import annotations

ORDERS = {1: {"total": 10, "parts": 0}}


def load(order_id: int) -> dict:
    try:
        return ORDERS[order_id]
    except KeyError as error:
        raise LookupError(f"order {order_id} is gone") from error


def share(order_id: int) -> float:
    order = load(order_id)
    return order["total"] / order["parts"]
