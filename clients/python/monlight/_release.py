"""Finds out which release of the program is running."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

# Set by Monlight's users, by common platforms, and by build systems.
_VARIABLES = (
    "MONLIGHT_RELEASE",
    "SOURCE_VERSION",
    "SOURCE_COMMIT",
    "GIT_COMMIT",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "HEROKU_SLUG_COMMIT",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "K_REVISION",
)
_MAX = 200


@lru_cache(maxsize=1)
def find_release() -> str:
    """Return the release that the environment names, else the commit checked out, else ""."""
    for name in _VARIABLES:
        value = os.environ.get(name, "").strip()
        if value:
            return value[:_MAX]
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    try:
        start = os.path.dirname(os.path.abspath(main)) if main else os.getcwd()
        return _commit(start)
    except (OSError, ValueError):
        return ""


def _commit(directory: str) -> str:
    """Return the commit of the git checkout that holds directory; no program is started."""
    while True:
        git = os.path.join(directory, ".git")
        if os.path.isfile(git):  # a worktree or submodule: "gitdir: <path>"
            pointer = _read(git)
            if pointer.startswith("gitdir:"):
                git = os.path.join(directory, pointer[7:].strip())
        if os.path.isdir(git):
            return _head(git)
        parent = os.path.dirname(directory)
        if parent == directory:
            return ""
        directory = parent


def _head(git: str) -> str:
    head = _read(os.path.join(git, "HEAD"))
    if not head.startswith("ref:"):
        return _as_commit(head)
    ref = head[4:].strip()
    if ".." in ref:
        return ""
    common = os.path.join(git, _read(os.path.join(git, "commondir")) or ".")
    for base in (git, common):
        commit = _as_commit(_read(os.path.join(base, *ref.split("/"))))
        if commit:
            return commit
    for line in _read(os.path.join(common, "packed-refs"), 1_000_000).splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return _as_commit(commit)
    return ""


def _as_commit(text: str) -> str:
    text = text.strip()
    is_hex = len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
    return text if is_hex else ""


def _read(path: str, limit: int = 4096) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(limit).strip()
    except OSError:
        return ""
