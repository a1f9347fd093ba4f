"""openapi_answers.py DOCUMENTS KEY SERVICE=URL...: fills running services with data and compares what they answer
with their OpenAPI documents: status, content type, headers, and the body with its schema.

It fails when an answer is not as documented, when a documented answer of 2xx was never given, and when a property that
a schema has was never seen with a value: a document that promises too much is as wrong as one that says too little.
Run by openapi_fuzz.sh, with the Python of its virtual environment.
"""

import gzip
import hashlib
import http.client
import io
import json
import re
import sys
import time
import urllib.parse
import zipfile
from pathlib import Path

import jsonschema_rs

DEADLINE = 30  # seconds that data may take from one service to another

# Properties that this run cannot bring about, and why. Each is "Schema.property".
UNSEEN = {
    "*": {
        "Health.disk_low": "needs a full disk",
        "Status.warnings": "needs a full disk",
        "Storage.limit_bytes": "not every service has such a limit",
        "Peer.detail": "needs a service that is ill",
        "Mistake.request_id": "needs a request that fails",
    },
    "error-tracker": {
        "Result.retry_after": "needs a store that is overloaded",
        "Issue.approximate": "needs an error with more events than are kept",
        "Key.last_used": "is written some minutes later",
        "IngestHealth.counts.failed": "needs a store that fails",
        "Frame.source_map": "is set by the browser relay, which has the map",
    },
    "log-viewer": {
        "Container.host": "needs a log that comes from another machine",
        "Status.mistakes": "needs a log that cannot be read",
    },
    "metrics-collector": {"Status.mistakes": "needs a disk that fails"},
    "browser-relay": {"DSNKey.last_seen": "is written some minutes later", "Status.mistakes": "needs a disk that fails"},
}


