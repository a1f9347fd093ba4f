"""When to try again."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

# Nothing is kept waiting longer than this on a server's word.
MAX_RETRY_AFTER = 300.0


@dataclass(frozen=True)
class RetryPolicy:
    """How long an undelivered item is kept and how its attempts are spaced.

    Attributes:
        base: upper bound of the first pause, in seconds; it doubles with each failure.
        cap: upper bound of any pause, in seconds.
        max_age: items older than this many seconds are dropped as ``expired``.
        max_server_faults: answers 500 after which one item is dropped as
            ``rejected``, so that an item the server chokes on cannot hold up
            the others for ever.

    """

    base: float = 0.5
    cap: float = 30.0
    max_age: float = 300.0
    max_server_faults: int = 5


def backoff(policy: RetryPolicy, failures: int) -> float:
    """Return a pause in seconds after that many failures in a row.

    Exponential with full jitter: the pause is uniform between nothing and the
    bound, so that a thousand programs do not come back in the same moment.
    """
    bound = min(policy.cap, policy.base * 2.0 ** min(failures - 1, 30))
    return random.uniform(bound * 0.1, bound)  # noqa: S311 - spreads load, keeps no secret


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for, or None without a usable one.

    Both forms of RFC 9110 are read, seconds and an HTTP date. The result is
    between 0 and MAX_RETRY_AFTER. Header names must be lower case.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = parsedate_to_datetime(text).timestamp()
        except (TypeError, ValueError, OverflowError):
            return None
        seconds = at - (time.time() if now is None else now)
    if math.isnan(seconds):  # "nan" is a float to Python
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
