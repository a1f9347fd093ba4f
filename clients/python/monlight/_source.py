"""Lines of source code around a place in a file."""

from __future__ import annotations

import linecache
import os
import stat
import time
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from typing import Any

_MAX_FILE = 2 * 1024 * 1024
_MAX_CACHED = 8 * 1024 * 1024
_MAX_LINE = 256
_CONTEXT = 5


class _Files:
    """Lines of the files read last, up to eight megabytes of text.

    linecache would keep them for ever, and it imports codecs when it reads:
    see transport.py for why the worker must not import anything.
    """

    def __init__(self) -> None:
        self._lines: dict[str, list[str]] = {}
        self._size = 0

    def lines(self, filename: str) -> list[str]:
        known = self._lines.get(filename)
        if known is not None:
            return known
        # Not splitlines: to Python only these end a line.
        text = _read(filename).replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n") if text else []
        if self._size + len(text) > _MAX_CACHED:
            self._lines = {}
            self._size = 0
        self._size += len(text) + 100
        self._lines[filename] = lines
        time.sleep(0)  # reading a cold file takes a while: let the program's threads run
        return lines


_files = _Files()


def source_lines(filename: str) -> list[str]:
    """Return all lines of a file, or none if it is not there or no file of code."""
    # Interactive sessions and notebooks leave their source here, as we do below.
    entry: Any = linecache.cache.get(filename)
    if entry is not None and len(entry) == 4:
        lines: list[str] = entry[2]
        return lines
    if filename.startswith("<"):
        return []
    return _files.lines(filename)


def note_loader(filename: str, variables: Mapping[str, Any]) -> None:
    """Have the source of a module at hand that is in no file, but in a zip archive.

    Runs on the program's thread. Only a loader that is no plain one is asked,
    once for each file.
    """
    loader = variables.get("__loader__")
    if loader is None or type(loader) is SourceFileLoader or filename in linecache.cache:
        return
    if filename.startswith("<frozen ") or filename in _asked or len(_asked) > 10_000:
        return
    _asked.add(filename)
    if hasattr(loader, "get_source"):
        linecache.getlines(filename, dict(variables))


_asked: set[str] = set()


def source_line(filename: str, lineno: int) -> str:
    """Return one line without its indentation, or an empty string."""
    lines = source_lines(filename)
    return lines[lineno - 1].strip()[:_MAX_LINE] if 1 <= lineno <= len(lines) else ""


def source_context(filename: str, lineno: int) -> tuple[list[str], str, list[str]] | None:
    """Return the five lines before a line, the line, and the five after; None without source."""
    lines = source_lines(filename)
    if not 1 <= lineno <= len(lines):
        return None
    index = lineno - 1
    return (
        [_cut(line) for line in lines[max(0, index - _CONTEXT) : index]],
        _cut(lines[index]),
        [_cut(line) for line in lines[index + 1 : index + 1 + _CONTEXT]],
    )


def _cut(line: str) -> str:
    return line.rstrip("\n")[:_MAX_LINE]


def _read(filename: str) -> str:
    try:
        status = os.stat(filename)
        # A pipe would block for ever, a huge file would fill the memory.
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_FILE:
            return ""
        with open(filename, "rb") as file:
            raw = file.read(_MAX_FILE)
    except (OSError, ValueError):
        return ""
    try:
        return raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError:
        # Files in other encodings are rare; their code is ASCII nevertheless.
        return raw.decode("latin-1")
