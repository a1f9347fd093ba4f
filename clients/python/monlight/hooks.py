"""Hooks for errors that nobody catches."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from ._safety import never_raises
from .client import current_client

if TYPE_CHECKING:
    import asyncio

# The programs' own way out, or none at all: not errors.
_NOT_ERRORS = (KeyboardInterrupt, SystemExit, GeneratorExit)

_installed: set[str] = set()


def install_excepthook() -> None:
    """Report what ends the program, and what ends one of its threads.

    The hooks that were there before run as before. In an interactive session
    nothing is reported.
    """
    if "excepthook" in _installed:
        return
    _installed.add("excepthook")
    previous = sys.excepthook

    def excepthook(
        kind: type[BaseException], error: BaseException, tb: TracebackType | None
    ) -> None:
        _report(error, tb, "excepthook", level="fatal")
        previous(kind, error, tb)

    sys.excepthook = excepthook
    previous_in_thread = threading.excepthook

    def thread_excepthook(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            _report(args.exc_value, args.exc_traceback, "threading")
        previous_in_thread(args)

    threading.excepthook = thread_excepthook


def install_unraisablehook() -> None:
    """Report what is raised where nobody can catch it: in destructors and callbacks."""
    if "unraisablehook" in _installed:
        return
    _installed.add("unraisablehook")
    previous = sys.unraisablehook

    def unraisablehook(args: Any) -> None:
        if args.exc_value is not None:
            _report(args.exc_value, args.exc_traceback, "unraisable")
        previous(args)

    sys.unraisablehook = unraisablehook


@never_raises(None)
def install_asyncio_handler(loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Report what tasks and callbacks of loop raise and nobody awaits.

    Needed only where the ``asyncio`` logger does not reach the logging
    integration. The handler that was there before runs as before.
    """
    import asyncio  # noqa: PLC0415 - programs without a loop do not need it

    chosen = asyncio.get_running_loop() if loop is None else loop
    previous = chosen.get_exception_handler()
    if getattr(previous, "_monlight", False):
        return

    def handler(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            _report(error, error.__traceback__, "asyncio")
        else:
            _report_message(context)
        if previous is not None:
            previous(loop, context)
        else:
            loop.default_exception_handler(context)

    handler._monlight = True  # type: ignore[attr-defined]
    chosen.set_exception_handler(handler)


@never_raises(None)
def install_sigterm_flush(timeout: float = 2.0) -> None:
    """Deliver what is waiting when SIGTERM would end the program at once.

    Only where SIGTERM has its default effect; a handler of the program's own
    is left alone, and it may call ``monlight.flush``. The program ends by the
    signal, as it would have, after at most timeout seconds.
    """
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return
    if threading.current_thread() is not threading.main_thread():
        return

    def on_sigterm(number: int, frame: FrameType | None) -> None:
        # A second signal ends the program at once. The flush runs elsewhere:
        # what was interrupted here may hold the locks it needs.
        signal.signal(number, signal.SIG_DFL)
        threading.Thread(target=flush_and_die, args=(number,), daemon=True).start()

    def flush_and_die(number: int) -> None:
        try:
            current_client().flush(timeout)
        finally:
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, on_sigterm)


@never_raises(None)
def _report(
    error: BaseException, tb: TracebackType | None, mechanism: str, level: str = "error"
) -> None:
    if isinstance(error, _NOT_ERRORS) or hasattr(sys, "ps1"):
        return
    if error.__traceback__ is None and tb is not None:
        error = error.with_traceback(tb)
    current_client().capture_exception(error, level=level, handled=False, mechanism=mechanism)


@never_raises(None)
def _report_message(context: dict[str, Any]) -> None:
    message = str(context.get("message") or "asyncio error")
    current_client().capture_message(
        message, "error", message_type="AsyncioError", mechanism="asyncio"
    )
