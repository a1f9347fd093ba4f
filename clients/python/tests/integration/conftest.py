"""Real servers, real services, real crashes.

The binaries of the services are named by MONLIGHT_ERROR_TRACKER_BIN and
MONLIGHT_METRICS_COLLECTOR_BIN. Without them the tests that need them are
skipped, unless MONLIGHT_REQUIRE_INTEGRATION=1: then they fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from services import Service, Start, start_service


@pytest.fixture
def error_tracker(tmp_path: Path) -> Iterator[Service]:
    service = start_service("MONLIGHT_ERROR_TRACKER_BIN", tmp_path, "errors")
    yield service
    service.stop()


@pytest.fixture
def metrics_collector(tmp_path: Path) -> Iterator[Service]:
    service = start_service("MONLIGHT_METRICS_COLLECTOR_BIN", tmp_path, "metrics")
    yield service
    service.stop()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    starter = Start(tmp_path)
    yield starter
    for program in starter.programs:
        program.stop()
