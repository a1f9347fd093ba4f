"""State that every process has for itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value made anew in every process that asks for it.

    A forked child inherits the memory of its parent: locks that nobody will
    release, a queue whose items the parent still sends, a socket both would
    write to. Nothing of that may be touched, so the value is looked up by
    process id. This works where ``os.register_at_fork`` does not run (uWSGI
    without its fork hooks), and needs no lock that could be held at the fork.
    """

    __slots__ = ("_make", "_values")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._values: dict[int, T] = {}

    def get(self) -> T:
        """Return this process' value and make it first if there is none."""
        value = self._values.get(os.getpid())
        return self._create() if value is None else value

    def peek(self) -> T | None:
        """Return this process' value, or None if it never asked for one."""
        return self._values.get(os.getpid())

    def take(self) -> T | None:
        """Return this process' value, if any, and forget it."""
        return self._values.pop(os.getpid(), None)

    def _create(self) -> T:
        pid = os.getpid()
        # setdefault is atomic: threads that race here all get the same value.
        value = self._values.setdefault(pid, self._make())
        for other in list(self._values):
            if other != pid:
                self._values.pop(other, None)
        return value
