"""Flask: ``MonlightFlask(app)``."""

from __future__ import annotations

from typing import Any

import flask
import flask.signals

from .._safety import never_raises
from ..client import current_client
from ..error_client import ErrorClient
from ..scope import current_scope
from ._http import Metrics, errors_or_current
from .wsgi import ROUTE_KEY, MonlightWSGIMiddleware


class MonlightFlask:
    """Reports what views raise, and measures requests by their URL rule.

    Exceptions that the application handles with ``errorhandler`` are its own
    business and not reported. The user is taken from Flask-Login where it has
    loaded one. By default the clients made by ``monlight.init`` are used.

        monlight.init(...)
        app = Flask(__name__)
        MonlightFlask(app)
    """

    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        metrics_client: Metrics | None = None,
        error_client: ErrorClient | None = None,
    ) -> None:
        self._metrics = metrics_client
        self._errors = error_client
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Watch app. A second call for the same app does nothing."""
        if "monlight" in app.extensions:
            return
        app.extensions["monlight"] = self
        app.wsgi_app = MonlightWSGIMiddleware(  # type: ignore[method-assign]
            app.wsgi_app, self._metrics, self._errors
        )
        app.before_request(self._note_route)
        app.teardown_request(self._report)
        # Flask logs the exception before it comes to the teardown, and it would be
        # reported as logged.
        if getattr(flask.signals, "signals_available", True):
            flask.got_request_exception.connect(self._on_signal, app)
        else:
            self._watch_handle_exception(app)

    def _watch_handle_exception(self, app: flask.Flask) -> None:
        """Look at exceptions where old releases without blinker would send the signal."""
        handle_exception = app.handle_exception

        def watched(e: Exception) -> flask.Response:
            self._report(e)
            return handle_exception(e)

        app.handle_exception = watched  # type: ignore[method-assign]

    @never_raises(None)
    def _note_route(self) -> None:
        rule = flask.request.url_rule
        if rule is not None:
            flask.request.environ[ROUTE_KEY] = rule.rule

    def _on_signal(self, sender: object, exception: BaseException, **_: Any) -> None:
        self._report(exception)

    @never_raises(None)
    def _report(self, error: BaseException | None) -> None:
        # Called with what neither the view nor an error handler took care of.
        if not isinstance(error, Exception):
            return
        errors = errors_or_current(self._errors)
        if errors is not None:
            errors.capture_exception(error, handled=False, mechanism="flask", user=_user() or None)


@never_raises(None)
def _user() -> dict[str, Any] | None:
    """Return the id of the user that Flask-Login has loaded; none is loaded for this."""
    if current_scope().user:
        return None
    user = flask.g.get("_login_user")
    if user is None or not getattr(user, "is_authenticated", False):
        return None
    return {"id": str(user.get_id())}


def setup_monlight(app: flask.Flask, **options: Any) -> MonlightFlask:
    """Do ``monlight.init(**options)`` and watch app."""
    from ..api import init  # noqa: PLC0415 - would be a circle

    init(**options)
    client = current_client()
    return MonlightFlask(app, metrics_client=client.metrics, error_client=client.errors)
