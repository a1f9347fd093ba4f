"""A small order job that really crashes, in a different way for each argument.

    python orders.py price|ship|import|pay ORDER_NUMBER
"""

import json
import socket
import sys
from decimal import Decimal

import monlight_report

PRICES = {"apple": Decimal("0.30"), "bread": Decimal("2.80")}


class PaymentError(Exception):
    """The payment provider did not take the order."""


def total(order: dict) -> Decimal:
    return sum((PRICES[item] for item in order["items"]), Decimal())


def price(number: int) -> None:
    order = {"number": number, "items": ["apple", "bread", f"cheese-{number % 3}"]}
    print("total", total(order))


def weight_of(parcel: dict) -> float:
    return parcel["grams"] / parcel["pieces"]


def ship(number: int) -> None:
    print("weight", weight_of({"number": number, "grams": 1200, "pieces": 0}))


def read_line(line: str) -> dict:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"order {line[:20]!r} is not a JSON object") from error


def import_orders(number: int) -> None:
    print(read_line('{"number": %d, "items": [' % number))


def charge(number: int) -> None:
    # Nobody listens on this port of this machine: a real refused connection.
    socket.create_connection(("127.0.0.1", 9), timeout=1).close()


def pay(number: int) -> None:
    try:
        charge(number)
    except OSError as error:
        raise PaymentError(f"order {number} was not paid") from error


STEPS = {"price": price, "ship": ship, "import": import_orders, "pay": pay}

if __name__ == "__main__":
    step, number = sys.argv[1], int(sys.argv[2])
    monlight_report.install(
        "orders",
        release="orders@2.4.1",
        transaction=f"job {step}",
        user_id=f"customer-{number % 7}",
        extra={"order": number, "step": step},
    )
    STEPS[step](number)
