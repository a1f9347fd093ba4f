"""What many tests need."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from monlight import RetryPolicy

# Pauses a test can wait for.
QUICK = RetryPolicy(base=0.02, cap=0.05, max_age=20.0)


def eventually(condition: Callable[[], Any], timeout: float = 5.0) -> Any:
    """Return the first true value of condition; fail if there is none in time."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("did not happen in time")
        time.sleep(0.005)


def raised(make: Callable[[], Any]) -> BaseException:
    """Return what make raises, with its traceback."""
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")
