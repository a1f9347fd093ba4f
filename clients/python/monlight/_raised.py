"""Snapshots of exceptions, free of references to the program's objects."""

from __future__ import annotations

import builtins
import traceback
from collections import deque
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType, TracebackType
from typing import Any, NamedTuple

from ._plain import Plainer
from ._source import note_loader
from .scrub import FILTERED, Scrubber, scrub_text

_MAX_MESSAGE = 8192
_MAX_EXCEPTIONS = 20
_FIRST_FRAMES = 20
_LAST_FRAMES = 80
_MAX_VARIABLES = 30
# Local names for these tell what the source tells already.
_DEFINITIONS = (ModuleType, FunctionType, BuiltinFunctionType, type)
_OWN_PACKAGE = __name__.partition(".")[0]

# Exception groups came with Python 3.11; before there is nothing to compare with.
_Group: Any = getattr(builtins, "BaseExceptionGroup", ())


class RawFrame(NamedTuple):
    """One call, as cheaply as it can be noted down."""

    filename: str
    function: str
    lineno: int
    module: str
    variables: dict[str, Any] | None = None


@dataclass
class Stack:
    """Calls, outermost first; omitted were left out after the first ones."""

    frames: list[RawFrame] = field(default_factory=list)
    omitted: int = 0


@dataclass
class Raised:
    """One exception with those that led to it.

    Nothing in here refers to frames or exceptions of the program: a report
    that waits must not keep their local variables alive.
    """

    type: str
    module: str
    value: str
    stack: Stack
    notes: list[str] = field(default_factory=list)
    syntax_lines: list[str] = field(default_factory=list)
    cause: Raised | None = None  # what __cause__ or __context__ names
    cause_is_explicit: bool = False  # raise … from …
    members: list[Raised] = field(default_factory=list)  # of an exception group
    is_group: bool = False


class Snapshooter:
    """Takes snapshots; with variables=True those of local variables as well."""

    def __init__(self, scrubber: Scrubber, *, variables: bool) -> None:
        self._scrubber = scrubber
        self._variables = variables

    def exception(self, error: BaseException) -> Raised:
        """Return a snapshot of error, its causes and its members."""
        return self._exception(error, set(), [_MAX_EXCEPTIONS])

    def calls(self, frame: FrameType | None) -> Stack:
        """Return the stack that leads to frame, without this package's own calls at its end."""
        while frame is not None and _is_ours(frame):
            frame = frame.f_back
        newest_first: list[RawFrame] = []
        omitted = 0
        while frame is not None:
            if len(newest_first) < _FIRST_FRAMES + _LAST_FRAMES:
                newest_first.append(self._frame(frame, frame.f_lineno))
            else:
                omitted += 1
            frame = frame.f_back
        newest_first.reverse()
        return Stack(newest_first, omitted)

    def _exception(self, error: BaseException, seen: set[int], budget: list[int]) -> Raised:
        seen.add(id(error))
        budget[0] -= 1
        kind = type(error)
        raised = Raised(
            type=kind.__qualname__,
            module=kind.__module__ if isinstance(kind.__module__, str) else "",
            value=scrub_text(message_of(error)),
            stack=self._traceback(error.__traceback__),
            notes=_notes(error),
            is_group=isinstance(error, _Group),
        )
        if isinstance(error, SyntaxError):
            raised.syntax_lines = _syntax_lines(error)
        explicit = error.__cause__ is not None
        previous = error.__cause__
        if previous is None and not error.__suppress_context__:
            previous = error.__context__
        if previous is not None and id(previous) not in seen and budget[0] > 0:
            raised.cause = self._exception(previous, seen, budget)
            raised.cause_is_explicit = explicit
        if raised.is_group:
            for member in getattr(error, "exceptions", ()):
                if budget[0] <= 0:
                    break
                if id(member) not in seen:
                    raised.members.append(self._exception(member, seen, budget))
        return raised

    def _traceback(self, tb: TracebackType | None) -> Stack:
        first: list[RawFrame] = []
        last: deque[RawFrame] = deque(maxlen=_LAST_FRAMES)
        total = 0
        while tb is not None:
            frame = tb.tb_frame
            if not _is_ours(frame):
                total += 1
                entry = self._frame(frame, tb.tb_lineno)
                if len(first) < _FIRST_FRAMES:
                    first.append(entry)
                else:
                    last.append(entry)
            tb = tb.tb_next
        return Stack([*first, *last], total - len(first) - len(last))

    def _frame(self, frame: FrameType, lineno: int | None) -> RawFrame:
        code = frame.f_code
        variables = frame.f_globals
        module = variables.get("__name__")
        try:
            note_loader(code.co_filename, variables)
        except Exception:
            pass
        return RawFrame(
            code.co_filename,
            code.co_name,
            lineno or 0,
            module if type(module) is str else "",
            self._locals(frame) if self._variables else None,
        )

    def _locals(self, frame: FrameType) -> dict[str, Any]:
        plainer = Plainer(self._scrubber, calls=False, max_string=200)
        shown: dict[str, Any] = {}
        for name, value in list(frame.f_locals.items()):
            if len(shown) >= _MAX_VARIABLES:
                break
            if name.startswith("__") or issubclass(type(value), _DEFINITIONS):
                continue
            shown[name] = FILTERED if self._scrubber.filters(name) else plainer.copy(value, 3)
        return shown


def message_of(error: BaseException) -> str:
    """Return str(error), cut at 8,192 characters; its __str__ may be broken."""
    try:
        text = str(error)
    except Exception:
        return f"<{type(error).__name__}, whose __str__ failed>"
    return text if len(text) <= _MAX_MESSAGE else text[:_MAX_MESSAGE] + "…"


def _is_ours(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__")
    return type(module) is str and (module == _OWN_PACKAGE or module.startswith(_OWN_PACKAGE + "."))


def _notes(error: BaseException) -> list[str]:
    notes = getattr(error, "__notes__", None)
    if not isinstance(notes, list):
        return []
    return [scrub_text(note[:1000]) for note in notes[:10] if isinstance(note, str)]


def _syntax_lines(error: SyntaxError) -> list[str]:
    try:
        return [line[:1000] for line in traceback.format_exception_only(type(error), error)][:10]
    except Exception:
        return []
