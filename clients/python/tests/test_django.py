from __future__ import annotations

import asyncio

import django
import pytest
from django.conf import settings
from fake_server import FakeServer

import monlight

if not settings.configured:
    settings.configure(
        SECRET_KEY="test",
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["testserver"],
        MIDDLEWARE=["monlight.integrations.django.MonlightMiddleware"],
        LOGGING_CONFIG=None,
        USE_TZ=True,
        DATABASES={},
        INSTALLED_APPS=[],
    )
    django.setup()

from django.http import Http404, HttpResponse
from django.test import AsyncClient, Client
from django.urls import include, path, re_path
from django.utils.functional import SimpleLazyObject


class User:
    is_authenticated = True
    pk = 42


class Request:
    loads = 0


def order(request, order_id):
    if order_id == 0:
        raise LookupError("no such order")
    if order_id == 404:
        raise Http404
    return HttpResponse(str(order_id))


async def later(request, name):
    await asyncio.sleep(0)
    if name == "boom":
        monlight.set_tag("kind", "async")
        raise ValueError("async view")
    return HttpResponse(name)


def with_user(request):
    request._cached_user = User()
    raise ValueError("with a user")


def with_lazy_user(request):
    def load():
        Request.loads += 1
        return User()

    request.user = SimpleLazyObject(load)
    raise ValueError("with a user that nobody asked for")


urlpatterns = [
    path("orders/<int:order_id>/", order),
    path("api/", include([re_path(r"^later/(?P<name>\w+)/$", later)])),
    path("user/", with_user),
    path("lazy/", with_lazy_user),
]


def test_errors_and_labels(initialised, server: FakeServer):
    client = Client(raise_request_exception=False)
    assert client.get("/orders/7/").status_code == 200
    assert client.get("/orders/0/?token=1", HTTP_COOKIE="a=b", HTTP_X_OWN="1").status_code == 500
    assert client.get("/orders/404/").status_code == 404
    assert client.get("/user/").status_code == 500
    assert client.get("/lazy/").status_code == 500
    for url in ("/wp-login.php", "/.env"):
        assert client.get(url).status_code == 404
    assert client.get("/orders/7/", HTTP_HOST="evil.example").status_code in (200, 400)
    assert monlight.flush()
    first, user, lazy = server.events[:3]
    assert first["exception_type"] == "LookupError"
    assert first["request_url"] == "http://testserver/orders/0/"
    assert first["request_headers"]["X-Own"] == "1"
    assert "Cookie" not in first["request_headers"]
    assert first["transaction"] == "GET /orders/<int:order_id>/"
    assert first["exceptions"][-1]["frames"][-1]["function"] == "order"
    assert first["exceptions"][-1]["mechanism"] == {"type": "django", "handled": False}
    assert user["user_id"] == "42"
    assert "user_id" not in lazy
    assert Request.loads == 0
    count = lambda **labels: server.total("http_requests_total", **labels)  # noqa: E731
    assert count(endpoint="/orders/<int:order_id>/", status="500") == 1
    assert count(endpoint="/orders/<int:order_id>/", status="404") == 1
    assert count(endpoint="<unmatched>", status="404") == 2


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_async_views(initialised, server, kind):
    if kind == "sync":
        client = Client(raise_request_exception=False)
        get = client.get
    else:
        client = AsyncClient(raise_request_exception=False)
        get = lambda url: asyncio.run(client.get(url))  # noqa: E731
    assert get("/api/later/fine/").status_code == 200
    assert get("/api/later/boom/").status_code == 500
    assert monlight.flush()
    (event,) = server.events
    assert event["tags"] == {"kind": "async"}
    assert event["transaction"].startswith("GET /api/")
    assert server.total("http_requests_total") == 2


def test_concurrent_requests_do_not_mix(initialised, server):
    client = AsyncClient(raise_request_exception=False)

    async def main():
        await asyncio.gather(*(client.get("/api/later/boom/") for _ in range(10)))

    asyncio.run(main())
    assert monlight.flush()
    assert len(server.events) == 10
    assert all(event["tags"] == {"kind": "async"} for event in server.events)
