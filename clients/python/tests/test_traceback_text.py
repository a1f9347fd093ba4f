"""The text must be the one that Python prints, but for the markers under a line."""

from __future__ import annotations

import builtins
import re
import sys
import traceback

import pytest
from support import raised

from monlight._raised import Snapshooter
from monlight._traceback_text import traceback_text
from monlight.scrub import Scrubber

ExceptionGroup = getattr(builtins, "ExceptionGroup", None)


def ours(error):
    return traceback_text(Snapshooter(Scrubber(), variables=False).exception(error))


def pythons(error):
    return without_markers("".join(traceback.format_exception(error)).rstrip("\n"))


def without_markers(text):
    return "\n".join(line for line in text.split("\n") if not re.fullmatch(r"[ |]*[~^]+", line))


def fail(message="broken"):
    raise ValueError(message)


def recurse(n):
    if n == 0:
        fail()
    recurse(n - 1)


def chained():
    try:
        fail()
    except ValueError as error:
        raise KeyError("explicit") from error


def in_handler():
    try:
        chained()
    except KeyError:
        {}["implicit"]


def suppressed():
    try:
        fail()
    except ValueError:
        raise LookupError("alone") from None


def syntax():
    compile("x = = 1\n", "/nowhere/settings.py", "exec")


def noted():
    error = TypeError("with notes")
    error.__notes__ = ["first note", "second note"]
    raise error


def no_message():
    raise RuntimeError


def several_lines():
    raise RuntimeError("one\ntwo\nthree")


def of_a_package():
    import json

    json.loads("{")


def from_a_string():
    exec("def f():\n    raise ValueError('from a string')\nf()", {"__name__": "made.up"})


@pytest.mark.parametrize(
    "make",
    [
        fail,
        chained,
        in_handler,
        suppressed,
        syntax,
        no_message,
        several_lines,
        of_a_package,
        from_a_string,
        lambda: recurse(2),
        lambda: recurse(3),
        lambda: recurse(4),
        lambda: recurse(50),
    ],
)
def test_text_is_pythons(make):
    error = raised(make)
    assert without_markers(ours(error)) == pythons(error)
    if not isinstance(error, SyntaxError):
        assert ours(error) == pythons(error)


def group_of(*errors):
    raise ExceptionGroup("several", errors)


def nested_groups():
    try:
        fail()
    except ValueError:
        group_of(raised(chained), raised(lambda: group_of(raised(fail), TypeError("t"))))


def test_text_of_groups_and_notes_is_pythons():
    if ExceptionGroup is None:
        assert sys.version_info < (3, 11)  # they came with that release
        return
    single = lambda: group_of(raised(fail))  # noqa: E731
    never_raised = lambda: group_of(ValueError("x"))  # noqa: E731
    for make in (noted, nested_groups, single, never_raised):
        error = raised(make)
        assert ours(error) == pythons(error)
