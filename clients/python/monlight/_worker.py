"""The one background thread of a process."""

from __future__ import annotations

import atexit
import queue
import sys
import threading
import time
from collections.abc import Iterable
from typing import Protocol

from ._per_process import PerProcess
from ._safety import internal_log, note_internal_fault, state

# A program that ends waits this long for what it reported, and no longer.
EXIT_TIMEOUT = 2.0


class Barrier:
    """Waits until everything that was reported before it is settled.

    An outbox passes the barrier on like an item of its queue; what is in front
    of it was sent or dropped when its turn comes.
    """

    def __init__(self, outboxes: int, timeout: float, *, give_up_on_failure: bool) -> None:
        self.deadline = time.monotonic() + timeout
        self.give_up_on_failure = give_up_on_failure
        self._missing = outboxes
        self._failed = False
        self._lock = threading.Lock()
        self._done = threading.Event()
        if outboxes == 0:
            self._done.set()

    @property
    def over(self) -> bool:
        """Nobody waits any more."""
        return self._done.is_set() or time.monotonic() >= self.deadline

    def arrive(self, *, failed: bool = False) -> None:
        """Say that one outbox settled its items, or gave up on them."""
        with self._lock:
            self._missing -= 1
            self._failed = self._failed or failed
            if self._missing <= 0:
                self._done.set()

    def wait(self) -> bool:
        """Block until all outboxes arrived; False if one failed or the time ran out."""
        in_time = self._done.wait(max(0.0, self.deadline - time.monotonic()))
        return in_time and not self._failed


class Outbox(Protocol):
    """Something the worker sends from. All methods but enqueue_barrier run on its thread."""

    def due(self, now: float) -> float | None:
        """Return the monotonic time of the next step, or None when there is nothing to do."""
        ...

    def step(self, now: float) -> None:
        """Do one bounded piece of work: one request at most."""
        ...

    def enqueue_barrier(self, barrier: Barrier) -> None:
        """Queue barrier behind all that was reported so far."""
        ...

    @property
    def idle(self) -> bool:
        """Nothing is undelivered."""
        ...

    @property
    def retired(self) -> bool:
        """Idle, and nothing will come any more."""
        ...

    def release(self) -> None:
        """Close what is open: the worker lets go of the outbox."""
        ...

    def abandon(self) -> int:
        """Count everything undelivered as dropped because the program ends; return how much."""
        ...


