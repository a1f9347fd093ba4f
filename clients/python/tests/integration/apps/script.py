"""A program that ends by an error, with its report in the queue."""

from __future__ import annotations

import logging
import os

from shop import orders

import monlight

monlight.init(
    os.environ["ET_URL"],
    api_key=os.environ["ET_KEY"],
    project="script",
    environment="integration",
    include_locals=True,
)
logging.getLogger("shop").warning("about to crash")
password = "hunter2"
orders.load(99)