class Document:
    """An OpenAPI document, and what was seen of it."""

    def __init__(self, path):
        self.text = json.loads(Path(path).read_text())
        self.service = Path(path).name.removesuffix(".openapi.json")
        self.paths = self.text["paths"]
        self.validators = {}
        self.answered = {}  # "GET /path" -> statuses
        self.seen = set()  # properties that had a value
        self.known = {}  # property -> where, of all answers of 2xx
        self.schemas = {}  # property -> its schema
        for path_, methods in self.paths.items():
            for method, operation in methods.items():
                for status, response in operation["responses"].items():
                    if status.startswith("2"):
                        for kind, content in self.resolve(response).get("content", {}).items():
                            self.collect(content["schema"], f"{method.upper()} {path_} {status}", set())

    def resolve(self, part):
        while "$ref" in part:
            target = self.text
            for name in part["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            part = target
        return part

    def parts(self, schema, place):
        """The alternatives of a schema, each with the name its properties are known by."""
        if "$ref" in schema:
            place = schema["$ref"].rsplit("/", 1)[1]
            schema = self.resolve(schema)
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                for one in schema[choice]:
                    yield from self.parts(one, place)
                return
        yield schema, place

    def collect(self, schema, place, done):
        for part, name in self.parts(schema, place):
            if id(part) in done:
                continue
            done.add(id(part))
            for prop, sub in part.get("properties", {}).items():
                key = f"{name}.{prop}"
                self.known[key] = place
                self.schemas[key] = sub
                self.collect(sub, key, done)
            for inner in ("items", "additionalProperties"):
                if isinstance(part.get(inner), dict):
                    self.collect(part[inner], name, done)

    def can_have_a_value(self, key):
        """False for a property that is null or empty in every answer."""
        schema = self.schemas[key]
        return schema.get("type") != "null" and schema.get("maxItems") != 0

    def below(self, key):
        """A property and those that are only to be met in it."""
        out, todo = {key}, [self.schemas[key]] if key in self.schemas else []
        while todo:
            for part, name in self.parts(todo.pop(), key):
                for prop, sub in part.get("properties", {}).items():
                    inner = f"{name}.{prop}"
                    if inner not in out:
                        out.add(inner)
                        todo.append(sub)
                todo += [part[k] for k in ("items", "additionalProperties") if isinstance(part.get(k), dict)]
        return out

    def mark(self, schema, value, place):
        """Notes the properties that have a value."""
        for part, name in self.parts(schema, place):
            if isinstance(value, dict):
                for prop, sub in part.get("properties", {}).items():
                    if value.get(prop) in (None, [], {}):
                        continue
                    self.seen.add(f"{name}.{prop}")
                    self.mark(sub, value[prop], f"{name}.{prop}")
                if isinstance(part.get("additionalProperties"), dict):
                    for other, inner in value.items():
                        if other not in part.get("properties", {}):
                            self.mark(part["additionalProperties"], inner, name)
            elif isinstance(value, list) and isinstance(part.get("items"), dict):
                for inner in value:
                    self.mark(part["items"], inner, name)

    def mistakes(self, schema, value):
        """What is wrong with a value."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.validators:
            self.validators[key] = jsonschema_rs.Draft202012Validator(
                {"allOf": [schema], "components": self.text["components"]}, validate_formats=True
            )
        return [f"{'/'.join(map(str, e.instance_path))}: {e.message[:300]}" for e in self.validators[key].iter_errors(value)]


class Service:
    """A running service."""

    def __init__(self, document, url, key):
        self.doc = document
        self.url = urllib.parse.urlsplit(url)
        self.key = key
        self.failures = []
        self.count = 0
        # How to come in where the API key is not asked for.
        self.doors = {"X-Monlight-Key": key, "Content-Type": "application/json"}

    def send(self, method, target, headers, body, timeout=30):
        conn = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=timeout)
        try:
            conn.request(method, target, body=body, headers=headers)
            response = conn.getresponse()
            return response.status, response.headers, response.read()
        finally:
            conn.close()

    def ask(self, operation, *want, query=None, body=None, headers=None, key=True, **names):
        """Sends a request to an operation such as "GET /api/errors/{id}", compares the answer with the document and
        returns its body. want are the statuses that are expected, 200 without any; names stand in the path."""
        method, path = operation.split(" ")
        spec = self.doc.paths[path][method.lower()]
        target = re.sub(r"\{(\w+)\}", lambda m: urllib.parse.quote(str(names[m[1]]), safe=""), path)
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True)
        sent = {"X-API-Key": self.key} if key else {}
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        try:
            status, got, data = self.send(method, target, sent, body.encode() if isinstance(body, str) else body)
        except (OSError, http.client.HTTPException) as e:
            self.fail(operation, f"no answer: {e!r}")
            return None
        return self.compare(operation, spec, want or (200,), status, got, data)

    def compare(self, operation, spec, want, status, headers, data):
        self.count += 1
        excerpt = data[:200].decode(errors="replace")
        if status not in want:
            self.fail(operation, f"answered {status}, want {want}: {excerpt}")
        response = spec["responses"].get(str(status))
        if response is None:
            self.fail(operation, f"{status} is not documented: {excerpt}")
            return None
        response = self.doc.resolve(response)
        self.doc.answered.setdefault(operation, set()).add(str(status))
        for name, header in response.get("headers", {}).items():
            header = self.doc.resolve(header)
            value = headers.get(name)
            if value is None:
                if header.get("required"):
                    self.fail(operation, f"{status} without the header {name}")
                continue
            wrong = self.doc.mistakes(header["schema"], int(value) if header["schema"]["type"] == "integer" and value.isdigit() else value)
            if wrong:
                self.fail(operation, f"{status} with {name}: {wrong[0]}")
        kind = (headers.get("Content-Type") or "").partition(";")[0]
        content = response.get("content")
        if not content:
            if data:
                self.fail(operation, f"{status} has a body that is not documented: {excerpt}")
            return data
        if kind not in content:
            self.fail(operation, f"{status} is {kind or 'of no type'}, documented are {list(content)}")
            return None
        if kind not in ("application/json", "application/problem+json"):
            return data
        try:
            value = json.loads(data)
        except ValueError:
            self.fail(operation, f"{status} is no JSON: {excerpt}")
            return None
        for wrong in self.doc.mistakes(content[kind]["schema"], value):
            self.fail(operation, f"{status}: {wrong}")
        if status < 300:
            self.doc.mark(content[kind]["schema"], value, f"{operation} {status}")
        return value

    def fail(self, operation, text):
        self.failures.append(f"{operation}: {text}")

    def until(self, operation, ready, **args):
        """Asks until an answer is ready."""
        end = time.monotonic() + DEADLINE
        while True:
            answer = self.ask(operation, **args)
            if answer is not None and ready(answer):
                return answer
            if time.monotonic() > end:
                self.fail(operation, f"did not get ready within {DEADLINE} s: {str(answer)[:300]}")
                return answer
            time.sleep(0.1)

    def refusals(self):
        """The errors that every operation has in common."""
        shapes = {}  # paths that differ in the names of their parameters alone share their methods
        for path, methods in self.doc.paths.items():
            shapes.setdefault(re.sub(r"\{\w+\}", "{}", path), set()).update(m.upper() for m in methods)
        for path, methods in self.doc.paths.items():
            names = {n: 999999999 for n in re.findall(r"\{(\w+)\}", path)}
            for method, spec in methods.items():
                operation = f"{method.upper()} {path}"
                codes = spec["responses"]
                sends = "requestBody" in spec
                if spec.get("security") != [] and "401" in codes:
                    self.ask(operation, 401, key=False, body={} if sends else None, **names)
                if "413" in codes and sends and method != "get":
                    self.ask(operation, 413, headers={"Content-Length": str(1 << 40), **self.doors}, body=b"", **names)
                if "415" in codes and sends:
                    self.ask(operation, 415, headers={"Content-Encoding": "compress", **self.doors}, body=b"{}", **names)
            if path in ("/health", "/metrics"):  # which take every method
                continue
            documented = shapes[re.sub(r"\{\w+\}", "{}", path)]
            wrong = next(m for m in ("GET", "PUT", "PATCH", "DELETE", "POST") if m not in documented)
            target = re.sub(r"\{(\w+)\}", "7", path)
            status, headers, data = self.send(wrong, target, {"X-API-Key": self.key, **self.doors}, None)
            self.compare(f"{wrong} {path}", {"responses": {"405": {"$ref": "#/components/responses/405"}}}, (405,), status, headers, data)
            allowed = set((headers.get("Allow") or "").split(", ")) - {"HEAD", "OPTIONS"}
            if allowed != documented - {"OPTIONS"}:
                self.fail(f"{wrong} {path}", f"405 with Allow: {headers.get('Allow')!r}, documented are {sorted(documented)}")

    def report(self):
        """Prints what is wrong and returns whether nothing is."""
        for path, methods in self.doc.paths.items():
            for method, spec in methods.items():
                operation = f"{method.upper()} {path}"
                for status in spec["responses"]:
                    if status.startswith("2") and status not in self.doc.answered.get(operation, ()):
                        self.fail(operation, f"{status} is documented and was never answered")
        own = UNSEEN.get(self.doc.service, {})
        hidden = {p for key in (*own, *UNSEEN["*"]) for p in self.doc.below(key)}
        for key, where in sorted(self.doc.known.items()):
            if key not in self.doc.seen and key not in hidden and self.doc.can_have_a_value(key):
                self.fail(key, f"is in the schema of {where} and never had a value")
        for key in own:
            if key not in self.doc.known:
                self.fail(key, "is listed as never seen, and is in no schema")
            elif key in self.doc.seen:
                self.fail(key, "is listed as never seen, and was")
        for text in self.failures:
            print(f"{self.doc.service}: {text}")
        statuses = sum(len(s) for s in self.doc.answered.values())
        print(
            f"{self.doc.service}: {self.count} answers compared, {len(self.doc.answered)} operations with {statuses} statuses, "
            f"{len(self.doc.seen)} of {len(self.doc.known)} properties seen, {len(self.failures)} failures"
        )
        return not self.failures


def form(**parts):
    """A multipart form: its content type and its bytes. A part is a text, or a file's name and bytes."""
    out, boundary = io.BytesIO(), "openapi-answers"
    for name, value in parts.items():
        file, data = (None, value.encode()) if isinstance(value, str) else value
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
        out.write(head.encode() + b"\r\n\r\n" + data + b"\r\n")
    out.write(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", out.getvalue()


def health(s):
    s.ask("GET /health", key=False)
    s.ask("GET /metrics")
    s.until("GET /api/status", lambda a: all(p["status"] == "ok" for p in a["peers"]))
    if s.doc.service == "metrics-collector":
        s.until("GET /health", lambda a: a["last_aggregation"], key=False)


def envelope(*items, **header):
    lines = [json.dumps(header)]
    for kind, body in items:
        text = body if isinstance(body, str) else json.dumps(body)
        lines += [json.dumps({"type": kind, "length": len(text.encode()), **({"filename": "crash.txt", "content_type": "text/plain"} if kind == "attachment" else {})}), text]
    return "\n".join(lines) + "\n"


def error_tracker(s):
    samples = Path(__file__).parent.parent / "error-tracker/testdata/sentry-events"
    report = {"project": "shop", "exception_type": "ValueError", "message": "no such order", "environment": "prod", "release": "1.0.0", "user_id": "u1",
              "traceback": 'Traceback (most recent call last):\n  File "/app/orders.py", line 7, in load\n    raise ValueError(x)\nValueError: no such order',
              "request_url": "https://shop.example/orders", "request_method": "GET", "request_headers": {"Accept": "*/*"}, "extra": {"order": 17},
              "transaction": "orders", "server_name": "web-1", "timestamp": "2026-01-31T08:00:00Z", "tags": {"plan": "free"}, "logger": "orders", "dist": "7"}
    made = s.ask("POST /api/errors", 201, body=report)
    issue, event = made["id"], made["event_id"]
    s.ask("POST /api/errors", body=report)
    s.ask("POST /api/errors", body={**report, "event_id": event})
    s.ask("POST /api/errors", body={**report, "event_id": event, "replace": True})
    s.ask("POST /api/errors", 400, body={"project": "shop"})
    s.ask("POST /api/errors", 400, body="{")
    other = s.ask("POST /api/errors", 201, body={**report, "exception_type": "KeyError", "traceback": report["traceback"].replace("orders", "carts")})["id"]
    third = s.ask("POST /api/errors", 201, body={**report, "exception_type": "OSError", "traceback": report["traceback"].replace("orders", "files")})["id"]
    fourth = s.ask("POST /api/errors", 201, body={**report, "exception_type": "EOFError", "traceback": report["traceback"].replace("orders", "ends")})["id"]
    browser = s.ask("POST /api/errors", 201, body={**report, "request_method": "BROWSER", "exception_type": "TypeError", "traceback": "TypeError: x\n    at pay (https://shop.example/a.min.js:1:10)"})
    s.ask("POST /api/errors/batch", body={"reports": [report, {"project": "shop"}, {**report, "event_id": event}, {**report, "exception_type": "NameError", "traceback": "NameError: y"}]})
    s.ask("POST /api/errors/batch", 400, body={"reports": []})

    project = s.ask("POST /api/projects", 201, body={"name": "by hand"})
    s.ask("POST /api/projects", 400, 409, body={"name": "by hand"})
    s.ask("POST /api/projects", 400, body={"nome": "x"})
    s.ask("GET /api/projects", query={"details": "true"})
    s.ask("GET /api/projects/{id}", id=project["id"])
    key = s.ask("POST /api/projects/{id}/keys", 201, id=project["id"], body={"label": "mobile", "origins": ["https://shop.example"], "rate_limit": 100000})
    s.ask("POST /api/projects/{id}/keys/{key_id}", id=project["id"], key_id=key["id"], body={"label": "web", "origins": []})
    s.ask("POST /api/projects/{id}/keys/{key_id}", 400, id=project["id"], key_id=key["id"], body={"label": 7})
    auth = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=openapi/1.0, sentry_key={key['public_key']}"}
    s.doors.update(auth)
    ids = []
    for n, file in enumerate(sorted(samples.glob("*/*.json"))):
        sample = json.loads(file.read_text())
        sample["event_id"] = f"{n + 1:032x}"
        attachment = [("attachment", "stack of the crash")] if n % 10 == 0 else []
        answer = s.ask("POST /api/{project}/envelope/", project=project["id"], key=False, headers=auth, body=envelope(("event", sample), *attachment, event_id=sample["event_id"]))
        ids.append(answer["id"])
    session = {"sid": "0e6d5b9f5a6f4d0c8d9a6f0c4d1e2f3a", "init": True, "status": "crashed", "errors": 1, "started": "2026-01-31T08:00:00Z", "timestamp": "2026-01-31T08:00:05Z", "attrs": {"release": "9.0.0", "environment": "prod"}}
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    session.update(started=now, timestamp=now)
    s.ask("POST /api/{project}/envelope", project=project["id"], key=False, headers=auth, body=envelope(("session", session)))
    lost = {"timestamp": now, "discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 2}]}
    late = {"message": "from a clock that is wrong", "level": "error", "timestamp": time.time() + 86400}
    s.ask("POST /api/{project}/envelope", project=project["id"], key=False, headers=auth, body=envelope(("client_report", lost), ("transaction", {"type": "transaction", "transaction": "t"})))
    s.ask("POST /api/{project}/envelope", project=project["id"], key=False, headers=auth, body=envelope(("event", late), event_id="d" * 32, sent_at="2030-01-01T00:00:00Z"))
    slow = s.ask("POST /api/projects/{id}/keys", 201, id=project["id"], body={"rate_limit": 1})
    for want in (200, 429):
        s.ask("POST /api/{project}/store", want, project=project["id"], key=False, query={"sentry_key": slow["public_key"]}, body={"message": "too many", "level": "error"})
    s.ask("POST /api/{project}/envelope", 400, project=project["id"], key=False, headers=auth, body="no envelope")
    s.ask("POST /api/{project}/envelope", 401, 403, project=project["id"], key=False, body=envelope(("event", {"message": "m"})))
    marked = {"event_id": "f" * 32, "message": "card", "timestamp": time.time() - 60,
              "threads": {"values": [{"id": 7, "name": "main", "crashed": True, "current": True, "stacktrace": {"frames": [{"filename": "main.py", "function": "run", "lineno": 1}]}}]},
              "breadcrumbs": {"values": [{"timestamp": time.time() - 61, "type": "http", "category": "fetch", "level": "info", "message": "GET /orders", "data": {"status_code": 200}}]},
              "request": {"url": "https://shop.example/pay", "method": "POST", "query_string": "a=1", "cookies": {"theme": "dark"}, "data": {"order": 17}, "env": {"SERVER_NAME": "web-1"}}, "level": "error", "release": "9.0.0", "environment": "prod", "extra": {"password": "hunter2"}, "user": {"id": "u2"},
              "debug_meta": {"images": [{"type": "sourcemap", "code_file": "https://shop.example/a.js", "debug_id": "0e6d5b9f-5a6f-4d0c-8d9a-6f0c4d1e2f3a"}]},
              "exception": {"values": [{"type": "Inner", "value": "i", "mechanism": {"type": "chained", "handled": False, "synthetic": True, "source": "__cause__", "exception_id": 1, "parent_id": 0, "is_exception_group": True, "data": {"a": 1}},
                                        "stacktrace": {"frames": [{"filename": "app.py", "abs_path": "/srv/app.py", "function": "f", "raw_function": "f()", "module": "app", "package": "pkg", "platform": "native", "lineno": 3, "colno": 4, "in_app": True,
                                                                   "context_line": "x", "pre_context": ["a"], "post_context": ["b"], "vars": {"v": "1"}, "instruction_addr": "0x10", "debug_id": "0e6d5b9f-5a6f-4d0c-8d9a-6f0c4d1e2f3a"}]}},
                                       {"type": "Outer", "value": "o"}]}}
    for door in ("/api/{project}/store", "/api/{project}/store/"):
        s.ask(f"POST {door}", project=project["id"], key=False, headers=auth, body=marked)
    ids.append("f" * 32)
    csp = {"csp-report": {"document-uri": "https://shop.example/", "violated-directive": "script-src", "effective-directive": "script-src", "blocked-uri": "https://evil.example/x.js", "original-policy": "script-src 'self'"}}
    for door in ("security", "csp-report"):
        for slash in ("", "/"):
            s.ask(f"POST /api/{{project}}/{door}{slash}", project=project["id"], key=False, query={"sentry_key": key["public_key"]}, headers={"Content-Type": "application/csp-report"}, body=json.dumps(csp))
    for door in ("envelope", "store", "security", "csp-report"):
        for slash in ("", "/"):
            s.ask(f"OPTIONS /api/{{project}}/{door}{slash}", project=project["id"], key=False, headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"})
    s.ask("GET /api/0", key=False)
    s.ask("GET /api/0/", key=False)

    s.ask("POST /api/deploys", 201, body={"project": "by hand", "release": "9.0.0", "environment": "prod", "name": "blue", "url": "https://ci.example/7", "time": now})
    s.ask("POST /api/deploys", 200, body={"project": "by hand", "release": "9.0.0", "environment": "prod", "name": "blue", "url": "https://ci.example/7", "time": now})
    s.ask("POST /api/deploys", 400, body={"project": "by hand"})
    s.ask("GET /api/deploys", query={"since": "7d"})
    s.ask("GET /api/alerts", query={"since": "7d", "limit": "5"})
    s.ask("GET /api/alerts", 400, query={"since": "soon"})
    view = s.ask("POST /api/views", 201, body={"name": "Mobile", "default": True, "search": "release:1.4.*", "project": "by hand", "environment": "prod", "source": "browser", "time": "7d", "state": "all", "sort": "count"})
    s.ask("POST /api/views", 400, body={"name": "wrong", "search": "is:lost"})
    s.ask("POST /api/views", 409, body={"name": "mobile"})
    s.ask("GET /api/views")
    s.ask("POST /api/views/{id}", 200, id=view["id"], body={"default": False})
    s.ask("DELETE /api/views/{id}", id=view["id"])
    s.ask("DELETE /api/views/{id}", 404, id=view["id"])
    s.ask("GET /api/projects/{id}/releases", id=project["id"])
    s.ask("GET /api/environments")

    listed = []
    cursor = None
    while True:
        page = s.ask("GET /api/errors", query={"limit": 40, "state": "all", **({"cursor": cursor} if cursor else {})})
        listed += page["errors"]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    for found in listed:
        n = found["id"]
        s.ask("GET /api/errors/{id}", id=n)
        for which in ("latest", "first"):
            one = s.ask("GET /api/errors/{id}/occurrences/{occurrence_id}", id=n, occurrence_id=which)
            if one and one.get("attachments"):
                s.ask("GET /api/errors/{id}/occurrences/{occurrence_id}/attachments/{n}", id=n, occurrence_id=one["id"], n=0)
                s.ask("GET /api/errors/{id}/occurrences/{occurrence_id}/attachments/{n}", 404, id=n, occurrence_id=one["id"], n=99)
        s.ask("GET /api/errors/{id}/groups", id=n)
        s.ask("GET /api/errors/{id}/similar", id=n)
    if len(listed) < 60:
        s.fail("GET /api/errors", f"has only {len(listed)} errors after {len(ids)} events: the data did not arrive")
    s.ask("GET /api/errors", query={"sort": "trend", "project": "shop", "since": "24h"})
    s.ask("GET /api/errors", query={"q": "release:1.0.0 environment:prod", "environment": "prod"})
    s.ask("GET /api/errors", 400, query={"state": "lost"})
    s.ask("GET /api/errors", 400, query={"cursor": "none of ours"})
    for _ in range(3):
        s.ask("POST /api/errors", body={**report, "user_id": "u3", "environment": "test"})
    page = s.ask("GET /api/errors/{id}/occurrences", id=issue, query={"limit": 1})
    middle = s.ask("GET /api/errors/{id}/occurrences", id=issue, query={"limit": 1, "cursor": page["next_cursor"]})["occurrences"][0]["id"]
    s.ask("GET /api/errors/{id}/occurrences/{occurrence_id}", id=issue, occurrence_id=middle)
    s.ask("GET /api/errors/{id}/occurrences/{occurrence_id}", 404, id=issue, occurrence_id=999999999)

    s.ask("POST /api/errors/{id}/resolve", id=issue, body={"in": "this", "release": "1.0.0"})
    s.ask("GET /api/errors/{id}", id=issue)
    s.ask("GET /api/errors", query={"state": "resolved"})
    s.ask("POST /api/errors", 200, 201, body={**report, "release": "1.1.0"})
    s.ask("GET /api/errors/{id}", id=issue)
    s.ask("POST /api/errors/{id}/resolve", id=issue)
    s.ask("POST /api/errors/{id}/unresolve", id=issue)
    s.ask("POST /api/errors/{id}/resolve", 400, id=issue, query={"in": "last"})
    s.ask("POST /api/errors/{id}/mute", id=issue, body={"for": "24h", "events": 5, "users": 2})
    s.ask("GET /api/errors", query={"state": "muted"})
    s.ask("POST /api/errors/{id}/assign", id=issue, body={"assignee": "ada"})
    s.ask("GET /api/errors/{id}", id=issue)
    s.ask("POST /api/errors/{id}/mute", 400, id=issue, body={"for": "24h", "until": "2030-01-01"})
    s.ask("POST /api/errors/{id}/unmute", id=issue)
    s.ask("POST /api/errors/{id}/mute", id=issue, body={"environment": "test", "until": "2030-01-01T00:00:00Z", "events": 9, "users": 9})
    s.ask("GET /api/errors/{id}", id=issue)
    s.ask("GET /api/errors", query={"state": "all", "project": "shop"})
    s.ask("POST /api/errors/{id}/unmute", id=issue, body={"environment": "test"})
    note = s.ask("POST /api/errors/{id}/comments", 201, id=issue, body={"text": "after the deploy", "author": "ada"})
    s.ask("POST /api/errors/{id}/comments", 400, id=issue, body={"text": ""})
    s.ask("POST /api/errors/bulk", body={"action": "resolve", "ids": [issue, 999999999]})
    s.ask("POST /api/errors/bulk", 400, body={"action": "forget", "ids": [issue]})
    s.ask("POST /api/errors/{id}/merge", id=issue, body={"ids": [other]})
    s.ask("POST /api/errors/{id}/merge", 400, id=issue, body={"ids": [issue]})
    if (gone := s.ask("GET /api/errors/{id}", 404, id=other)) and gone.get("merged_into") != issue:
        s.fail("GET /api/errors/{id}", f"{gone}: does not name the error that it was merged into")
    if not s.ask("GET /api/errors/{id}/tags", id=issue)["tags"]:
        s.fail("GET /api/errors/{id}/tags", "no tag was counted")
    s.ask("GET /api/errors/{id}/tags", 404, id=999999999)
    groups = s.ask("GET /api/errors/{id}/groups", id=issue)["groups"]
    s.ask("POST /api/errors/{id}/unmerge", 201, id=issue, body={"fingerprint": next(g["fingerprint"] for g in groups if not g["primary"])})
    s.ask("POST /api/errors/{id}/unmerge", 400, id=issue, body={"fingerprint": "x"})
    cursor = None
    while True:
        page = s.ask("GET /api/errors/{id}/activity", id=issue, query={"limit": 5, **({"cursor": cursor} if cursor else {})})
        cursor = page.get("next_cursor")
        if not cursor:
            break
    s.ask("GET /api/errors/{id}/activity", 400, id=issue, query={"cursor": "x"})
    s.ask("DELETE /api/errors/{id}/comments/{comment_id}", id=issue, comment_id=note["id"])
    s.ask("DELETE /api/errors/{id}", id=third)
    s.ask("GET /api/errors/{id}", 404, id=third)
    s.ask("POST /api/errors/{id}/mute", id=fourth, query={"events": 1})
    s.ask("POST /api/errors/{id}/resolve", id=browser["id"], query={"in": "next"})

    shop = next(p["id"] for p in s.ask("GET /api/projects", query={"details": "true"})["details"] if p["name"] == "shop")
    was = s.ask("GET /api/projects/{id}/settings", id=shop)
    rule = "type:ValueError -> bad orders"
    preview = s.ask("POST /api/projects/{id}/rules/preview", id=shop, body={"rules": rule})
    if preview and not preview["events"]:
        s.fail("POST /api/projects/{id}/rules/preview", "looked at no event")
    s.ask("POST /api/projects/{id}/rules/preview", 400, id=shop, body={"rules": 7})
    s.ask("POST /api/projects/{id}/settings", id=shop, body={"scrub": {"remove": ["iban"], "keep": ["note"], "drop_ip": True}, "filters": {"messages": ["*ignored*"], "localhost": True}, "rules": rule, "auto_resolve_days": 30, "editor": {"template": "vscode://file/{path}:{line}", "mappings": [{"from": "/srv", "to": "/home/me"}]}})
    s.ask("POST /api/projects/{id}/settings", 400, id=shop, body={"editor": {"template": "javascript://x/{path}"}})
    s.ask("POST /api/projects/{id}/settings", 409, id=shop, body={"version": was["version"], "scrub": {"drop_ip": False}})
    s.ask("POST /api/projects/{id}/settings", 400, id=shop, body={"version": "x"})
    s.ask("POST /api/projects/{id}/settings", id=shop, body={"scrub": {"off": True}, "filters": {"extensions": True, "crawlers": True}})
    s.ask("POST /api/errors", body={**report, "message": "is ignored here", "exception_type": "Ignored"})  # as the relay will find
    s.ask("POST /api/errors/batch", body={"reports": [{**report, "message": "is ignored here", "exception_type": "Ignored"}]})
    s.ask("GET /api/projects/{id}/settings", id=shop)
    s.ask("POST /api/projects/{id}/keys/{key_id}", id=project["id"], key_id=key["id"], body={"label": "web"})
    s.until("GET /api/ingest", lambda a: a["totals"]["accepted"] > 0, query={"window": "hour"})
    s.ask("GET /api/ingest", 400, query={"window": "year"})
    s.ask("GET /api/stats")
    s.ask("POST /api/test-alert", 202)
    # First nobody listens there: the alert waits, and says why. Then its own door of SDKs takes it, as an envelope without items.
    s.ask("POST /api/projects/{id}/webhook-secret", 409, id=shop)
    s.ask("POST /api/projects/{id}/settings", id=shop, body={"alerts": {"webhook_url": "http://127.0.0.1:1/hook", "frequency": {"events": 100, "minutes": 5}}})
    s.ask("POST /api/projects/{id}/settings", 400, id=shop, body={"alerts": {"frequency": {"events": 1}}})
    s.ask("POST /api/projects/{id}/webhook-secret", id=shop)
    s.ask("POST /api/projects/{id}/test-alert", 202, id=shop, body={"channel": "webhook"})
    s.until("GET /api/projects/{id}/alerts", lambda a: any(c["last"] and c["last"]["next_attempt"] for c in a["channels"]), id=shop)
    s.ask("POST /api/projects/{id}/settings", id=shop, body={"alerts": {"webhook_url": f"{s.url.geturl()}/api/{project['id']}/envelope/?sentry_key={key['public_key']}"}})
    s.ask("POST /api/projects/{id}/test-alert", 202, id=shop, body={"channel": "webhook"})
    s.until("GET /api/projects/{id}/alerts", lambda a: any(c["last"] and c["last"]["ended_at"] for c in a["channels"]), id=shop)
    s.until("GET /api/status", lambda a: a["mistakes"])


def log_viewer(s):
    lines = [{"container": "web", "level": "error", "message": json.dumps({"msg": "refused", "trace_id": "0e6d5b9f5a6f4d0c8d9a6f0c4d1e2f3a", "request_id": "r-17", "order": 17}), "stream": "stderr"}]
    lines += [{"container": "web", "level": level, "message": f"line {n} order=17"} for n, level in enumerate(["trace", "debug", "info", "warning", "critical"] * 3)]
    s.ask("POST /api/logs", 202, body=lines, headers={"Idempotency-Key": "a"})
    s.ask("POST /api/logs", 202, body=lines, headers={"Idempotency-Key": "a"})
    s.ask("POST /api/logs", 202, query={"partial": "1", "container": "cron"}, body=[{"message": "good"}, {"massage": "bad"}])
    s.ask("POST /api/logs", 202, query={"container": "cron", "stream": "stderr"}, headers={"Content-Type": "text/plain"}, body="one\ntwo\n")
    s.ask("POST /api/logs", 202, query={"container": "cron"}, headers={"Content-Type": "application/x-ndjson"}, body='{"message":"one"}\n{"message":"two"}\n')
    s.ask("POST /api/logs", 400, body=[{"massage": "bad"}])
    s.ask("POST /api/logs", 400, query={"stream": "x"}, body=[])
    s.until("GET /api/containers", lambda a: any(c.get("image") for c in a["containers"]))
    s.ask("GET /api/logs/containers")
    page = s.ask("GET /api/logs", query={"limit": 5, "column": ["order", "msg"], "count": "1"})
    s.ask("GET /api/logs", query={"cursor": page["next"], "limit": 1000})
    s.ask("GET /api/logs", query={"offset": 3, "container": "w*", "level": ">=warning", "stream": "stdout", "since": "1h"})
    for query in ({"limit": "x"}, {"offset": -1}, {"cursor": "x"}, {"since": "then"}, {"stream": "x"}, {"count": "x"}):
        s.ask("GET /api/logs", 400, query=query)
    found = s.ask("GET /api/logs", query={"search": "refused"})["logs"][0]
    s.ask("GET /api/logs/{id}", id=found["id"])
    s.ask("GET /api/logs/{id}", 404, id=999999999)
    s.ask("GET /api/logs/{id}/context", id=found["id"], query={"before": 5, "after": 5, "container": "web"})
    s.ask("GET /api/logs/{id}/context", 404, id=999999999)
    s.ask("GET /api/logs/{id}/context", 400, id=found["id"], query={"before": "x"})
    s.ask("GET /api/logs/facets")
    s.ask("GET /api/logs/histogram")
    s.ask("GET /api/logs/histogram", query={"step": "1m", "since": "1h"})
    s.ask("GET /api/logs/histogram", 400, query={"step": "x"})
    s.ask("GET /api/stats")
    s.ask("GET /api/logs/stats")
    text = s.ask("GET /api/logs/export", query={"format": "txt", "level": "ERROR"})
    if b"refused" not in (text or b""):
        s.fail("GET /api/logs/export", f"lacks the entry: {text}")
    entry = s.doc.text["components"]["schemas"]["Entry"]
    rows = (s.ask("GET /api/logs/export", query={"format": "ndjson"}) or b"").splitlines()
    if len(rows) < len(lines):
        s.fail("GET /api/logs/export", f"has {len(rows)} lines")
    for row in rows:
        for wrong in s.doc.mistakes(entry, json.loads(row)):
            s.fail("GET /api/logs/export", wrong)
    s.ask("GET /api/logs/export", 400, query={"format": "pdf"})
    tail(s, entry, found["id"])


def tail(s, entry, after):
    """Reads the stream until it has given an entry."""
    operation = "GET /api/logs/tail"
    conn = http.client.HTTPConnection(s.url.hostname, s.url.port, timeout=DEADLINE)
    conn.request("GET", f"/api/logs/tail?column=order&after={after}", headers={"X-API-Key": s.key})
    response = conn.getresponse()
    if response.status == 200:
        s.doc.answered.setdefault(operation, set()).add("200")
    if response.getheader("Content-Type") != "text/event-stream":
        s.fail(operation, f"{response.status} is {response.getheader('Content-Type')}")
    for line in response:
        if line.startswith(b"data: {\"id\""):
            for wrong in s.doc.mistakes(entry, json.loads(line[6:])):
                s.fail(operation, wrong)
            break
    else:
        s.fail(operation, "ended without an entry")
    conn.close()


def metrics_collector(s):
    def points(route, seconds):
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))
        labels = {"endpoint": route, "method": "GET", "status": "200"}
        return [
            {"name": "http_requests_total", "type": "counter", "value": 1, "labels": labels, "timestamp": at, "project": "shop"},
            {"name": "http_requests_total", "type": "counter", "value": 1, "labels": {**labels, "status": "500"}, "timestamp": at, "project": "shop"},
            {"name": "http_request_duration_seconds", "type": "histogram", "value": 0.1 + seconds / 1e5, "labels": labels, "timestamp": at, "project": "shop"},
            {"name": "queue", "type": "gauge", "value": seconds, "timestamp": at},
        ] + [{"name": f"web_vitals_{v}", "type": "histogram", "value": 100, "labels": {"page": route, "source": "browser"}, "timestamp": at, "project": "shop"} for v in ("lcp", "inp", "cls", "fcp", "ttfb")]

    again = points("/orders", 0)
    for _ in range(2):
        s.ask("POST /api/metrics", 202, body=again, headers={"Idempotency-Key": "again"})
    s.ask("POST /api/metrics", 409, body=again[1:], headers={"Idempotency-Key": "again"})
    for n, route in enumerate(["/orders", "/cart", "/pay"] * 10):
        s.ask("POST /api/metrics", 202, body=points(route, 60 * n), headers={"Idempotency-Key": f"k{n}"})
    s.ask("POST /api/metrics", 202, body={"metrics": points("/orders", 5400)})
    s.ask("POST /api/metrics", 202, query={"partial": "1"}, body=[{"name": "good", "type": "gauge", "value": 1}, {"name": "bad"}])
    s.ask("POST /api/metrics", 202, query={"partial": "1"}, body=[{"name": "many", "type": "gauge", "value": 1, "labels": {"n": str(n)}} for n in range(1000)])
    s.ask("POST /api/metrics", 202, query={"partial": "1"}, body=[{"name": "many", "type": "gauge", "value": 1, "labels": {"n": str(n + 1000)}} for n in range(1000)])
    s.ask("POST /api/metrics", 400, body=[{"name": "bad"}])
    s.ask("POST /api/metrics", 400, body=[])
    duration = "http_request_duration_seconds"
    for query in ({}, {"agg": "p95"}, {"by": "endpoint"}, {"by": "endpoint", "agg": "avg", "limit": 1}, {"agg": "count", "by": "endpoint", "compare": "previous", "period": "1h"}, {"compare": "previous", "period": "1h"},
                  {"period": "30d"}, {"period": "1h", "step": "auto"}, {"match": '{endpoint="/orders"}', "type": "histogram", "project": "shop"}, {"from": "now-2h", "to": "now", "step": "300"}, {"resolution": "hour"}):
        s.ask("GET /api/metrics", query={"name": duration, **query})
    s.ask("GET /api/metrics", query={"name": "nothing"})
    for query in ({"name": ""}, {"name": "a", "agg": "x"}, {"name": "a", "step": "x"}, {"name": "a", "from": "x"}, {"name": "a", "match": "{"}, {"name": "a", "limit": 0}):
        s.ask("GET /api/metrics", 400, query=query)
    s.ask("GET /api/metrics/names")
    s.ask("GET /api/metrics/labels", query={"name": duration, "values": 2})
    s.ask("GET /api/metrics/labels", 400, query={"name": duration, "values": "x"})
    s.ask("GET /api/projects")
    s.ask("GET /api/cardinality", query={"limit": 5})
    s.ask("GET /api/cardinality", 400, query={"limit": 0})
    s.ask("GET /api/dashboard", query={"period": "24h"})
    s.ask("GET /api/dashboard", query={"period": "1h", "project": "shop", "step": "60"})
    s.ask("GET /api/dashboard", 400, query={"from": "x"})
    board = {"title": "Shop", "panels": [{"title": "Slow", "metric": duration, "agg": "p95", "by": ["endpoint"], "match": '{method="GET"}', "project": "shop"}]}
    s.ask("PUT /api/dashboards/{slug}", slug="shop", body=board)
    s.ask("PUT /api/dashboards/{slug}", 400, slug="Shop!", body=board)
    saved = s.ask("GET /api/dashboards/{slug}", slug="shop")
    s.ask("PUT /api/dashboards/{slug}", slug="shop", body=saved)
    s.ask("GET /api/dashboards/{slug}", 404, slug="none")
    s.ask("GET /api/dashboards")
    s.ask("PUT /api/dashboards/{slug}", slug="gone", body={"title": "Gone"})
    s.ask("DELETE /api/dashboards/{slug}", slug="gone")
    s.ask("DELETE /api/dashboards/{slug}", 404, slug="gone")


SOURCE_MAP = {"version": 3, "file": "app.min.js", "sources": ["app.js"], "sourcesContent": ["function pay() {\n  throw 1;\n}\n"], "names": ["pay"], "mappings": "AAAA,SAASA,MACP,MAAM"}
DEBUG_ID = "0e6d5b9f-5a6f-4d0c-8d9a-6f0c4d1e2f3a"


def browser_relay(s):
    made = s.ask("POST /api/dsn-keys", 201, body={"project": "shop", "label": "web", "origins": ["https://shop.example"], "rate_limit": 100000})
    s.ask("POST /api/dsn-keys", 400, body={"label": "x"})
    s.ask("GET /api/dsn-keys/{id}", id=made["id"])
    s.ask("GET /api/dsn-keys/{id}", 404, id=999999999)
    s.ask("GET /api/dsn-keys/{id}", 400, id="x")
    s.ask("PATCH /api/dsn-keys/{id}", id=made["id"], body={"label": "web 2", "origins": [], "active": True})
    s.ask("PATCH /api/dsn-keys/{id}", 400, id=made["id"], body={"labels": "x"})
    s.ask("DELETE /api/dsn-keys/{id}", id=made["id"])
    s.ask("POST /api/dsn-keys/{id}/activate", id=made["id"])
    s.ask("PATCH /api/dsn-keys/{id}", id=made["id"], body={"origins": ["https://shop.example"]})
    fresh = s.ask("POST /api/dsn-keys/{id}/rotate", 201, id=made["id"], body={"grace": "1h"})
    s.ask("GET /api/dsn-keys")
    s.ask("GET /api/dsn-keys/{id}", id=made["id"])
    s.ask("PATCH /api/dsn-keys/{id}", id=fresh["id"], body={"origins": []})
    s.ask("POST /api/dsn-keys/{id}/rotate", 400, id=fresh["id"], body={"grace": "x"})
    door = {"X-Monlight-Key": fresh["public_key"]}
    error = {"type": "TypeError", "message": "x is undefined", "stack": "TypeError: x is undefined\n    at pay (https://shop.example/static/app.min.js:1:10)", "url": "https://shop.example/cart"}
    for n, path in enumerate(("/api/browser/errors", "/api/errors")):
        s.ask(f"POST {path}", 201, headers=door, key=False, body={**error, "type": f"TypeError{n}"})
        s.ask(f"POST {path}", 200, headers=door, key=False, body={**error, "type": f"TypeError{n}"})
        s.ask(f"POST {path}", 202, headers={**door, "DNT": "1"}, key=False, body=error)
        s.ask(f"POST {path}", 400, headers=door, key=False, body={"message": 7})
        s.ask(f"POST {path}", 401, headers={"X-Monlight-Key": "x"}, key=False, body=error)
    s.ask("POST /api/errors", 200, headers=door, key=False, body={**error, "message": "is ignored here"})
    points = {"url": "https://shop.example/cart", "metrics": [{"name": "web_vitals_lcp", "type": "histogram", "value": 1804, "labels": {"page": "/cart"}}]}
    for path in ("/api/browser/metrics", "/api/metrics"):
        s.ask(f"POST {path}", 202, headers=door, key=False, body=points)
        s.ask(f"POST {path}", 400, headers=door, key=False, body={"metrics": []})
    batch = {"v": 1, "sdk": {"name": "monlight", "version": "1.0"}, "batch_id": "b1", "session_id": "s1", "page": "https://shop.example/cart", "errors": [error, 7], "metrics": points["metrics"], "dropped": {"queue": 2}}
    for _ in range(2):
        s.ask("POST /api/browser/batch", 202, headers=door, key=False, body=batch)
    s.ask("POST /api/browser/batch", 400, headers=door, key=False, body={"v": 2})

    packed = json.dumps(SOURCE_MAP)
    for n, path in enumerate(("/api/source-maps", "/api/sourcemaps")):
        about = {"project": "shop", "release": f"1.{n}.0", "file_url": "https://shop.example/static/app.min.js"}
        stored = s.ask(f"POST {path}", 201, body={**about, "map_content": packed})
        s.ask(f"POST {path}", 201, query=about, body=packed, headers={"Content-Type": "application/json", "User-Agent": "curl/8.0"})
        kind, data = form(**about, map=("app.js.map", packed.encode()))
        s.ask(f"POST {path}", 201, body=data, headers={"Content-Type": kind})
        s.ask(f"POST {path}", 400, body={"project": "shop"})
        s.ask(f"PUT {path}/{{id}}", 201, id=DEBUG_ID, query={"project": "shop", "release": "2.0.0"}, body=SOURCE_MAP)
        s.ask(f"PUT {path}/{{id}}", 400, id="x", query={"project": "shop"}, body=SOURCE_MAP)
        s.ask(f"GET {path}", query={"project": "shop", "limit": 10})
        s.ask(f"GET {path}", 400, query={"limit": "x"})
        kept = s.ask(f"POST {path}", 201, body={**about, "release": "gone", "map_content": packed})
        s.ask(f"DELETE {path}/{{id}}", id=kept["id"])
        s.ask(f"DELETE {path}/{{id}}", 404, id=kept["id"])
    # A report whose stack is read with a map makes it used.
    s.ask("POST /api/browser/errors", 200, 201, headers=door, key=False, body={**error, "release": "1.0.0", "type": "Mapped"})
    s.until("GET /api/source-maps", lambda a: any(m["last_used"] for m in a["source_maps"]))
    sentry(s)
    s.until("GET /api/traffic", lambda a: any(t["what"] == "page" for t in a["traffic"]), query={"period": "24h"})
    s.ask("GET /api/traffic", 400, query={"period": "x"})
    s.ask("GET /api/traffic/rejected")


def sentry(s):
    """What sentry-cli and the bundler plugins ask for, with the slash at the end and without it."""
    bundle = io.BytesIO()
    manifest = {"org": "o", "project": "shop", "release": "3.0.0", "files": {
        "files/app.js": {"type": "minified_source", "url": "~/static/app.js", "headers": {"debug-id": DEBUG_ID.replace("0e", "1e"), "sourcemap": "app.js.map"}},
        "files/app.js.map": {"type": "source_map", "url": "~/static/app.js.map", "headers": {"debug-id": DEBUG_ID.replace("0e", "1e")}}}}
    with zipfile.ZipFile(bundle, "w") as z:
        z.writestr("files/app.js", "throw 1")
        z.writestr("files/app.js.map", json.dumps(SOURCE_MAP))
        z.writestr("manifest.json", json.dumps(manifest))
    data = b"SYSB" + (2).to_bytes(4, "little") + bundle.getvalue()
    digest = hashlib.sha1(data).hexdigest()
    for slash in ("", "/"):
        org, project = "/api/0/organizations/{org}", "/api/0/projects/{org}/{project}"
        at = {"org": "acme", "project": "shop"}
        s.ask(f"GET /api/0{slash}")
        s.ask(f"GET /api/0/organizations{slash}")
        for path in (org, project, f"{org}/region", f"{org}/projects", f"{org}/chunk-upload"):
            s.ask(f"GET {path}{slash}", **at)
        for path in (f"{org}/artifactbundle/assemble", f"{project}/artifact-bundle/assemble"):
            ask = {"checksum": digest, "chunks": [digest], "projects": ["shop"], "version": "3.0.0"}
            s.ask(f"POST {path}{slash}", body={**ask, "chunks": ["0" * 40]}, **at)
            kind, body = form(file=(digest, data))
            s.ask(f"POST {org}/chunk-upload{slash}", body=body, headers={"Content-Type": kind}, **at)
            kind, body = form(file_gzip=(digest, gzip.compress(data)))
            s.ask(f"POST {org}/chunk-upload{slash}", body=body, headers={"Content-Type": kind}, **at)
            done = s.ask(f"POST {path}{slash}", body=ask, **at)
            if done and done["state"] != "ok":
                s.fail(f"POST {path}{slash}", f"did not store the bundle: {done}")
            s.ask(f"POST {path}{slash}", body={**ask, "checksum": "0" * 40}, **at)
            s.ask(f"POST {path}{slash}", 400, body={"checksum": "x"}, **at)
        s.ask(f"POST {org}/chunk-upload{slash}", 400, body="no form", **at)
        for base in (org, project):
            at["version"] = "3.0.0"
            s.ask(f"POST {base}/releases{slash}", 201, body={"version": "3.0.0", "projects": ["shop"]}, **at)
            s.ask(f"POST {base}/releases{slash}", 400, body={}, **at)
            s.ask(f"GET {base}/releases{slash}", **at)
            s.ask(f"GET {base}/releases/{{version}}{slash}", **at)
            s.ask(f"PUT {base}/releases/{{version}}{slash}", body={}, **at)
            s.ask(f"GET {base}/releases/{{version}}/files{slash}", **at)
            s.ask(f"POST {base}/releases/{{version}}/deploys{slash}", 201, body={"environment": "prod", "name": "blue"}, **at)


def main():
    folder, key, *services = sys.argv[1:]
    fill = {"error-tracker": error_tracker, "log-viewer": log_viewer, "metrics-collector": metrics_collector, "browser-relay": browser_relay}
    ok = True
    for pair in services:
        name, url = pair.split("=", 1)
        if name not in fill:
            continue
        s = Service(Document(Path(folder) / f"{name}.openapi.json"), url, key)
        try:
            fill[name](s)
            if name == "browser-relay":
                tunnel(s, services)
                away(s, services)
            s.refusals()
            health(s)
        except (KeyError, TypeError, IndexError, StopIteration) as e:
            s.fail("the rest", f"could not go on: {e!r}")  # after an answer that was not as expected, which is reported
        ok = s.report() and ok
    sys.exit(0 if ok else 1)


def tunnel(s, services):
    """An envelope of Sentry's SDK for browsers, for a key of the error tracker."""
    tracker = urllib.parse.urlsplit(dict(x.split("=", 1) for x in services)["error-tracker"])
    conn = http.client.HTTPConnection(tracker.hostname, tracker.port, timeout=30)
    conn.request("GET", "/api/projects?details=true", headers={"X-API-Key": s.key})
    project = json.loads(conn.getresponse().read())["details"][0]
    conn.close()
    dsn = project["keys"][0]["dsn"]
    event = {"event_id": "e" * 32, "message": "by the tunnel", "level": "error"}
    s.ask("POST /api/browser/tunnel", key=False, headers={"Content-Type": "text/plain"}, body=envelope(("event", event), dsn=dsn, event_id="e" * 32))
    s.ask("POST /api/browser/tunnel", 400, key=False, headers={"Content-Type": "text/plain"}, body="no envelope")
    s.ask("POST /api/browser/tunnel", 403, key=False, headers={"Content-Type": "text/plain"}, body=envelope(("event", event), dsn=f"https://{'a' * 32}@elsewhere.example/1"))


def away(s, services):
    """The answers of a relay whose services behind are down."""
    url, s.url = s.url, urllib.parse.urlsplit(dict(x.split("=", 1) for x in services)["relay-alone"])
    door = {"X-Monlight-Key": s.key}
    s.ask("POST /api/browser/errors", 202, headers=door, key=False, body={"type": "E", "message": "m", "stack": "s"})
    s.ask("POST /api/errors", 202, headers=door, key=False, body={"type": "E", "message": "m", "stack": "s"})
    s.until("GET /health", lambda a: a.get("degraded") and a.get("waiting"), key=False)
    s.ask("GET /api/status")
    s.url = url


if __name__ == "__main__":
    main()
