"""Copies of arbitrary values that can be sent: bounded, scrubbed, plain JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

from .scrub import FILTERED, Scrubber, scrub_text

_MAX_DEPTH = 6
_MAX_ITEMS = 100
_MAX_NODES = 1000
_MAX_STRING = 2048
# Two to the 63: larger integers are no integers to most readers of JSON.
_MAX_INTEGER = 9223372036854775808
_SPEAKING_MODULES = frozenset(
    {"datetime", "decimal", "fractions", "ipaddress", "uuid", "pathlib", "enum", "zoneinfo"}
)


class Plainer:
    """Makes plain copies and counts roughly how many characters they hold.

    With calls=True unknown objects are shown by their own repr, which runs
    code of the program: right for what was handed over on purpose. Without it
    they are shown by their class only: local variables must be looked at, not
    asked; a repr may query a database.
    """

    def __init__(self, scrubber: Scrubber, *, calls: bool, max_string: int = _MAX_STRING) -> None:
        self._scrubber = scrubber
        self._calls = calls
        self._max_string = max_string
        self._nodes = 0
        self.size = 0

    def copy(self, value: Any, depth: int = 0) -> Any:
        """Return a copy of value that json.dumps takes, without secrets. Never raises."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            return "…"
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind is str:
            return self._text(value)
        if kind is int:
            return value if -_MAX_INTEGER <= value < _MAX_INTEGER else self._text(_short_int(value))
        if kind is float:
            return value if math.isfinite(value) else str(value)
        try:
            return self._compound(value, kind, depth)
        except Exception:
            return f"<{kind.__name__}, could not be read>"

    def mapping(self, value: Mapping[Any, Any], depth: int = 0, *, top: bool = False) -> Any:
        """Return a plain copy of a mapping; values of sensitive names are replaced."""
        result: dict[str, Any] = {}
        for index, (key, item) in enumerate(value.items()):
            if index >= _MAX_ITEMS:
                result["…"] = f"{len(value) - _MAX_ITEMS} more"
                break
            name = key if type(key) is str else str(self.copy(key, depth + 1))
            name = name[:200]
            self.size += len(name) + 6
            if self._scrubber.filters(name) and not (
                top and self._scrubber.keeps_session(name, item)
            ):
                result[name] = FILTERED
            else:
                result[name] = self.copy(item, depth + 1)
        return result

    def _text(self, text: str) -> str:
        if len(text) > self._max_string:
            text = text[: self._max_string] + f"… ({len(text)} characters)"
        self.size += len(text) + 8
        return scrub_text(text)

    def _compound(self, value: Any, kind: type[Any], depth: int) -> Any:
        # The type is asked, never the value: isinstance looks at __class__, and
        # to look at that of a lazy object may query a database.
        if issubclass(kind, (bytes, bytearray, memoryview)):
            return f"<{len(value)} bytes>"
        container = issubclass(kind, (Mapping, list, tuple, Set)) and (
            self._calls or kind in (dict, list, tuple, set, frozenset)
        )
        if container:
            if depth >= _MAX_DEPTH:
                return f"<{kind.__name__}, {len(value)} items>"
            if issubclass(kind, Mapping):
                return self.mapping(value, depth)
            items: list[Any] = []
            for index, item in enumerate(value):
                if index >= _MAX_ITEMS:
                    items.append(f"… {len(value) - _MAX_ITEMS} more")
                    break
                items.append(self.copy(item, depth + 1))
            return items
        if kind.__module__ in _SPEAKING_MODULES:
            return self._text(str(value))
        if not self._calls:
            return f"<{kind.__module__}.{kind.__qualname__}>"
        if issubclass(kind, str):
            return self._text(str.__str__(value))
        if issubclass(kind, int):
            return self.copy(int.__int__(value), depth)
        if issubclass(kind, float):
            return self.copy(float.__float__(value), depth)
        return self._text(repr(value))


def _short_int(value: int) -> str:
    bits = value.bit_length()
    return str(value) if bits <= 512 else f"<integer of {bits} bits>"
