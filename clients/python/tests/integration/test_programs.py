"""Programs under real servers crash; the stored issues are looked at through the API."""

from __future__ import annotations

import os
import signal
import time

from services import APPS, Service, Start, free_port, http, wait_for


def env_of(error_tracker: Service | None = None, metrics_collector: Service | None = None):
    env = {"PYTHONPATH": str(APPS)}
    if error_tracker is not None:
        env.update(ET_URL=error_tracker.url, ET_KEY=error_tracker.key)
    if metrics_collector is not None:
        env.update(MC_URL=metrics_collector.url, MC_KEY=metrics_collector.key)
    return env


def in_app(exception):
    return [frame["function"] for frame in exception["frames"] if frame["in_app"]]


def test_fastapi_under_uvicorn(error_tracker: Service, start: Start):
    port = free_port()
    server = start.web(
        "uvicorn", "fastapi_app:app", f"--port={port}", port=port, **env_of(error_tracker)
    )
    base = f"http://127.0.0.1:{port}"
    headers = {"X-User": "7", "Cookie": "s=hunter2", "Authorization": "Bearer hunter2"}
    status, body = http(f"{base}/api/orders/1/share?token=hunter2", headers=headers)
    assert (status, body) == (500, b'{"detail":"Internal server error"}')
    assert http(f"{base}/api/orders/99")[0] == 500
    assert http(f"{base}/api/orders/1")[0] == 200
    assert http(f"{base}/nothing")[0] == 404

    issue = error_tracker.issue("fastapi-shop", "ZeroDivisionError")
    assert issue["environment"] == "integration"
    assert issue["culprit"].startswith("share in shop")
    assert issue["first_release"] == "2026.11"
    assert issue["handled"] is False
    latest = issue["latest"]
    (exception,) = latest["exceptions"]
    assert in_app(exception) == ["share", "share"]
    frame = exception["frames"][-1]
    assert frame["filename"] == "shop/orders.py"
    assert frame["module"] == "shop.orders"
    assert frame["context_line"] == '    return order["total"] / order["parts"]'
    assert len(frame["pre_context"]) == 5
    assert latest["request_url"] == f"{base}/api/orders/1/share"
    assert latest["request_method"] == "GET"
    sent = {name.lower() for name in latest["request_headers"]}
    assert "x-user" in sent
    assert not sent & {"cookie", "authorization"}
    assert latest["user_id"] == "7"
    assert latest["user"]["email"] == "ann@shop.example"
    assert latest["transaction"] == "GET /api/orders/{order_id}/share"
    assert latest["breadcrumbs"][-1]["message"] == "asked for a share"
    assert latest["breadcrumbs"][-1]["data"] == {"api_key": "[Filtered]"}
    assert "hunter2" not in str(latest)

    chained = error_tracker.issue("fastapi-shop", "LookupError")
    types = [link["type"] for link in chained["latest"]["exceptions"]]
    assert types == ["KeyError", "LookupError"]
    assert server.stop() in (0, -signal.SIGTERM)


def test_fastapi_metrics_under_uvicorn(metrics_collector: Service, start: Start):
    port = free_port()
    server = start.web(
        "uvicorn",
        "fastapi_app:app",
        f"--port={port}",
        port=port,
        FLUSH="3600",
        **env_of(None, metrics_collector),
    )
    base = f"http://127.0.0.1:{port}"
    for _ in range(20):
        http(f"{base}/api/orders/1")
    for n in range(30):
        http(f"{base}/scan/{n}.php")
    http(f"{base}/api/orders/1/share")
    # Nothing was due yet: the end of the server delivers.
    server.stop()

    def rows(labels: str):
        answer = metrics_collector.get(
            f"/api/metrics?name=http_requests_total&period=1h&resolution=minute&labels={labels}"
        )
        return sum(row["sum"] for row in answer["data"])

    wait_for(lambda: rows("endpoint:/api/orders/{order_id},status:200") == 20, timeout=150)
    assert rows("endpoint:<unmatched>,status:404") == 30
    assert rows("endpoint:/api/orders/{order_id}/share,status:500") == 1
    names = metrics_collector.get("/api/metrics/names")["metrics"]
    assert {"name": "http_request_duration_seconds", "type": "histogram"}.items() <= next(
        m for m in names if m["name"] == "http_request_duration_seconds"
    ).items()


def gunicorn(start: Start, env: dict[str, str], *options: str):
    port = free_port()
    server = start.web(
        "gunicorn",
        "flask_app:app",
        "--workers=4",
        f"--bind=127.0.0.1:{port}",
        "--graceful-timeout=10",
        *options,
        port=port,
        **env,
    )
    return server, f"http://127.0.0.1:{port}"


