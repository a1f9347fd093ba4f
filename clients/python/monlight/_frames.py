"""Frames as the server wants them: with file, source lines, and whose code it is."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from ._raised import Raised, RawFrame, Stack
from ._source import source_context

_CACHE_SIZE = 2000
_LIBRARY_PARTS = ("/site-packages/", "/dist-packages/")


class FrameRenderer:
    """Turns raw frames into members of an event.

    A frame of our own code is in_app, one of the standard library or an
    installed package is not. in_app_include and in_app_exclude name packages
    whose frames are, or are not, whatever their place. isolated makes frames
    that share nothing with later ones, for programs that change them.
    """

    def __init__(
        self,
        *,
        with_source: bool,
        isolated: bool = False,
        in_app_include: Iterable[str] = (),
        in_app_exclude: Iterable[str] = (),
    ) -> None:
        self._with_source = with_source
        self._isolated = isolated
        self._include = tuple(in_app_include)
        self._exclude = tuple(in_app_exclude)
        # The same places fail again and again: their frames are made once.
        self._cache: dict[tuple[str, str, int, str], dict[str, Any]] = {}

    def exceptions(self, root: Raised, mechanism: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the chain of root, oldest cause first, root last."""
        flat: list[dict[str, Any]] = []
        single = root.cause is None and not root.members
        self._flatten(root, None, mechanism, flat, numbered=not single)
        flat.reverse()
        return flat

    def stack(self, stack: Stack) -> list[dict[str, Any]]:
        """Return the frames of a stack, outermost first."""
        return [self._frame(frame) for frame in stack.frames]

    def _flatten(
        self,
        raised: Raised,
        parent: int | None,
        mechanism: dict[str, Any],
        flat: list[dict[str, Any]],
        *,
        numbered: bool,
    ) -> None:
        number = len(flat)
        if numbered:
            mechanism = {**mechanism, "exception_id": number}
            if parent is not None:
                mechanism["parent_id"] = parent
        if raised.is_group:
            mechanism = {**mechanism, "is_exception_group": True}
        value = raised.value
        if raised.notes:
            value = "\n".join([value, *raised.notes])
        flat.append(
            {
                "type": raised.type,
                "value": value,
                "module": raised.module,
                "mechanism": mechanism,
                "frames": self.stack(raised.stack),
            }
        )
        handled = mechanism.get("handled")
        for source, child in _children(raised):
            link = {"type": "chained", "source": source, "handled": handled}
            self._flatten(child, number, link, flat, numbered=True)

    def _frame(self, frame: RawFrame) -> dict[str, Any]:
        key = frame[:4]
        rendered = self._cache.get(key)
        if rendered is None:
            rendered = self._render(frame)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = rendered
        result = deepcopy(rendered) if self._isolated else rendered.copy()
        if frame.variables:
            result["vars"] = frame.variables
        return result

    def _render(self, frame: RawFrame) -> dict[str, Any]:
        rendered: dict[str, Any] = {
            "filename": relative_filename(frame.filename, frame.module),
            "abs_path": frame.filename,
            "function": frame.function,
            "module": frame.module,
            "lineno": frame.lineno,
            "in_app": self.in_app(frame.filename, frame.module),
        }
        if self._with_source:
            context = source_context(frame.filename, frame.lineno)
            if context is not None:
                rendered["pre_context"], rendered["context_line"], rendered["post_context"] = (
                    context
                )
        return rendered

    def in_app(self, filename: str, module: str) -> bool:
        """Tell whether a frame belongs to the program rather than to a library."""
        if _is_in(module, self._include):
            return True
        if _is_in(module, self._exclude):
            return False
        path = filename.replace("\\", "/")
        if path.startswith("<frozen "):
            return False
        if any(part in path for part in _LIBRARY_PARTS):
            return False
        return not path.startswith(_STANDARD_LIBRARY)


def relative_filename(filename: str, module: str) -> str:
    """Return a file's name as its import path tells it: ``shop/orders.py``.

    The same file has the same name on every machine and in every release
    directory then. Where the module does not say, the name is relative to the
    longest entry of sys.path.
    """
    path = filename.replace("\\", "/")
    if not path or path.startswith("<"):
        return filename
    if module and module != "__main__":
        parts = module.split(".")
        stem, _, tail = path.rpartition("/")
        names = tail.rpartition(".")[0]
        have = [*stem.split("/"), names]
        if names == "__init__":
            have.pop()
            wanted = len(parts) + 1
        else:
            wanted = len(parts)
        if have[-len(parts) :] == parts:
            return "/".join(path.split("/")[-wanted:])
    best = ""
    for entry in (*sys.path, _working_directory()):
        if not isinstance(entry, str) or not entry:
            continue
        base = entry.replace("\\", "/").rstrip("/") + "/"
        if len(base) > len(best) and path.startswith(base):
            best = base
    return path[len(best) :]


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was deleted under us


def _children(raised: Raised) -> list[tuple[str, Raised]]:
    children: list[tuple[str, Raised]] = []
    if raised.cause is not None:
        children.append(("__cause__" if raised.cause_is_explicit else "__context__", raised.cause))
    children.extend((f"exceptions[{i}]", member) for i, member in enumerate(raised.members))
    return children


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in packages)


def _standard_library() -> tuple[str, ...]:
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    places.add(os.path.dirname(os.__file__))
    found = set()
    for place in places:
        if place:
            for path in (place, os.path.realpath(place)):
                found.add(path.replace("\\", "/").rstrip("/") + "/")
    return tuple(sorted(found))


_STANDARD_LIBRARY = _standard_library()
