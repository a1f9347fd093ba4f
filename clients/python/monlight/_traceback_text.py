"""The traceback as text, the way Python prints it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ._raised import Raised, RawFrame, Stack
from ._source import source_line

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"
# Python itself shows a repeated line three times before it counts.
_REPEATS_SHOWN = 3


def traceback_text(raised: Raised, *, with_source: bool = True) -> str:
    """Return the traceback of an exception, its causes first, its members below it."""
    return "".join(block.text for block in _chain(raised, with_source)).rstrip("\n")


def stack_text(stack: Stack, *, with_source: bool = True) -> str:
    """Return a stack that no exception belongs to, as text."""
    lines = "".join(_stack_lines(stack, with_source))
    return ("Stack (most recent call last):\n" + lines).rstrip("\n") if lines else ""


def headline(raised: Raised) -> str:
    """Return the line that ends a traceback: ``module.Type: message``."""
    name = raised.type
    if raised.module and raised.module not in ("builtins", "__main__"):
        name = f"{raised.module}.{name}"
    return f"{name}: {raised.value}" if raised.value else name


class _Block(NamedTuple):
    """Some lines; those of a group draw their own bar at the left."""

    text: str
    has_bar: bool


def _chain(raised: Raised, with_source: bool, *, nested: bool = False) -> Iterator[_Block]:
    if raised.cause is not None:
        yield from _chain(raised.cause, with_source, nested=nested)
        yield _Block(_CAUSE if raised.cause_is_explicit else _CONTEXT, has_bar=False)
    if raised.is_group:
        yield _Block("".join(_group(raised, with_source, nested=nested)), has_bar=True)
    else:
        yield _Block("".join(_single(raised, with_source)), has_bar=False)


def _single(raised: Raised, with_source: bool) -> Iterator[str]:
    if raised.stack.frames:
        yield "Traceback (most recent call last):\n"
        yield from _stack_lines(raised.stack, with_source)
    yield from _last_lines(raised)


def _last_lines(raised: Raised) -> Iterator[str]:
    if raised.syntax_lines:
        yield from raised.syntax_lines
    else:
        yield headline(raised) + "\n"
    for note in raised.notes:
        yield note + "\n"


def _group(raised: Raised, with_source: bool, *, nested: bool) -> Iterator[str]:
    if raised.stack.frames:
        yield f"  {'|' if nested else '+'} Exception Group Traceback (most recent call last):\n"
    body = "".join([*_stack_lines(raised.stack, with_source), *_last_lines(raised)])
    yield _indent(body, "  | ")
    for index, member in enumerate(raised.members, 1):
        rule = "+-+" if index == 1 else "  +"
        yield f"  {rule}---------------- {index} ----------------\n"
        for block in _chain(member, with_source, nested=True):
            yield _indent(block.text, "  " if block.has_bar else "    | ")
    if raised.members and not raised.members[-1].is_group:
        yield "    +------------------------------------\n"  # the innermost one closes for all


def _indent(text: str, prefix: str) -> str:
    return "".join(prefix + line for line in text.splitlines(keepends=True))


def _stack_lines(stack: Stack, with_source: bool) -> Iterator[str]:
    previous: tuple[str, int, str] | None = None
    repeats = 0
    omitted_after = len(stack.frames) - 80 if stack.omitted else -1
    for index, frame in enumerate(stack.frames):
        if index == omitted_after:
            yield from _repeated(repeats)
            previous, repeats = None, 0
            yield f"  [{stack.omitted} frames left out]\n"
        place = (frame.filename, frame.lineno, frame.function)
        if place == previous:
            repeats += 1
            if repeats > _REPEATS_SHOWN:
                continue
        else:
            yield from _repeated(repeats)
            previous, repeats = place, 1
        yield _frame_lines(frame, with_source)
    yield from _repeated(repeats)


def _repeated(repeats: int) -> Iterator[str]:
    more = repeats - _REPEATS_SHOWN
    if more > 0:
        yield f"  [Previous line repeated {more} more time{'s' if more > 1 else ''}]\n"


def _frame_lines(frame: RawFrame, with_source: bool) -> str:
    text = f'  File "{frame.filename}", line {frame.lineno}, in {frame.function}\n'
    line = source_line(frame.filename, frame.lineno) if with_source else ""
    return f"{text}    {line}\n" if line else text
