from __future__ import annotations

import json
import re
import sys
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from fake_server import KEY, FakeServer
from support import QUICK, eventually, raised

import monlight
from monlight import ErrorClient, new_scope
from monlight.scope import current_scope


def divide(a, b):
    return a / b


def load(order_id):
    try:
        divide(order_id, 0)
    except ZeroDivisionError as error:
        raise LookupError(f"order {order_id} is gone") from error


class Inner(ValueError):
    class Deep(KeyError):
        pass


def test_payload_has_the_members_of_the_contract(errors: ErrorClient):
    payload = errors._build_payload(
        raised(lambda: load(7)),
        {
            "request_url": "https://shop.example/orders/7?token=abc#top",
            "request_method": "POST",
            "request_headers": {"Accept": "*/*", "Authorization": "Bearer x", "Cookie": "a=b"},
            "user_id": 42,
            "extra": {"cart": 3},
        },
    )
    assert payload["project"] == "shop"
    assert payload["exception_type"] == "LookupError"
    assert payload["message"] == "order 7 is gone"
    assert payload["environment"] == "prod"
    assert payload["release"] == "1.2.3"
    assert payload["request_url"] == "https://shop.example/orders/7"
    assert payload["request_method"] == "POST"
    assert payload["request_headers"] == {"Accept": "*/*"}
    assert payload["user_id"] == "42"
    assert payload["user"] == {"id": "42"}
    assert payload["extra"] == {"cart": 3}
    assert payload["platform"] == "python"
    assert re.fullmatch("[0-9a-f]{32}", payload["event_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payload["timestamp"])
    text = payload["traceback"]
    assert text.startswith("Traceback (most recent call last):\n")
    assert "The above exception was the direct cause of the following exception:" in text
    assert text.endswith("LookupError: order 7 is gone")


def test_only_given_request_members_are_sent(errors: ErrorClient):
    payload = errors._build_payload(raised(lambda: load(1)), {"request_method": "GET"})
    assert payload["request_method"] == "GET"
    for absent in ("request_url", "request_headers", "user_id", "user", "extra", "tags"):
        assert absent not in payload


def test_type_is_the_qualified_name_of_the_class(errors: ErrorClient):
    def fail():
        raise Inner.Deep("x")

    assert errors._build_payload(raised(fail))["exception_type"] == "Inner.Deep"


def test_frames_say_where_whose_and_what(errors: ErrorClient):
    chain = errors._build_payload(raised(lambda: load(7)))["exceptions"]
    assert [link["type"] for link in chain] == ["ZeroDivisionError", "LookupError"]
    cause, last = chain
    assert cause["mechanism"]["source"] == "__cause__"
    assert cause["mechanism"]["parent_id"] == last["mechanism"]["exception_id"] == 0
    assert last["mechanism"]["type"] == "generic"
    frame = cause["frames"][-1]
    assert frame["function"] == "divide"
    assert frame["module"] == __name__
    assert frame["filename"] == "test_error_payload.py"
    assert frame["abs_path"] == __file__
    assert frame["context_line"] == "    return a / b"
    assert frame["pre_context"][-1] == "def divide(a, b):"
    assert len(frame["pre_context"]) == len(frame["post_context"]) == 5
    assert frame["lineno"] == divide.__code__.co_firstlineno + 1
    assert frame["in_app"] is True
    assert "vars" not in frame
    assert [f["function"] for f in last["frames"]][-1] == "load"


def test_library_frames_are_not_in_app(errors: ErrorClient):
    chain = errors._build_payload(raised(lambda: json.loads("{")))["exceptions"]
    frames = chain[-1]["frames"]
    assert [f["in_app"] for f in frames if f["module"].startswith("json")] == [False] * 3
    assert frames[-1]["filename"] == "json/decoder.py"
    assert frames[0]["in_app"] is True


def test_in_app_can_be_told(server: FakeServer):
    client = ErrorClient(server.url, KEY, in_app_include=["json"], in_app_exclude=[__name__])
    frames = client._build_payload(raised(lambda: json.loads("{")))["exceptions"][-1]["frames"]
    assert {f["module"].split(".")[0]: f["in_app"] for f in frames} == {
        "support": True,
        __name__: False,
        "json": True,
    }


def test_locals_are_sent_only_when_asked_scrubbed_and_not_asked_for_their_repr(server: FakeServer):
    class Explosive:
        def __repr__(self):
            raise AssertionError("repr must not be called")

        @property
        def __class__(self):
            raise AssertionError("a lazy object must not be looked into")

    def fail():
        password = "hunter2"
        nested = {"api_key": "k", "items": [1, 2.5, None, True]}
        thing = Explosive()
        long_text = "x" * 5000
        raise ValueError(password, nested, thing, long_text)

    client = ErrorClient(server.url, KEY, include_locals=True)
    error = raised(fail)
    error.args = ()
    variables = client._build_payload(error)["exceptions"][-1]["frames"][-1]["vars"]
    assert variables["password"] == "[Filtered]"
    assert variables["nested"] == {"api_key": "[Filtered]", "items": [1, 2.5, None, True]}
    assert variables["thing"].endswith("Explosive>")
    assert len(variables["long_text"]) < 300


def test_no_reference_to_the_exception_is_kept(errors: ErrorClient, server: FakeServer):
    import gc
    import weakref

    class Resource:
        pass

    server.stop()  # the report stays queued
    gone = []

    def fail():
        resource = Resource()
        gone.append(weakref.ref(resource))
        raise ValueError("x")

    try:
        fail()
    except ValueError as error:
        errors.report_error_sync(error)
    gc.collect()
    assert gone[0]() is None
    errors._outbox.get().abandon()


def test_group_and_context_become_a_tree(errors: ErrorClient):
    group_class = getattr(__builtins__, "ExceptionGroup", None) or vars(__import__("builtins")).get(
        "ExceptionGroup"
    )
    if group_class is None:
        assert sys.version_info < (3, 11)
        return

    def fail():
        try:
            divide(1, 0)
        except ZeroDivisionError:
            raise group_class("several", [raised(lambda: load(1)), TypeError("t")])

    chain = errors._build_payload(raised(fail))["exceptions"]
    by_id = {link["mechanism"]["exception_id"]: link for link in chain}
    assert chain[-1]["mechanism"]["is_exception_group"] is True
    assert [by_id[i]["type"] for i in sorted(by_id)] == [
        "ExceptionGroup",
        "ZeroDivisionError",
        "LookupError",
        "ZeroDivisionError",
        "TypeError",
    ]
    assert by_id[1]["mechanism"]["source"] == "__context__"
    assert by_id[2]["mechanism"]["source"] == "exceptions[0]"
    assert by_id[3]["mechanism"]["parent_id"] == 2
    assert by_id[4]["mechanism"]["source"] == "exceptions[1]"


def test_an_exception_never_raised_gets_the_stack_of_the_report(errors: ErrorClient, server):
    assert errors.capture_exception(ValueError("made, not raised"))
    assert errors.flush()
    frames = server.events[0]["exceptions"][0]["frames"]
    assert frames[-1]["function"].startswith("test_an_exception_never_raised")


def test_deep_recursion_is_cut_in_the_middle(errors: ErrorClient):
    def down(n):
        if n == 0:
            raise ValueError("bottom")
        down(n - 1)

    payload = errors._build_payload(raised(lambda: down(500)))
    frames = payload["exceptions"][0]["frames"]
    assert len(frames) == 100
    assert frames[-1]["context_line"].strip() == 'raise ValueError("bottom")'
    assert "frames left out]" in payload["traceback"]


def test_cycles_of_causes_end(errors: ErrorClient):
    a, b = ValueError("a"), ValueError("b")
    a.__cause__, b.__cause__ = b, a
    assert len(errors._build_payload(a)["exceptions"]) == 2


def test_broken_exceptions_are_reported(errors: ErrorClient, server: FakeServer):
    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    class Surrogate(Exception):
        pass

    errors.report_error_sync(raised(lambda: (_ for _ in ()).throw(Broken())))
    errors.report_error_sync(raised(lambda: (_ for _ in ()).throw(Surrogate("\ud800 \x00 ü"))))
    errors.report_error_sync(
        raised(lambda: (_ for _ in ()).throw(type("T" * 500, (Exception,), {})("long type")))
    )
    assert errors.flush()
    assert server.events[0]["message"] == "<Broken, whose __str__ failed>"
    assert server.events[1]["message"] == "\ud800 \x00 ü"
    assert len(server.events[2]["exception_type"]) == 200
    assert server.refused == []


def test_huge_messages_are_cut(errors: ErrorClient):
    payload = errors._build_payload(ValueError("x" * 1_000_000))
    assert len(payload["message"]) < 9000


def test_a_report_that_is_too_large_is_trimmed_not_lost(server: FakeServer):
    client = ErrorClient(server.url, KEY, retry=QUICK)
    for i in range(50):
        current_scope().add_breadcrumb(
            "m" * 1024,
            category="c",
            level="info",
            data={f"k{n}": "v" * 500 for n in range(10)},
            scrubber=client.options.scrubber,
        )
    client.capture_exception(
        raised(lambda: load(1)), extra={f"e{n}": "ü" * 2000 for n in range(100)}
    )
    assert client.flush()
    (event,) = server.events
    trimmed = event["contexts"]["monlight_client"]["trimmed"]
    assert trimmed[0] == "vars"
    assert "everything but the error" not in trimmed
    assert event["message"] == "order 1 is gone"
    assert event["exceptions"][-1]["frames"]


def test_values_become_plain_json(errors: ErrorClient, server: FakeServer):
    cycle: dict = {}
    cycle["self"] = cycle

    class Odd:
        def __repr__(self):
            raise RuntimeError

    class Row(dict):
        pass

    errors.capture_exception(
        raised(lambda: load(1)),
        extra={
            "cycle": cycle,
            "nan": float("nan"),
            "big": 2**80,
            "bytes": b"\x00\xff",
            "odd": Odd(),
            "decimal": Decimal("1.50"),
            "uuid": UUID(int=5),
            "when": datetime(2026, 1, 2),
            "set": {1},
            "row": Row(a=1),
            3: "number as key",
            "many": list(range(1000)),
        },
    )
    assert errors.flush()
    extra = server.events[0]["extra"]
    assert extra["nan"] == "nan"
    assert extra["big"] == str(2**80)
    assert extra["bytes"] == "<2 bytes>"
    assert extra["odd"] == "<Odd, could not be read>"
    assert extra["decimal"] == "1.50"
    assert extra["uuid"] == str(UUID(int=5))
    assert extra["when"] == "2026-01-02 00:00:00"
    assert extra["set"] == [1]
    assert extra["row"] == {"a": 1}
    assert extra["3"] == "number as key"
    assert len(extra["many"]) == 101
    assert extra["many"][-1] == "… 900 more"


def test_extra_may_be_any_json_value(errors: ErrorClient):
    payload = errors._build_payload(ValueError("x"), {"extra": ["a", 1]})
    assert payload["extra"] == ["a", 1]


def test_messages_are_synthetic_exceptions_with_the_stack(errors: ErrorClient, server: FakeServer):
    assert errors.capture_message("disk is filling up", "warning")
    assert errors.flush()
    (event,) = server.events
    assert event["exception_type"] == "Message"
    assert event["level"] == "warning"
    (exception,) = event["exceptions"]
    assert exception["mechanism"] == {"type": "message", "handled": True, "synthetic": True}
    assert exception["frames"][-1]["function"].startswith("test_messages_are_synthetic")
    assert event["traceback"].startswith("Stack (most recent call last):")


def test_scope_facts_go_along_and_end_with_the_scope(initialised, server: FakeServer):
    monlight.set_tag("region", "eu")
    with new_scope():
        monlight.set_user({"id": 7, "email": "a@b.example", "password": "x"})
        monlight.set_tag("plan", "pro")
        monlight.set_extra("cart", [1, 2])
        monlight.set_context("device", {"battery": 0.5, "secret_key": "s"})
        monlight.add_breadcrumb("opened the door", category="ui", data={"token": "t", "n": 1})
        monlight.capture_exception(raised(lambda: load(1)), tags={"step": 2})
    monlight.capture_exception(raised(lambda: load(2)))
    assert monlight.flush()
    inside, outside = server.events
    assert inside["user"] == {"id": 7, "email": "a@b.example", "password": "[Filtered]"}
    assert inside["user_id"] == "7"
    assert inside["tags"] == {"region": "eu", "plan": "pro", "step": "2"}
    assert inside["extra"] == {"cart": [1, 2]}
    assert inside["contexts"]["device"] == {"battery": 0.5, "secret_key": "[Filtered]"}
    (crumb,) = inside["breadcrumbs"]
    assert crumb["message"] == "opened the door"
    assert crumb["data"] == {"token": "[Filtered]", "n": 1}
    assert outside["tags"] == {"region": "eu"}
    assert "user" not in outside
    assert "breadcrumbs" not in outside


def test_breadcrumbs_are_the_newest_fifty(initialised, server: FakeServer):
    for i in range(200):
        monlight.add_breadcrumb(f"step {i}")
    monlight.capture_message("now")
    assert monlight.flush()
    crumbs = server.events[0]["breadcrumbs"]
    assert [c["message"] for c in crumbs] == [f"step {i}" for i in range(150, 200)]


def test_before_send_changes_and_drops(server: FakeServer):
    seen = []

    def before_send(event, hint):
        seen.append(hint["exc_info"][1])
        if "secret" in event["message"]:
            return None
        event["message"] = "changed"
        event["extra"] = {"nan": float("nan"), "object": object(), 1: 2}
        event["exceptions"][0]["frames"][0]["pre_context"].clear()
        return event

    client = ErrorClient(server.url, KEY, before_send=before_send, retry=QUICK)
    first = raised(lambda: load(1))
    client.report_error_sync(first)
    client.report_error_sync(raised(lambda: (_ for _ in ()).throw(ValueError("secret"))))
    client.report_error_sync(raised(lambda: load(1)))
    assert client.flush()
    assert seen[0] is first
    assert [e["message"] for e in server.events] == ["changed", "changed"]
    assert server.events[0]["extra"] == {"nan": "nan", "object": "<object>", "1": 2}
    assert client.stats()["dropped"] == {"before_send": 1}


def test_a_before_send_that_fails_drops_the_event_for_it_may_be_what_protects_people(
    server: FakeServer, caplog
):
    client = ErrorClient(server.url, KEY, before_send=lambda event, hint: 1 / 0)
    client.report_error_sync(ValueError("with personal data"))
    assert client.flush()
    assert server.events == []
    assert client.stats()["dropped"] == {"before_send_error": 1}
    assert "before_send raised" in caplog.text


def test_ignored_errors_and_samples(server: FakeServer):
    client = ErrorClient(
        server.url, KEY, ignore_errors=[ZeroDivisionError, "builtins.KeyError", "LookupError"]
    )
    assert client.capture_exception(ZeroDivisionError()) is None
    assert client.capture_exception(KeyError()) is None
    assert client.capture_exception(ValueError()) is not None
    none = ErrorClient(server.url, KEY, sample_rate=0.0)
    assert none.capture_exception(ValueError()) is None
    assert none.stats()["dropped"] == {"sampled": 1}
    assert client.flush()
    assert len(server.events) == 1


def test_the_same_exception_is_reported_once(errors: ErrorClient, server: FakeServer):
    error = raised(lambda: load(1))
    first = errors.capture_exception(error)
    assert errors.capture_exception(error) == first
    errors.report_error_sync(error)
    assert errors.flush()
    assert len(server.events) == 1


async def test_report_error_can_be_awaited_and_scheduled(errors: ErrorClient, server: FakeServer):
    import asyncio

    await errors.report_error(raised(lambda: load(1)))
    await asyncio.create_task(errors.report_error(raised(lambda: load(2))))
    assert await errors.aflush()
    assert len(server.events) == 2


def test_excluded_headers_and_project_limits(server: FakeServer, caplog):
    client = ErrorClient(
        server.url + "/", KEY, "p" * 150, 2.0, ["X-Internal"], environment="staging"
    )
    assert client.base_url == server.url
    assert len(client.project) == 100
    payload = client._build_payload(
        ValueError("x"), {"request_headers": {"x-internal": "1", "X-Other": "2"}}
    )
    assert payload["request_headers"] == {"X-Other": "2"}
    assert payload["environment"] == "staging"
    assert "project is 150 bytes" in caplog.text


def test_environment_variables_are_the_defaults(server: FakeServer, monkeypatch):
    monkeypatch.setenv("MONLIGHT_ENVIRONMENT", "from-env")
    assert ErrorClient(server.url, KEY).options.environment == "from-env"
    assert ErrorClient(server.url, KEY, environment="given").options.environment == "given"


@pytest.mark.parametrize("value", [None, 5, "text", object()])
def test_nothing_reported_is_nothing_raised(errors: ErrorClient, value):
    errors.report_error_sync(value)  # type: ignore[arg-type]
    errors.capture_exception(None)
    errors._outbox.get()


def test_capture_exception_takes_the_one_being_handled(errors: ErrorClient, server: FakeServer):
    try:
        load(3)
    except LookupError:
        errors.capture_exception()
    eventually(lambda: server.events)
    assert server.events[0]["message"] == "order 3 is gone"


def test_reports_from_within_a_report_are_ignored(errors: ErrorClient, server: FakeServer):
    class Chatty(Exception):
        def __str__(self):
            errors.capture_message("from __str__")
            return "chatty"

    errors.capture_exception(Chatty())
    assert errors.flush()
    assert [e["message"] for e in server.events] == ["chatty"]
