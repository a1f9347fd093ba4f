from __future__ import annotations

import asyncio
import gc
import sys
import threading

import monlight
from monlight import hooks


def test_excepthook_reports_and_calls_the_previous_one(initialised, server, monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "excepthook", lambda *args: seen.append(args))
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.append(args))
    monkeypatch.setattr(hooks, "_installed", set())
    hooks.install_excepthook()
    hooks.install_excepthook()
    error = ValueError("x")
    sys.excepthook(ValueError, error, None)
    for exit_ in (KeyboardInterrupt(), SystemExit(1)):
        sys.excepthook(type(exit_), exit_, None)
    assert len(seen) == 3
    assert seen[0][1] is error
    thread = threading.Thread(target=lambda: "text".index("y"))
    thread.start()
    thread.join()
    assert len(seen) == 4
    assert monlight.flush()
    assert [e["exception_type"] for e in server.events] == ["ValueError", "ValueError"]


def test_unraisable_hook(initialised, server, monkeypatch):
    monkeypatch.setattr(sys, "unraisablehook", lambda args: None)
    monkeypatch.setattr(hooks, "_installed", set())
    hooks.install_unraisablehook()

    class Bad:
        def __del__(self):
            raise ValueError("in a destructor")

    Bad()
    gc.collect()
    assert monlight.flush()
    assert [e["message"] for e in server.events] == ["in a destructor"]


async def test_asyncio_handler(initialised, server):
    loop = asyncio.get_running_loop()
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(context))
    monlight.install_asyncio_handler()
    monlight.install_asyncio_handler()

    async def fail():
        raise ValueError("nobody awaits this")

    task = asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    del task
    gc.collect()
    loop.call_exception_handler({"message": "without an exception"})
    assert len(seen) == 2
    assert await monlight.aflush()
    assert [e["message"] for e in server.events] == ["nobody awaits this", "without an exception"]
    assert server.events[0]["exceptions"][0]["mechanism"]["type"] == "asyncio"
    loop.set_exception_handler(None)


def test_scopes_of_tasks_and_threads(initialised, server):
    from monlight.scope import Entered, current_scope

    async def request(n):
        entered = Entered()
        try:
            monlight.set_tag("request", n)
            await asyncio.sleep(0.001)
            # A thread pool and a child task work for the same request.
            await asyncio.to_thread(monlight.set_user, n)
            await asyncio.create_task(child(n))
            monlight.capture_message(f"request {n}")
        finally:
            entered.leave()

    async def child(n):
        monlight.add_breadcrumb(f"child of {n}")

    async def main():
        await asyncio.gather(*(request(n) for n in range(20)))

    asyncio.run(main())
    assert current_scope().tags == {}
    assert monlight.flush()
    assert len(server.events) == 20
    for event in server.events:
        n = event["message"].split()[1]
        assert event["tags"] == {"request": n}
        assert event["user_id"] == n
        assert [c["message"] for c in event["breadcrumbs"]] == [f"child of {n}"]