def all_workers(base: str) -> set[bytes]:
    pids: set[bytes] = set()

    def four() -> bool:
        pids.add(http(f"{base}/pid")[1])
        return len(pids) == 4

    wait_for(four)
    return pids


def check_flask(error_tracker: Service, start: Start, *options: str) -> None:
    server, base = gunicorn(start, env_of(error_tracker), *options)
    pids = all_workers(base)
    crashes: dict[str, int] = {}
    sent = 0

    def every_worker_crashed() -> bool:
        nonlocal sent
        assert http(f"{base}/orders/1/share?token=secret", headers={"X-User": "ann"})[0] == 500
        sent += 1
        time.sleep(0.02)
        issues = error_tracker.issues("flask-shop")
        if issues:
            occurrences = error_tracker.get(f"/api/errors/{issues[0]['id']}/occurrences?limit=50")
            for occurrence in occurrences["occurrences"]:
                detail = error_tracker.get(
                    f"/api/errors/{issues[0]['id']}/occurrences/{occurrence['id']}"
                )
                crashes[occurrence["event_id"]] = int(dict(detail["tags"])["worker"])
        return {str(pid).encode() for pid in crashes.values()} == pids

    wait_for(every_worker_crashed, timeout=60)
    server.stop()
    issue = error_tracker.issue("flask-shop", "ZeroDivisionError")
    wait_for(lambda: error_tracker.detail(issue["id"])["count"] == sent)
    latest = issue["latest"]
    assert issue["environment"] == "integration"
    assert latest["user_id"] == "ann"
    assert latest["request_url"] == f"{base}/orders/1/share"
    assert latest["transaction"] == "GET /orders/<int:order_id>/share"
    assert in_app(latest["exceptions"][-1])[-1] == "share"
    mechanism = latest["exceptions"][-1]["mechanism"]
    assert (mechanism["type"], mechanism["handled"]) == ("flask", False)
    assert latest["exceptions"][-1]["frames"][-1]["filename"] == "shop/orders.py"


def test_flask_under_gunicorn_with_four_workers(error_tracker: Service, start: Start):
    check_flask(error_tracker, start)


def test_flask_under_gunicorn_with_a_preloaded_application(error_tracker: Service, start: Start):
    check_flask(error_tracker, start, "--preload")


def test_flask_metrics_of_four_workers(metrics_collector: Service, start: Start):
    server, base = gunicorn(start, env_of(None, metrics_collector), "--preload")
    all_workers(base)
    for n in range(60):
        http(f"{base}/orders/1/share")
        http(f"{base}/scan{n}")
    server.stop()  # nothing was due: the ends of the workers deliver

    def total(name: str, labels: str = "") -> float:
        answer = metrics_collector.get(
            f"/api/metrics?name={name}&period=1h&resolution=minute&labels={labels}"
        )
        return sum(row["sum"] for row in answer["data"])

    wait_for(lambda: total("http_requests_total", "endpoint:<unmatched>,status:404") == 60, 150)
    assert total("http_requests_total", "endpoint:/orders/<int:order_id>/share,status:500") == 60
    assert total("preloaded_total") == 1  # of the parent, and not of its four children too


def celery_env(tmp_path, **env: str) -> dict[str, str]:
    for folder in ("queue", "control"):
        (tmp_path / folder).mkdir(exist_ok=True)
    return {**env, "BROKER_FOLDER": str(tmp_path)}


def send_tasks(start: Start, env: dict[str, str], code: str) -> None:
    sender = start("-c", f"from celery_app import *\n{code}", **env)
    assert sender.process.wait(60) == 0, sender.text()


