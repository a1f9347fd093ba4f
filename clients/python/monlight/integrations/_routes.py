"""Route templates of Starlette and FastAPI: ``/orders/{id}`` for ``/orders/42``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_MAX_KNOWN = 10_000


class RouteTemplates:
    """Tells which route took a request, once the framework has chosen it.

    The framework's releases differ: newer ones leave the route in the scope,
    older ones only the endpoint; a route of an included router may know its
    prefix or not; below a mount it never does. What the route does not tell is
    therefore taken from the path, with values of parameters put back to names.
    """

    def __init__(self) -> None:
        # endpoint -> templates of its routes, for releases that do not name the route
        self._known: dict[int, tuple[Any, list[str]]] = {}

    def template(self, scope: Mapping[str, Any], path: str) -> str | None:
        """Return the template of a finished request, None if no route took it.

        path is the request's path without the root path, as it was before routing.
        """
        parameters = scope.get("path_params") or {}
        route = _effective_route(scope)
        if route is not None:
            if hasattr(route, "routes") and hasattr(route, "app"):
                return _below_mount(route, scope, path, parameters)
            own = getattr(route, "path_format", None) or getattr(route, "path", None)
            return _whole(own, path, parameters) if isinstance(own, str) else None
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return None
        candidates = self._templates_of(endpoint, scope.get("router") or scope.get("app"))
        own = _best(candidates, parameters, path)
        if own is None:
            return None
        if own.endswith("/{path}") and "path" not in parameters:
            return _below_mount(None, scope, path, parameters)
        return _whole(own, path, parameters)

    def _templates_of(self, endpoint: Any, router: Any) -> list[str]:
        known = self._known.get(id(endpoint))
        if known is not None and known[0] is endpoint:
            return known[1]
        found = [template for target, template in _walk(router, 0) if target is endpoint]
        if len(self._known) < _MAX_KNOWN:
            self._known[id(endpoint)] = (endpoint, found)
        return found


def path_below_root(scope: Mapping[str, Any]) -> str:
    """Return the path of a request without the prefix under which the program is served."""
    path: str = scope.get("path", "")
    root: str = scope.get("root_path", "")
    if root and path.startswith(root + "/"):
        return path[len(root) :]
    return path


def _effective_route(scope: Mapping[str, Any]) -> Any:
    route = scope.get("route")
    # Newer FastAPI keeps the route as it was written, without the prefix of the
    # include_router, and beside it the one that was matched.
    private = scope.get("fastapi")
    context = private.get("effective_route_context") if isinstance(private, dict) else None
    if context is not None and getattr(context, "original_route", None) is route:
        return getattr(context, "starlette_route", None) or context
    return route


def _whole(template: str, path: str, parameters: Mapping[str, Any]) -> str:
    """Return template with whatever prefix path has before it."""
    length = template.count("/")
    for name, value in parameters.items():
        if isinstance(value, str) and f"{{{name}}}" in template:
            length += value.count("/")  # a path parameter takes several segments
    segments = path.split("/")
    prefix = segments[: max(0, len(segments) - length)]
    return _named(prefix, parameters) + template


def _below_mount(
    mount: Any, scope: Mapping[str, Any], path: str, parameters: Mapping[str, Any]
) -> str:
    """Return the template of a mounted application that has no routes we know of."""
    own: str = getattr(mount, "path", "") or ""
    inner = path_below_root(scope)
    root = scope.get("root_path", "")
    # The mount's own prefix is the part of the path that became root path.
    if path.endswith(inner) and inner != path:
        prefix = path[: len(path) - len(inner)]
    else:
        prefix = root if path.startswith(root + "/") else own
    return _named(prefix.split("/"), parameters) + "/{path}"


def _named(segments: list[str], parameters: Mapping[str, Any]) -> str:
    names = {str(value): f"{{{name}}}" for name, value in parameters.items()}
    return "/".join(names.get(segment, segment) for segment in segments)


def _walk(router: Any, depth: int) -> Iterator[tuple[Any, str]]:
    routes = getattr(router, "routes", None)
    if routes is None or depth > 10:
        return
    for route in routes:
        endpoint = getattr(route, "endpoint", None)
        template = getattr(route, "path_format", None) or getattr(route, "path", None)
        if endpoint is not None and isinstance(template, str):
            yield endpoint, template
        elif hasattr(route, "routes"):
            yield getattr(route, "app", None), f"{template or ''}"
            yield from _walk(route, depth + 1)


def _best(candidates: list[str], parameters: Mapping[str, Any], path: str) -> str | None:
    """Return the candidate whose parameters are those of the request."""
    for candidate in candidates:
        try:
            filled = candidate.format(**parameters)
        except (KeyError, IndexError, ValueError):
            continue
        if path.endswith(filled):
            return candidate
    return candidates[0] if candidates else None
