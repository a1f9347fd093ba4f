"""Celery: ``setup_celery()``, next to ``monlight.init(...)``, where the app is made."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from celery import signals

from .._safety import never_raises
from ..client import current_client
from ..scope import Entered

TASKS_TOTAL = "celery_tasks_total"
TASK_DURATION = "celery_task_duration_seconds"

# Tasks that are being run by this process; a bound, because a task that is
# killed never ends.
_MAX_RUNNING = 10_000
_running: dict[str, tuple[Entered, float]] = {}
_connected = False


def setup_celery() -> None:
    """Report what tasks raise, and measure them by name.

    Each task has a scope of its own. Reported are failures, not retries, and
    not the exceptions a task declares in ``throws``. Arguments are not sent.
    What the reports hold is delivered when a worker process ends.
    """
    global _connected
    if _connected:
        return
    _connected = True
    signals.task_prerun.connect(_before, weak=False)
    signals.task_postrun.connect(_after, weak=False)
    signals.task_failure.connect(_failed, weak=False)
    signals.task_retry.connect(_retried, weak=False)
    signals.worker_process_shutdown.connect(_deliver, weak=False)
    signals.worker_shutdown.connect(_deliver, weak=False)


@never_raises(None)
def _before(task_id: str | None = None, task: Any = None, **_: Any) -> None:
    if task_id is None or len(_running) >= _MAX_RUNNING:
        return
    entered = Entered()
    entered.scope.transaction = task.name
    entered.scope.tags["celery.task"] = str(task.name)[:200]
    entered.scope.tags["celery.task_id"] = str(task_id)[:200]
    _running[task_id] = (entered, perf_counter())


@never_raises(None)
def _after(
    task_id: str | None = None, task: Any = None, state: str | None = None, **_: Any
) -> None:
    running = _running.pop(task_id or "", None)
    if running is None:
        return
    entered, started = running
    metrics = current_client().metrics
    if metrics is not None:
        labels = {"task": str(task.name), "state": str(state or "UNKNOWN")}
        metrics.counter(TASKS_TOTAL, labels=labels)
        metrics.histogram(TASK_DURATION, value=perf_counter() - started, labels=labels)
    entered.leave()


@never_raises(None)
def _failed(
    sender: Any = None,
    task_id: str | None = None,
    exception: BaseException | None = None,
    traceback: Any = None,
    **_: Any,
) -> None:
    if exception is None or isinstance(exception, tuple(getattr(sender, "throws", ()) or ())):
        return
    if exception.__traceback__ is None and hasattr(traceback, "tb_frame"):
        exception = exception.with_traceback(traceback)
    name = getattr(sender, "name", None)
    request = getattr(sender, "request", None)
    extra = {
        "celery": {
            "task": name,
            "task_id": task_id,
            "retries": getattr(request, "retries", None),
            "queue": (getattr(request, "delivery_info", None) or {}).get("routing_key"),
        }
    }
    current_client().capture_exception(
        exception,
        handled=False,
        mechanism="celery",
        transaction=name,
        # A worker that lost a child, or ran into a time limit, reports from
        # its main process, where no scope of the task is.
        tags={"celery.task": name or "", "celery.task_id": task_id or ""},
        extra=extra,
    )


@never_raises(None)
def _retried(sender: Any = None, reason: Any = None, **_: Any) -> None:
    current_client().add_breadcrumb(
        f"retry of {getattr(sender, 'name', 'task')}: {type(reason).__name__}",
        category="celery",
        level="warning",
    )


@never_raises(None)
def _deliver(**_: Any) -> None:
    current_client().flush(2.0)
