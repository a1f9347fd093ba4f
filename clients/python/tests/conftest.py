from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_server import KEY, FakeServer
from support import QUICK

import monlight
from monlight import ErrorClient, MetricsClient
from monlight import client as client_module
from monlight.scope import reset_process_scope


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.stop()


@pytest.fixture
def errors(server: FakeServer) -> Iterator[ErrorClient]:
    client = ErrorClient(server.url, KEY, "shop", retry=QUICK, max_rate=100_000, release="1.2.3")
    yield client
    client.shutdown(1.0)


@pytest.fixture
def metrics(server: FakeServer) -> Iterator[MetricsClient]:
    client = MetricsClient(server.url, KEY, flush_interval=3600, project="shop", retry=QUICK)
    yield client
    client.shutdown(1.0)


@pytest.fixture
def initialised(server: FakeServer) -> Iterator[monlight.Client]:
    """A client as monlight.init makes it, without hooks into the interpreter."""
    client = client_module.build(
        error_tracker_url=server.url,
        metrics_collector_url=server.url,
        api_key=KEY,
        project="shop",
        environment="test",
        retry=QUICK,
    )
    client_module.set_current(client, explicit=True)
    yield client
    client.shutdown(1.0)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    reset_process_scope()
    yield
    client_module.reset_current()
    reset_process_scope()
