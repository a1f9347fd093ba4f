"""One attempt at delivering one body, and what its outcome means."""

from __future__ import annotations

import enum
import json
import logging
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from ._retry import MAX_RETRY_AFTER, RetryPolicy, backoff, retry_after
from ._safety import RarelyLogger
from ._version import __version__
from .scrub import scrub_url
from .transport import Response, Transport, TransportError

_COMPRESS_FROM = 1024
_SUCCESS = frozenset({200, 201, 202, 204})


class Outcome(enum.Enum):
    """What became of a body."""

    ACCEPTED = "accepted"
    RETRY = "retry"  # the server is away, slow, or asks to come later
    FAULT = "fault"  # a 500: the server may choke on this very body
    REJECTED = "rejected"  # it will never be accepted
    TOO_LARGE = "too_large"
    UNAUTHORIZED = "unauthorized"  # nothing will be accepted with this key


@dataclass(frozen=True)
class Verdict:
    """The outcome of one attempt; status is 0 when no answer came."""

    outcome: Outcome
    status: int = 0
    detail: str = ""


class Courier:
    """Posts bodies to one URL and keeps the pauses that failures and the server demand."""

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout: float,
        transport: Transport,
        policy: RetryPolicy,
        log: logging.Logger,
    ) -> None:
        self._url = url
        self._shown_url = scrub_url(url)  # in the log
        self._timeout = timeout
        self._transport = transport
        self._policy = policy
        self._warn = RarelyLogger(log)
        self._headers = {
            "Content-Type": "application/json",
            "X-API-Key": api_key,
            "User-Agent": f"monlight-python/{__version__}",
        }
        self._failures = 0
        self._gzip: bool | None = None  # None: not known yet whether the server reads it
        self.blocked_until = 0.0
        self.told_to_wait = False  # the pause is the server's wish, not ours

    def post(
        self,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        time_limit: float | None = None,
    ) -> Verdict:
        """Send body once. After a failure blocked_until says when to come back."""
        timeout = self._timeout if time_limit is None else min(self._timeout, time_limit)
        extra = dict(headers or {})
        try:
            response = self._send(body, extra, timeout)
        except TransportError as error:
            self._pause(None)
            self._warn.warning("unreachable", "%s cannot be reached: %s", self._shown_url, error)
            return Verdict(Outcome.RETRY, 0, str(error))
        return self._judge(response)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _send(self, body: bytes, extra: dict[str, str], timeout: float) -> Response:
        plain = {**self._headers, **extra}
        if self._gzip is False or len(body) < _COMPRESS_FROM:
            return self._transport.post(self._url, plain, body, timeout)
        compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
        packed = compressor.compress(body) + compressor.flush()
        response = self._transport.post(
            self._url, {**plain, "Content-Encoding": "gzip"}, packed, timeout
        )
        if self._gzip is None and response.status in (400, 415):
            # Servers of the first generation do not read gzip and say so in their way.
            second = self._transport.post(self._url, plain, body, timeout)
            if second.status in _SUCCESS:
                self._gzip = False
            return second
        if response.status in _SUCCESS:
            self._gzip = True
        return response

    def _judge(self, response: Response) -> Verdict:
        status = response.status
        if status in _SUCCESS:
            self._failures = 0
            self.blocked_until = 0.0
            self.told_to_wait = False
            return Verdict(Outcome.ACCEPTED, status)
        detail = response.body[:200].decode("utf-8", "replace")
        self._warn.warning(str(status), "%s answered %d: %s", self._shown_url, status, detail)
        if status in (408, 425, 429, 502, 503, 504):
            self._pause(_wanted_pause(response))
            return Verdict(Outcome.RETRY, status, detail)
        if status >= 500:
            self._pause(_wanted_pause(response))
            return Verdict(Outcome.FAULT, status, detail)
        if status in (401, 403):
            self._pause(None)  # a wrong key is not worth a request for every error
            return Verdict(Outcome.UNAUTHORIZED, status, detail)
        self._failures = 0
        if status == 413:
            return Verdict(Outcome.TOO_LARGE, status, detail)
        return Verdict(Outcome.REJECTED, status, detail)

    def _pause(self, wanted: float | None) -> None:
        self._failures += 1
        self.told_to_wait = wanted is not None
        pause = backoff(self._policy, self._failures) if wanted is None else wanted
        self.blocked_until = time.monotonic() + pause


def _wanted_pause(response: Response) -> float | None:
    pause = retry_after(response.headers)
    if pause is not None:
        return pause
    try:
        # The first generation says it in the body of a 429 only.
        seconds = json.loads(response.body).get("retry_after")
    except (ValueError, AttributeError):
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(float(seconds), MAX_RETRY_AFTER)
