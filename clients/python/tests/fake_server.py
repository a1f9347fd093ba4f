"""An HTTP server that speaks the contract of error-tracker and metrics-collector.

It refuses what the real ones refuse, counts what was sent twice once, and can
be told to fail in all the ways that servers do.
"""

from __future__ import annotations

import gzip
import json
import math
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "test-key-of-at-least-16-characters"

LIMITS = {"/api/errors": 262_144, "/api/metrics": 524_288}


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes  # decompressed
    connection: int
    status: int = 0


@dataclass
class Fault:
    """What is done instead of answering properly."""

    status: int = 0  # 0: close the connection
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"detail":"fault"}'
    after_processing: bool = False  # the request counts, only its answer gets lost
    delay: float = 0.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        fake = self.server.fake
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = raw
        if self.headers.get("Content-Encoding") == "gzip":
            if not fake.reads_gzip:
                self._answer(400, b'{"detail":"Invalid JSON"}')
                return
            body = gzip.decompress(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body, id(self.connection))
        with fake.lock:
            fake.requests.append(request)
            fault = fake.faults.popleft() if fake.faults else fake.standing_fault
        if fault is not None and fault.delay:
            fake.released.wait(fault.delay)
        if fault is not None and not fault.after_processing:
            request.status = fault.status
            self._fail(fault)
            return
        status, answer = fake.process(request)
        request.status = status
        if fault is not None:
            self._fail(fault)
            return
        self._answer(status, answer)

    def _fail(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._answer(fault.status, fault.body, fault.headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    fake: FakeServer

    def get_request(self) -> Any:
        accepted = super().get_request()
        self.fake.connections.append(accepted[0])
        return accepted

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # connections are cut on purpose


class FakeServer:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[Request] = []
        self.events: list[dict[str, Any]] = []
        self.points: list[dict[str, Any]] = []
        self.refused: list[tuple[int, str]] = []
        self.faults: deque[Fault] = deque()
        self.standing_fault: Fault | None = None
        self.reads_gzip = True
        self.connections: list[socket.socket] = []
        self.released = threading.Event()
        self._event_ids: set[str] = set()
        self._batch_keys: set[str] = set()
        self._port = 0
        self._server: _Server | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        server = _Server(("127.0.0.1", self._port), _Handler)
        server.fake = self
        self._port = server.server_address[1]
        self._server = server
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Go away: the port is closed and so are all connections."""
        self.released.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self.connections.clear()

    def fail(self, *faults: Fault) -> None:
        with self.lock:
            self.faults.extend(faults)

    def process(self, request: Request) -> tuple[int, bytes]:
        if request.headers.get("x-api-key") != KEY:
            return 401, b'{"detail":"Invalid API key"}'
        if len(request.body) > LIMITS.get(request.path, 0):
            return 413, b'{"detail":"Request body exceeds maximum size"}'
        try:
            value = json.loads(request.body, parse_constant=_no_constant)
        except ValueError:
            return self._refuse(400, "Invalid JSON")
        with self.lock:
            if request.path == "/api/errors":
                return self._error(value)
            return self._metrics(value, request.headers.get("idempotency-key"))

    def _refuse(self, status: int, detail: str) -> tuple[int, bytes]:
        self.refused.append((status, detail))
        return status, json.dumps({"detail": detail}).encode()

    def _error(self, event: Any) -> tuple[int, bytes]:
        if not isinstance(event, dict):
            return self._refuse(400, "Request body must be a JSON object")
        for name in ("project", "exception_type", "message", "traceback"):
            if not isinstance(event.get(name), str):
                return self._refuse(400, f"Missing required field: {name}")
        for name, limit in (("project", 100), ("exception_type", 200)):
            if len(event[name].encode("utf-8", "surrogatepass")) > limit:
                return self._refuse(400, f"{name} is too long")
        event_id = event.get("event_id", "")
        if event_id in self._event_ids:
            return 200, b'{"status":"duplicate","id":1,"count":1}'
        self._event_ids.add(event_id)
        self.events.append(event)
        return 201, b'{"status":"created","id":1,"fingerprint":"00"}'

    def _metrics(self, points: Any, key: str | None) -> tuple[int, bytes]:
        if not isinstance(points, list) or not 1 <= len(points) <= 1000:
            return self._refuse(400, "1 to 1000 points")
        for point in points:
            if not isinstance(point, dict) or set(point) - {
                "name", "type", "value", "labels", "timestamp", "project",
            }:  # fmt: skip
                return self._refuse(400, "not a point")
            name, value = point.get("name"), point.get("value")
            if not isinstance(name, str) or not 1 <= len(name.encode()) <= 200:
                return self._refuse(400, "name")
            if point.get("type") not in ("counter", "histogram", "gauge"):
                return self._refuse(400, "type")
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return self._refuse(400, "value")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                return self._refuse(400, "value beyond 64 bits")
            if not math.isfinite(value) or (point["type"] == "counter" and value < 0):
                return self._refuse(400, "value")
            if name == "poison":
                return self._refuse(400, "poison")
        if key is not None:
            if key in self._batch_keys:
                return 202, b'{"status":"accepted","count":0}'
            self._batch_keys.add(key)
        self.points.extend(points)
        return 202, json.dumps({"status": "accepted", "count": len(points)}).encode()

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of a counter, or the number of observations of a histogram."""
        result = 0.0
        with self.lock:
            for point in self.points:
                own = point.get("labels", {})
                if point["name"] == name and all(own.get(k) == v for k, v in labels.items()):
                    result += point["value"] if point["type"] == "counter" else 1
        return result

    def label_values(self, name: str, label: str) -> set[str]:
        with self.lock:
            return {p["labels"][label] for p in self.points if p["name"] == name}


def _no_constant(name: str) -> Any:
    raise ValueError(name)