def test_celery_prefork(error_tracker: Service, start: Start, tmp_path):
    env = celery_env(tmp_path, **env_of(error_tracker))
    send_tasks(start, env, "for i in (1, 1, 99, 1): share.delay(i)\ntotal.delay(1)")
    worker = start(
        "-A", "celery_app", "worker", "--pool=prefork", "--concurrency=2", "--loglevel=INFO",
        module="celery", **env,
    )  # fmt: skip
    wait_for(
        lambda: (
            worker.process.poll() is None
            and "shop.total" in worker.text()
            and worker.text().count("raised unexpected") == 4
        ),
        timeout=60,
    )
    issue = error_tracker.issue("celery-shop", "ZeroDivisionError")
    wait_for(lambda: error_tracker.detail(issue["id"])["count"] == 3)
    latest = error_tracker.detail(issue["id"])["latest"]
    assert latest["transaction"] == "shop.share"
    assert latest["user_id"] == "customer-1"
    assert latest["environment"] == "integration"
    assert in_app(latest["exceptions"][-1]) == ["share", "share"]
    assert latest["extra"]["celery"]["task"] == "shop.share"
    mechanism = latest["exceptions"][-1]["mechanism"]
    assert (mechanism["type"], mechanism["handled"]) == ("celery", False)
    assert error_tracker.issue("celery-shop", "LookupError")["count"] == 1
    # The worker logs the same failures: they must not be reported again.
    assert len(error_tracker.issues("celery-shop")) == 2
    assert worker.stop() == 0


def test_celery_metrics(metrics_collector: Service, start: Start, tmp_path):
    env = celery_env(tmp_path, **env_of(None, metrics_collector))
    send_tasks(start, env, "for i in range(10): total.delay(1)\nshare.delay(1)")
    worker = start(
        "-A", "celery_app", "worker", "--pool=prefork", "--concurrency=2", "--loglevel=INFO",
        module="celery", **env,
    )  # fmt: skip
    wait_for(lambda: worker.text().count("succeeded in") == 10, timeout=60)
    wait_for(lambda: "raised unexpected" in worker.text())
    assert worker.stop() == 0

    def total(labels: str) -> float:
        answer = metrics_collector.get(
            f"/api/metrics?name=celery_tasks_total&period=1h&resolution=minute&labels={labels}"
        )
        return sum(row["sum"] for row in answer["data"])

    wait_for(lambda: total("task:shop.total,state:SUCCESS") == 10, timeout=150)
    assert total("task:shop.share,state:FAILURE") == 1


def test_a_script_that_crashes(error_tracker: Service, start: Start):
    program = start("script.py", **env_of(error_tracker))
    assert program.process.wait(30) == 1
    assert program.text().count("LookupError: order 99 is gone") == 1
    latest = error_tracker.issue("script", "LookupError")["latest"]
    assert latest["level"] == "fatal"
    assert latest["breadcrumbs"][0]["message"] == "about to crash"
    assert latest["exceptions"][-1]["frames"][0]["vars"]["password"] == "[Filtered]"
    assert latest["exceptions"][-1]["frames"][-1]["vars"] == {"order_id": 99}


def test_server_away_for_a_while(error_tracker: Service, start: Start):
    """What was reported while error-tracker was down arrives once when it is back."""
    port = free_port()
    server = start.web(
        "uvicorn", "fastapi_app:app", f"--port={port}", port=port, **env_of(error_tracker)
    )
    base = f"http://127.0.0.1:{port}"
    assert http(f"{base}/api/orders/1/share")[0] == 500
    wait_for(lambda: error_tracker.issues("fastapi-shop"))
    error_tracker.stop()
    started = time.monotonic()
    for _ in range(40):
        assert http(f"{base}/api/orders/1/share")[0] == 500
    assert time.monotonic() - started < 5
    time.sleep(float(os.environ.get("MONLIGHT_OUTAGE_SECONDS", "3")))
    error_tracker.start()
    wait_for(lambda: error_tracker.issues("fastapi-shop")[0]["count"] == 41, timeout=60)
    time.sleep(1)
    assert error_tracker.issues("fastapi-shop")[0]["count"] == 41
    server.stop()


def test_metrics_service_away_for_a_while(metrics_collector: Service, start: Start):
    port = free_port()
    server = start.web(
        "uvicorn",
        "fastapi_app:app",
        f"--port={port}",
        port=port,
        FLUSH="0.2",
        **env_of(None, metrics_collector),
    )
    base = f"http://127.0.0.1:{port}"
    for _ in range(10):
        http(f"{base}/api/orders/1")
    time.sleep(1)
    metrics_collector.stop()
    for _ in range(40):
        assert http(f"{base}/api/orders/1")[0] == 200
    time.sleep(float(os.environ.get("MONLIGHT_OUTAGE_SECONDS", "3")))
    for _ in range(10):
        http(f"{base}/api/orders/1")
    metrics_collector.start()

    def total() -> float:
        answer = metrics_collector.get(
            "/api/metrics?name=http_requests_total&period=1h&resolution=minute"
            "&labels=endpoint:/api/orders/{order_id}"
        )
        return sum(row["sum"] for row in answer["data"])

    wait_for(lambda: total() >= 60, timeout=200)
    server.stop()
    assert total() == 60
