"""A small shop. It logs as JSON and as text, and some of what it does fails."""

import json
import logging
import os
import random
import sys
import time
import uuid
from datetime import datetime, timezone

from flask import Flask, g, jsonify, request

try:
    import psycopg2
except ImportError:  # outside of the container: without a database
    psycopg2 = None

app = Flask(__name__)


class JSONLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record):
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        return json.dumps(line)


events = logging.getLogger("shop.events")
events.setLevel(logging.DEBUG)
events.propagate = False
events.addHandler(logging.StreamHandler(sys.stdout))
events.handlers[0].setFormatter(JSONLines())


def event(level, text, **fields):
    events.log(level, text, extra={"fields": {**fields, "trace_id": g.trace, "request_id": g.request}})


@app.before_request
def begin():
    g.started = time.monotonic()
    g.trace = uuid.uuid4().hex
    g.request = request.headers.get("X-Request-Id", uuid.uuid4().hex)


@app.after_request
def end(response):
    event(logging.INFO, "request done", path=request.path, status=response.status_code, duration_ms=round(1000 * (time.monotonic() - g.started), 1))
    return response


def query(statement, *values):
    """Runs a statement in the database, if there is one."""
    if psycopg2 is None or "DATABASE" not in os.environ:
        return []
    with psycopg2.connect(os.environ["DATABASE"], connect_timeout=2) as connection, connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


class OutOfStock(Exception):
    """There is nothing left of what was ordered."""


@app.get("/articles/<int:number>")
def article(number):
    event(logging.DEBUG, "article looked up", article=number)
    if number % 40 == 0:
        query("SELECT pg_sleep(0.15), %s", number)
        event(logging.WARNING, "slow query", article=number, statement="SELECT … FROM articles")
    return jsonify(number=number, price=number * 3 % 100)


@app.post("/orders")
def order():
    number = random.randrange(10_000)
    if number % 25 == 0:
        try:
            reserve({"article": number})
        except KeyError as missing:
            raise OutOfStock(f"order {number} cannot be delivered") from missing
    if number % 60 == 0:
        query("SELECT total FROM no_such_table WHERE id = %s", number)
    event(logging.INFO, "order placed", order=number, items=random.randrange(1, 9), total=round(random.uniform(5, 300), 2))
    return jsonify(order=number), 201


def reserve(line):
    return line["quantity"]
