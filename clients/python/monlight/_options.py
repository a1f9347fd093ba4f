"""What a report contains and what it does not, as chosen by the program."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ._release import find_release
from .scrub import Scrubber

log = logging.getLogger("monlight")

# Takes an event and a hint, returns the event, changed or not, or None to drop it.
BeforeSend = Callable[[dict[str, Any], dict[str, Any]], "dict[str, Any] | None"]

DEFAULT_ENVIRONMENT = "prod"
_MAX_PROJECT = 100


@dataclass(frozen=True)
class ReportOptions:
    """The options of ErrorClient that shape a report."""

    project: str
    environment: str
    release: str
    server_name: str
    before_send: BeforeSend | None
    sample_rate: float
    ignore_errors: tuple[type[BaseException] | str, ...]
    excluded_headers: frozenset[str]
    include_locals: bool
    include_source: bool
    send_query_string: bool
    send_client_address: bool
    in_app_include: tuple[str, ...]
    in_app_exclude: tuple[str, ...]
    scrubber: Scrubber

    def ignores(self, error: BaseException) -> bool:
        """Tell whether the program does not want to hear of this kind of error."""
        for ignored in self.ignore_errors:
            if isinstance(ignored, str):
                for kind in type(error).__mro__:
                    if ignored in (kind.__qualname__, f"{kind.__module__}.{kind.__qualname__}"):
                        return True
            elif isinstance(error, ignored):
                return True
        return False


def fit_project(project: str) -> str:
    """Return project, cut to the 100 bytes that the server takes."""
    raw = str(project).encode("utf-8", "replace")
    if len(raw) <= _MAX_PROJECT:
        return str(project)
    log.warning("project is %d bytes long and was cut to %d", len(raw), _MAX_PROJECT)
    return raw[:_MAX_PROJECT].decode("utf-8", "ignore")


def environment_or_default(environment: str | None) -> str:
    """Return environment, else ``MONLIGHT_ENVIRONMENT``, else ``prod``."""
    return environment or os.environ.get("MONLIGHT_ENVIRONMENT") or DEFAULT_ENVIRONMENT


def release_or_default(release: str | None) -> str:
    """Return release, else what the environment or the git checkout says; empty if unknown."""
    return find_release() if release is None else release


def lower_names(names: Iterable[str] | None) -> frozenset[str]:
    """Return the names in lower case."""
    return frozenset(str(name).lower() for name in names or ())