class Worker:
    """Runs the outboxes of a process on one daemon thread, started when first needed."""

    def __init__(self) -> None:
        self._outboxes: tuple[Outbox, ...] = ()
        # SimpleQueue.put may be called from signal handlers and destructors
        # that interrupt another put; Event.set may not.
        # Looked up here, not imported by name: gevent may have replaced it since.
        self._mailbox: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._awake = False
        self._thread: threading.Thread | None = None
        self._lock = threading.RLock()
        self._ended = False
        atexit.register(self._at_exit)
        _register_with_multiprocessing(self)
        _warn_about_uwsgi()

    def add(self, outbox: Outbox) -> None:
        """Serve outbox from now on."""
        with self._lock:
            if outbox not in self._outboxes:
                self._outboxes = (*self._outboxes, outbox)

    def wake(self) -> None:
        """Make the thread look at the outboxes now, and start it if it is not there."""
        thread = self._thread
        if thread is None or not thread.is_alive():
            self._start()
        if not self._awake:
            self._awake = True
            self._mailbox.put(None)

    def flush(
        self, outboxes: Iterable[Outbox], timeout: float, *, give_up_on_failure: bool = False
    ) -> bool:
        """Send what outboxes hold; True if all of it was settled within timeout seconds.

        With give_up_on_failure the first failed attempt ends the wait.
        """
        if threading.current_thread() is self._thread:
            return False  # the worker cannot wait for itself
        chosen = tuple(outboxes)
        barrier = Barrier(len(chosen), timeout, give_up_on_failure=give_up_on_failure)
        for outbox in chosen:
            self.add(outbox)
            outbox.enqueue_barrier(barrier)
        self.wake()
        if self._thread is None:
            self._run_inline(barrier)
        return barrier.wait()

    def _start(self) -> None:
        with self._lock:
            thread = self._thread
            if thread is not None and thread.is_alive():
                return
            self._thread = None
            if _is_uwsgi_master():
                return
            thread = threading.Thread(target=self._run, name="monlight-worker", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return  # the interpreter is ending: what is left is sent by _at_exit
            self._thread = thread

    def _run(self) -> None:
        state.busy = True
        while True:
            try:
                pause = self._turn()
                if pause == 0.0:
                    continue
                try:
                    self._mailbox.get(timeout=pause)
                except queue.Empty:
                    pass
                self._awake = False
            except Exception:
                # Nothing above should raise; if it does, it must not spin.
                note_internal_fault("worker")
                time.sleep(1.0)

    def _run_inline(self, barrier: Barrier) -> None:
        """Do the thread's work on the caller's, where no thread can be had."""
        was_busy, state.busy = state.busy, True
        try:
            while not barrier.over:
                pause = self._turn()
                if pause is None or pause > 0:
                    remaining = barrier.deadline - time.monotonic()
                    time.sleep(max(0.0, min(0.05 if pause is None else pause, remaining)))
        finally:
            state.busy = was_busy

    def _turn(self) -> float | None:
        """Step each outbox that is due; return seconds until the next is, None for never."""
        pause: float | None = None
        worked = False
        for outbox in self._outboxes:
            now = time.monotonic()
            due = outbox.due(now)
            if due is None:
                if outbox.retired:
                    self._remove(outbox)
            elif due <= now:
                worked = True
                outbox.step(now)
            else:
                pause = due - now if pause is None else min(pause, due - now)
        return 0.0 if worked else pause

    def _remove(self, outbox: Outbox) -> None:
        with self._lock:
            self._outboxes = tuple(other for other in self._outboxes if other is not outbox)
        outbox.release()

    def _at_exit(self) -> None:
        if self._ended or _worker.peek() is not self:
            return  # the exit of a forked child, or the second of two hooks
        self._ended = True
        try:
            thread = self._thread
            if thread is not None and not thread.is_alive():
                self._thread = None
            outboxes = self._outboxes
            if all(outbox.idle for outbox in outboxes):
                return
            if not self.flush(outboxes, EXIT_TIMEOUT, give_up_on_failure=True):
                lost = sum(outbox.abandon() for outbox in outboxes)
                if lost:
                    state.busy = True
                    internal_log.warning("%d reports were not delivered before exit", lost)
        except Exception:
            note_internal_fault("exit")


_worker: PerProcess[Worker] = PerProcess(Worker)


def current_worker() -> Worker:
    """Return the worker of this process."""
    return _worker.get()


def _is_uwsgi_master() -> bool:
    """Tell whether this is uWSGI before it made its workers.

    It forks without holding the interpreter's lock: a thread that runs Python
    at that moment leaves a worker behind that never serves a request.
    """
    worker_id = getattr(sys.modules.get("uwsgi"), "worker_id", None)
    return callable(worker_id) and worker_id() == 0


def _register_with_multiprocessing(worker: Worker) -> None:
    # Children of multiprocessing leave by os._exit and run its finalizers only.
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        try:
            util.Finalize(None, worker._at_exit, exitpriority=0)
        except Exception:
            note_internal_fault("multiprocessing finalizer")


def _warn_about_uwsgi() -> None:
    uwsgi = sys.modules.get("uwsgi")
    options = getattr(uwsgi, "opt", None)
    if isinstance(options, dict) and not (
        options.get("enable-threads") or options.get(b"enable-threads") or options.get("threads")
    ):
        internal_log.warning(
            "uWSGI runs without enable-threads: reports are delivered only while requests are"
            " served; set enable-threads = true"
        )
